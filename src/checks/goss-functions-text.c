/* goss-functions-text.c: functions of Sprig over texts and numbers, as far as goss files use them.
 * As in a pipe, the text that is worked on comes last. */
#include "checks/goss-private.h"

#include <string.h>

#define REPEAT_MAX 100000

static char *last_text(JsonNode **args, guint n) {
  return goss_print(args[n - 1]);
}

static JsonNode *f_upper(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *text = last_text(args, n);

  return goss_take_text(g, g_utf8_strup(text, -1));
}

static JsonNode *f_lower(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *text = last_text(args, n);

  return goss_take_text(g, g_utf8_strdown(text, -1));
}

static JsonNode *f_trim(Goss *g, JsonNode **args, guint n, GError **error) {
  return goss_take_text(g, g_strstrip(last_text(args, n)));
}

static JsonNode *f_trim_prefix(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *prefix = goss_print(args[0]), *text = last_text(args, n);

  return goss_text(g, g_str_has_prefix(text, prefix) ? text + strlen(prefix) : text);
}

static JsonNode *f_trim_suffix(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *suffix = goss_print(args[0]), *text = last_text(args, n);

  if (g_str_has_suffix(text, suffix))
    text[strlen(text) - strlen(suffix)] = 0;
  return goss_text(g, text);
}

static JsonNode *f_contains(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *part = goss_print(args[0]), *text = last_text(args, n);

  return goss_bool(g, strstr(text, part) != NULL);
}

static JsonNode *f_has_prefix(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *part = goss_print(args[0]), *text = last_text(args, n);

  return goss_bool(g, g_str_has_prefix(text, part));
}

static JsonNode *f_has_suffix(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *part = goss_print(args[0]), *text = last_text(args, n);

  return goss_bool(g, g_str_has_suffix(text, part));
}

static JsonNode *f_replace(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *from = goss_print(args[0]), *to = goss_print(args[1]);
  GString *text = g_string_new(NULL);
  g_autofree char *before = last_text(args, n);

  g_string_append(text, before);
  if (*from)
    g_string_replace(text, from, to, 0);
  return goss_take_text(g, g_string_free(text, FALSE));
}

static JsonNode *f_repeat(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *text = last_text(args, n);
  GString *out;

  if (!goss_is_int(args[0]) || json_node_get_int(args[0]) < 0 ||
      json_node_get_int(args[0]) * (gint64)(strlen(text) + 1) > REPEAT_MAX) {
    goss_fail(g, error, "repeat: a number of times that cannot be");
    return NULL;
  }
  out = g_string_new(NULL);
  for (gint64 i = 0; i < json_node_get_int(args[0]); i++)
    g_string_append(out, text);
  return goss_take_text(g, g_string_free(out, FALSE));
}

static JsonNode *f_quote(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *text = last_text(args, n);
  g_autofree char *escaped = g_strescape(text, NULL);

  return goss_take_text(g, g_strdup_printf("\"%s\"", escaped));
}

static JsonNode *f_squote(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *text = last_text(args, n);

  return goss_take_text(g, g_strdup_printf("'%s'", text));
}

static JsonNode *indented(Goss *g, JsonNode **args, guint n, const char *first, GError **error) {
  g_autofree char *text = last_text(args, n);
  gint64 width = goss_is_int(args[0]) ? json_node_get_int(args[0]) : -1;

  if (width < 0 || width > 1000) {
    goss_fail(g, error, "indent: a number of blanks that cannot be");
    return NULL;
  }
  g_autofree char *blanks = g_strnfill((gsize)width, ' ');
  g_autofree char *line = g_strconcat("\n", blanks, NULL);
  GString *out = g_string_new(text);
  g_string_replace(out, "\n", line, 0);
  g_string_prepend(out, blanks);
  g_string_prepend(out, first);
  return goss_take_text(g, g_string_free(out, FALSE));
}

static JsonNode *f_indent(Goss *g, JsonNode **args, guint n, GError **error) {
  return indented(g, args, n, "", error);
}

static JsonNode *f_nindent(Goss *g, JsonNode **args, guint n, GError **error) {
  return indented(g, args, n, "\n", error);
}

static JsonNode *f_default(Goss *g, JsonNode **args, guint n, GError **error) {
  return n > 1 && goss_is_true(args[1]) ? args[1] : args[0];
}

static JsonNode *f_empty(Goss *g, JsonNode **args, guint n, GError **error) {
  return goss_bool(g, !goss_is_true(args[0]));
}

static JsonNode *f_coalesce(Goss *g, JsonNode **args, guint n, GError **error) {
  for (guint i = 0; i < n; i++)
    if (goss_is_true(args[i]))
      return args[i];
  return goss_null(g);
}

static JsonNode *f_ternary(Goss *g, JsonNode **args, guint n, GError **error) {
  return goss_is_true(args[2]) ? args[0] : args[1];
}

static JsonNode *f_to_string(Goss *g, JsonNode **args, guint n, GError **error) {
  return goss_take_text(g, last_text(args, n));
}

static JsonNode *f_int(Goss *g, JsonNode **args, guint n, GError **error) {
  return goss_int(g, goss_whole(args[0]));
}

static JsonNode *f_float(Goss *g, JsonNode **args, guint n, GError **error) {
  return goss_double(g, goss_is_number(args[0]) ? goss_number(args[0])
                        : goss_is_text(args[0])
                            ? g_ascii_strtod(json_node_get_string(args[0]), NULL)
                            : 0);
}

static JsonNode *f_add(Goss *g, JsonNode **args, guint n, GError **error) {
  guint64 sum = 0;

  for (guint i = 0; i < n; i++)
    sum += (guint64)goss_whole(args[i]);
  return goss_int(g, (gint64)sum);
}

static JsonNode *f_sub(Goss *g, JsonNode **args, guint n, GError **error) {
  return goss_int(g, (gint64)((guint64)goss_whole(args[0]) - (guint64)goss_whole(args[1])));
}

static JsonNode *f_mul(Goss *g, JsonNode **args, guint n, GError **error) {
  guint64 product = 1;

  for (guint i = 0; i < n; i++)
    product *= (guint64)goss_whole(args[i]);
  return goss_int(g, (gint64)product);
}

static gint64 divisor(Goss *g, JsonNode *node, GError **error) {
  gint64 by = goss_whole(node);

  if (by == 0 || by == -1) /* the least number by -1 has no result */
    return by == -1 ? -1 : goss_fail(g, error, "a division by 0");
  return by;
}

static JsonNode *f_div(Goss *g, JsonNode **args, guint n, GError **error) {
  gint64 by = divisor(g, args[1], error);

  if (by == 0)
    return NULL;
  return goss_int(g,
                  by == -1 ? (gint64)(0 - (guint64)goss_whole(args[0])) : goss_whole(args[0]) / by);
}

static JsonNode *f_mod(Goss *g, JsonNode **args, guint n, GError **error) {
  gint64 by = divisor(g, args[1], error);

  if (by == 0)
    return NULL;
  return goss_int(g, by == -1 ? 0 : goss_whole(args[0]) % by);
}

static JsonNode *f_b64enc(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *text = last_text(args, n);

  return goss_take_text(g, g_base64_encode((const guchar *)text, strlen(text)));
}

static JsonNode *f_sha256sum(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *text = last_text(args, n);

  return goss_take_text(g, g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1));
}

#define MANY G_MAXUINT

const GossFunctionRow goss_functions_text[] = {
    {"upper", 1, 1, f_upper},
    {"lower", 1, 1, f_lower},
    {"toUpper", 1, 1, f_upper},
    {"toLower", 1, 1, f_lower},
    {"trim", 1, 1, f_trim},
    {"trimPrefix", 2, 2, f_trim_prefix},
    {"trimSuffix", 2, 2, f_trim_suffix},
    {"contains", 2, 2, f_contains},
    {"hasPrefix", 2, 2, f_has_prefix},
    {"hasSuffix", 2, 2, f_has_suffix},
    {"replace", 3, 3, f_replace},
    {"repeat", 2, 2, f_repeat},
    {"quote", 1, 1, f_quote},
    {"squote", 1, 1, f_squote},
    {"indent", 2, 2, f_indent},
    {"nindent", 2, 2, f_nindent},
    {"default", 1, 2, f_default},
    {"empty", 1, 1, f_empty},
    {"coalesce", 1, MANY, f_coalesce},
    {"ternary", 3, 3, f_ternary},
    {"toString", 1, 1, f_to_string},
    {"int", 1, 1, f_int},
    {"int64", 1, 1, f_int},
    {"atoi", 1, 1, f_int},
    {"float64", 1, 1, f_float},
    {"add", 1, MANY, f_add},
    {"sub", 2, 2, f_sub},
    {"mul", 1, MANY, f_mul},
    {"div", 2, 2, f_div},
    {"mod", 2, 2, f_mod},
    {"b64enc", 1, 1, f_b64enc},
    {"sha256sum", 1, 1, f_sha256sum},
    {NULL, 0, 0, NULL},
};
