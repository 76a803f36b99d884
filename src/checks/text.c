/* text.c: see text.h. */
#include "checks/text.h"

#include <string.h>

char *chk_usec_text(guint64 usec) {
  static const struct {
    guint64 unit;
    const char *name;
  } units[] = {{G_USEC_PER_SEC * 86400ull, "d"},
               {G_USEC_PER_SEC * 3600ull, "h"},
               {G_USEC_PER_SEC * 60ull, "min"},
               {G_USEC_PER_SEC, "s"},
               {1000, "ms"}};

  for (guint i = 0; i < G_N_ELEMENTS(units); i++)
    if (usec >= units[i].unit)
      return g_strdup_printf("%.4g%s", (double)usec / (double)units[i].unit, units[i].name);
  return g_strdup_printf("%" G_GUINT64_FORMAT "us", usec);
}

char *chk_bytes_text(guint64 bytes) {
  static const char units[] = "TGMK";

  for (guint i = 0; i < 4; i++) {
    guint64 unit = G_GUINT64_CONSTANT(1) << (10 * (4 - i));
    if (bytes >= unit)
      return g_strdup_printf("%.4g%c", (double)bytes / (double)unit, units[i]);
  }
  return g_strdup_printf("%" G_GUINT64_FORMAT "B", bytes);
}

/* Cut between characters, with the number of bytes that are missing. */
static char *cut(char *text, gsize max) {
  gsize n = strlen(text);

  if (max == 0 || n <= max)
    return text;
  const char *end = g_utf8_find_prev_char(text, text + max + 1);
  g_autofree char *whole = text;
  return g_strdup_printf("%.*s... (%" G_GSIZE_FORMAT " bytes more)", (int)(end - text), text,
                         n - (gsize)(end - text));
}

static char *quoted(const char *text) {
  g_autofree char *valid = g_utf8_make_valid(text, -1);
  GString *s = g_string_new("\"");

  for (const char *p = valid; *p; p = g_utf8_next_char(p)) {
    gunichar c = g_utf8_get_char(p);
    if (c == '\n')
      g_string_append(s, "\\n");
    else if (c == '\t')
      g_string_append(s, "\\t");
    else if (g_unichar_iscntrl(c))
      g_string_append_printf(s, "\\u%04x", c);
    else
      g_string_append_unichar(s, c);
  }
  return g_string_free(g_string_append_c(s, '"'), FALSE);
}

char *chk_value_text(JsonNode *value, ChkKind kind, gsize max) {
  if (!value || JSON_NODE_HOLDS_NULL(value))
    return g_strdup("(absent)");
  GType type = JSON_NODE_HOLDS_VALUE(value) ? json_node_get_value_type(value) : G_TYPE_NONE;
  if (type == G_TYPE_INT64 && kind == CHK_USEC)
    return chk_usec_text((guint64)MAX(json_node_get_int(value), 0));
  if (type == G_TYPE_INT64 && kind == CHK_BYTES)
    return chk_bytes_text((guint64)MAX(json_node_get_int(value), 0));
  if (type == G_TYPE_STRING)
    return cut(quoted(json_node_get_string(value)), max);
  return cut(json_to_string(value, FALSE), max);
}

const char *chk_kind_name(ChkKind kind) {
  static const char *const names[] = {
      [CHK_BOOL] = "truth", [CHK_INT] = "integer", [CHK_NUMBER] = "number",
      [CHK_TEXT] = "text",  [CHK_TEXTS] = "texts", [CHK_USEC] = "time",
      [CHK_BYTES] = "size", [CHK_MODE] = "mode",   [CHK_JSON] = "any",
  };

  return names[kind];
}

const char *chk_verdict_name(ChkVerdict verdict) {
  static const char *const names[] = {
      [CHK_PASS] = "pass",   [CHK_WARN] = "warn", [CHK_FAIL] = "fail",
      [CHK_ERROR] = "error", [CHK_SKIP] = "skip",
  };

  return names[verdict];
}

char *chk_time_text(gint64 realtime_usec) {
  g_autoptr(GDateTime) seconds = g_date_time_new_from_unix_utc(realtime_usec / G_USEC_PER_SEC);
  g_autofree char *text = g_date_time_format(seconds, "%Y-%m-%dT%H:%M:%S");

  return g_strdup_printf("%s.%06dZ", text, (int)(realtime_usec % G_USEC_PER_SEC));
}
