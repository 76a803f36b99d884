/* hand-state.c: modifiers, locks and the keyboard's group.
 *
 * A key event carries the modifiers and the group of its moment, and clients read it with them:
 * caps lock makes an upper-case letter of a lower-case one even where the map says otherwise. So
 * locks (but num lock, which changes no character) and latches are taken off for the text, and put
 * back. A modifier that is held down cannot be taken off without a lie to whoever holds it: the
 * text waits. One that nobody can be holding any more (a program died with it down) is released. */
#include "typing/hand.h"

#include <X11/extensions/XTest.h>
#include <X11/keysym.h>

#define PATIENCE (400 * G_TIME_SPAN_MILLISECOND)
#define STUCK (20 * G_TIME_SPAN_SECOND) /* down for so long without any input: nobody holds it */
#define ALL_MODIFIERS 0xff
#define HELPS (XkbSlowKeysMask | XkbBounceKeysMask | XkbStickyKeysMask)

/* Releases only what was pressed through XTEST: the server ignores it for a key of a keyboard. */
static void release_stuck(Hand *hand) {
  char down[32];

  XQueryKeymap(hand->display, down);
  for (int code = 8; code < 256; code++)
    if (down[code / 8] & (1 << (code % 8)))
      XTestFakeKeyEvent(hand->display, (guint)code, False, CurrentTime);
  XSync(hand->display, False);
}

static guint held(Hand *hand) {
  XkbStateRec now;

  return XkbGetState(hand->display, XkbUseCoreKbd, &now) == Success ? now.base_mods : 0;
}

static gboolean wait_for_release(Hand *hand) {
  gint64 until = g_get_monotonic_time() + PATIENCE;
  gboolean locked;

  while (held(hand) && g_get_monotonic_time() < until)
    if (!hand_wait(hand, 20 * G_TIME_SPAN_MILLISECOND))
      return FALSE;
  guint64 idle = hand_human_idle(hand, &locked);
  if (held(hand) && idle != G_MAXUINT64 && idle > STUCK)
    release_stuck(hand);
  if (!held(hand))
    return TRUE;
  hand_stop(hand, HAND_CAUSE_MODIFIER, "A modifier key (Shift, Ctrl, Alt, ...) is held down");
  return FALSE;
}

static guint controls_on(Hand *hand) {
  XkbDescPtr xkb = XkbAllocKeyboard();
  guint on = 0;

  xkb->device_spec = XkbUseCoreKbd;
  if (XkbGetControls(hand->display, XkbControlsEnabledMask, xkb) == Success && xkb->ctrls)
    on = xkb->ctrls->enabled_ctrls & HELPS;
  XkbFreeKeyboard(xkb, 0, True);
  return on;
}

void hand_state_controls(Hand *hand, guint controls) {
  if (controls)
    XkbChangeEnabledControls(hand->display, XkbUseCoreKbd, controls & HELPS, controls & HELPS);
}

gboolean hand_state_clean(Hand *hand) {
  g_autoptr(GError) error = NULL;

  if (!wait_for_release(hand))
    return FALSE;
  guint keep = XkbKeysymToModifiers(hand->display, XK_Num_Lock);
  XkbGetState(hand->display, XkbUseCoreKbd, &hand->state);
  hand->state_saved = TRUE;
  hand->group = hand->state.locked_group;
  hand->controls = controls_on(hand);
  if (!hand_restore_write(hand, &error)) {
    hand->state_saved = FALSE;
    hand_stop(hand, HAND_CAUSE_NO_KEY, "%s", error->message);
    return FALSE;
  }
  if (hand->controls)
    XkbChangeEnabledControls(hand->display, XkbUseCoreKbd, hand->controls, 0);
  if (hand->state.latched_mods)
    XkbLatchModifiers(hand->display, XkbUseCoreKbd, ALL_MODIFIERS, 0);
  if (hand->state.latched_group)
    XkbLatchGroup(hand->display, XkbUseCoreKbd, 0);
  if (hand->state.locked_mods & ~keep)
    XkbLockModifiers(hand->display, XkbUseCoreKbd, ALL_MODIFIERS & ~keep, 0);
  return TRUE;
}

void hand_state_group(Hand *hand, guint group) {
  if (hand->group == group)
    return;
  XkbLockGroup(hand->display, XkbUseCoreKbd, group);
  hand->group = group;
}

/* A group that another program chose stays. */
gboolean hand_state_check(Hand *hand) {
  guint keep = XkbKeysymToModifiers(hand->display, XK_Num_Lock);
  XkbStateRec now;

  if (XkbGetState(hand->display, XkbUseCoreKbd, &now) != Success)
    return TRUE;
  if (now.base_mods) {
    hand_stop(hand, HAND_CAUSE_MODIFIER, "A modifier key (Shift, Ctrl, Alt, ...) went down");
    return FALSE;
  }
  if (now.group == hand->group && (now.mods & ~keep) == 0)
    return TRUE;
  if (now.group != hand->group)
    hand->state.locked_group = hand->group = now.locked_group;
  hand_stop(hand, HAND_CAUSE_KEYBOARD, "Another program changed the keyboard's group or locks");
  return FALSE;
}

void hand_state_put_back(Hand *hand) {
  if (!hand->state_saved)
    return;
  hand->state_saved = FALSE;
  hand_state_controls(hand, hand->controls);
  hand_state_group(hand, hand->state.locked_group);
  XkbLockModifiers(hand->display, XkbUseCoreKbd, ALL_MODIFIERS, hand->state.locked_mods);
  XSync(hand->display, False);
  if (!hand->map.changed)
    hand_restore_remove(hand);
}

/* The second string of the root's property is the model, the third the layouts. */
char *hand_state_layout(Hand *hand) {
  gulong n;
  g_autofree char *rules =
      hand_x_property(hand, hand->root, "_XKB_RULES_NAMES", AnyPropertyType, 8, &n);
  gulong at = 0;

  for (int i = 0; i < 2 && at < n; i++)
    at += strlen(rules + at) + 1;
  return at < n ? g_utf8_make_valid(rules + at, -1) : g_strdup("");
}
