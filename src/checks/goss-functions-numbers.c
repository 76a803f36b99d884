/* goss-functions-numbers.c: Sprig's functions over numbers with a fraction, over what kind a value
 * is, and the rest of those over lists. */
#include "checks/goss-private.h"

#include <math.h>
#include <string.h>

#define MANY G_MAXUINT
#define SEQ_MAX 100000

/* ---- numbers ---- */
typedef double (*Fold)(double a, double b);

static double fold_add(double a, double b) {
  return a + b;
}

static double fold_sub(double a, double b) {
  return a - b;
}

static double fold_mul(double a, double b) {
  return a * b;
}

static double fold_div(double a, double b) {
  return a / b;
}

static JsonNode *fold(Goss *g, JsonNode **args, guint n, Fold with, GError **error) {
  double result = goss_real(args[0]);

  for (guint i = 1; i < n; i++)
    result = with(result, goss_real(args[i]));
  if (isfinite(result))
    return goss_double(g, result);
  goss_fail(g, error, "a number that cannot be: a division by 0?");
  return NULL;
}

static JsonNode *f_addf(Goss *g, JsonNode **args, guint n, GError **error) {
  return fold(g, args, n, fold_add, error);
}

static JsonNode *f_subf(Goss *g, JsonNode **args, guint n, GError **error) {
  return fold(g, args, n, fold_sub, error);
}

static JsonNode *f_mulf(Goss *g, JsonNode **args, guint n, GError **error) {
  return fold(g, args, n, fold_mul, error);
}

static JsonNode *f_divf(Goss *g, JsonNode **args, guint n, GError **error) {
  return fold(g, args, n, fold_div, error);
}

static JsonNode *f_maxf(Goss *g, JsonNode **args, guint n, GError **error) {
  return fold(g, args, n, fmax, error);
}

static JsonNode *f_minf(Goss *g, JsonNode **args, guint n, GError **error) {
  return fold(g, args, n, fmin, error);
}

static JsonNode *f_add1f(Goss *g, JsonNode **args, guint n, GError **error) {
  return goss_double(g, goss_real(args[0]) + 1);
}

static JsonNode *f_ceil(Goss *g, JsonNode **args, guint n, GError **error) {
  return goss_double(g, ceil(goss_real(args[0])));
}

static JsonNode *f_floor(Goss *g, JsonNode **args, guint n, GError **error) {
  return goss_double(g, floor(goss_real(args[0])));
}

/* round NUMBER PLACES [FROM]: digits from .5, or from FROM, go up. */
static JsonNode *f_round(Goss *g, JsonNode **args, guint n, GError **error) {
  double power = pow(10, (double)CLAMP(goss_whole(args[1]), -15, 15));
  double from = n > 2 ? goss_real(args[2]) : 0.5, scaled = goss_real(args[0]) * power, whole;
  double fraction = modf(scaled, &whole);

  return goss_double(g, (fraction >= from ? ceil(scaled) : floor(scaled)) / power);
}

/* The number whose digits these are with the base 8. */
static JsonNode *f_to_decimal(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *text = goss_print(args[0]);
  gint64 number;

  return goss_int(
      g, g_ascii_string_to_signed(text, 8, G_MININT64, G_MAXINT64, &number, NULL) ? number : 0);
}

/* As seq(1): LAST, FIRST LAST, FIRST STEP LAST; a text. */
static JsonNode *f_seq(Goss *g, JsonNode **args, guint n, GError **error) {
  gint64 first = n > 1 ? goss_whole(args[0]) : 1, last = n ? goss_whole(args[n - 1]) : 0;
  gint64 by = n == 3 ? goss_whole(args[1]) : last < first ? -1 : 1;
  GString *out = g_string_new(NULL);

  for (guint i = 0; n && by && i < SEQ_MAX && (by > 0 ? first <= last : first >= last); i++) {
    g_string_append_printf(out, "%s%" G_GINT64_FORMAT, i ? " " : "", first);
    if (__builtin_add_overflow(first, by, &first))
      break;
  }
  return goss_take_text(g, g_string_free(out, FALSE));
}

/* ---- kinds ---- */
static const char *type_of(JsonNode *node) {
  if (JSON_NODE_HOLDS_OBJECT(node))
    return "map[string]interface {}";
  if (JSON_NODE_HOLDS_ARRAY(node))
    return "[]interface {}";
  if (goss_is_text(node))
    return "string";
  if (goss_is_number(node))
    return goss_is_int(node) ? "int" : "float64";
  return JSON_NODE_HOLDS_NULL(node) ? "<nil>" : "bool";
}

static JsonNode *f_type_of(Goss *g, JsonNode **args, guint n, GError **error) {
  return goss_text(g, type_of(args[0]));
}

static JsonNode *f_type_is(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *type = goss_print(args[0]);

  return goss_bool(g, g_str_equal(type, type_of(args[1])));
}

static JsonNode *f_type_is_like(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *type = goss_print(args[0]);

  return goss_bool(g, g_str_equal(type + (*type == '*'), type_of(args[1])));
}

/* ---- lists and maps ---- */
static void add(JsonArray *to, JsonNode *value) {
  json_array_add_element(to, json_node_copy(value));
}

static JsonNode *f_to_strings(Goss *g, JsonNode **args, guint n, GError **error) {
  JsonArray *from = JSON_NODE_HOLDS_ARRAY(args[0]) ? json_node_get_array(args[0]) : NULL;
  guint length = from ? json_array_get_length(from) : 1;
  JsonArray *all = json_array_new();

  for (guint i = 0; i < length; i++) {
    g_autofree char *text = goss_print(from ? json_array_get_element(from, i) : args[0]);
    json_array_add_string_element(all, text);
  }
  return goss_array(g, all);
}

static JsonNode *f_pluck(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *key = goss_print(args[0]);
  JsonNode *all = goss_array(g, json_array_new());

  for (guint i = 1; i < n; i++) {
    JsonObject *object = goss_object_of(g, args[i], "pluck", error);
    if (!object)
      return NULL;
    if (json_object_has_member(object, key))
      add(json_node_get_array(all), json_object_get_member(object, key));
  }
  return all;
}

static JsonNode *f_chunk(Goss *g, JsonNode **args, guint n, GError **error) {
  JsonArray *from = goss_array_of(g, args[1], "chunk", error), *part = NULL, *all;
  gint64 size = goss_whole(args[0]);

  if (!from)
    return NULL;
  if (size < 1) {
    goss_fail(g, error, "chunk: parts of at least one element");
    return NULL;
  }
  all = json_array_new();
  for (guint i = 0; i < json_array_get_length(from); i++) {
    if (i % size == 0)
      json_array_add_array_element(all, part = json_array_new());
    add(part, json_array_get_element(from, i));
  }
  return goss_array(g, all);
}

static JsonNode *f_deep_copy(Goss *g, JsonNode **args, guint n, GError **error) {
  return goss_keep(g, goss_deep_copy(args[0], 0));
}

/* {"_0": ..., "_1": the rest}, N of them at most */
static JsonNode *f_splitn(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *between = goss_print(args[0]), *text = goss_print(args[2]);
  int most = (int)CLAMP(goss_whole(args[1]), 0, G_MAXINT);
  g_auto(GStrv) parts =
      *between ? g_strsplit(text, between, most) : g_strdupv((char *[]){text, NULL});
  JsonNode *node = json_node_alloc();
  JsonObject *object = json_object_new();

  for (guint i = 0; parts[i]; i++) {
    g_autofree char *key = g_strdup_printf("_%u", i);
    json_object_set_string_member(object, key, parts[i]);
  }
  json_node_take_object(node, object);
  return goss_keep(g, node);
}

const GossFunctionRow goss_functions_numbers[] = {
    {"addf", 1, MANY, f_addf},
    {"add1f", 1, 1, f_add1f},
    {"subf", 1, MANY, f_subf},
    {"mulf", 1, MANY, f_mulf},
    {"divf", 1, MANY, f_divf},
    {"maxf", 1, MANY, f_maxf},
    {"minf", 1, MANY, f_minf},
    {"ceil", 1, 1, f_ceil},
    {"floor", 1, 1, f_floor},
    {"round", 2, 3, f_round},
    {"toDecimal", 1, 1, f_to_decimal},
    {"seq", 0, 3, f_seq},
    {"typeOf", 1, 1, f_type_of},
    {"typeIs", 2, 2, f_type_is},
    {"typeIsLike", 2, 2, f_type_is_like},
    {"toStrings", 1, 1, f_to_strings},
    {"pluck", 1, MANY, f_pluck},
    {"chunk", 2, 2, f_chunk},
    {"deepCopy", 1, 1, f_deep_copy},
    {"splitn", 3, 3, f_splitn},
    {NULL, 0, 0, NULL},
};
