/* hand-args.c: the arguments of a request, checked before anything is done: an unknown key or a
 * wrong type is an error, never ignored. */
#include "typing/hand.h"

#include "common/error.h"

#include <string.h>

#define LONGEST (10 * 60 * G_TIME_SPAN_SECOND) /* of any time that is asked for */

gboolean hand_args_check(GVariant *args, const HandKey *keys, GError **error) {
  GVariantIter iter;
  const char *key;
  GVariant *value;

  g_variant_iter_init(&iter, args);
  while (g_variant_iter_next(&iter, "{&sv}", &key, &value)) {
    g_autoptr(GVariant) owned = value;
    const HandKey *known = keys;
    while (known->key && !g_str_equal(known->key, key))
      known++;
    if (!known->key) {
      g_set_error(error, WG_ERROR, WG_ERROR_UNKNOWN_OPTION, "Unknown option '%s'", key);
      return FALSE;
    }
    if (!g_str_equal(g_variant_get_type_string(value), known->type)) {
      g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "Option '%s' has type %s, not %s",
                  key, known->type, g_variant_get_type_string(value));
      return FALSE;
    }
  }
  return TRUE;
}

gint64 hand_args_time(GVariant *args, const char *key, gint64 fallback) {
  guint64 value;

  if (!g_variant_lookup(args, key, "t", &value))
    return fallback;
  return (gint64)MIN(value, (guint64)LONGEST);
}

/* "" and an absent one leave `ret` as it is. */
static gboolean stroke(Hand *hand, GVariant *args, const char *key, const char *fallback,
                       HandStroke *ret, gboolean *ret_there, GError **error) {
  const char *sequence = fallback;

  (void)g_variant_lookup(args, key, "&s", &sequence);
  *ret_there = *sequence != '\0';
  return !*ret_there || hand_stroke_parse(hand, sequence, ret, error);
}

/* Tab and newline are keys; no other control character is anything that could be typed. */
static gboolean characters(GVariant *args, HandJob *ret, GError **error) {
  const char *text = "";
  glong n = 0;

  (void)g_variant_lookup(args, "text", "&s", &text);
  if (strlen(text) > HAND_TEXT_MAX) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                "The text has %zu bytes; at most %d are typed", strlen(text), HAND_TEXT_MAX);
    return FALSE;
  }
  ret->text = g_utf8_to_ucs4_fast(text, -1, &n);
  ret->n = (guint)n;
  for (guint i = 0; i < ret->n; i++) {
    gunichar c = ret->text[i];
    if ((c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7f && c < 0xa0)) {
      g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                  "Character %u of the text is the control character U+%04X", i + 1, c);
      return FALSE;
    }
  }
  return TRUE;
}

gboolean hand_job_parse(Hand *hand, GVariant *args, HandJob *ret, GError **error) {
  const char *draft = "hold";
  gboolean there;

  *ret = (HandJob){.restore = TRUE};
  (void)g_variant_lookup(args, "restore", "b", &ret->restore);
  (void)g_variant_lookup(args, "draft", "&s", &draft);
  ret->ignore_draft = g_str_equal(draft, "ignore");
  if (!ret->ignore_draft && !g_str_equal(draft, "hold")) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                "Option 'draft' is 'hold' or 'ignore', not '%s'", draft);
    return FALSE;
  }
  ret->idle = hand_args_time(args, "idle", 30 * G_TIME_SPAN_SECOND);
  ret->quiet = hand_args_time(args, "quiet", 1500 * G_TIME_SPAN_MILLISECOND);
  ret->timeout = hand_args_time(args, "timeout", 30 * G_TIME_SPAN_SECOND);
  ret->settle = hand_args_time(args, "settle", 20 * G_TIME_SPAN_MILLISECOND);
  ret->key_delay = hand_args_time(args, "key-delay", G_TIME_SPAN_MILLISECOND);
  ret->submit_delay = hand_args_time(args, "submit-delay", 0);
  return stroke(hand, args, "submit", "", &ret->submit, &ret->has_submit, error) &&
         stroke(hand, args, "newline", "Return", &ret->newline, &there, error) &&
         stroke(hand, args, "", "Tab", &ret->tab, &there, error) && characters(args, ret, error);
}
