/* options.c: the values of a back-end's options (backend.h), after the policy's table has checked
 * their types and bounds. Never reports an error: what is not there is the fallback. */
#include "delivery/backend.h"

#include "common/config.h"

static JsonNode *member(JsonObject *options, const char *name) {
  return json_object_get_member(options, name);
}

const char *dlv_option_text(JsonObject *options, const char *name, const char *fallback) {
  JsonNode *node = member(options, name);

  return node ? json_node_get_string(node) : fallback;
}

char **dlv_option_texts(JsonObject *options, const char *name) {
  JsonNode *node = member(options, name);

  if (!node)
    return NULL;
  JsonArray *array = json_node_get_array(node);
  GStrvBuilder *texts = g_strv_builder_new();
  for (guint i = 0; i < json_array_get_length(array); i++)
    g_strv_builder_add(texts, json_array_get_string_element(array, i));
  char **result = g_strv_builder_end(texts);
  g_strv_builder_unref(texts);
  return result;
}

gboolean dlv_option_bool(JsonObject *options, const char *name, gboolean fallback) {
  JsonNode *node = member(options, name);

  return node ? json_node_get_boolean(node) : fallback;
}

guint64 dlv_option_number(JsonObject *options, const char *name, guint64 fallback) {
  JsonNode *node = member(options, name);

  return node ? (guint64)json_node_get_int(node) : fallback;
}

/* A bare number is seconds, as in configuration files. */
guint64 dlv_option_time(JsonObject *options, const char *name, guint64 fallback) {
  JsonNode *node = member(options, name);
  guint64 usec;

  if (!node)
    return fallback;
  if (json_node_get_value_type(node) != G_TYPE_STRING)
    return (guint64)(json_node_get_double(node) * G_USEC_PER_SEC);
  return wg_parse_usec(json_node_get_string(node), &usec, NULL) ? usec : fallback;
}

guint64 dlv_option_size(JsonObject *options, const char *name, guint64 fallback) {
  JsonNode *node = member(options, name);
  guint64 bytes;

  if (!node)
    return fallback;
  if (json_node_get_value_type(node) != G_TYPE_STRING)
    return (guint64)json_node_get_int(node);
  return wg_parse_bytes(json_node_get_string(node), &bytes, NULL) ? bytes : fallback;
}
