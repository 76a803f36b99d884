/* hand-send.c: a stroke leaves for the display.
 *
 * While the server serves nobody else (a grab of microseconds) focus, modifiers and group are
 * looked at, all events up to that moment are heard, and only then the keys go out, press and
 * release of all of them in one write. So a character cannot land in a window that took the focus
 * in between, and a hand that is killed or stopped leaves no key down that could repeat itself. */
#include "typing/hand.h"

#include <X11/extensions/XTest.h>
#include <string.h>

#define SLEEPS 4
#define SAMPLE (2 * G_TIME_SPAN_MILLISECOND)
#define PONG_WITHIN (2 * G_TIME_SPAN_SECOND) /* a client that answers pings but hangs */

static void fake(Hand *hand, KeyCode code, gboolean press) {
  hand_human_expect(hand, code, press);
  XTestFakeKeyEvent(hand->display, code, press, CurrentTime);
}

static void keys(Hand *hand, const HandStroke *stroke) {
  for (guint i = 0; i < stroke->n; i++)
    fake(hand, stroke->modifiers[i], TRUE);
  fake(hand, stroke->code, TRUE);
  fake(hand, stroke->code, FALSE);
  for (guint i = stroke->n; i > 0; i--)
    fake(hand, stroke->modifiers[i - 1], FALSE);
}

static gboolean may_send(Hand *hand, const HandLayout *layout) {
  Window focus = hand_focus_get(hand); /* the round trip brings all events until now */

  (void)hand_pump(hand);
  if (!hand->stop.code && focus != hand->watched && !hand_focus_is_in(hand, focus, hand->target))
    hand_stop(hand, HAND_CAUSE_FOCUS_LOST, "The window lost the focus");
  return !hand->stop.code && hand_state_check(hand) && hand_map_check(hand, layout);
}

gboolean hand_send(Hand *hand, const HandStroke *stroke, const HandLayout *layout) {
  XGrabServer(hand->display);
  gboolean may = may_send(hand, layout);
  if (may)
    keys(hand, stroke);
  XUngrabServer(hand->display);
  XFlush(hand->display);
  if (may)
    hand->typed_last = g_get_monotonic_time();
  return may;
}

static void send_ping(Hand *hand) {
  XEvent event = {0};

  event.xclient.type = ClientMessage;
  event.xclient.window = hand->target;
  event.xclient.message_type = hand_x_atom(hand, "WM_PROTOCOLS");
  event.xclient.format = 32;
  event.xclient.data.l[0] = (long)hand_x_atom(hand, "_NET_WM_PING");
  event.xclient.data.l[1] = (long)++hand->ping;
  event.xclient.data.l[2] = (long)hand->target;
  XSendEvent(hand->display, hand->target, False, NoEventMask, &event);
  XFlush(hand->display);
}

/* A client that works on its events runs, or waits for its turn to; one that has none left sleeps.
 * Seen sleeping several times in a row, it has read its keys. */
static gboolean wait_for_sleep(Hand *hand) {
  gint64 until = g_get_monotonic_time() + PONG_WITHIN;

  for (int seen = 0; hand->target_pid && seen < SLEEPS && g_get_monotonic_time() < until;) {
    if (!hand_wait(hand, SAMPLE))
      return FALSE;
    seen = hand_process_sleeps(hand->target_pid) ? seen + 1 : 0;
  }
  return TRUE;
}

/* A client that answers pings has read its keys when the answer to a later ping is here. Of the
 * others the time is known, and whether they are at work. */
gboolean hand_send_settle(Hand *hand, gint64 settle) {
  gint64 until = g_get_monotonic_time() + PONG_WITHIN;

  if (!hand->pongs)
    return hand_wait(hand, settle) && wait_for_sleep(hand);
  send_ping(hand);
  while (hand->pong != hand->ping && g_get_monotonic_time() < until)
    if (!hand_wait_event(hand, until) && (hand->stop.code || hand->ending))
      return FALSE;
  if (hand->pong == hand->ping)
    return TRUE;
  hand->pongs = FALSE; /* it says so and does not */
  return hand_wait(hand, settle) && wait_for_sleep(hand);
}

/* Nothing of ours is down after a write; this is for what a server that died half-way kept. */
void hand_send_release_all(Hand *hand) {
  char down[32];

  XQueryKeymap(hand->display, down);
  for (guint i = 0; i < hand->map.n; i++) {
    KeyCode code = hand->map.code[i];
    if (down[code / 8] & (1 << (code % 8)))
      XTestFakeKeyEvent(hand->display, code, False, CurrentTime);
  }
  XSync(hand->display, False);
}
