/* legacy-export.c: reads back the lines that `waggle export` writes. */
#include "client/legacy-value.h"
#include "client/legacy.h"

#include <string.h>

gboolean cli_legacy_is_export(JsonObject *object) {
  return json_object_has_member(object, "waggle_export");
}

static gboolean read_body(CliLegacyEntry *entry, JsonObject *object) {
  JsonNode *text = json_object_get_member(object, "body");
  g_autofree char *encoded = cli_value_text(object, "body_base64");
  gsize n;

  if (encoded) {
    guchar *data = g_base64_decode(encoded, &n);
    entry->body = g_bytes_new_take(data, n);
    return TRUE;
  }
  if (!text || !JSON_NODE_HOLDS_VALUE(text) || json_node_get_value_type(text) != G_TYPE_STRING)
    return FALSE;
  char *copy = g_strdup(json_node_get_string(text));
  entry->body = g_bytes_new_take(copy, strlen(copy));
  return TRUE;
}

static void read_lists(CliLegacyEntry *entry, JsonObject *object) {
  JsonNode *tags = json_object_get_member(object, "tags");
  JsonObject *headers = cli_value_object(object, "headers");
  JsonObjectIter iter;
  const char *key;
  JsonNode *node;

  for (guint i = 0;
       tags && JSON_NODE_HOLDS_ARRAY(tags) && i < json_array_get_length(json_node_get_array(tags));
       i++) {
    JsonNode *tag = json_array_get_element(json_node_get_array(tags), i);
    if (JSON_NODE_HOLDS_VALUE(tag) && json_node_get_value_type(tag) == G_TYPE_STRING)
      g_ptr_array_add(entry->tags, g_strdup(json_node_get_string(tag)));
  }
  if (!headers)
    return;
  json_object_iter_init(&iter, headers);
  while (json_object_iter_next(&iter, &key, &node))
    if (JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING)
      g_hash_table_insert(entry->headers, g_strdup(key), g_strdup(json_node_get_string(node)));
}

static const char *state_of(const char *state) {
  if (g_strcmp0(state, "dead") == 0)
    return CLI_LEGACY_DEAD;
  if (!state || g_str_equal(state, "acked") || g_str_equal(state, "replied") ||
      g_str_equal(state, "expired") || g_str_equal(state, "canceled"))
    return CLI_LEGACY_HISTORY;
  return CLI_LEGACY_QUEUED;
}

/* A time of an export: to the microsecond where the line has it so. */
static guint64 exact_time(JsonObject *object, const char *key) {
  g_autofree char *number = g_strconcat(key, "_usec", NULL);
  JsonNode *node = json_object_get_member(object, number);

  if (node && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_INT64)
    return (guint64)MAX(json_node_get_int(node), 0);
  return cli_value_time(object, key);
}

static gboolean is_true(JsonObject *object, const char *key) {
  JsonNode *node = json_object_get_member(object, key);

  return node && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_BOOLEAN &&
         json_node_get_boolean(node);
}

/* What the message waits for, and what is said of answers. */
static void read_waiting(CliLegacyEntry *entry, JsonObject *object, const char *state) {
  entry->key = cli_value_text(object, "key");
  entry->reply_to = cli_value_text(object, "reply_to");
  entry->traceparent = cli_value_text(object, "traceparent");
  entry->answers = cli_value_text(object, "answers");
  entry->expires = exact_time(object, "expires");
  entry->deliver_at = exact_time(object, "due");
  entry->reply_by = exact_time(object, "reply_by");
  entry->expects_reply = is_true(object, "expects_reply");
  entry->hold = g_strcmp0(state, "held") == 0;
}

CliLegacyEntry *cli_legacy_export_entry(JsonObject *object, char **ret_reason) {
  g_autoptr(CliLegacyEntry) entry = cli_legacy_entry_new();
  g_autofree char *state = cli_value_text(object, "state");
  g_autofree char *id = cli_value_text(object, "export_id");
  g_autofree char *priority = cli_value_text(object, "priority");
  guint64 n;

  entry->to = cli_value_text(object, "agent");
  if (!entry->to || !cli_legacy_name_ok(entry->to)) {
    *ret_reason = g_strdup("it names no agent");
    return NULL;
  }
  if (!read_body(entry, object)) {
    *ret_reason = g_strdup("it has no body");
    return NULL;
  }
  entry->from = cli_value_text(object, "from");
  entry->subject = cli_value_text(object, "subject");
  entry->content_type = cli_value_text(object, "content_type");
  entry->reason = cli_value_text(object, "reason");
  entry->time = exact_time(object, "time");
  entry->state = state_of(state);
  entry->ended = g_strcmp0(state, "expired") == 0    ? "expired"
                 : g_strcmp0(state, "canceled") == 0 ? "canceled"
                                                     : NULL;
  read_waiting(entry, object, state);
  if (priority && g_ascii_string_to_unsigned(priority, 10, 0, 9, &n, NULL))
    entry->priority = (guint8)n;
  read_lists(entry, object);
  cli_legacy_set_id(entry, id, TRUE);
  return g_steal_pointer(&entry);
}
