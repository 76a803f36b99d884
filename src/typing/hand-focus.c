/* hand-focus.c: bringing a window up, knowing that it has the focus, and putting things back.
 *
 * The window manager is asked (libxdo: _NET_ACTIVE_WINDOW as a pager, the desktop switched first);
 * only where none runs the focus is set directly. A client may hand its focus to a child window, so
 * "has the focus" means: the focus is the window or below it. */
#include "typing/hand.h"

#include <X11/Xatom.h>

#define TAKES (10 * G_TIME_SPAN_SECOND) /* until it is given up */
#define SLOW (5 * G_TIME_SPAN_SECOND)   /* a manager that has much to do */
#define BACK (300 * G_TIME_SPAN_MILLISECOND)
#define LOOK (20 * G_TIME_SPAN_MILLISECOND) /* no event says so when a child gets the focus */

Window hand_focus_get(Hand *hand) {
  Window focus = None;
  int revert;

  XGetInputFocus(hand->display, &focus, &revert);
  return focus == PointerRoot ? None : focus;
}

gboolean hand_focus_is_in(Hand *hand, Window focus, Window window) {
  if (focus == None || focus == hand->root)
    return FALSE;
  if (focus == window)
    return TRUE;
  g_autofree Window *chain = hand_x_ancestors(hand, focus);
  for (guint i = 0; chain[i]; i++)
    if (chain[i] == window)
      return TRUE;
  return FALSE;
}

static Window active_window(Hand *hand) {
  gulong n;
  g_autofree Window *active =
      hand_x_property(hand, hand->root, "_NET_ACTIVE_WINDOW", XA_WINDOW, 32, &n);

  return active ? active[0] : None;
}

void hand_focus_save(Hand *hand, HandFocus *ret) {
  *ret = (HandFocus){0};
  XGetInputFocus(hand->display, &ret->focus, &ret->revert);
  ret->active = active_window(hand);
  xdo_get_mouse_location2(hand->xdo, &ret->x, &ret->y, &ret->screen, NULL);
}

static void ask(Hand *hand, Window window, gboolean managed) {
  hand_x_trap(hand);
  if (managed)
    (void)xdo_activate_window(hand->xdo, window);
  else
    XSetInputFocus(hand->display, window, RevertToPointerRoot, CurrentTime);
  (void)hand_x_untrap(hand);
}

static gboolean wait_for(Hand *hand, Window window, gint64 until) {
  for (;;) {
    if (hand_focus_is_in(hand, hand_focus_get(hand), window))
      return TRUE;
    gint64 now = g_get_monotonic_time();
    if (now >= until || hand->ending || hand->stop.code)
      return FALSE;
    (void)hand_wait_event(hand, MIN(until, now + LOOK));
  }
}

gboolean hand_focus_take(Hand *hand, Window window) {
  g_autofree char *manager = hand_x_wm_name(hand);
  gint64 now = g_get_monotonic_time(), until = MIN(now + TAKES, hand->deadline);

  if (hand->back != None) /* else it would be obeyed in the middle of this text */
    (void)wait_for(hand, hand->back, MIN(until, now + SLOW));
  hand->back = None;
  if (wait_for(hand, window, now))
    return TRUE;
  ask(hand, window, *manager != '\0'); /* once: a manager that is slow obeys each of them */
  if (wait_for(hand, window, until))
    return TRUE;
  hand_stop(hand, HAND_CAUSE_NO_FOCUS, "The window did not get the focus within %d ms",
            (int)((g_get_monotonic_time() - now) / 1000));
  return FALSE;
}

void hand_focus_click(Hand *hand, HandFocus *saved, int x, int y) {
  saved->moved = TRUE;
  (void)xdo_move_mouse(hand->xdo, x, y, saved->screen);
  (void)xdo_click_window(hand->xdo, CURRENTWINDOW, 1);
  XSync(hand->display, False);
}

/* Only what we changed, and only while nobody else changed it again: a human who moved on is not
 * pulled back. */
void hand_focus_put_back(Hand *hand, const HandFocus *saved) {
  int x = 0, y = 0, screen = 0;

  if (saved->moved) {
    xdo_get_mouse_location2(hand->xdo, &x, &y, &screen, NULL);
    (void)xdo_move_mouse(hand->xdo, saved->x, saved->y, saved->screen);
  }
  if (saved->focus == None || saved->focus == PointerRoot ||
      hand_focus_is_in(hand, saved->focus, hand->target) ||
      !hand_focus_is_in(hand, hand_focus_get(hand), hand->target))
    return;
  g_autofree char *manager = hand_x_wm_name(hand);
  Window window = *manager && saved->active ? saved->active : saved->focus;
  ask(hand, window, *manager && saved->active);
  gint64 until = g_get_monotonic_time() + BACK;
  while (!hand_focus_is_in(hand, hand_focus_get(hand), window) && g_get_monotonic_time() < until &&
         !hand->ending)
    (void)hand_wait_event(hand, MIN(until, g_get_monotonic_time() + LOOK));
}
