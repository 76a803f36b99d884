/* legacy-value.c: see legacy-value.h. */
#include "client/legacy-value.h"

#include "client/times.h"

#include <string.h>

#define TAG_MAX 64
#define MS_BORDER                                                                                  \
  100e9 /* greater numbers are milliseconds: as seconds they lie in the year 5138                  \
         */
#define TIME_MAX 253402300799e3 /* the end of the year 9999, in ms */

char *cli_value_text(JsonObject *object, const char *key) {
  JsonNode *node = json_object_get_member(object, key);

  if (!node || !JSON_NODE_HOLDS_VALUE(node))
    return NULL;
  GType type = json_node_get_value_type(node);
  if (type == G_TYPE_STRING) {
    const char *text = json_node_get_string(node);
    return text && *text ? g_strdup(text) : NULL;
  }
  if (type == G_TYPE_INT64)
    return g_strdup_printf("%" G_GINT64_FORMAT, json_node_get_int(node));
  return NULL;
}

char *cli_value_first(JsonObject *const *objects, const char *const *keys, const char **ret_key) {
  for (guint o = 0; objects[o]; o++)
    for (guint k = 0; keys[k]; k++) {
      char *text = cli_value_text(objects[o], keys[k]);
      if (!text)
        continue;
      if (ret_key)
        *ret_key = keys[k];
      return text;
    }
  return NULL;
}

static gboolean is_empty(JsonNode *node) {
  switch (json_node_get_node_type(node)) {
  case JSON_NODE_NULL:
    return TRUE;
  case JSON_NODE_OBJECT:
    return json_object_get_size(json_node_get_object(node)) == 0;
  case JSON_NODE_ARRAY:
    return json_array_get_length(json_node_get_array(node)) == 0;
  default:
    return json_node_get_value_type(node) == G_TYPE_STRING && !*json_node_get_string(node);
  }
}

char *cli_value_any(JsonNode *node, gboolean pretty) {
  if (!node || is_empty(node))
    return NULL;
  if (JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING)
    return g_strdup(json_node_get_string(node));
  return json_to_string(node, pretty);
}

JsonObject *cli_value_object(JsonObject *object, const char *key) {
  JsonNode *node = json_object_get_member(object, key);

  return node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

guint64 cli_value_time(JsonObject *object, const char *key) {
  JsonNode *node = json_object_get_member(object, key);
  guint64 usec = 0;

  if (!node || !JSON_NODE_HOLDS_VALUE(node))
    return 0;
  if (json_node_get_value_type(node) == G_TYPE_STRING) {
    const char *text = json_node_get_string(node);
    return text && cli_time_parse_iso(text, &usec) ? usec : 0;
  }
  double number = json_node_get_double(node);
  if (!(number >= 1) || number > TIME_MAX)
    return 0;
  return (guint64)(number > MS_BORDER ? number * 1e3 : number * 1e6);
}

char *cli_value_tag(const char *text) {
  GString *tag = g_string_new(NULL);

  for (const char *p = text; *p && tag->len < TAG_MAX; p++) {
    gboolean plain = g_ascii_isalnum(*p);
    if (plain || (tag->len && strchr("._-", *p)))
      g_string_append_c(tag, *p);
    else if (tag->len && tag->str[tag->len - 1] != '-')
      g_string_append_c(tag, '-');
  }
  if (tag->len)
    return g_string_free(tag, FALSE);
  g_string_free(tag, TRUE);
  return NULL;
}
