/* bus-json.c: see bus-json.h. The depth is bounded by sd-bus. */
#include "checks/bus-json.h"

static JsonNode *text_node(const char *text) {
  return json_node_init_string(json_node_alloc(), text);
}

static JsonNode *unsigned_node(guint64 number) {
  g_autofree char *text = NULL;

  if (number <= G_MAXINT64)
    return json_node_init_int(json_node_alloc(), (gint64)number);
  text =
      number == G_MAXUINT64 ? g_strdup("infinity") : g_strdup_printf("%" G_GUINT64_FORMAT, number);
  return text_node(text);
}

static JsonNode *bytes_node(GVariant *value) {
  g_autoptr(GString) text = g_string_new(NULL);
  gsize n = 0;
  const guint8 *bytes = g_variant_get_fixed_array(value, &n, 1);

  for (gsize i = 0; i < n; i++)
    g_string_append_printf(text, "%02x", bytes[i]);
  return text_node(text->str);
}

static char *key_text(GVariant *key) {
  return g_variant_is_of_type(key, G_VARIANT_TYPE_STRING) ? g_variant_dup_string(key, NULL)
                                                          : g_variant_print(key, FALSE);
}

static JsonNode *object_node(GVariant *dict) {
  JsonObject *object = json_object_new();

  for (gsize i = 0; i < g_variant_n_children(dict); i++) {
    g_autoptr(GVariant) entry = g_variant_get_child_value(dict, i);
    g_autoptr(GVariant) key = g_variant_get_child_value(entry, 0);
    g_autoptr(GVariant) value = g_variant_get_child_value(entry, 1);
    g_autofree char *name = key_text(key);
    json_object_set_member(object, name, chk_bus_json(value));
  }
  JsonNode *node = json_node_init_object(json_node_alloc(), object);
  json_object_unref(object);
  return node;
}

static JsonNode *array_node(GVariant *list) {
  JsonArray *array = json_array_new();

  for (gsize i = 0; i < g_variant_n_children(list); i++) {
    g_autoptr(GVariant) each = g_variant_get_child_value(list, i);
    json_array_add_element(array, chk_bus_json(each));
  }
  JsonNode *node = json_node_init_array(json_node_alloc(), array);
  json_array_unref(array);
  return node;
}

static JsonNode *container(GVariant *value) {
  const GVariantType *type = g_variant_get_type(value);

  if (g_variant_type_equal(type, G_VARIANT_TYPE_VARIANT)) {
    g_autoptr(GVariant) inner = g_variant_get_variant(value);
    return chk_bus_json(inner);
  }
  if (g_variant_type_equal(type, G_VARIANT_TYPE_BYTESTRING))
    return bytes_node(value);
  if (g_variant_type_is_array(type) && g_variant_type_is_dict_entry(g_variant_type_element(type)))
    return object_node(value);
  return array_node(value);
}

JsonNode *chk_bus_json(GVariant *value) {
  switch (g_variant_classify(value)) {
  case G_VARIANT_CLASS_BOOLEAN:
    return json_node_init_boolean(json_node_alloc(), g_variant_get_boolean(value));
  case G_VARIANT_CLASS_BYTE:
    return unsigned_node(g_variant_get_byte(value));
  case G_VARIANT_CLASS_INT16:
    return json_node_init_int(json_node_alloc(), g_variant_get_int16(value));
  case G_VARIANT_CLASS_UINT16:
    return unsigned_node(g_variant_get_uint16(value));
  case G_VARIANT_CLASS_INT32:
    return json_node_init_int(json_node_alloc(), g_variant_get_int32(value));
  case G_VARIANT_CLASS_UINT32:
    return unsigned_node(g_variant_get_uint32(value));
  case G_VARIANT_CLASS_INT64:
    return json_node_init_int(json_node_alloc(), g_variant_get_int64(value));
  case G_VARIANT_CLASS_UINT64:
    return unsigned_node(g_variant_get_uint64(value));
  case G_VARIANT_CLASS_DOUBLE:
    return json_node_init_double(json_node_alloc(), g_variant_get_double(value));
  case G_VARIANT_CLASS_STRING:
  case G_VARIANT_CLASS_OBJECT_PATH:
  case G_VARIANT_CLASS_SIGNATURE:
    return text_node(g_variant_get_string(value, NULL));
  case G_VARIANT_CLASS_HANDLE:
    return unsigned_node((guint64)g_variant_get_handle(value));
  default:
    return container(value);
  }
}
