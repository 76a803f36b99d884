/* goss-value.c: values of a template: what is true, what is printed, what is equal. */
#include "checks/goss-private.h"

#include <string.h>

gboolean goss_fail(Goss *g, GError **error, const char *format, ...) {
  va_list args;

  va_start(args, format);
  g_autofree char *text = g_strdup_vprintf(format, args);
  va_end(args);
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "%s:%u: %s", g->name, g->line, text);
  return FALSE;
}

JsonArray *goss_array_of(Goss *g, JsonNode *node, const char *function, GError **error) {
  if (JSON_NODE_HOLDS_ARRAY(node))
    return json_node_get_array(node);
  goss_fail(g, error, "%s needs a list", function);
  return NULL;
}

JsonObject *goss_object_of(Goss *g, JsonNode *node, const char *function, GError **error) {
  if (JSON_NODE_HOLDS_OBJECT(node))
    return json_node_get_object(node);
  goss_fail(g, error, "%s needs a map", function);
  return NULL;
}

JsonNode *goss_keep(Goss *g, JsonNode *node) {
  g_ptr_array_add(g->values, node);
  return node;
}

JsonNode *goss_null(Goss *g) {
  return goss_keep(g, json_node_init_null(json_node_alloc()));
}

JsonNode *goss_bool(Goss *g, gboolean value) {
  return goss_keep(g, json_node_init_boolean(json_node_alloc(), value));
}

JsonNode *goss_int(Goss *g, gint64 value) {
  return goss_keep(g, json_node_init_int(json_node_alloc(), value));
}

JsonNode *goss_double(Goss *g, double value) {
  return goss_keep(g, json_node_init_double(json_node_alloc(), value));
}

JsonNode *goss_text(Goss *g, const char *text) {
  return goss_keep(g, json_node_init_string(json_node_alloc(), text));
}

JsonNode *goss_take_text(Goss *g, char *text) {
  JsonNode *node = goss_text(g, text);

  g_free(text);
  return node;
}

JsonNode *goss_array(Goss *g, JsonArray *array) {
  JsonNode *node = json_node_alloc();

  json_node_init_array(node, array);
  json_array_unref(array);
  return goss_keep(g, node);
}

JsonNode *goss_deep_copy(JsonNode *value, guint depth) {
  JsonNode *copy = json_node_alloc();

  if (JSON_NODE_HOLDS_OBJECT(value) && depth < CHK_GOSS_DEPTH_MAX) {
    JsonObject *from = json_node_get_object(value), *to = json_object_new();
    g_autoptr(GList) names = json_object_get_members(from);
    for (GList *l = names; l; l = l->next)
      json_object_set_member(to, l->data,
                             goss_deep_copy(json_object_get_member(from, l->data), depth + 1));
    json_node_take_object(copy, to);
    return copy;
  }
  if (JSON_NODE_HOLDS_ARRAY(value) && depth < CHK_GOSS_DEPTH_MAX) {
    JsonArray *from = json_node_get_array(value), *to = json_array_new();
    for (guint i = 0; i < json_array_get_length(from); i++)
      json_array_add_element(to, goss_deep_copy(json_array_get_element(from, i), depth + 1));
    json_node_take_array(copy, to);
    return copy;
  }
  json_node_unref(copy);
  return json_node_copy(value);
}

static gboolean holds(JsonNode *value, GType type) {
  return JSON_NODE_HOLDS_VALUE(value) && json_node_get_value_type(value) == type;
}

gboolean goss_is_text(JsonNode *value) {
  return holds(value, G_TYPE_STRING);
}

gboolean goss_is_int(JsonNode *value) {
  return holds(value, G_TYPE_INT64);
}

gboolean goss_is_number(JsonNode *value) {
  return goss_is_int(value) || holds(value, G_TYPE_DOUBLE);
}

double goss_number(JsonNode *value) {
  return goss_is_int(value) ? (double)json_node_get_int(value) : json_node_get_double(value);
}

gint64 goss_whole(JsonNode *value) {
  if (goss_is_number(value))
    return goss_is_int(value) ? json_node_get_int(value) : (gint64)goss_number(value);
  return goss_is_text(value) ? g_ascii_strtoll(json_node_get_string(value), NULL, 10) : 0;
}

double goss_real(JsonNode *value) {
  if (goss_is_number(value))
    return goss_number(value);
  return goss_is_text(value) ? g_ascii_strtod(json_node_get_string(value), NULL) : 0;
}

gboolean goss_is_true(JsonNode *value) {
  if (JSON_NODE_HOLDS_NULL(value))
    return FALSE;
  if (JSON_NODE_HOLDS_ARRAY(value))
    return json_array_get_length(json_node_get_array(value)) > 0;
  if (JSON_NODE_HOLDS_OBJECT(value))
    return json_object_get_size(json_node_get_object(value)) > 0;
  if (goss_is_text(value))
    return *json_node_get_string(value) != 0;
  if (goss_is_number(value))
    return goss_number(value) < 0 || goss_number(value) > 0;
  return json_node_get_boolean(value);
}

static gint by_text(gconstpointer a, gconstpointer b) {
  return strcmp(a, b);
}

static void print_into(GString *out, JsonNode *value);

static void print_object(GString *out, JsonObject *object) {
  g_autoptr(GList) names = g_list_sort(json_object_get_members(object), by_text);

  g_string_append(out, "map[");
  for (GList *l = names; l; l = l->next) {
    g_string_append_printf(out, "%s%s:", l == names ? "" : " ", (const char *)l->data);
    print_into(out, json_object_get_member(object, l->data));
  }
  g_string_append_c(out, ']');
}

static void print_into(GString *out, JsonNode *value) {
  char number[G_ASCII_DTOSTR_BUF_SIZE];

  if (JSON_NODE_HOLDS_NULL(value)) {
    g_string_append(out, "<no value>");
  } else if (JSON_NODE_HOLDS_ARRAY(value)) {
    JsonArray *array = json_node_get_array(value);
    g_string_append_c(out, '[');
    for (guint i = 0; i < json_array_get_length(array); i++) {
      g_string_append(out, i ? " " : "");
      print_into(out, json_array_get_element(array, i));
    }
    g_string_append_c(out, ']');
  } else if (JSON_NODE_HOLDS_OBJECT(value)) {
    print_object(out, json_node_get_object(value));
  } else if (goss_is_text(value)) {
    g_string_append(out, json_node_get_string(value));
  } else if (goss_is_int(value)) {
    g_string_append_printf(out, "%" G_GINT64_FORMAT, json_node_get_int(value));
  } else if (goss_is_number(value)) {
    g_string_append(out, g_ascii_formatd(number, sizeof number, "%.15g", goss_number(value)));
  } else {
    g_string_append(out, json_node_get_boolean(value) ? "true" : "false");
  }
}

char *goss_print(JsonNode *value) {
  GString *out = g_string_new(NULL);

  print_into(out, value);
  return g_string_free(out, FALSE);
}

gboolean goss_compare(JsonNode *a, JsonNode *b, int *ret) {
  if (goss_is_number(a) && goss_is_number(b)) {
    double x = goss_number(a), y = goss_number(b);
    *ret = x < y ? -1 : x > y;
    return TRUE;
  }
  if (!goss_is_text(a) || !goss_is_text(b))
    return FALSE;
  *ret = strcmp(json_node_get_string(a), json_node_get_string(b));
  return TRUE;
}

gboolean goss_equal(JsonNode *a, JsonNode *b) {
  int order;

  return goss_compare(a, b, &order) ? order == 0 : json_node_equal(a, b);
}

/* A key that a map does not have is nil; of nil nothing can be asked. */
JsonNode *goss_field(Goss *g, JsonNode *value, const char *name, GError **error) {
  JsonNode *found = goss_time_field(g, value, name);

  if (found)
    return found;
  if (!JSON_NODE_HOLDS_OBJECT(value)) {
    goss_fail(g, error, "there is no .%s in %s", name,
              JSON_NODE_HOLDS_NULL(value) ? "a value that is not set" : "a value that is no map");
    return NULL;
  }
  found = json_object_get_member(json_node_get_object(value), name);
  return found ? found : goss_null(g);
}

JsonNode *goss_index(Goss *g, JsonNode *value, JsonNode *key, GError **error) {
  if (JSON_NODE_HOLDS_OBJECT(value) && goss_is_text(key))
    return goss_field(g, value, json_node_get_string(key), error);
  if (JSON_NODE_HOLDS_ARRAY(value) && goss_is_int(key)) {
    JsonArray *array = json_node_get_array(value);
    gint64 i = json_node_get_int(key);
    if (i >= 0 && i < (gint64)json_array_get_length(array))
      return json_array_get_element(array, (guint)i);
    goss_fail(g, error, "index %" G_GINT64_FORMAT " is out of a list of %u", i,
              json_array_get_length(array));
    return NULL;
  }
  g_autofree char *text = goss_print(key);
  goss_fail(g, error, "a value cannot be indexed with %s", text);
  return NULL;
}
