/* legacy-coordinates.c: the file that said where on the screen to click for which agent.
 *
 * The agents are registered with a policy that types a doorbell where the old system did, into the
 * chat input; all coordinates are kept as metadata "typing-NAME" = "X,Y". They may be negative, on
 * monitors to the left. */
#include "client/legacy-value.h"
#include "client/legacy.h"

#include <string.h>

#define CHAT_INPUT "typing-chat-input"

static gboolean is_point(JsonNode *node) {
  if (!JSON_NODE_HOLDS_ARRAY(node) || json_array_get_length(json_node_get_array(node)) != 2)
    return FALSE;
  for (guint i = 0; i < 2; i++) {
    JsonNode *n = json_array_get_element(json_node_get_array(node), i);
    GType type = JSON_NODE_HOLDS_VALUE(n) ? json_node_get_value_type(n) : G_TYPE_INVALID;
    if (type != G_TYPE_INT64 && type != G_TYPE_DOUBLE)
      return FALSE;
  }
  return TRUE;
}

static gboolean has_point(JsonObject *agent) {
  JsonObjectIter iter;
  JsonNode *node;

  json_object_iter_init(&iter, agent);
  while (json_object_iter_next(&iter, NULL, &node))
    if (is_point(node))
      return TRUE;
  return FALSE;
}

gboolean cli_legacy_is_coordinates(JsonObject *object) {
  JsonObject *agents = cli_value_object(object, "agents");
  JsonObjectIter iter;
  JsonNode *node;

  if (!agents)
    return FALSE;
  json_object_iter_init(&iter, agents);
  while (json_object_iter_next(&iter, NULL, &node))
    if (JSON_NODE_HOLDS_OBJECT(node) && has_point(json_node_get_object(node)))
      return TRUE;
  return FALSE;
}

/* "chat_input_coordinates" -> "typing-chat-input" */
static char *metadata_name(const char *key) {
  static const char *const tails[] = {"_coordinates", "_coords"};
  g_autofree char *name = cli_value_tag(key);

  for (guint i = 0; name && i < G_N_ELEMENTS(tails); i++)
    if (g_str_has_suffix(name, tails[i]))
      name[strlen(name) - strlen(tails[i])] = 0;
  return g_strconcat("typing-", name ? g_strdelimit(name, "_", '-') : "point", NULL);
}

static char *point_text(JsonArray *point) {
  return g_strdup_printf("%" G_GINT64_FORMAT ",%" G_GINT64_FORMAT,
                         json_array_get_int_element(point, 0),
                         json_array_get_int_element(point, 1));
}

/* The window at the chat input, by coordinates until somebody names it better. */
static char *policy_text(JsonArray *point) {
  return g_strdup_printf("{\"backends\": [{\"use\": \"type\", \"target\": "
                         "{\"x\": %" G_GINT64_FORMAT ", \"y\": %" G_GINT64_FORMAT "}}]}",
                         json_array_get_int_element(point, 0),
                         json_array_get_int_element(point, 1));
}

static CliLegacyAgent *read_agent(const char *name, JsonObject *object) {
  CliLegacyAgent *agent = g_new0(CliLegacyAgent, 1);
  JsonNode *active = json_object_get_member(object, "active");
  JsonObjectIter iter;
  const char *key;
  JsonNode *node;

  agent->name = g_strdup(name);
  agent->description = cli_value_text(object, "description");
  agent->active = !active || !JSON_NODE_HOLDS_VALUE(active) ||
                  json_node_get_value_type(active) != G_TYPE_BOOLEAN ||
                  json_node_get_boolean(active);
  agent->metadata = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  json_object_iter_init(&iter, object);
  while (json_object_iter_next(&iter, &key, &node)) {
    if (is_point(node)) {
      char *name_of_point = metadata_name(key);
      if (g_str_equal(name_of_point, CHAT_INPUT) && !agent->policy)
        agent->policy = policy_text(json_node_get_array(node));
      g_hash_table_insert(agent->metadata, name_of_point, point_text(json_node_get_array(node)));
    } else if (!g_str_equal(key, "description") && !g_str_equal(key, "active")) {
      g_autofree char *tag = cli_value_tag(key);
      char *value = tag ? cli_value_any(node, FALSE) : NULL;
      if (value)
        g_hash_table_insert(agent->metadata, g_strconcat("legacy-", tag, NULL), value);
    }
  }
  return agent;
}

void cli_legacy_coordinates(CliLegacyFile *file, JsonObject *object) {
  JsonObject *agents = cli_value_object(object, "agents");
  g_autoptr(GList) names = json_object_get_members(agents);

  for (GList *l = names; l; l = l->next) {
    const char *name = l->data;
    JsonObject *agent = cli_value_object(agents, name);
    g_autofree char *where = g_strdup_printf("agents.%s", name);
    file->complete++;
    if (!agent)
      cli_legacy_skip(file, where, "it is not an object");
    else if (!cli_legacy_name_ok(name))
      cli_legacy_skip(file, where, "\"%s\" cannot be an agent's name", name);
    else {
      CliLegacyAgent *read = read_agent(name, agent);
      read->where = g_steal_pointer(&where);
      g_ptr_array_add(file->agents, read);
    }
  }
}
