/* goss-functions.c: the functions of Go's text/template and those that goss adds. */
#include "checks/goss-private.h"

#include <string.h>

#define MANY G_MAXUINT
#define FILE_MAX_BYTES (1024 * 1024)

static const GossFunctionRow *find(const GossFunctionRow *rows, const char *name) {
  for (; rows->name; rows++)
    if (strcmp(rows->name, name) == 0)
      return rows;
  return NULL;
}

static const GossFunctionRow *find_any(const char *name) {
  static const GossFunctionRow *const tables[] = {
      goss_functions_core,  goss_functions_text,  goss_functions_list,
      goss_functions_words, goss_functions_maps,  goss_functions_time,
      goss_functions_codes, goss_functions_cases, goss_functions_numbers};
  const GossFunctionRow *row = NULL;

  for (guint i = 0; row == NULL && i < G_N_ELEMENTS(tables); i++)
    row = find(tables[i], name);
  return row;
}

/* "mustX" is X that fails where X would answer with nothing; here most fail anyway. */
const GossFunctionRow *goss_function(const char *name) {
  static const char *const must[] = {"append",
                                     "chunk",
                                     "compact",
                                     "deepCopy",
                                     "first",
                                     "fromJson",
                                     "has",
                                     "initial",
                                     "last",
                                     "merge",
                                     "mergeOverwrite",
                                     "prepend",
                                     "push",
                                     "regexFind",
                                     "regexFindAll",
                                     "regexMatch",
                                     "regexReplaceAll",
                                     "regexReplaceAllLiteral",
                                     "regexSplit",
                                     "rest",
                                     "reverse",
                                     "slice",
                                     "toJson",
                                     "toPrettyJson",
                                     "toRawJson",
                                     "uniq",
                                     "without",
                                     NULL};
  const GossFunctionRow *row = find_any(name);

  if (row || !g_str_has_prefix(name, "must") || strlen(name) < 5)
    return row;
  g_autofree char *plain = g_strdup(name + strlen("must"));
  *plain = g_ascii_tolower(*plain);
  return g_strv_contains(must, plain) ? find_any(plain) : NULL;
}

const char *goss_function_left_out(const char *name) {
  static const char *const keys[] = {"buildCustomCert",
                                     "genCA",
                                     "genCAWithKey",
                                     "genPrivateKey",
                                     "genSelfSignedCert",
                                     "genSelfSignedCertWithKey",
                                     "genSignedCert",
                                     "genSignedCertWithKey",
                                     NULL};
  static const char *const secrets[] = {"bcrypt",     "decryptAES", "derivePassword",
                                        "encryptAES", "htpasswd",   NULL};

  if (g_strv_contains(keys, name))
    return "keys and certificates are not made while something is verified";
  return g_strv_contains(secrets, name) ? "no secret is made or opened in a file of checks" : NULL;
}

static JsonNode *f_and(Goss *g, JsonNode **args, guint n, GError **error) {
  for (guint i = 0; i + 1 < n; i++)
    if (!goss_is_true(args[i]))
      return args[i];
  return args[n - 1];
}

static JsonNode *f_or(Goss *g, JsonNode **args, guint n, GError **error) {
  for (guint i = 0; i + 1 < n; i++)
    if (goss_is_true(args[i]))
      return args[i];
  return args[n - 1];
}

static JsonNode *f_not(Goss *g, JsonNode **args, guint n, GError **error) {
  return goss_bool(g, !goss_is_true(args[0]));
}

/* Equal to any of the others. */
static JsonNode *f_eq(Goss *g, JsonNode **args, guint n, GError **error) {
  for (guint i = 1; i < n; i++)
    if (goss_equal(args[0], args[i]))
      return goss_bool(g, TRUE);
  return goss_bool(g, FALSE);
}

static JsonNode *f_ne(Goss *g, JsonNode **args, guint n, GError **error) {
  return goss_bool(g, !goss_equal(args[0], args[1]));
}

static gboolean order(Goss *g, JsonNode **args, int *ret, GError **error) {
  return goss_compare(args[0], args[1], ret) ||
         goss_fail(g, error, "values of these kinds have no order");
}

static JsonNode *f_lt(Goss *g, JsonNode **args, guint n, GError **error) {
  int o;

  return order(g, args, &o, error) ? goss_bool(g, o < 0) : NULL;
}

static JsonNode *f_le(Goss *g, JsonNode **args, guint n, GError **error) {
  int o;

  return order(g, args, &o, error) ? goss_bool(g, o <= 0) : NULL;
}

static JsonNode *f_gt(Goss *g, JsonNode **args, guint n, GError **error) {
  int o;

  return order(g, args, &o, error) ? goss_bool(g, o > 0) : NULL;
}

static JsonNode *f_ge(Goss *g, JsonNode **args, guint n, GError **error) {
  int o;

  return order(g, args, &o, error) ? goss_bool(g, o >= 0) : NULL;
}

static JsonNode *f_len(Goss *g, JsonNode **args, guint n, GError **error) {
  if (JSON_NODE_HOLDS_ARRAY(args[0]))
    return goss_int(g, json_array_get_length(json_node_get_array(args[0])));
  if (JSON_NODE_HOLDS_OBJECT(args[0]))
    return goss_int(g, json_object_get_size(json_node_get_object(args[0])));
  if (goss_is_text(args[0]))
    return goss_int(g, (gint64)strlen(json_node_get_string(args[0])));
  goss_fail(g, error, "len of a value that has no length");
  return NULL;
}

static JsonNode *f_index(Goss *g, JsonNode **args, guint n, GError **error) {
  JsonNode *value = args[0];

  for (guint i = 1; value && i < n; i++)
    value = goss_index(g, value, args[i], error);
  return value;
}

static JsonNode *join(Goss *g, JsonNode **args, guint n, gboolean line) {
  GString *out = g_string_new(NULL);

  for (guint i = 0; i < n; i++) {
    /* print puts a blank between two values that are both no text; println always */
    gboolean blank = i > 0 && (line || (!goss_is_text(args[i]) && !goss_is_text(args[i - 1])));
    g_autofree char *text = goss_print(args[i]);
    g_string_append_printf(out, "%s%s", blank ? " " : "", text);
  }
  if (line)
    g_string_append_c(out, '\n');
  return goss_take_text(g, g_string_free(out, FALSE));
}

static JsonNode *f_print(Goss *g, JsonNode **args, guint n, GError **error) {
  return join(g, args, n, FALSE);
}

static JsonNode *f_println(Goss *g, JsonNode **args, guint n, GError **error) {
  return join(g, args, n, TRUE);
}

/* One verb of printf with its value; `width` counts characters. */
static gboolean format_one(Goss *g, GString *out, char verb, gboolean zero, gboolean left,
                           int width, int precision, JsonNode *value, GError **error) {
  g_autofree char *text = NULL;

  if (verb == 'd' && goss_is_int(value)) {
    text = g_strdup_printf("%" G_GINT64_FORMAT, json_node_get_int(value));
  } else if ((verb == 'f' || verb == 'g') && goss_is_number(value)) {
    char number[G_ASCII_DTOSTR_BUF_SIZE];
    g_autofree char *format =
        g_strdup_printf("%%.%d%c", MIN(precision < 0 ? 6 : precision, 15), verb);
    text = g_strdup(g_ascii_formatd(number, sizeof number, format, goss_number(value)));
  } else if ((verb == 'x' || verb == 'o') && goss_is_int(value)) {
    text = verb == 'x' ? g_strdup_printf("%" G_GINT64_MODIFIER "x", json_node_get_int(value))
                       : g_strdup_printf("%" G_GINT64_MODIFIER "o", json_node_get_int(value));
  } else if (verb == 's' || verb == 'v' || verb == 't') {
    text = goss_print(value);
  } else if (verb == 'q') {
    g_autofree char *plain = goss_print(value);
    g_autofree char *escaped = g_strescape(plain, NULL);
    text = g_strdup_printf("\"%s\"", escaped);
  } else {
    return goss_fail(g, error, "printf: %%%c does not fit the value", verb);
  }
  int pad = MAX(0, MIN(width, 1000) - (int)g_utf8_strlen(text, -1));
  g_autofree char *filling = g_strnfill((gsize)pad, zero && !left ? '0' : ' ');
  g_string_append_printf(out, "%s%s%s", left ? "" : filling, text, left ? filling : "");
  return TRUE;
}

static JsonNode *f_printf(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autoptr(GString) out = g_string_new(NULL);
  guint next = 1;

  if (!goss_is_text(args[0])) {
    goss_fail(g, error, "printf: the format is no text");
    return NULL;
  }
  for (const char *p = json_node_get_string(args[0]); *p; p++) {
    if (*p != '%' || *++p == '%') {
      g_string_append_c(out, *p);
      continue;
    }
    gboolean left = FALSE, zero = FALSE;
    int width = 0, precision = -1;
    for (; *p == '-' || *p == '0'; p++) {
      left |= *p == '-';
      zero |= *p == '0';
    }
    for (; g_ascii_isdigit(*p) && width < 10000; p++)
      width = width * 10 + (*p - '0');
    if (*p == '.')
      for (p++, precision = 0; g_ascii_isdigit(*p) && precision < 100; p++)
        precision = precision * 10 + (*p - '0');
    if (*p == 0 || next >= n) {
      goss_fail(g, error, "printf: more places than values");
      return NULL;
    }
    if (!format_one(g, out, *p, zero, left, width, precision, args[next++], error))
      return NULL;
  }
  return goss_text(g, out->str);
}

/* ---- what goss adds ---- */
static const char *text_of(Goss *g, JsonNode *node, const char *function, GError **error) {
  if (goss_is_text(node))
    return json_node_get_string(node);
  goss_fail(g, error, "%s needs a text", function);
  return NULL;
}

static JsonNode *f_mk_slice(Goss *g, JsonNode **args, guint n, GError **error) {
  JsonArray *array = json_array_new();

  for (guint i = 0; i < n; i++)
    json_array_add_element(array, json_node_copy(args[i]));
  return goss_array(g, array);
}

static JsonNode *f_get_env(Goss *g, JsonNode **args, guint n, GError **error) {
  const char *name = text_of(g, args[0], "getEnv", error);
  const char *value = name ? g_getenv(name) : NULL;

  if (!name)
    return NULL;
  return value ? goss_take_text(g, g_utf8_make_valid(value, -1))
               : (n > 1 ? args[1] : goss_text(g, ""));
}

static JsonNode *f_read_file(Goss *g, JsonNode **args, guint n, GError **error) {
  const char *name = text_of(g, args[0], "readFile", error);
  g_autoptr(GError) own = NULL;
  g_autofree char *bytes = NULL;
  gsize size = 0;

  if (!name)
    return NULL;
  if (!g_file_get_contents(name, &bytes, &size, &own)) {
    goss_fail(g, error, "readFile: %s", own->message);
    return NULL;
  }
  if (size > FILE_MAX_BYTES) {
    goss_fail(g, error, "readFile: %s is larger than %d bytes", name, FILE_MAX_BYTES);
    return NULL;
  }
  g_autofree char *valid = g_utf8_make_valid(bytes, (gssize)size);
  return goss_text(g, g_strstrip(valid));
}

static GRegex *regex_of(Goss *g, JsonNode *node, const char *function, GError **error) {
  const char *pattern = text_of(g, node, function, error);
  g_autoptr(GError) own = NULL;
  GRegex *regex = pattern ? g_regex_new(pattern, 0, 0, &own) : NULL;

  if (own)
    goss_fail(g, error, "%s: %s", function, own->message);
  return regex;
}

static JsonNode *f_regex_match(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autoptr(GRegex) regex = regex_of(g, args[0], "regexMatch", error);
  g_autofree char *text = goss_print(args[1]);

  return regex ? goss_bool(g, g_regex_match(regex, text, 0, NULL)) : NULL;
}

/* A map of the named groups; without names of all of them, "0" is the whole. */
static JsonNode *f_find_submatch(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autoptr(GRegex) regex = regex_of(g, args[0], "findStringSubmatch", error);
  g_autofree char *text = goss_print(args[1]);
  g_autoptr(GMatchInfo) match = NULL;

  if (!regex)
    return NULL;
  JsonObject *object = json_object_new();
  if (g_regex_match(regex, text, 0, &match)) {
    g_autoptr(GRegex) names = g_regex_new("\\(\\?P?<([A-Za-z_]\\w*)>", 0, 0, NULL);
    g_autoptr(GMatchInfo) each = NULL;
    g_regex_match(names, g_regex_get_pattern(regex), 0, &each);
    gboolean named = g_match_info_matches(each);
    for (; g_match_info_matches(each); g_match_info_next(each, NULL)) {
      g_autofree char *name = g_match_info_fetch(each, 1);
      g_autofree char *found = g_match_info_fetch_named(match, name);
      json_object_set_string_member(object, name, found ? found : "");
    }
    for (int i = 0; !named && i < g_match_info_get_match_count(match); i++) {
      g_autofree char *found = g_match_info_fetch(match, i);
      g_autofree char *name = g_strdup_printf("%d", i);
      json_object_set_string_member(object, name, found);
    }
  }
  JsonNode *node = json_node_alloc();
  json_node_take_object(node, object);
  return goss_keep(g, node);
}

const GossFunctionRow goss_functions_core[] = {
    {"and", 1, MANY, f_and},
    {"or", 1, MANY, f_or},
    {"not", 1, 1, f_not},
    {"eq", 2, MANY, f_eq},
    {"ne", 2, 2, f_ne},
    {"lt", 2, 2, f_lt},
    {"le", 2, 2, f_le},
    {"gt", 2, 2, f_gt},
    {"ge", 2, 2, f_ge},
    {"len", 1, 1, f_len},
    {"index", 1, MANY, f_index},
    {"print", 0, MANY, f_print},
    {"println", 0, MANY, f_println},
    {"printf", 1, MANY, f_printf},
    {"mkSlice", 0, MANY, f_mk_slice},
    {"getEnv", 1, 2, f_get_env},
    {"readFile", 1, 1, f_read_file},
    {"regexMatch", 2, 2, f_regex_match},
    {"findStringSubmatch", 2, 2, f_find_submatch},
    {NULL, 0, 0, NULL},
};
