/* hand-wait.c: the one place where the hand waits, so that nothing is missed meanwhile: X events
 * (a human's key, a lost focus), packets ("stop", the end of the typist) and signals. */
#include "typing/hand.h"

#include <X11/Xlib.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

void hand_stop(Hand *hand, const char *code, const char *format, ...) {
  va_list args;

  if (hand->stop.code)
    return;
  va_start(args, format);
  hand->stop.code = code;
  hand->stop.text = g_strdup_vprintf(format, args);
  va_end(args);
}

gboolean hand_pump(Hand *hand) {
  gboolean any = FALSE;

  while (XPending(hand->display) > 0) {
    XEvent event;
    XNextEvent(hand->display, &event);
    hand_event(hand, &event);
    any = TRUE;
  }
  return any;
}

static void take_signal(Hand *hand) {
  struct signalfd_siginfo info;

  if (read(hand->signals, &info, sizeof info) != sizeof info)
    return;
  hand->ending = TRUE;
  hand_stop(hand, HAND_CAUSE_STOPPED, "The typist is shutting down");
}

/* Returns whether something was there. */
static gboolean turn(Hand *hand, gint64 usec) {
  struct pollfd fds[] = {{ConnectionNumber(hand->display), POLLIN, 0},
                         {hand->signals, POLLIN, 0},
                         {hand->ending ? -1 : hand->link, POLLIN, 0}};
  struct timespec time = {usec / G_USEC_PER_SEC, usec % G_USEC_PER_SEC * 1000};

  if (hand_pump(hand)) /* what Xlib has read already, poll() does not see */
    return TRUE;
  XFlush(hand->display);
  if (ppoll(fds, G_N_ELEMENTS(fds), usec < 0 ? NULL : &time, NULL) <= 0)
    return FALSE;
  if (fds[1].revents)
    take_signal(hand);
  if (fds[2].revents)
    hand_request_take(hand);
  (void)hand_pump(hand);
  return TRUE;
}

static gboolean may_go_on(Hand *hand) {
  if (hand->typing && g_get_monotonic_time() > hand->deadline)
    hand_stop(hand, HAND_CAUSE_TIMEOUT, "It took longer than the time limit");
  return !hand->ending && !(hand->typing && hand->stop.code);
}

gboolean hand_wait(Hand *hand, gint64 usec) {
  gint64 until = g_get_monotonic_time() + usec;

  for (;;) {
    gint64 left = until - g_get_monotonic_time();
    if (!may_go_on(hand))
      return FALSE;
    if (left <= 0) {
      hand->late = MAX(hand->late, -left);
      return TRUE;
    }
    turn(hand, left);
  }
}

gboolean hand_wait_event(Hand *hand, gint64 deadline) {
  gint64 left = deadline - g_get_monotonic_time();

  if (deadline == G_MAXINT64)
    return turn(hand, -1) && may_go_on(hand);
  return left > 0 && turn(hand, left) && may_go_on(hand);
}
