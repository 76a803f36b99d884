/* hand-map.c: characters on spare key codes.
 *
 * What the layout lacks is put on key codes that have no meaning in it, as many characters at a
 * time as there are codes, the same keysym in the first two levels of the first two groups, so that
 * neither shift nor the group matters. A client reads the map when it looks a key up, which may be
 * long after the key was pressed; so a code gets another character only after the client had time
 * for (or has answered that it is done with) the keys that were sent with it, and the map is put
 * back some time after the last one. The keys that the layout itself has are never touched. */
#include "typing/hand.h"

#include "common/error.h"

#include <X11/XF86keysym.h>
#include <X11/keysym.h>
#include <string.h>

#define ENOUGH 4      /* spare codes; with fewer, keys that few keyboards have are borrowed */
#define READS_AFTER 2 /* settle times between the last use of a slot and its next meaning */
#define LATE_BY 2

KeySym hand_map_keysym(gunichar c) {
  if ((c >= 0x20 && c <= 0x7e) || (c >= 0xa0 && c <= 0xff))
    return c;
  return 0x01000000 | c;
}

static gboolean is_borrowable(KeySym sym) {
  return sym == NoSymbol || (sym >= XK_F13 && sym <= XK_F35) ||
         (sym >= XF86XK_Launch0 && sym <= XF86XK_LaunchF);
}

static gboolean is_modifier(const XModifierKeymap *modifiers, int code) {
  for (int i = 0; i < 8 * modifiers->max_keypermod; i++)
    if (modifiers->modifiermap[i] == code)
      return TRUE;
  return FALSE;
}

typedef struct {
  int first, last, per;
  KeySym *syms;
} Core;

static void collect(Hand *hand, const Core *core, const XModifierKeymap *modifiers,
                    gboolean borrow) {
  HandMap *map = &hand->map;

  for (int code = core->last; code >= core->first && map->n < HAND_CODES_MAX; code--) {
    const KeySym *syms = core->syms + (code - core->first) * core->per;
    gboolean empty = TRUE, fits = TRUE;
    for (int i = 0; i < core->per; i++) {
      empty &= syms[i] == NoSymbol;
      fits &= is_borrowable(syms[i]);
    }
    if (is_modifier(modifiers, code) || (borrow ? empty || !fits : !empty))
      continue;
    map->saved = g_renew(KeySym, map->saved, (map->n + 1) * core->per);
    memcpy(map->saved + map->n * core->per, syms, sizeof *syms * core->per);
    map->code[map->n++] = (KeyCode)code;
  }
}

guint hand_map_spares(Hand *hand) {
  HandMap *map = &hand->map;
  Core core;

  if (map->changed)
    return map->n; /* what is on them now is ours */
  XDisplayKeycodes(hand->display, &core.first, &core.last);
  core.syms = XGetKeyboardMapping(hand->display, (KeyCode)core.first, core.last - core.first + 1,
                                  &core.per);
  XModifierKeymap *modifiers = XGetModifierMapping(hand->display);
  map->n = 0;
  map->per = (guint)core.per;
  collect(hand, &core, modifiers, FALSE);
  if (map->n < ENOUGH)
    collect(hand, &core, modifiers, TRUE);
  XFreeModifiermap(modifiers);
  XFree(core.syms);
  hand_map_find_levels(hand);
  memset(map->on, 0, sizeof map->on);
  memset(map->used, 0, sizeof map->used);
  return map->n;
}

static guint slots(const HandMap *map) {
  return map->n * map->levels;
}

static int find(const HandMap *map, gunichar c) {
  for (guint i = 0; i < slots(map); i++)
    if (map->on[i] == c)
      return (int)i;
  return -1;
}

gboolean hand_map_stroke(Hand *hand, gunichar c, HandStroke *ret) {
  HandMap *map = &hand->map;
  int at = find(map, c);

  if (at < 0)
    return FALSE;
  guint level = (guint)at / map->n;
  *ret = (HandStroke){.code = map->code[(guint)at % map->n]};
  if (level & 1)
    ret->modifiers[ret->n++] = map->shift;
  if (level & 2)
    ret->modifiers[ret->n++] = map->level3;
  map->used[at] = g_get_monotonic_time();
  return TRUE;
}

/* The slot that was unused for longest and is not wanted for what follows; -1: none. */
static int victim(const HandMap *map, const gboolean *keep) {
  int best = -1;

  for (guint i = 0; i < slots(map); i++)
    if (!keep[i] && (best < 0 || map->used[i] < map->used[best]))
      best = (int)i;
  return best;
}

/* The keys that have something on; a level without a character repeats the first. */
static guint contents(const HandMap *map, KeyCode *codes, KeySym *syms) {
  guint n = 0;

  for (guint i = 0; i < map->n; i++) {
    if (!map->on[i])
      continue; /* the first level is filled first */
    for (guint level = 0; level < map->levels; level++) {
      gunichar c = map->on[level * map->n + i];
      syms[n * map->levels + level] = hand_map_keysym(c ? c : map->on[i]);
    }
    codes[n++] = map->code[i];
  }
  return n;
}

/* Decides which characters of `chars` get on, and on what. Returns the newest use of a
 * slot that gets another meaning. */
static gint64 assign(HandMap *map, const gunichar *chars, guint n) {
  gboolean keep[HAND_SLOTS_MAX] = {FALSE};
  gint64 newest = 0;

  for (guint i = 0; i < n; i++) {
    int at = find(map, chars[i]);
    if (at < 0) {
      at = victim(map, keep);
      if (at < 0)
        break; /* full */
      if (map->on[at])
        newest = MAX(newest, map->used[at]);
      map->on[at] = chars[i];
    }
    keep[at] = TRUE;
  }
  return newest;
}

/* How long until a client has read the keys of `newest`. On a machine with too much to do a client
 * is late, and so are we: several times as late is waited for. */
static gint64 until_read(const Hand *hand, gint64 newest, gint64 settle) {
  gint64 since = g_get_monotonic_time() - newest;

  return MAX(READS_AFTER * settle + LATE_BY * hand->late - since, 0);
}

gboolean hand_map_put(Hand *hand, const gunichar *chars, guint n, gint64 settle) {
  HandMap *map = &hand->map;
  KeyCode codes[HAND_CODES_MAX];
  KeySym syms[HAND_SLOTS_MAX];

  if (hand_map_spares(hand) == 0) {
    hand_stop(hand, HAND_CAUSE_NO_KEY, "The keyboard map has no spare key code for U+%04X",
              chars[0]);
    return FALSE;
  }
  map->restore_at = 0;
  if (!map->changed)
    XSetSelectionOwner(hand->display, hand_x_atom(hand, HAND_SELECTION_MAP), hand->own,
                       CurrentTime);
  map->changed = TRUE;
  gint64 newest = assign(map, chars, n);
  if (newest > 0 && !hand_send_settle(hand, until_read(hand, newest, settle)))
    return FALSE;
  guint changed = contents(map, codes, syms);
  hand_map_write(hand, codes, syms, changed);
  return hand_wait(hand, settle);
}

static gboolean holds_all(Hand *hand) {
  KeyCode codes[HAND_CODES_MAX];
  KeySym syms[HAND_SLOTS_MAX];
  gboolean holds[HAND_CODES_MAX];
  guint n = contents(&hand->map, codes, syms);

  hand_map_holds(hand, codes, syms, n, holds);
  for (guint i = 0; i < n; i++)
    if (!holds[i])
      return FALSE;
  return TRUE;
}

gboolean hand_map_check(Hand *hand, const HandLayout *layout) {
  HandMap *map = &hand->map;

  if (!map->dirty)
    return TRUE;
  map->dirty = FALSE;
  if (hand_layout_stands(hand, layout) && (!map->changed || holds_all(hand)))
    return TRUE;
  map->foreign = TRUE;
  hand_stop(hand, HAND_CAUSE_KEYBOARD, "Another program changed the keyboard map");
  return FALSE;
}

/* After another program set a map of its own, what is not ours any more is left alone. */
static void revert(Hand *hand) {
  HandMap *map = &hand->map;
  KeyCode codes[HAND_CODES_MAX], ours[HAND_CODES_MAX];
  KeySym syms[HAND_SLOTS_MAX];
  gboolean holds[HAND_CODES_MAX];
  guint n = contents(map, codes, syms), m = 0;
  g_autofree KeySym *saved = g_new0(KeySym, map->n * map->per + 1);

  if (map->foreign)
    hand_map_holds(hand, codes, syms, n, holds);
  for (guint i = 0, k = 0; i < map->n; i++) {
    if (!map->on[i] || (map->foreign && !holds[k++]))
      continue;
    memcpy(saved + m * map->per, map->saved + i * map->per, map->per * sizeof *saved);
    ours[m++] = map->code[i];
  }
  hand_map_revert(hand, ours, saved, m, map->per);
}

void hand_map_put_back(Hand *hand) {
  HandMap *map = &hand->map;

  if (!map->changed)
    return;
  revert(hand);
  hand_restore_remove(hand);
  XSetSelectionOwner(hand->display, hand_x_atom(hand, HAND_SELECTION_MAP), None, CurrentTime);
  memset(map->on, 0, sizeof map->on);
  map->changed = map->foreign = FALSE;
  map->restore_at = 0;
}
