/* hand-events.c: what an X event means for the hand. Decides nothing but "stop". */
#include "typing/hand.h"

#include <X11/extensions/XInput2.h>

/* Watches the window that has the focus, and the target itself for its end. */
gboolean hand_events_watch(Hand *hand, Window window) {
  hand_x_trap(hand);
  hand->watched = window;
  XSelectInput(hand->display, hand->target, FocusChangeMask | StructureNotifyMask);
  if (window != hand->target)
    XSelectInput(hand->display, window, FocusChangeMask | StructureNotifyMask);
  return hand_x_untrap(hand) == 0;
}

void hand_events_unwatch(Hand *hand) {
  if (!hand->watched)
    return;
  hand_x_trap(hand);
  XSelectInput(hand->display, hand->target, NoEventMask);
  if (hand->watched != hand->target)
    XSelectInput(hand->display, hand->watched, NoEventMask);
  (void)hand_x_untrap(hand);
  hand->watched = None;
}

static void focus_out(Hand *hand, const XFocusChangeEvent *event) {
  if (event->detail == NotifyInferior || event->detail == NotifyPointer ||
      event->detail == NotifyPointerRoot || event->window != hand->watched)
    return;
  if (event->mode == NotifyGrab)
    hand_stop(hand, HAND_CAUSE_GRABBED, "Another program took the keyboard");
  else
    hand_stop(hand, HAND_CAUSE_FOCUS_LOST, "The window lost the focus");
}

static void closed(Hand *hand, Window window, const char *how) {
  if (window == hand->target || window == hand->watched)
    hand_stop(hand, HAND_CAUSE_CLOSED, "The window was %s", how);
}

static void raw(Hand *hand, XEvent *event) {
  XGenericEventCookie *cookie = &event->xcookie;

  if (cookie->extension != hand->xi_opcode || !XGetEventData(hand->display, cookie))
    return;
  if (cookie->evtype == XI_RawKeyPress || cookie->evtype == XI_RawKeyRelease) {
    const XIRawEvent *key = cookie->data;
    hand_human_raw(hand, key->sourceid, (KeyCode)key->detail, cookie->evtype == XI_RawKeyPress);
  }
  XFreeEventData(hand->display, cookie);
}

static void message(Hand *hand, const XClientMessageEvent *event) {
  if (event->window == hand->root && event->format == 32 &&
      event->message_type == hand_x_atom(hand, "WM_PROTOCOLS") &&
      (Atom)event->data.l[0] == hand_x_atom(hand, "_NET_WM_PING") &&
      (Window)event->data.l[2] == hand->target)
    hand->pong = (gulong)event->data.l[1];
}

void hand_event(Hand *hand, XEvent *event) {
  switch (event->type) {
  case GenericEvent:
    raw(hand, event);
    break;
  case FocusOut:
    if (hand->watched)
      focus_out(hand, &event->xfocus);
    break;
  case DestroyNotify:
    if (hand->watched)
      closed(hand, event->xdestroywindow.window, "closed");
    break;
  case UnmapNotify:
    if (hand->watched)
      closed(hand, event->xunmap.window, "hidden");
    break;
  case MappingNotify:
    XRefreshKeyboardMapping(&event->xmapping);
    hand->map.dirty = TRUE;
    break;
  case ClientMessage:
    message(hand, &event->xclient);
    break;
  default:
    break;
  }
}
