/* hand-keys.c: which key is what: characters that the layout has without doubt, and key sequences
 * by name.
 *
 * Without doubt: Latin-1 or Unicode keysyms (never dead keys, never the keypad) that a key gives in
 * one group with no modifier or with Shift alone. Everything else goes over spare key codes. */
#include "typing/hand.h"

#include "common/error.h"

#include <X11/keysym.h>
#include <string.h>

struct HandLayout {
  GHashTable *strokes; /* gunichar -> HandStroke */
  guint32 sum;         /* of the keysyms of all keys that are not lent */
};

static gunichar character_of(KeySym sym) {
  if ((sym >= 0x20 && sym <= 0x7e) || (sym >= 0xa0 && sym <= 0xff))
    return (gunichar)sym;
  return sym > 0x01000100 && sym <= 0x0110ffff ? (gunichar)(sym & 0xffffff) : 0;
}

/* What a key gives in a group with these modifiers; 0 when other modifiers decide. */
static gunichar gives(XkbDescPtr xkb, KeyCode code, guint group, guint modifiers) {
  KeySym sym = NoSymbol;
  guint consumed;

  if (!XkbTranslateKeyCode(xkb, code, XkbBuildCoreState(modifiers, group), &consumed, &sym))
    return 0;
  return character_of(sym);
}

/* What is on our key codes changes under way. */
static gboolean is_lent(Hand *hand, KeyCode code) {
  for (guint i = 0; i < hand->map.n; i++)
    if (hand->map.code[i] == code)
      return TRUE;
  return FALSE;
}

static GHashTable *strokes_of(Hand *hand, XkbDescPtr xkb, guint group) {
  GHashTable *strokes = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, g_free);
  KeyCode shift = XKeysymToKeycode(hand->display, XK_Shift_L);

  for (int shifted = 0; shifted < (shift ? 2 : 1); shifted++)
    for (int code = xkb->min_key_code; code <= xkb->max_key_code; code++) {
      if (XkbKeyNumGroups(xkb, code) == 0 || is_lent(hand, (KeyCode)code))
        continue;
      gunichar c = gives(xkb, (KeyCode)code, group, shifted ? ShiftMask : 0);
      if (c == 0 || g_hash_table_contains(strokes, GUINT_TO_POINTER(c)))
        continue;
      HandStroke *stroke = g_new0(HandStroke, 1);
      stroke->code = (KeyCode)code;
      stroke->n = shifted ? 1 : 0;
      stroke->modifiers[0] = shift;
      g_hash_table_insert(strokes, GUINT_TO_POINTER(c), stroke);
    }
  return strokes;
}

/* FNV-1a over what the keys mean. */
static guint32 sum_of(Hand *hand, XkbDescPtr xkb) {
  guint32 sum = 2166136261u;

  for (int code = xkb->min_key_code; code <= xkb->max_key_code; code++) {
    int n = is_lent(hand, (KeyCode)code) ? 0 : XkbKeyNumSyms(xkb, code);
    sum = (sum ^ (guint32)n) * 16777619u;
    for (int i = 0; i < n; i++)
      sum = (sum ^ (guint32)XkbKeySymsPtr(xkb, code)[i]) * 16777619u;
  }
  return sum;
}

gboolean hand_layout_stands(Hand *hand, const HandLayout *layout) {
  XkbDescPtr xkb = XkbGetMap(hand->display, XkbAllClientInfoMask, XkbUseCoreKbd);
  gboolean same = xkb && sum_of(hand, xkb) == layout->sum;

  if (xkb)
    XkbFreeKeyboard(xkb, 0, True);
  return same;
}

static guint count(GHashTable *strokes, const gunichar *text, guint n) {
  guint found = 0;

  for (guint i = 0; i < n; i++)
    found += g_hash_table_contains(strokes, GUINT_TO_POINTER(text[i]));
  return found;
}

/* The spare codes are found first: they are no part of the layout. */
HandLayout *hand_layout_new(Hand *hand, const gunichar *text, guint n, guint *ret_group) {
  (void)hand_map_spares(hand);
  XkbDescPtr xkb = XkbGetMap(hand->display, XkbAllClientInfoMask, XkbUseCoreKbd);
  HandLayout *layout = g_new0(HandLayout, 1);
  guint groups = 0;

  *ret_group = hand->group;
  if (!xkb) {
    layout->strokes = g_hash_table_new(NULL, NULL);
    return layout;
  }
  layout->sum = sum_of(hand, xkb);
  for (int code = xkb->min_key_code; code <= xkb->max_key_code; code++)
    groups = MAX(groups, (guint)XkbKeyNumGroups(xkb, code));
  layout->strokes = strokes_of(hand, xkb, hand->group);
  guint best = count(layout->strokes, text, n);
  for (guint group = 0; group < groups && best < n; group++) {
    g_autoptr(GHashTable) other = strokes_of(hand, xkb, group);
    guint found = count(other, text, n);
    if (found <= best)
      continue;
    best = found;
    *ret_group = group;
    g_hash_table_unref(layout->strokes);
    layout->strokes = g_steal_pointer(&other);
  }
  XkbFreeKeyboard(xkb, 0, True);
  return layout;
}

void hand_layout_free(HandLayout *layout) {
  g_hash_table_unref(layout->strokes);
  g_free(layout);
}

gboolean hand_layout_stroke(const HandLayout *layout, gunichar c, HandStroke *ret) {
  const HandStroke *found = g_hash_table_lookup(layout->strokes, GUINT_TO_POINTER(c));

  if (found)
    *ret = *found;
  return found != NULL;
}

static KeySym modifier_named(const char *name) {
  static const struct {
    const char *name;
    KeySym sym;
  } names[] = {
      {"shift", XK_Shift_L}, {"ctrl", XK_Control_L}, {"control", XK_Control_L}, {"alt", XK_Alt_L},
      {"super", XK_Super_L}, {"meta", XK_Meta_L},    {"hyper", XK_Hyper_L},     {"win", XK_Super_L},
  };

  for (guint i = 0; i < G_N_ELEMENTS(names); i++)
    if (g_ascii_strcasecmp(name, names[i].name) == 0)
      return names[i].sym;
  return NoSymbol;
}

gboolean hand_stroke_parse(Hand *hand, const char *sequence, HandStroke *ret, GError **error) {
  g_auto(GStrv) parts = g_strsplit(sequence, "+", -1);
  guint n = g_strv_length(parts);
  HandStroke stroke = {0};

  for (guint i = 0; i < n; i++) {
    gboolean last = i + 1 == n;
    KeySym sym = last ? XStringToKeysym(parts[i]) : modifier_named(parts[i]);
    KeyCode code = sym == NoSymbol ? 0 : XKeysymToKeycode(hand->display, sym);
    if (!last && stroke.n == G_N_ELEMENTS(stroke.modifiers))
      sym = NoSymbol;
    if (sym == NoSymbol || code == 0) {
      g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                  "'%s' in the key sequence '%s' is no %s; write for example ctrl+Return", parts[i],
                  sequence, sym == NoSymbol ? "key or modifier" : "key of this keyboard");
      return FALSE;
    }
    if (last)
      stroke.code = code;
    else
      stroke.modifiers[stroke.n++] = code;
  }
  if (stroke.code == 0) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "The key sequence is empty");
    return FALSE;
  }
  *ret = stroke;
  return TRUE;
}
