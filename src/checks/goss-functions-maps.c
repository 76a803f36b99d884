/* goss-functions-maps.c: the rest of Sprig's functions over lists, maps and numbers that goss files
 * use. "set", "unset" and "merge" change the map that they are given, as Sprig's do; what a map
 * lost lives on with the rendering, and no map is put into itself. */
#include "checks/goss-private.h"

#include <string.h>

#define MANY G_MAXUINT
#define RANGE_MAX 100000

static void add(JsonArray *to, JsonNode *value) {
  json_array_add_element(to, json_node_copy(value));
}

/* ---- lists ---- */
static JsonNode *f_prepend(Goss *g, JsonNode **args, guint n, GError **error) {
  JsonArray *array = goss_array_of(g, args[0], "prepend", error);
  JsonArray *all;

  if (!array)
    return NULL;
  all = json_array_new();
  add(all, args[1]);
  for (guint i = 0; i < json_array_get_length(array); i++)
    add(all, json_array_get_element(array, i));
  return goss_array(g, all);
}

static JsonNode *f_reverse(Goss *g, JsonNode **args, guint n, GError **error) {
  JsonArray *array = goss_array_of(g, args[0], "reverse", error);
  JsonArray *all;

  if (!array)
    return NULL;
  all = json_array_new();
  for (guint i = json_array_get_length(array); i > 0; i--)
    add(all, json_array_get_element(array, i - 1));
  return goss_array(g, all);
}

/* Those that are none of the others. */
static JsonNode *f_without(Goss *g, JsonNode **args, guint n, GError **error) {
  JsonArray *array = goss_array_of(g, args[0], "without", error);
  JsonArray *all;

  if (!array)
    return NULL;
  all = json_array_new();
  for (guint i = 0; i < json_array_get_length(array); i++) {
    gboolean out = FALSE;
    for (guint k = 1; k < n && !out; k++)
      out = goss_equal(json_array_get_element(array, i), args[k]);
    if (!out)
      add(all, json_array_get_element(array, i));
  }
  return goss_array(g, all);
}

static JsonNode *f_compact(Goss *g, JsonNode **args, guint n, GError **error) {
  JsonArray *array = goss_array_of(g, args[0], "compact", error);
  JsonArray *all;

  if (!array)
    return NULL;
  all = json_array_new();
  for (guint i = 0; i < json_array_get_length(array); i++)
    if (goss_is_true(json_array_get_element(array, i)))
      add(all, json_array_get_element(array, i));
  return goss_array(g, all);
}

static JsonNode *f_slice(Goss *g, JsonNode **args, guint n, GError **error) {
  JsonArray *array = goss_array_of(g, args[0], "slice", error);
  gint64 length = array ? json_array_get_length(array) : 0;
  gint64 begin = n > 1 ? goss_whole(args[1]) : 0, end = n > 2 ? goss_whole(args[2]) : length;
  JsonArray *all;

  if (!array)
    return NULL;
  if (begin < 0 || end > length || begin > end) {
    goss_fail(g, error, "slice: the list has %d elements", (int)length);
    return NULL;
  }
  all = json_array_new();
  for (gint64 i = begin; i < end; i++)
    add(all, json_array_get_element(array, (guint)i));
  return goss_array(g, all);
}

/* ---- maps ---- */
static JsonObject *copy_of(Goss *g, JsonObject *object, JsonNode **ret) {
  JsonObject *copy = json_object_new();
  g_autoptr(GList) names = json_object_get_members(object);

  for (GList *l = names; l; l = l->next)
    json_object_set_member(copy, l->data, json_node_copy(json_object_get_member(object, l->data)));
  *ret = json_node_alloc();
  json_node_take_object(*ret, copy);
  goss_keep(g, *ret);
  return copy;
}

/* Whether the map is `node`, or somewhere in it. Counted as steps: a value may be shared often. */
static gboolean reaches(Goss *g, JsonNode *node, JsonObject *object) {
  JsonArray *array = JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
  JsonObject *other = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
  g_autoptr(GList) values = other ? json_object_get_values(other) : NULL;
  gboolean found = other == object || ++g->steps > CHK_GOSS_STEPS_MAX;

  for (GList *l = values; l && !found; l = l->next)
    found = reaches(g, l->data, object);
  for (guint i = 0; array && !found && i < json_array_get_length(array); i++)
    found = reaches(g, json_array_get_element(array, i), object);
  return found;
}

/* Somebody may still hold what stood there. */
static void let_go(Goss *g, JsonObject *object, const char *key) {
  JsonNode *old = json_object_get_member(object, key);

  if (old)
    goss_keep(g, json_node_ref(old));
}

static gboolean put(Goss *g, JsonObject *object, const char *key, JsonNode *value, GError **error) {
  if (reaches(g, value, object))
    return goss_fail(g, error, "a map cannot be put into itself, as \"%s\"", key);
  let_go(g, object, key);
  json_object_set_member(object, key, json_node_copy(value));
  return TRUE;
}

static JsonNode *f_set(Goss *g, JsonNode **args, guint n, GError **error) {
  JsonObject *object = goss_object_of(g, args[0], "set", error);
  g_autofree char *key = goss_print(args[1]);

  return object && put(g, object, key, args[2], error) ? args[0] : NULL;
}

static JsonNode *f_unset(Goss *g, JsonNode **args, guint n, GError **error) {
  JsonObject *object = goss_object_of(g, args[0], "unset", error);
  g_autofree char *key = goss_print(args[1]);

  if (!object)
    return NULL;
  let_go(g, object, key);
  if (json_object_has_member(object, key))
    json_object_remove_member(object, key);
  return args[0];
}

static gboolean merge_into(Goss *g, JsonObject *all, JsonObject *more, gboolean over, guint depth,
                           GError **error) {
  g_autoptr(GList) names = json_object_get_members(more);
  gboolean good = depth < CHK_GOSS_DEPTH_MAX || goss_fail(g, error, "maps within too many others");

  for (GList *l = all == more ? NULL : names; good && l; l = l->next) {
    JsonNode *old = json_object_get_member(all, l->data);
    JsonNode *value = json_object_get_member(more, l->data);
    if (old && JSON_NODE_HOLDS_OBJECT(old) && JSON_NODE_HOLDS_OBJECT(value))
      good = merge_into(g, json_node_get_object(old), json_node_get_object(value), over, depth + 1,
                        error);
    else if (over ? goss_is_true(value) : !old || !goss_is_true(old))
      good = put(g, all, l->data, value, error);
  }
  return good;
}

static JsonNode *merged(Goss *g, JsonNode **args, guint n, gboolean over, GError **error) {
  JsonObject *first = goss_object_of(g, args[0], "merge", error);

  for (guint i = 1; first && i < n; i++) {
    JsonObject *more = goss_object_of(g, args[i], "merge", error);
    if (!more || !merge_into(g, first, more, over, 0, error))
      return NULL;
  }
  return first ? args[0] : NULL;
}

/* What is there already stays; maps in both are merged, too. */
static JsonNode *f_merge(Goss *g, JsonNode **args, guint n, GError **error) {
  return merged(g, args, n, FALSE, error);
}

static JsonNode *f_merge_overwrite(Goss *g, JsonNode **args, guint n, GError **error) {
  return merged(g, args, n, TRUE, error);
}

static gboolean is_one_of(const char *name, JsonNode **args, guint n) {
  for (guint i = 1; i < n; i++) {
    g_autofree char *key = goss_print(args[i]);
    if (g_str_equal(key, name))
      return TRUE;
  }
  return FALSE;
}

static JsonNode *chosen(Goss *g, JsonNode **args, guint n, const char *function, gboolean these,
                        GError **error) {
  JsonObject *object = goss_object_of(g, args[0], function, error);
  JsonNode *node = NULL;
  JsonObject *all = object ? copy_of(g, object, &node) : NULL;
  g_autoptr(GList) names = object ? json_object_get_members(object) : NULL;

  for (GList *l = names; l; l = l->next)
    if (is_one_of(l->data, args, n) != these)
      json_object_remove_member(all, l->data);
  return node;
}

static JsonNode *f_pick(Goss *g, JsonNode **args, guint n, GError **error) {
  return chosen(g, args, n, "pick", TRUE, error);
}

static JsonNode *f_omit(Goss *g, JsonNode **args, guint n, GError **error) {
  return chosen(g, args, n, "omit", FALSE, error);
}

/* dig "a" "b" DEFAULT MAP */
static JsonNode *f_dig(Goss *g, JsonNode **args, guint n, GError **error) {
  JsonNode *at = args[n - 1];

  for (guint i = 0; i + 2 < n; i++) {
    JsonObject *object = goss_object_of(g, at, "dig", error);
    g_autofree char *key = goss_print(args[i]);
    if (!object)
      return NULL;
    if (!json_object_has_member(object, key))
      return args[n - 2];
    at = json_object_get_member(object, key);
  }
  return at;
}

/* {"_0": ..., "_1": ...} */
static JsonNode *f_split(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *between = goss_print(args[0]), *text = goss_print(args[1]);
  g_auto(GStrv) parts =
      *between ? g_strsplit(text, between, -1) : g_strdupv((char *[]){text, NULL});
  JsonNode *node = json_node_alloc();
  JsonObject *object = json_object_new();

  for (guint i = 0; parts[i]; i++) {
    g_autofree char *key = g_strdup_printf("_%u", i);
    json_object_set_string_member(object, key, parts[i]);
  }
  json_node_take_object(node, object);
  return goss_keep(g, node);
}

/* ---- truth and kinds ---- */
static JsonNode *f_all(Goss *g, JsonNode **args, guint n, GError **error) {
  gboolean all = TRUE;

  for (guint i = 0; i < n; i++)
    all = all && goss_is_true(args[i]);
  return goss_bool(g, all);
}

static JsonNode *f_any(Goss *g, JsonNode **args, guint n, GError **error) {
  gboolean any = FALSE;

  for (guint i = 0; i < n; i++)
    any = any || goss_is_true(args[i]);
  return goss_bool(g, any);
}

static const char *kind_of(JsonNode *node) {
  if (JSON_NODE_HOLDS_OBJECT(node))
    return "map";
  if (JSON_NODE_HOLDS_ARRAY(node))
    return "slice";
  if (goss_is_text(node))
    return "string";
  if (goss_is_number(node))
    return goss_is_int(node) ? "int" : "float64";
  return JSON_NODE_HOLDS_NULL(node) ? "invalid" : "bool";
}

static JsonNode *f_kind_of(Goss *g, JsonNode **args, guint n, GError **error) {
  return goss_text(g, kind_of(args[0]));
}

static JsonNode *f_kind_is(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *kind = goss_print(args[0]);

  return goss_bool(g, g_str_equal(kind, kind_of(args[1])));
}

static JsonNode *f_deep_equal(Goss *g, JsonNode **args, guint n, GError **error) {
  return goss_bool(g, goss_equal(args[0], args[1]));
}

/* ---- numbers ---- */
static JsonNode *f_add1(Goss *g, JsonNode **args, guint n, GError **error) {
  return goss_int(g, (gint64)((guint64)goss_whole(args[0]) + 1));
}

static JsonNode *f_max(Goss *g, JsonNode **args, guint n, GError **error) {
  gint64 best = goss_whole(args[0]);

  for (guint i = 1; i < n; i++)
    best = MAX(best, goss_whole(args[i]));
  return goss_int(g, best);
}

static JsonNode *f_min(Goss *g, JsonNode **args, guint n, GError **error) {
  gint64 best = goss_whole(args[0]);

  for (guint i = 1; i < n; i++)
    best = MIN(best, goss_whole(args[i]));
  return goss_int(g, best);
}

/* untilStep BEGIN END STEP: END is not among them. */
static JsonNode *f_until_step(Goss *g, JsonNode **args, guint n, GError **error) {
  gint64 begin = goss_whole(args[0]), end = goss_whole(args[1]), by = goss_whole(args[2]);
  JsonArray *all = json_array_new();
  guint count = 0;

  for (gint64 i = begin; by != 0 && count < RANGE_MAX && (by > 0 ? i < end : i > end); count++) {
    json_array_add_int_element(all, i);
    if (__builtin_add_overflow(i, by, &i))
      break;
  }
  return goss_array(g, all);
}

static JsonNode *f_to_pretty_json(Goss *g, JsonNode **args, guint n, GError **error) {
  return goss_take_text(g, json_to_string(args[0], TRUE));
}

const GossFunctionRow goss_functions_maps[] = {
    {"prepend", 2, 2, f_prepend},
    {"reverse", 1, 1, f_reverse},
    {"without", 1, MANY, f_without},
    {"compact", 1, 1, f_compact},
    {"slice", 1, 3, f_slice},
    {"set", 3, 3, f_set},
    {"unset", 2, 2, f_unset},
    {"merge", 1, MANY, f_merge},
    {"mergeOverwrite", 1, MANY, f_merge_overwrite},
    {"pick", 1, MANY, f_pick},
    {"omit", 1, MANY, f_omit},
    {"dig", 3, MANY, f_dig},
    {"split", 2, 2, f_split},
    {"all", 0, MANY, f_all},
    {"any", 0, MANY, f_any},
    {"kindOf", 1, 1, f_kind_of},
    {"kindIs", 2, 2, f_kind_is},
    {"deepEqual", 2, 2, f_deep_equal},
    {"add1", 1, 1, f_add1},
    {"max", 1, MANY, f_max},
    {"min", 1, MANY, f_min},
    {"untilStep", 3, 3, f_until_step},
    {"toPrettyJson", 1, 1, f_to_pretty_json},
    {NULL, 0, 0, NULL},
};
