/* legacy-load.c: a complete object into json-glib, after what json-glib (or a C string) cannot hold
 * was replaced: \u0000, halves of surrogate pairs, invalid UTF-8, NaN and Infinity. The scanner has
 * bounded its depth before. */
#include "client/legacy.h"

#include <string.h>

#define REPLACEMENT "\\ufffd"

static guint hex4(const char *p) {
  guint value = 0;

  for (guint i = 0; i < 4; i++)
    value = value << 4 | (guint)g_ascii_xdigit_value(p[i]);
  return value;
}

static gboolean is_high(guint c) {
  return c >= 0xd800 && c <= 0xdbff;
}

static gboolean is_low(guint c) {
  return c >= 0xdc00 && c <= 0xdfff;
}

/* `p` is at a backslash of a complete string. Returns how many bytes were consumed. */
static gsize copy_escape(GString *out, const char *p, gboolean *changed) {
  if (p[1] != 'u') {
    g_string_append_len(out, p, 2);
    return 2;
  }
  guint c = hex4(p + 2);
  if (is_high(c) && p[6] == '\\' && p[7] == 'u' && is_low(hex4(p + 8))) {
    g_string_append_len(out, p, 12);
    return 12;
  }
  if (c == 0 || is_high(c) || is_low(c)) {
    g_string_append(out, REPLACEMENT);
    *changed = TRUE;
  } else
    g_string_append_len(out, p, 6);
  return 6;
}

/* NaN, Infinity and -Infinity outside of strings become null. */
static gsize copy_plain(GString *out, const char *p, gsize left) {
  static const char *const words[] = {"NaN", "Infinity", "-Infinity"};

  for (guint i = 0; i < G_N_ELEMENTS(words); i++) {
    gsize n = strlen(words[i]);
    if (left >= n && strncmp(p, words[i], n) == 0) {
      g_string_append(out, "null");
      return n;
    }
  }
  g_string_append_c(out, *p);
  return 1;
}

static char *clean(const char *piece, gsize n, gboolean *changed) {
  GString *out = g_string_sized_new(n + 1);
  gboolean inside = FALSE;

  for (gsize i = 0; i < n;) {
    if (piece[i] == '"')
      inside = !inside;
    if (inside && piece[i] == '\\')
      i += copy_escape(out, piece + i, changed);
    else if (inside || strchr("NI-", piece[i]) == NULL || !piece[i])
      g_string_append_c(out, piece[i++]);
    else
      i += copy_plain(out, piece + i, n - i);
  }
  if (g_utf8_validate_len(out->str, out->len, NULL))
    return g_string_free(out, FALSE);
  *changed = TRUE;
  char *valid = g_utf8_make_valid(out->str, (gssize)out->len);
  g_string_free(out, TRUE);
  return valid;
}

JsonNode *cli_legacy_load(const char *piece, gsize n, gboolean *ret_changed) {
  g_autoptr(JsonParser) parser = json_parser_new_immutable();
  gboolean changed = FALSE;
  g_autofree char *text = clean(piece, n, &changed);

  if (!json_parser_load_from_data(parser, text, -1, NULL))
    return NULL;
  *ret_changed = changed;
  return json_parser_steal_root(parser);
}
