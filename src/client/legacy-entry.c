/* legacy-entry.c: one old message, whatever its shape, as an entry to import.
 *
 * A queue entry wraps its message in "message"; an inbox file is the message itself. Both are read
 * by the same lists of names, the inner object first. What has no place of its own goes into a
 * header "legacy-NAME", so that nothing of the old message is lost. */
#include "client/legacy-value.h"
#include "client/legacy.h"

#include <string.h>

#define PRIORITY_DEFAULT 4

static const char *const from_keys[] = {"from", "sender", NULL};
static const char *const to_keys[] = {"to", "recipient", NULL};
static const char *const agent_keys[] = {"agent", NULL};
static const char *const body_keys[] = {"message", "content",     "summary", "details",
                                        "payload", "description", NULL};
static const char *const subject_keys[] = {"subject", "topic", "title", NULL};
static const char *const created_keys[] = {"created_at", "timestamp", "ts", "completion_date",
                                           NULL};
static const char *const updated_keys[] = {"updated_at", "completed_at", "processed_at", NULL};

/* Members that have a place of their own and need no header. */
static const char *const placed[] = {
    "from",       "sender",   "to",           "recipient",    "queue_id",       "message_id", "id",
    "status",     "priority", "tags",         "tag",          "created_at",     "timestamp",  "ts",
    "updated_at", "read",     "completed_at", "processed_at", "priority_score", NULL,
};

CliLegacyEntry *cli_legacy_entry_new(void) {
  CliLegacyEntry *entry = g_new0(CliLegacyEntry, 1);

  entry->state = CLI_LEGACY_QUEUED;
  entry->priority = PRIORITY_DEFAULT;
  entry->tags = g_ptr_array_new_with_free_func(g_free);
  entry->headers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  return entry;
}

void cli_legacy_entry_free(CliLegacyEntry *entry) {
  if (!entry)
    return;
  g_free(entry->id);
  g_free(entry->from);
  g_free(entry->to);
  g_free(entry->reason);
  g_free(entry->content_type);
  g_free(entry->subject);
  g_free(entry->key);
  g_free(entry->reply_to);
  g_free(entry->traceparent);
  g_free(entry->answers);
  g_free(entry->where);
  g_clear_pointer(&entry->body, g_bytes_unref);
  g_ptr_array_unref(entry->tags);
  g_hash_table_unref(entry->headers);
  g_free(entry);
}

gboolean cli_legacy_name_ok(const char *name) {
  gsize n = strlen(name);

  if (n == 0 || n > 64 || !g_ascii_isalnum(*name))
    return FALSE;
  for (const char *p = name; *p; p++)
    if (!g_ascii_isalnum(*p) && !strchr("._-", *p))
      return FALSE;
  return TRUE;
}

static gboolean has_any(JsonObject *object, const char *const *keys) {
  for (guint i = 0; keys[i]; i++)
    if (json_object_has_member(object, keys[i]))
      return TRUE;
  return FALSE;
}

gboolean cli_legacy_is_entry(JsonObject *object) {
  if (json_object_has_member(object, "queue_id") || cli_value_object(object, "message"))
    return TRUE;
  return has_any(object, body_keys) &&
         (has_any(object, to_keys) || has_any(object, agent_keys) || has_any(object, from_keys));
}

/* The AGENT of .../AGENT/inbox/FILE. (transfer full) (nullable) */
static char *agent_of_path(const char *path) {
  g_autofree char *inbox = g_path_get_dirname(path);
  g_autofree char *name = g_path_get_basename(inbox);
  g_autofree char *owner = g_path_get_dirname(inbox);

  if (!g_str_equal(name, "inbox") || g_str_equal(owner, "."))
    return NULL;
  return g_path_get_basename(owner);
}

/* "priority": a word, or a number from 0 to 9. */
static guint8 read_priority(JsonObject *const *objects) {
  static const struct {
    const char *word;
    guint8 priority;
  } words[] = {{"low", 2},  {"regular", 4}, {"normal", 4},  {"medium", 4},
               {"high", 6}, {"urgent", 8},  {"critical", 8}};
  static const char *const keys[] = {"priority", NULL};
  g_autofree char *text = cli_value_first(objects, keys, NULL);
  guint64 n;

  for (guint i = 0; text && i < G_N_ELEMENTS(words); i++)
    if (g_ascii_strcasecmp(text, words[i].word) == 0)
      return words[i].priority;
  return text && g_ascii_string_to_unsigned(text, 10, 0, 9, &n, NULL) ? (guint8)n
                                                                      : PRIORITY_DEFAULT;
}

static const char *state_of(const char *status) {
  static const char *const history[] = {"delivered", "completed",    "processed", "done",
                                        "read",      "acknowledged", "sent",      NULL};
  static const char *const dead[] = {"failed", "error", "dead", "rejected", NULL};
  g_autofree char *lower = g_ascii_strdown(status, -1);

  if (g_strv_contains(history, lower))
    return CLI_LEGACY_HISTORY;
  return g_strv_contains(dead, lower) ? CLI_LEGACY_DEAD : CLI_LEGACY_QUEUED;
}

static void read_state(CliLegacyEntry *entry, JsonObject *outer, JsonObject *const *objects) {
  static const char *const reasons[] = {"error", "last_error", "failure_reason", "reason", NULL};
  g_autofree char *status = cli_value_text(outer, "status");

  /* a message about a contract carries the contract's status, not its own */
  if (status && !json_object_has_member(outer, "contract_id"))
    entry->state = state_of(status);
  else if (json_object_has_member(outer, "read")) {
    JsonNode *node = json_object_get_member(outer, "read");
    if (JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_BOOLEAN &&
        json_node_get_boolean(node))
      entry->state = CLI_LEGACY_HISTORY;
  }
  if (g_str_equal(entry->state, CLI_LEGACY_DEAD))
    entry->reason =
        cli_value_first(objects, reasons, NULL) ?: g_strdup("failed before it was imported");
}

static guint64 first_time(JsonObject *const *objects, const char *const *keys) {
  for (guint o = 0; objects[o]; o++)
    for (guint k = 0; keys[k]; k++) {
      guint64 usec = cli_value_time(objects[o], keys[k]);
      if (usec)
        return usec;
    }
  return 0;
}

static void add_tag(CliLegacyEntry *entry, const char *text) {
  g_autofree char *tag = cli_value_tag(text);

  if (tag && !g_ptr_array_find_with_equal_func(entry->tags, tag, g_str_equal, NULL))
    g_ptr_array_add(entry->tags, g_steal_pointer(&tag));
}

static void read_tags(CliLegacyEntry *entry, JsonObject *inner) {
  JsonNode *node = json_object_get_member(inner, "tags");
  g_autofree char *tag = cli_value_text(inner, "tag");

  if (tag)
    add_tag(entry, tag);
  if (!node || !JSON_NODE_HOLDS_ARRAY(node))
    return;
  JsonArray *array = json_node_get_array(node);
  for (guint i = 0; i < json_array_get_length(array); i++) {
    JsonNode *element = json_array_get_element(array, i);
    if (JSON_NODE_HOLDS_VALUE(element) && json_node_get_value_type(element) == G_TYPE_STRING)
      add_tag(entry, json_node_get_string(element));
  }
}

/* The text; an object or array in its place is kept as JSON. Returns the key it was under. */
static const char *read_body(CliLegacyEntry *entry, JsonObject *inner) {
  for (guint i = 0; body_keys[i]; i++) {
    JsonNode *node = json_object_get_member(inner, body_keys[i]);
    char *text = cli_value_any(node, TRUE);
    if (!text)
      continue;
    if (!JSON_NODE_HOLDS_VALUE(node))
      entry->content_type = g_strdup("application/json");
    entry->body = g_bytes_new_take(text, strlen(text));
    return body_keys[i];
  }
  return NULL;
}

/* "a_b c" -> "legacy-a-b-c" */
static char *header_name(const char *key) {
  g_autofree char *name = cli_value_tag(key);

  return g_strconcat("legacy-", name ? g_strdelimit(name, "_", '-') : "field", NULL);
}

/* Every member that has no place of its own. */
static void keep_rest(CliLegacyEntry *entry, JsonObject *object, const char *body_key) {
  JsonObjectIter iter;
  const char *key;
  JsonNode *node;

  json_object_iter_init(&iter, object);
  while (json_object_iter_next(&iter, &key, &node)) {
    if (g_strv_contains(placed, key) || g_strcmp0(key, body_key) == 0 ||
        (g_str_equal(key, "message") && JSON_NODE_HOLDS_OBJECT(node)))
      continue;
    g_autofree char *value = cli_value_any(node, FALSE);
    if (!value || g_strcmp0(value, entry->subject) == 0)
      continue;
    char *name = header_name(key);
    if (g_hash_table_contains(entry->headers, name))
      g_free(name);
    else
      g_hash_table_insert(entry->headers, name, g_steal_pointer(&value));
  }
}

static char *read_recipient(JsonObject *const *objects, const char *path) {
  char *to = cli_value_first(objects, to_keys, NULL) ?: cli_value_first(objects, agent_keys, NULL);

  return to ?: agent_of_path(path);
}

static void read_id(CliLegacyEntry *entry, JsonObject *const *objects, JsonObject *outer) {
  static const char *const message_keys[] = {"id", "message_id", "task_id", NULL};
  g_autofree char *queue_id = cli_value_text(outer, "queue_id");
  const char *key = NULL;

  if (queue_id) {
    cli_legacy_set_id(entry, queue_id, TRUE);
    return;
  }
  g_autofree char *id = cli_value_first(objects, message_keys, &key);
  /* "msg_001" and a task's id come up in many inboxes; a long id of a message does not */
  cli_legacy_set_id(entry, id, id && !g_str_equal(key, "task_id") && strlen(id) >= 16);
}

CliLegacyEntry *cli_legacy_entry(JsonObject *outer, const char *path, guint64 mtime,
                                 char **ret_reason) {
  JsonObject *inner = cli_value_object(outer, "message") ?: outer;
  JsonObject *meta = cli_value_object(inner, "metadata");
  JsonObject *objects[] = {inner, inner != outer ? outer : meta, inner != outer ? meta : NULL,
                           NULL};
  g_autoptr(CliLegacyEntry) entry = cli_legacy_entry_new();

  entry->to = read_recipient(objects, path);
  if (!entry->to) {
    *ret_reason = g_strdup("it names no recipient");
    return NULL;
  }
  if (!cli_legacy_name_ok(entry->to)) {
    *ret_reason = g_strdup_printf("its recipient \"%s\" cannot be an agent's name", entry->to);
    return NULL;
  }
  const char *body_key = read_body(entry, inner);
  if (!body_key) {
    *ret_reason = g_strdup("it has no content");
    return NULL;
  }
  entry->from = cli_value_first(objects, from_keys, NULL);
  entry->subject = cli_value_first(objects, subject_keys, NULL);
  entry->time = first_time(objects, created_keys);
  entry->updated = first_time(objects, updated_keys);
  entry->priority = read_priority(objects);
  read_state(entry, outer, objects);
  read_tags(entry, inner);
  keep_rest(entry, inner, body_key);
  if (inner != outer)
    keep_rest(entry, outer, NULL);
  read_id(entry, objects, outer);
  if (!entry->time)
    entry->time = mtime;
  return g_steal_pointer(&entry);
}
