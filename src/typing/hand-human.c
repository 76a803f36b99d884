/* hand-human.c: the human comes first.
 *
 * Remembered: when a key of a human went down, and which top-level window had the focus then; never
 * which key. Keys that we sent ourselves come back over XI2 in the order we sent them, so they are
 * told apart by comparing with that order; another program that uses XTEST counts as a human, for
 * its keys disturb a text just as much. Right after the start, when nothing was seen yet, the
 * screen saver's idle time stands in: it knows no windows, so it counts for the focused one. */
#include "typing/hand.h"

#include <X11/extensions/scrnsaver.h>

#define WINDOWS_MAX 256 /* remembered; the table is emptied when it is full */
#define OURS_SLACK (100 * G_TIME_SPAN_MILLISECOND)

void hand_human_init(Hand *hand) {
  hand->human = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, g_free);
  hand->started = g_get_monotonic_time();
}

void hand_human_expect(Hand *hand, KeyCode code, gboolean press) {
  if (hand->xi_opcode < 0)
    return;
  g_assert(hand->expect_n < HAND_EXPECT_MAX);
  hand->expected[(hand->expect_from + hand->expect_n++) % HAND_EXPECT_MAX] =
      (HandKeyEvent){code, press};
}

void hand_human_forget_expected(Hand *hand) {
  hand->expect_n = 0;
}

static gboolean is_ours(Hand *hand, int source, KeyCode code, gboolean press) {
  const HandKeyEvent *next = &hand->expected[hand->expect_from];
  gboolean xtest = FALSE;

  for (guint i = 0; i < hand->n_xtest; i++)
    xtest |= hand->xtest_ids[i] == source;
  if (!xtest || hand->expect_n == 0 || next->code != code || next->press != press)
    return FALSE;
  hand->expect_from = (hand->expect_from + 1) % HAND_EXPECT_MAX;
  hand->expect_n--;
  return TRUE;
}

/* Another hand is typing into a window of its own. */
static gboolean is_another_hand(Hand *hand) {
  Window owner = XGetSelectionOwner(hand->display, hand_x_atom(hand, HAND_SELECTION));

  return owner != None && owner != hand->own;
}

void hand_human_raw(Hand *hand, int source, KeyCode code, gboolean press) {
  if (is_ours(hand, source, code, press) || !press || is_another_hand(hand))
    return;
  gint64 now = g_get_monotonic_time();
  Window focus = hand_focus_get(hand);
  g_autofree Window *chain = hand_x_ancestors(hand, focus);

  hand->human_any = now;
  if (g_hash_table_size(hand->human) >= WINDOWS_MAX)
    g_hash_table_remove_all(hand->human);
  for (guint i = 0; chain[i]; i++)
    g_hash_table_replace(hand->human, GSIZE_TO_POINTER(chain[i]), g_memdup2(&now, sizeof now));
  if (hand->typing)
    hand_stop(hand, HAND_CAUSE_HUMAN, "A human began to type");
}

guint64 hand_human_idle(Hand *hand, gboolean *ret_locked) {
  guint64 idle = G_MAXUINT64;

  *ret_locked = FALSE;
  if (!hand->has_saver)
    return idle;
  XScreenSaverInfo *info = XScreenSaverAllocInfo();
  if (XScreenSaverQueryInfo(hand->display, hand->root, info)) {
    idle = (guint64)info->idle * 1000;
    *ret_locked = info->state == ScreenSaverOn;
  }
  XFree(info);
  return idle;
}

/* What XI2 cannot have seen: input before this process began. Our own keys count as input for the
 * screen saver, so what coincides with them is none. */
static gint64 human_before_us(Hand *hand, Window window, gint64 now) {
  gboolean locked;
  guint64 idle = hand_human_idle(hand, &locked);
  gint64 then = now - (gint64)MIN(idle, (guint64)now);

  if (idle == G_MAXUINT64 || (hand->xi_opcode >= 0 && then > hand->started) ||
      ABS(then - hand->typed_last) < OURS_SLACK ||
      !hand_focus_is_in(hand, hand_focus_get(hand), window))
    return 0;
  return then;
}

static gint64 seconds(gint64 usec) {
  return (usec + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC;
}

gboolean hand_human_allows(Hand *hand, Window window, gint64 idle, gint64 quiet,
                           gint64 *ret_retry) {
  gboolean locked;

  (void)hand_human_idle(hand, &locked);
  if (locked) {
    hand_stop(hand, HAND_CAUSE_LOCKED, "The screen saver is on");
    *ret_retry = 0;
    return FALSE;
  }
  (void)hand_pump(hand);
  const gint64 *seen = g_hash_table_lookup(hand->human, GSIZE_TO_POINTER(window));
  gint64 now = g_get_monotonic_time();
  gint64 last = seen ? *seen : human_before_us(hand, window, now);
  if (last > 0 && now - last < idle) {
    *ret_retry = last + idle - now;
    hand_stop(hand, HAND_CAUSE_HUMAN, "A human typed in the window %" G_GINT64_FORMAT " s ago",
              seconds(now - last));
    return FALSE;
  }
  if (hand->human_any > 0 && now - hand->human_any < MIN(quiet, idle)) {
    *ret_retry = hand->human_any + MIN(quiet, idle) - now;
    hand_stop(hand, HAND_CAUSE_HUMAN, "A human is typing in another window");
    return FALSE;
  }
  return TRUE;
}

/* A menu, a drag or a lock screen has the keyboard if we cannot get it. Held for one round trip. */
gboolean hand_human_keyboard_free(Hand *hand) {
  int status =
      XGrabKeyboard(hand->display, hand->root, False, GrabModeAsync, GrabModeAsync, CurrentTime);

  if (status == GrabSuccess) {
    XUngrabKeyboard(hand->display, CurrentTime);
    XSync(hand->display, False);
    return TRUE;
  }
  hand_stop(hand, HAND_CAUSE_GRABBED,
            "Another program has the keyboard: a menu is open, or a lock screen");
  return FALSE;
}
