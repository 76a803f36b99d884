/* goss-functions-list.c: functions of Sprig over lists and maps, as far as goss files use them. No
 * function changes what it is given. */
#include "checks/goss-private.h"

#include <string.h>

#define MANY G_MAXUINT
#define UNTIL_MAX 100000

static gint by_text(gconstpointer a, gconstpointer b) {
  return strcmp(a, b);
}

static void add(JsonArray *to, JsonNode *value) {
  json_array_add_element(to, json_node_copy(value));
}

static JsonNode *f_list(Goss *g, JsonNode **args, guint n, GError **error) {
  JsonArray *array = json_array_new();

  for (guint i = 0; i < n; i++)
    add(array, args[i]);
  return goss_array(g, array);
}

/* Elements from `begin`, `n` of them at most. */
static JsonNode *part(Goss *g, JsonArray *from, guint begin, guint n) {
  JsonArray *array = json_array_new();

  for (guint i = begin; i < json_array_get_length(from) && i - begin < n; i++)
    add(array, json_array_get_element(from, i));
  return goss_array(g, array);
}

static JsonNode *f_first(Goss *g, JsonNode **args, guint n, GError **error) {
  JsonArray *array = goss_array_of(g, args[0], "first", error);

  if (!array)
    return NULL;
  return json_array_get_length(array) ? json_array_get_element(array, 0) : goss_null(g);
}

static JsonNode *f_last(Goss *g, JsonNode **args, guint n, GError **error) {
  JsonArray *array = goss_array_of(g, args[0], "last", error);
  guint length = array ? json_array_get_length(array) : 0;

  if (!array)
    return NULL;
  return length ? json_array_get_element(array, length - 1) : goss_null(g);
}

static JsonNode *f_rest(Goss *g, JsonNode **args, guint n, GError **error) {
  JsonArray *array = goss_array_of(g, args[0], "rest", error);

  return array ? part(g, array, 1, MANY) : NULL;
}

static JsonNode *f_initial(Goss *g, JsonNode **args, guint n, GError **error) {
  JsonArray *array = goss_array_of(g, args[0], "initial", error);

  return array ? part(g, array, 0, MAX(json_array_get_length(array), 1) - 1) : NULL;
}

static JsonNode *f_append(Goss *g, JsonNode **args, guint n, GError **error) {
  JsonArray *array = goss_array_of(g, args[0], "append", error);
  JsonNode *copy = array ? part(g, array, 0, MANY) : NULL;

  if (copy)
    add(json_node_get_array(copy), args[1]);
  return copy;
}

static JsonNode *f_concat(Goss *g, JsonNode **args, guint n, GError **error) {
  JsonNode *all = goss_array(g, json_array_new());

  for (guint i = 0; i < n; i++) {
    JsonArray *array = goss_array_of(g, args[i], "concat", error);
    if (!array)
      return NULL;
    for (guint k = 0; k < json_array_get_length(array); k++)
      add(json_node_get_array(all), json_array_get_element(array, k));
  }
  return all;
}

static gboolean holds(JsonArray *array, JsonNode *value) {
  for (guint i = 0; i < json_array_get_length(array); i++)
    if (goss_equal(json_array_get_element(array, i), value))
      return TRUE;
  return FALSE;
}

static JsonNode *f_has(Goss *g, JsonNode **args, guint n, GError **error) {
  JsonArray *array = goss_array_of(g, args[1], "has", error);

  return array ? goss_bool(g, holds(array, args[0])) : NULL;
}

static JsonNode *f_uniq(Goss *g, JsonNode **args, guint n, GError **error) {
  JsonArray *array = goss_array_of(g, args[0], "uniq", error);
  JsonArray *once = json_array_new();
  JsonNode *node = goss_array(g, once);

  for (guint i = 0; array && i < json_array_get_length(array); i++)
    if (!holds(once, json_array_get_element(array, i)))
      add(once, json_array_get_element(array, i));
  return array ? node : NULL;
}

static JsonNode *f_join(Goss *g, JsonNode **args, guint n, GError **error) {
  JsonArray *array = goss_array_of(g, args[1], "join", error);
  g_autofree char *between = goss_print(args[0]);
  GString *out;

  if (!array)
    return NULL;
  out = g_string_new(NULL);
  for (guint i = 0; i < json_array_get_length(array); i++) {
    g_autofree char *text = goss_print(json_array_get_element(array, i));
    g_string_append_printf(out, "%s%s", i ? between : "", text);
  }
  return goss_take_text(g, g_string_free(out, FALSE));
}

static JsonNode *f_split_list(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *between = goss_print(args[0]), *text = goss_print(args[1]);
  JsonArray *array = json_array_new();

  if (!*between) {
    json_array_add_string_element(array, text);
    return goss_array(g, array);
  }
  g_auto(GStrv) parts = g_strsplit(text, between, -1);
  for (guint i = 0; parts[i]; i++)
    json_array_add_string_element(array, parts[i]);
  return goss_array(g, array);
}

static gint by_pointed(gconstpointer a, gconstpointer b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static JsonNode *f_sort_alpha(Goss *g, JsonNode **args, guint n, GError **error) {
  JsonArray *array = goss_array_of(g, args[0], "sortAlpha", error);
  g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
  JsonArray *sorted;

  if (!array)
    return NULL;
  for (guint i = 0; i < json_array_get_length(array); i++)
    g_ptr_array_add(texts, goss_print(json_array_get_element(array, i)));
  g_ptr_array_sort(texts, by_pointed);
  sorted = json_array_new();
  for (guint i = 0; i < texts->len; i++)
    json_array_add_string_element(sorted, texts->pdata[i]);
  return goss_array(g, sorted);
}

static JsonNode *f_until(Goss *g, JsonNode **args, guint n, GError **error) {
  gint64 end = goss_is_int(args[0]) ? json_node_get_int(args[0]) : -1;
  JsonArray *array;

  if (end < 0 || end > UNTIL_MAX) {
    goss_fail(g, error, "until needs a number up to %d", UNTIL_MAX);
    return NULL;
  }
  array = json_array_new();
  for (gint64 i = 0; i < end; i++)
    json_array_add_int_element(array, i);
  return goss_array(g, array);
}

/* ---- maps ---- */
static JsonNode *f_dict(Goss *g, JsonNode **args, guint n, GError **error) {
  JsonObject *object = json_object_new();
  JsonNode *node = json_node_alloc();

  json_node_take_object(node, object);
  goss_keep(g, node);
  for (guint i = 0; i + 1 < n; i += 2) {
    g_autofree char *key = goss_print(args[i]);
    json_object_set_member(object, key, json_node_copy(args[i + 1]));
  }
  return node;
}

/* Unlike a field, one that is not there is an empty text. */
static JsonNode *f_get(Goss *g, JsonNode **args, guint n, GError **error) {
  JsonObject *object = goss_object_of(g, args[0], "get", error);
  g_autofree char *key = goss_print(args[1]);

  if (!object)
    return NULL;
  return json_object_has_member(object, key) ? json_object_get_member(object, key)
                                             : goss_text(g, "");
}

static JsonNode *f_has_key(Goss *g, JsonNode **args, guint n, GError **error) {
  JsonObject *object = goss_object_of(g, args[0], "hasKey", error);
  g_autofree char *key = goss_print(args[1]);

  return object ? goss_bool(g, json_object_has_member(object, key)) : NULL;
}

static JsonNode *members(Goss *g, JsonObject *object, gboolean values) {
  g_autoptr(GList) names = g_list_sort(json_object_get_members(object), by_text);
  JsonArray *array = json_array_new();

  for (GList *l = names; l; l = l->next) {
    if (values)
      add(array, json_object_get_member(object, l->data));
    else
      json_array_add_string_element(array, l->data);
  }
  return goss_array(g, array);
}

static JsonNode *f_keys(Goss *g, JsonNode **args, guint n, GError **error) {
  JsonObject *object = goss_object_of(g, args[0], "keys", error);

  return object ? members(g, object, FALSE) : NULL;
}

static JsonNode *f_values(Goss *g, JsonNode **args, guint n, GError **error) {
  JsonObject *object = goss_object_of(g, args[0], "values", error);

  return object ? members(g, object, TRUE) : NULL;
}

static JsonNode *f_to_json(Goss *g, JsonNode **args, guint n, GError **error) {
  return goss_take_text(g, json_to_string(args[0], FALSE));
}

static JsonNode *f_from_json(Goss *g, JsonNode **args, guint n, GError **error) {
  g_autofree char *text = goss_print(args[0]);
  g_autoptr(GError) own = NULL;
  JsonNode *node = json_from_string(text, &own);

  if (node)
    return goss_keep(g, node);
  goss_fail(g, error, "fromJson: %s", own ? own->message : "an empty text");
  return NULL;
}

const GossFunctionRow goss_functions_list[] = {
    {"list", 0, MANY, f_list},
    {"tuple", 0, MANY, f_list},
    {"first", 1, 1, f_first},
    {"last", 1, 1, f_last},
    {"rest", 1, 1, f_rest},
    {"initial", 1, 1, f_initial},
    {"append", 2, 2, f_append},
    {"push", 2, 2, f_append},
    {"concat", 1, MANY, f_concat},
    {"has", 2, 2, f_has},
    {"uniq", 1, 1, f_uniq},
    {"join", 2, 2, f_join},
    {"splitList", 2, 2, f_split_list},
    {"sortAlpha", 1, 1, f_sort_alpha},
    {"until", 1, 1, f_until},
    {"dict", 0, MANY, f_dict},
    {"get", 2, 2, f_get},
    {"hasKey", 2, 2, f_has_key},
    {"keys", 1, 1, f_keys},
    {"values", 1, 1, f_values},
    {"toJson", 1, 1, f_to_json},
    {"toRawJson", 1, 1, f_to_json},
    {"fromJson", 1, 1, f_from_json},
    {NULL, 0, 0, NULL},
};
