/* hand-map-write.c: the keyboard map as the server keeps it.
 *
 * Written through XKB in one request, whatever the number of keys: every write is an event to every
 * client for every keyboard, and window managers do a lot on each. The keys between ours go along
 * as they are, read under the same grab of the server, so that no change of another program is
 * lost. A key of ours has one group, so that the keyboard's group does not matter. */
#include "typing/hand.h"

#include <X11/keysym.h>
#include <string.h>

static guint level_of(const XkbKeyTypeRec *type, guint modifiers) {
  for (int i = 0; i < type->map_count; i++)
    if (type->map[i].active && type->map[i].mods.mask == (modifiers & type->mods.mask))
      return type->map[i].level;
  return 0;
}

static int four_levels(const XkbClientMapRec *map, guint level3) {
  for (int i = 0; i < map->num_types; i++) {
    const XkbKeyTypeRec *type = &map->types[i];
    if (type->num_levels == HAND_LEVELS_MAX && level_of(type, 0) == 0 &&
        level_of(type, ShiftMask) == 1 && level_of(type, level3) == 2 &&
        level_of(type, ShiftMask | level3) == 3)
      return i;
  }
  return -1;
}

void hand_map_find_levels(Hand *hand) {
  HandMap *map = &hand->map;
  guint level3 = XkbKeysymToModifiers(hand->display, XK_ISO_Level3_Shift);
  XkbDescPtr xkb =
      XkbGetMap(hand->display, XkbAllClientInfoMask | XkbModifierMapMask, XkbUseCoreKbd);
  int four = -1;

  map->shift = XKeysymToKeycode(hand->display, XK_Shift_L);
  map->level3 = XKeysymToKeycode(hand->display, XK_ISO_Level3_Shift);
  if (xkb && map->level3 && level3 && xkb->map->modmap && xkb->map->modmap[map->level3] == level3)
    four = four_levels(xkb->map, level3);
  map->levels = !map->shift ? 1 : four >= 0 ? HAND_LEVELS_MAX : 2;
  map->type = four >= 0 && map->shift ? four : map->shift ? XkbTwoLevelIndex : XkbOneLevelIndex;
  if (xkb)
    XkbFreeKeyboard(xkb, 0, True);
}

static void set_key(const HandMap *map, XkbDescPtr xkb, KeyCode code, const KeySym *syms) {
  int types[XkbNumKbdGroups] = {map->type};

  if (XkbChangeTypesOfKey(xkb, code, syms ? 1 : 0, XkbGroup1Mask, types, NULL) == Success && syms)
    memcpy(XkbKeySymsPtr(xkb, code), syms, map->levels * sizeof *syms);
}

void hand_map_write(Hand *hand, const KeyCode *codes, const KeySym *syms, guint n) {
  XkbMapChangesRec changes = {.changed = XkbKeySymsMask};
  KeyCode low = G_MAXUINT8, high = 0;

  if (n == 0)
    return;
  XGrabServer(hand->display);
  /* Xlib looks at the actions of a key that gets wider, without asking whether it has them */
  XkbDescPtr xkb =
      XkbGetMap(hand->display, XkbAllClientInfoMask | XkbKeyActionsMask, XkbUseCoreKbd);
  for (guint i = 0; xkb && i < n; i++) {
    low = MIN(low, codes[i]);
    high = MAX(high, codes[i]);
    set_key(&hand->map, xkb, codes[i], syms ? syms + i * hand->map.levels : NULL);
  }
  changes.first_key_sym = low;
  changes.num_key_syms = (guint8)(high - low + 1);
  if (xkb) {
    XkbChangeMap(hand->display, xkb, &changes);
    XkbFreeKeyboard(xkb, 0, True);
  }
  XUngrabServer(hand->display);
  XSync(hand->display, False);
}

void hand_map_holds(Hand *hand, const KeyCode *codes, const KeySym *syms, guint n,
                    gboolean *ret_holds) {
  guint levels = hand->map.levels;
  XkbDescPtr xkb = XkbGetMap(hand->display, XkbAllClientInfoMask, XkbUseCoreKbd);

  for (guint i = 0; i < n; i++)
    ret_holds[i] =
        xkb && XkbKeyNumGroups(xkb, codes[i]) == 1 &&
        (guint)XkbKeyNumSyms(xkb, codes[i]) >= levels &&
        memcmp(XkbKeySymsPtr(xkb, codes[i]), syms + i * levels, levels * sizeof *syms) == 0;
  if (xkb)
    XkbFreeKeyboard(xkb, 0, True);
}

static gboolean is_empty(const KeySym *syms, guint per) {
  for (guint i = 0; i < per; i++)
    if (syms[i] != NoSymbol)
      return FALSE;
  return TRUE;
}

void hand_map_revert(Hand *hand, const KeyCode *codes, const KeySym *saved, guint n, guint per) {
  KeyCode empty[HAND_CODES_MAX];
  guint m = 0;

  for (guint i = 0; i < n; i++)
    if (is_empty(saved + i * per, per))
      empty[m++] = codes[i];
    else
      XChangeKeyboardMapping(hand->display, codes[i], (int)per, (KeySym *)saved + i * per, 1);
  hand_map_write(hand, empty, NULL, m);
}
