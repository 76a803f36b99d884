/* gjson-modify.c: the modifiers of gjson: what rearranges what was found. Of what they do not know
 * how to rearrange they make what gjson makes of it: mostly they leave it as it is. */
#include "checks/gjson-private.h"

#define DIG_DEPTH_MAX 256

JsonNode *gjson_keep(GPtrArray *arena, JsonNode *node) {
  g_ptr_array_add(arena, node);
  return node;
}

JsonNode *gjson_keep_array(GPtrArray *arena, JsonArray *array) {
  JsonNode *node = json_node_init_array(json_node_alloc(), array);

  json_array_unref(array);
  return gjson_keep(arena, node);
}

JsonNode *gjson_keep_object(GPtrArray *arena, JsonObject *object) {
  JsonNode *node = json_node_init_object(json_node_alloc(), object);

  json_object_unref(object);
  return gjson_keep(arena, node);
}

static gboolean is_text(JsonNode *node) {
  return JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING;
}

static JsonArray *array_of(JsonNode *node) {
  return JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
}

static JsonObject *object_of(JsonNode *node) {
  return JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

static void set_copy(JsonObject *object, const char *name, JsonNode *node) {
  json_object_set_member(object, name, json_node_copy(node));
}

/* The elements of a list have no names, and what is no map is one element. */
static JsonNode *keys(JsonNode *node, GPtrArray *arena) {
  JsonObject *object = object_of(node);
  g_autoptr(GList) names = object ? json_object_get_members(object) : NULL;
  JsonArray *all = json_array_new();
  guint n = object ? 0 : array_of(node) ? json_array_get_length(array_of(node)) : 1;

  for (GList *l = names; l; l = l->next)
    json_array_add_string_element(all, l->data);
  for (guint i = 0; i < n; i++)
    json_array_add_null_element(all);
  return gjson_keep_array(arena, all);
}

static JsonNode *values(JsonNode *node, GPtrArray *arena) {
  JsonObject *object = object_of(node);
  g_autoptr(GList) names = object ? json_object_get_members(object) : NULL;
  JsonArray *all;

  if (array_of(node))
    return node;
  all = json_array_new();
  for (GList *l = names; l; l = l->next)
    json_array_add_element(all, json_node_copy(json_object_get_member(object, l->data)));
  if (!object)
    json_array_add_element(all, json_node_copy(node));
  return gjson_keep_array(arena, all);
}

static JsonNode *reversed(JsonNode *node, GPtrArray *arena) {
  JsonArray *array = array_of(node);
  JsonObject *object = object_of(node), *other;
  JsonArray *all;

  if (object) {
    g_autoptr(GList) names = g_list_reverse(json_object_get_members(object));
    other = json_object_new();
    for (GList *l = names; l; l = l->next)
      set_copy(other, l->data, json_object_get_member(object, l->data));
    return gjson_keep_object(arena, other);
  }
  if (!array)
    return node;
  all = json_array_new();
  for (guint i = json_array_get_length(array); i > 0; i--)
    json_array_add_element(all, json_node_copy(json_array_get_element(array, i - 1)));
  return gjson_keep_array(arena, all);
}

static void flatten_into(JsonArray *all, JsonArray *array, gboolean deep, guint depth) {
  for (guint i = 0; i < json_array_get_length(array); i++) {
    JsonNode *one = json_array_get_element(array, i);
    if (array_of(one) && depth < DIG_DEPTH_MAX && (deep || depth == 0))
      flatten_into(all, array_of(one), deep, depth + 1);
    else
      json_array_add_element(all, json_node_copy(one));
  }
}

/* Lists in a list: one level of them, or all. */
static JsonNode *flat(JsonNode *node, gboolean deep, GPtrArray *arena) {
  JsonArray *all;

  if (!array_of(node))
    return node;
  all = json_array_new();
  flatten_into(all, array_of(node), deep, 0);
  return gjson_keep_array(arena, all);
}

/* Maps in a list as one; the last of two members of a name counts. With "preserve" gjson writes
 * both, of which a reader takes one as well. */
static JsonNode *joined(JsonNode *node, GPtrArray *arena) {
  JsonArray *array = array_of(node);
  JsonObject *all;

  if (!array)
    return node;
  all = json_object_new();
  for (guint i = 0; i < json_array_get_length(array); i++) {
    JsonObject *one = object_of(json_array_get_element(array, i));
    g_autoptr(GList) names = one ? json_object_get_members(one) : NULL;
    for (GList *l = names; l; l = l->next)
      set_copy(all, l->data, json_object_get_member(one, l->data));
  }
  return gjson_keep_object(arena, all);
}

/* {"a": [1, 2], "b": [3, 4]} is [{"a": 1, "b": 3}, {"a": 2, "b": 4}]. */
static JsonNode *grouped(JsonNode *node, GPtrArray *arena) {
  JsonObject *object = object_of(node);
  g_autoptr(GList) names = object ? json_object_get_members(object) : NULL;
  JsonArray *all;

  if (!object)
    return NULL;
  all = json_array_new();
  for (GList *l = names; l; l = l->next) {
    JsonArray *array = array_of(json_object_get_member(object, l->data));
    for (guint i = 0; array && i < json_array_get_length(array); i++) {
      if (i == json_array_get_length(all))
        json_array_add_object_element(all, json_object_new());
      set_copy(json_array_get_object_element(all, i), l->data, json_array_get_element(array, i));
    }
  }
  return gjson_keep_array(arena, all);
}

/* What the path finds in the value, and in each that is in it. */
static void dig(const ChkGjson *path, JsonNode *node, guint depth, JsonArray *all,
                GPtrArray *arena) {
  JsonNode *found = gjson_walk(path, node, arena);
  JsonArray *array = array_of(node);
  JsonObject *object = object_of(node);
  g_autoptr(GList) names = object ? json_object_get_members(object) : NULL;

  if (found)
    json_array_add_element(all, json_node_copy(found));
  if (depth >= DIG_DEPTH_MAX)
    return;
  for (guint i = 0; array && i < json_array_get_length(array); i++)
    dig(path, json_array_get_element(array, i), depth + 1, all, arena);
  for (GList *l = names; l; l = l->next)
    dig(path, json_object_get_member(object, l->data), depth + 1, all, arena);
}

static JsonNode *dug(const GjsonStep *step, JsonNode *node, GPtrArray *arena) {
  JsonArray *all = json_array_new();

  dig(step->path, node, 0, all, arena);
  return gjson_keep_array(arena, all);
}

static JsonNode *to_text(JsonNode *node, GPtrArray *arena) {
  g_autofree char *text = json_to_string(node, FALSE);

  return gjson_keep(arena, json_node_init_string(json_node_alloc(), text));
}

static JsonNode *from_text(JsonNode *node, GPtrArray *arena) {
  JsonNode *made;

  if (!is_text(node))
    return node;
  made = json_from_string(json_node_get_string(node), NULL);
  return made ? gjson_keep(arena, made) : NULL;
}

JsonNode *gjson_modify(const GjsonStep *step, JsonNode *node, GPtrArray *arena) {
  switch (step->modifier) {
  case GJSON_KEYS:
    return keys(node, arena);
  case GJSON_VALUES:
    return values(node, arena);
  case GJSON_REVERSE:
    return reversed(node, arena);
  case GJSON_FLATTEN:
    return flat(node, step->option, arena);
  case GJSON_JOIN:
    return joined(node, arena);
  case GJSON_GROUP:
    return grouped(node, arena);
  case GJSON_DIG:
    return dug(step, node, arena);
  case GJSON_TOSTR:
    return to_text(node, arena);
  case GJSON_FROMSTR:
    return from_text(node, arena);
  default:
    return node;
  }
}
