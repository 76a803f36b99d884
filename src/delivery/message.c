/* message.c: a message as one line of JSON, for agents that read files or standard input.
 *
 * The keys are those of org.waggle.Messaging1(5), and so are their values: times are microseconds
 * since 1970, in-reply-to is a number. The body is "text" when it is readable text, UTF-8 without
 * NUL; anything else is "body-base64". Nothing is cut, and nothing of the core's own is told. */
#include "delivery/backend.h"

static JsonNode *from_variant(GVariant *value);

static JsonNode *new_string(const char *text) {
  return json_node_init_string(json_node_alloc(), text);
}

static JsonNode *new_int(gint64 value) {
  return json_node_init_int(json_node_alloc(), value);
}

static JsonNode *from_list(GVariant *value) {
  JsonArray *array = json_array_new();

  for (gsize i = 0; i < g_variant_n_children(value); i++) {
    g_autoptr(GVariant) child = g_variant_get_child_value(value, i);
    json_array_add_element(array, from_variant(child));
  }
  JsonNode *node = json_node_init_array(json_node_alloc(), array);
  json_array_unref(array);
  return node;
}

static void add_members(JsonObject *object, GVariant *dict) {
  for (gsize i = 0; i < g_variant_n_children(dict); i++) {
    g_autoptr(GVariant) entry = g_variant_get_child_value(dict, i);
    g_autoptr(GVariant) key = g_variant_get_child_value(entry, 0);
    g_autoptr(GVariant) value = g_variant_get_child_value(entry, 1);
    json_object_set_member(object, g_variant_get_string(key, NULL), from_variant(value));
  }
}

static JsonNode *from_dict(GVariant *value) {
  JsonObject *object = json_object_new();

  add_members(object, value);
  JsonNode *node = json_node_init_object(json_node_alloc(), object);
  json_object_unref(object);
  return node;
}

/* Numbers above what JSON programs hold exactly (2^53) are tokens and volatile numbers; they stay
 * numbers, as everywhere in the suite. */
static JsonNode *from_variant(GVariant *value) {
  switch (g_variant_classify(value)) {
  case G_VARIANT_CLASS_STRING:
  case G_VARIANT_CLASS_OBJECT_PATH:
  case G_VARIANT_CLASS_SIGNATURE:
    return new_string(g_variant_get_string(value, NULL));
  case G_VARIANT_CLASS_BOOLEAN:
    return json_node_init_boolean(json_node_alloc(), g_variant_get_boolean(value));
  case G_VARIANT_CLASS_BYTE:
    return new_int(g_variant_get_byte(value));
  case G_VARIANT_CLASS_INT32:
    return new_int(g_variant_get_int32(value));
  case G_VARIANT_CLASS_UINT32:
    return new_int(g_variant_get_uint32(value));
  case G_VARIANT_CLASS_INT64:
    return new_int(g_variant_get_int64(value));
  case G_VARIANT_CLASS_UINT64:
    return new_int((gint64)g_variant_get_uint64(value));
  case G_VARIANT_CLASS_DOUBLE:
    return json_node_init_double(json_node_alloc(), g_variant_get_double(value));
  case G_VARIANT_CLASS_VARIANT: {
    g_autoptr(GVariant) child = g_variant_get_variant(value);
    return from_variant(child);
  }
  case G_VARIANT_CLASS_ARRAY:
    return g_variant_type_is_dict_entry(g_variant_type_element(g_variant_get_type(value)))
               ? from_dict(value)
               : from_list(value);
  default:
    return json_node_new(JSON_NODE_NULL);
  }
}

/* g_utf8_validate_len() takes a NUL for the end of the text, hence for an error. */
static void add_body(JsonObject *object, GBytes *body) {
  gsize size;
  const char *data = g_bytes_get_data(body, &size);

  json_object_set_int_member(object, "bytes", (gint64)size);
  if (size == 0 || g_utf8_validate_len(data, size, NULL)) {
    g_autofree char *text = g_strndup(size > 0 ? data : "", size);
    json_object_set_string_member(object, "text", text);
    return;
  }
  g_autofree char *encoded = g_base64_encode((const guchar *)data, size);
  json_object_set_string_member(object, "body-base64", encoded);
}

GBytes *dlv_message_json(const char *agent, const DlvMessage *message) {
  g_autoptr(JsonObject) object = json_object_new();
  g_autoptr(JsonGenerator) generator = json_generator_new();

  json_object_set_int_member(object, "message", (gint64)message->number);
  json_object_set_string_member(object, "agent", agent);
  json_object_set_string_member(object, "from", message->from);
  json_object_set_int_member(object, "priority", message->priority);
  if (message->fields != NULL)
    add_members(object, message->fields);
  if (message->body != NULL)
    add_body(object, message->body);
  JsonNode *root = json_node_init_object(json_node_alloc(), object);
  json_generator_set_root(generator, root);
  json_node_unref(root);
  GString *line = json_generator_to_gstring(generator, g_string_new(NULL));
  g_string_append_c(line, '\n');
  return g_string_free_to_bytes(line);
}
