/* look.c: what the types of checks share: their options, and how a look ends. Any thread. */
#include "checks/check.h"

#include "common/config.h"

static JsonNode *option(const ChkLook *look, const char *name) {
  return look->options ? json_object_get_member(look->options, name) : NULL;
}

const char *chk_option_text(const ChkLook *look, const char *name, const char *fallback) {
  JsonNode *node = option(look, name);

  return node ? json_node_get_string(node) : fallback;
}

char **chk_option_texts(const ChkLook *look, const char *name) {
  g_autoptr(GStrvBuilder) texts = g_strv_builder_new();
  JsonNode *node = option(look, name);

  if (node && JSON_NODE_HOLDS_ARRAY(node)) {
    JsonArray *array = json_node_get_array(node);
    for (guint i = 0; i < json_array_get_length(array); i++)
      g_strv_builder_add(texts, json_array_get_string_element(array, i));
  } else if (node) {
    g_strv_builder_add(texts, json_node_get_string(node));
  }
  return g_strv_builder_end(texts);
}

gboolean chk_option_bool(const ChkLook *look, const char *name, gboolean fallback) {
  JsonNode *node = option(look, name);

  return node ? json_node_get_boolean(node) : fallback;
}

gint64 chk_option_int(const ChkLook *look, const char *name, gint64 fallback) {
  JsonNode *node = option(look, name);

  return node ? json_node_get_int(node) : fallback;
}

/* A bare number is seconds, as in configuration files. */
guint64 chk_option_usec(const ChkLook *look, const char *name, guint64 fallback) {
  JsonNode *node = option(look, name);
  guint64 usec;

  if (!node)
    return fallback;
  if (json_node_get_value_type(node) != G_TYPE_STRING)
    return (guint64)(json_node_get_double(node) * G_USEC_PER_SEC);
  return wg_parse_usec(json_node_get_string(node), &usec, NULL) ? usec : fallback;
}

/* A bare number is bytes. */
guint64 chk_option_bytes(const ChkLook *look, const char *name, guint64 fallback) {
  JsonNode *node = option(look, name);
  guint64 bytes;

  if (!node)
    return fallback;
  if (json_node_get_value_type(node) != G_TYPE_STRING)
    return (guint64)MAX(json_node_get_int(node), 0);
  return wg_parse_bytes(json_node_get_string(node), &bytes, NULL) ? bytes : fallback;
}

gboolean chk_wants(const ChkLook *look, const char *key) {
  return look->wanted == NULL || json_object_has_member(look->wanted, key);
}

gboolean chk_look_over(const ChkLook *look) {
  return g_cancellable_is_cancelled(look->cancel) ||
         (look->deadline != 0 && (guint64)g_get_monotonic_time() >= look->deadline);
}

void chk_observed(ChkSight *sight, JsonObject *values) {
  sight->known = CHK_OBSERVED;
  sight->values = values;
}

void chk_unknown(ChkSight *sight, const char *format, ...) {
  va_list args;

  va_start(args, format);
  sight->known = CHK_UNKNOWN;
  sight->text = g_strdup_vprintf(format, args);
  va_end(args);
}

void chk_not_applicable(ChkSight *sight, const char *format, ...) {
  va_list args;

  va_start(args, format);
  sight->known = CHK_NOT_APPLICABLE;
  sight->text = g_strdup_vprintf(format, args);
  va_end(args);
}
