/* goss-functions-words.c: the rest of Sprig's functions over texts that goss files use: cutting,
 * cases, regular expressions, sums, the environment, paths. As in a pipe, the text that is worked
 * on comes last. */
#include "checks/goss-private.h"

#include <string.h>

#define MANY G_MAXUINT

static char *last_text(JsonNode **args, guint n) {
  return goss_print(args[n - 1]);
}

/* ---- cutting ---- */
/* Characters from `begin` to before `end`, as far as there are any. */
static JsonNode *cut(Goss *g, const char *text, gint64 begin, gint64 end) {
  gint64 length = g_utf8_strlen(text, -1);

  begin = CLAMP(begin, 0, length);
  end = CLAMP(end, begin, length);
  return goss_take_text(g, g_utf8_substring(text, begin, end));
}

static JsonNode *f_trunc(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *text = last_text(args, n);
  gint64 at = goss_whole(args[0]), length = g_utf8_strlen(text, -1);

  return at >= 0 ? cut(g, text, 0, at) : cut(g, text, length + MAX(at, -length), length);
}

static JsonNode *f_substr(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *text = last_text(args, n);
  gint64 end = goss_whole(args[1]);

  return cut(g, text, goss_whole(args[0]), end < 0 ? G_MAXINT64 : end);
}

static gboolean is_any(gunichar c, const char *of) {
  return g_utf8_strchr(of, -1, c) != NULL;
}

static JsonNode *trimmed(Goss *g, JsonNode **args, guint n, gboolean left, gboolean right) {
  g_autofree char *set = goss_print(args[0]), *text = last_text(args, n);
  char *begin = text, *end = text + strlen(text);

  while (left && *begin && is_any(g_utf8_get_char(begin), set))
    begin = g_utf8_next_char(begin);
  while (right && end > begin && is_any(g_utf8_get_char(g_utf8_prev_char(end)), set))
    end = g_utf8_prev_char(end);
  return goss_take_text(g, g_strndup(begin, (gsize)(end - begin)));
}

static JsonNode *f_trim_all(Goss *g, JsonNode **args, guint n, GError **error) {
  return trimmed(g, args, n, TRUE, TRUE);
}

static JsonNode *f_nospace(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *text = last_text(args, n);
  GString *out = g_string_new(NULL);

  for (const char *p = text; *p; p = g_utf8_next_char(p))
    if (!g_unichar_isspace(g_utf8_get_char(p)))
      g_string_append_unichar(out, g_utf8_get_char(p));
  return goss_take_text(g, g_string_free(out, FALSE));
}

static JsonNode *f_cat(Goss *g, JsonNode **args, guint n, GError **error) {
  GString *out = g_string_new(NULL);

  for (guint i = 0; i < n; i++) {
    g_autofree char *text = goss_print(args[i]);
    if (!JSON_NODE_HOLDS_NULL(args[i]))
      g_string_append_printf(out, "%s%s", out->len ? " " : "", text);
  }
  return goss_take_text(g, g_string_free(out, FALSE));
}

/* ---- cases ---- */
static JsonNode *capitals(Goss *g, JsonNode **args, guint n, gunichar (*make)(gunichar c)) {
  g_autofree char *text = last_text(args, n);
  GString *out = g_string_new(NULL);
  gboolean first = TRUE;

  for (const char *p = text; *p; p = g_utf8_next_char(p)) {
    gunichar c = g_utf8_get_char(p);
    g_string_append_unichar(out, first ? make(c) : c);
    first = g_unichar_isspace(c);
  }
  return goss_take_text(g, g_string_free(out, FALSE));
}

static JsonNode *f_title(Goss *g, JsonNode **args, guint n, GError **error) {
  return capitals(g, args, n, g_unichar_totitle);
}

static JsonNode *f_untitle(Goss *g, JsonNode **args, guint n, GError **error) {
  return capitals(g, args, n, g_unichar_tolower);
}

/* ---- regular expressions ---- */
static GRegex *regex_of(Goss *g, JsonNode *node, const char *function, GError **error) {
  g_autofree char *pattern = goss_print(node);
  g_autoptr(GError) own = NULL;
  GRegex *regex = g_regex_new(pattern, 0, 0, &own);

  if (own)
    goss_fail(g, error, "%s: %s", function, own->message);
  return regex;
}

static JsonNode *f_regex_find(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autoptr(GRegex) regex = regex_of(g, args[0], "regexFind", error);
  g_autofree char *text = last_text(args, n);
  g_autoptr(GMatchInfo) match = NULL;

  if (!regex)
    return NULL;
  gboolean found = g_regex_match(regex, text, 0, &match);
  return found ? goss_take_text(g, g_match_info_fetch(match, 0)) : goss_text(g, "");
}

static JsonNode *f_regex_find_all(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autoptr(GRegex) regex = regex_of(g, args[0], "regexFindAll", error);
  g_autofree char *text = goss_print(args[1]);
  g_autoptr(GMatchInfo) match = NULL;
  JsonArray *all;
  gint64 max = goss_whole(args[2]);

  if (!regex)
    return NULL;
  all = json_array_new();
  g_regex_match(regex, text, 0, &match);
  for (gint64 i = 0; g_match_info_matches(match) && (max < 0 || i < max); i++) {
    g_autofree char *found = g_match_info_fetch(match, 0);
    json_array_add_string_element(all, found);
    g_match_info_next(match, NULL);
  }
  return goss_array(g, all);
}

/* Go writes ${1} and $1 for what GLib writes \1. */
static char *replacement_of(const char *text) {
  GString *out = g_string_new(NULL);

  for (const char *p = text; *p; p++) {
    const char *end = *p == '$' && p[1] == '{' ? strchr(p, '}') : NULL;
    if (*p == '\\')
      g_string_append(out, "\\\\");
    else if (end) {
      g_string_append_printf(out, "\\g<%.*s>", (int)(end - p - 2), p + 2);
      p = end;
    } else if (*p == '$' && g_ascii_isdigit(p[1])) {
      g_string_append_printf(out, "\\g<%c>", p[1]);
      p++;
    } else
      g_string_append_c(out, *p);
  }
  return g_string_free(out, FALSE);
}

static JsonNode *replaced(Goss *g, JsonNode **args, const char *function, gboolean literal,
                          GError **error) {
  g_autoptr(GRegex) regex = regex_of(g, args[0], function, error);
  g_autofree char *text = goss_print(args[1]), *given = goss_print(args[2]);
  g_autofree char *by = replacement_of(given);
  g_autoptr(GError) own = NULL;

  if (!regex)
    return NULL;
  char *out = literal ? g_regex_replace_literal(regex, text, -1, 0, given, 0, &own)
                      : g_regex_replace(regex, text, -1, 0, by, 0, &own);
  if (out)
    return goss_take_text(g, out);
  goss_fail(g, error, "%s: %s", function, own->message);
  return NULL;
}

static JsonNode *f_regex_replace_all(Goss *g, JsonNode **args, guint n, GError **error) {
  return replaced(g, args, "regexReplaceAll", FALSE, error);
}

static JsonNode *f_regex_replace_literal(Goss *g, JsonNode **args, guint n, GError **error) {
  return replaced(g, args, "regexReplaceAllLiteral", TRUE, error);
}

static JsonNode *f_regex_split(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autoptr(GRegex) regex = regex_of(g, args[0], "regexSplit", error);
  g_autofree char *text = goss_print(args[1]);
  gint64 max = goss_whole(args[2]);

  if (!regex)
    return NULL;
  g_auto(GStrv) parts =
      g_regex_split_full(regex, text, -1, 0, 0, max > 0 ? (int)MIN(max, G_MAXINT) : 0, NULL);
  JsonArray *all = json_array_new();
  for (guint i = 0; parts && parts[i]; i++)
    json_array_add_string_element(all, parts[i]);
  return goss_array(g, all);
}

/* ---- sums and codes ---- */
static JsonNode *sum(Goss *g, JsonNode **args, guint n, GChecksumType type) {
  g_autofree char *text = last_text(args, n);

  return goss_take_text(g, g_compute_checksum_for_string(type, text, -1));
}

static JsonNode *f_sha1sum(Goss *g, JsonNode **args, guint n, GError **error) {
  return sum(g, args, n, G_CHECKSUM_SHA1);
}

static JsonNode *f_sha512sum(Goss *g, JsonNode **args, guint n, GError **error) {
  return sum(g, args, n, G_CHECKSUM_SHA512);
}

static JsonNode *f_b64dec(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *text = last_text(args, n);
  gsize size = 0;
  g_autofree guchar *bytes = g_base64_decode(text, &size);

  return goss_take_text(g, g_utf8_make_valid((const char *)bytes, (gssize)size));
}

/* ---- the environment, paths, the end ---- */
static JsonNode *f_env(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *name = last_text(args, n);
  const char *value = g_getenv(name);

  return goss_take_text(g, g_utf8_make_valid(value ? value : "", -1));
}

static JsonNode *f_base(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *path = last_text(args, n);

  return goss_take_text(g, *path ? g_path_get_basename(path) : g_strdup("."));
}

static JsonNode *f_dir(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *path = last_text(args, n);

  return goss_take_text(g, g_path_get_dirname(path));
}

static JsonNode *f_ext(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *path = last_text(args, n);
  const char *slash = strrchr(path, '/'), *dot = strrchr(slash ? slash : path, '.');

  return goss_text(g, dot ? dot : "");
}

static JsonNode *f_fail(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *text = last_text(args, n);

  goss_fail(g, error, "%s", text);
  return NULL;
}

const GossFunctionRow goss_functions_words[] = {
    {"trunc", 2, 2, f_trunc},
    {"substr", 3, 3, f_substr},
    {"trimAll", 2, 2, f_trim_all},
    {"trimall", 2, 2, f_trim_all},
    {"nospace", 1, 1, f_nospace},
    {"cat", 1, MANY, f_cat},
    {"title", 1, 1, f_title},
    {"untitle", 1, 1, f_untitle},
    {"regexFind", 2, 2, f_regex_find},
    {"regexFindAll", 3, 3, f_regex_find_all},
    {"regexReplaceAll", 3, 3, f_regex_replace_all},
    {"regexReplaceAllLiteral", 3, 3, f_regex_replace_literal},
    {"regexSplit", 3, 3, f_regex_split},
    {"sha1sum", 1, 1, f_sha1sum},
    {"sha512sum", 1, 1, f_sha512sum},
    {"b64dec", 1, 1, f_b64dec},
    {"env", 1, 1, f_env},
    {"base", 1, 1, f_base},
    {"osBase", 1, 1, f_base},
    {"dir", 1, 1, f_dir},
    {"osDir", 1, 1, f_dir},
    {"ext", 1, 1, f_ext},
    {"osExt", 1, 1, f_ext},
    {"fail", 1, 1, f_fail},
    {NULL, 0, 0, NULL},
};
