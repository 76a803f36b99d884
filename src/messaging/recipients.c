/* recipients.c: which agents an address stands for.
 *
 * NAME is one agent, role:NAME one of those that have the role (in turn, or the least loaded),
 * topic:NAME and @all each. An address that stands for nobody is an error: mail never goes nowhere
 * in silence. */
#include "messaging/engine-private.h"

#include "common/nearest.h"

static void index_add(GHashTable *index, char **names, MsgAgent *agent) {
  for (guint i = 0; names[i]; i++) {
    GPtrArray *list = g_hash_table_lookup(index, names[i]);
    if (!list) {
      list = g_ptr_array_new();
      g_hash_table_insert(index, g_strdup(names[i]), list);
    }
    /* an agent may name one twice; it is sent each message once */
    if (list->len == 0 || list->pdata[list->len - 1] != agent)
      g_ptr_array_add(list, agent);
  }
}

static void index_build(MsgEngine *e) {
  e->roles =
      g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_ptr_array_unref);
  e->topics =
      g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_ptr_array_unref);
  for (guint i = 0; i < e->agents->len; i++) {
    MsgAgent *agent = e->agents->pdata[i];
    if (!agent || agent->removed)
      continue;
    index_add(e->roles, agent->roles, agent);
    index_add(e->topics, agent->topics, agent);
  }
}

static guint64 load_of(const MsgAgent *agent) {
  return agent->counts.queued + agent->counts.in_flight + agent->counts.scheduled +
         agent->pending_messages;
}

/* Paused agents are passed over while there is another. In turn: who waited longest since its last
 * one. */
static MsgAgent *pick_one(MsgEngine *e, const GPtrArray *list) {
  MsgAgent *best = NULL;
  const char *balance = NULL;

  for (guint i = 0; i < list->len && !balance; i++)
    g_variant_lookup(((MsgAgent *)list->pdata[i])->info, "balance", "&s", &balance);
  gboolean by_load = g_strcmp0(balance, "least-loaded") == 0;
  for (guint i = 0; i < list->len; i++) {
    MsgAgent *agent = list->pdata[i];
    if (!best || (msg_agent_is_paused(e, best) && !msg_agent_is_paused(e, agent))) {
      best = agent;
      continue;
    }
    if (msg_agent_is_paused(e, agent) && !msg_agent_is_paused(e, best))
      continue;
    if (by_load && load_of(agent) != load_of(best)) {
      if (load_of(agent) < load_of(best))
        best = agent;
    } else if (agent->turn < best->turn) {
      best = agent;
    }
  }
  best->turn = ++e->role_turn;
  return best;
}

static gboolean nobody(GHashTable *index, const char *kind, const char *name, GError **error) {
  g_autofree const char **names = (const char **)g_hash_table_get_keys_as_array(index, NULL);
  g_autofree char *hint = wg_nearest_hint(name, names);

  g_set_error(error, WG_ERROR, WG_ERROR_NO_RECIPIENTS,
              "No agent has the %s '%s'%s%s; nothing was sent", kind, name, hint ? "; " : "",
              hint ? hint : "");
  return FALSE;
}

MsgEdgeEnd msg_edge_from(MsgEngine *e, const MsgSender *sender) {
  const MsgAgent *agent = sender && *sender->name && msg_edges_count(e->settings.edges) > 0
                              ? g_hash_table_lookup(e->agents_by_name, sender->name)
                              : NULL;
  MsgEdgeEnd end = {.name = sender ? sender->name : "", .uid = sender ? sender->uid : (uid_t)-1};

  if (agent && agent->uid == end.uid) {
    end.roles = agent->roles;
    end.topics = agent->topics;
  }
  return end;
}

/* An agent may always send to itself. */
gboolean msg_edge_check(MsgEngine *e, const MsgEdgeEnd *from, const MsgAgent *to,
                        const char *address, GError **error) {
  const MsgEdgeEnd end = {to->name, to->uid, to->roles, to->topics};
  g_autofree char *why = NULL;

  if (msg_edges_count(e->settings.edges) == 0 ||
      (g_str_equal(from->name, to->name) && from->uid == to->uid) ||
      msg_edges_allow(e->settings.edges, from, &end, address, &why))
    return TRUE;
  if (*from->name)
    g_set_error(error, WG_ERROR, WG_ERROR_NOT_AUTHORIZED,
                "Agent '%s' may not send to agent '%s': %s; nothing was sent", from->name, to->name,
                why);
  else
    g_set_error(error, WG_ERROR, WG_ERROR_NOT_AUTHORIZED,
                "Uid %u may not send to agent '%s': %s; nothing was sent", from->uid, to->name,
                why);
  return FALSE;
}

static gboolean check_each(MsgEngine *e, const MsgEdgeEnd *from, const char *address,
                           const GPtrArray *list, guint first, GError **error) {
  for (guint i = first; i < list->len && msg_edges_count(e->settings.edges) > 0; i++)
    if (!msg_edge_check(e, from, list->pdata[i], address, error))
      return FALSE;
  return TRUE;
}

/* One of those that may be sent to. */
static gboolean pick_allowed(MsgEngine *e, const MsgEdgeEnd *from, const char *address,
                             const GPtrArray *list, GPtrArray *into, GError **error) {
  g_autoptr(GPtrArray) allowed = NULL;
  g_autoptr(GError) refused = NULL;

  if (msg_edges_count(e->settings.edges) > 0) {
    allowed = g_ptr_array_new();
    for (guint i = 0; i < list->len; i++)
      if (msg_edge_check(e, from, list->pdata[i], address, refused ? NULL : &refused))
        g_ptr_array_add(allowed, list->pdata[i]);
    list = allowed;
  }
  if (list->len == 0) {
    g_propagate_error(error, g_steal_pointer(&refused));
    return FALSE;
  }
  g_ptr_array_add(into, pick_one(e, list));
  return TRUE;
}

static gboolean find_all(MsgEngine *e, const char *to, GPtrArray *into, gboolean *ret_group,
                         GError **error) {
  *ret_group = TRUE;
  if (g_str_has_prefix(to, "topic:")) {
    GPtrArray *list = g_hash_table_lookup(e->topics, to + 6);
    if (!list)
      return nobody(e->topics, "topic", to + 6, error);
    g_ptr_array_extend(into, list, NULL, NULL);
    return TRUE;
  }
  if (g_strcmp0(to, "@all") == 0) {
    for (guint i = 0; i < e->agents->len; i++) {
      MsgAgent *agent = e->agents->pdata[i];
      if (agent && !agent->removed)
        g_ptr_array_add(into, agent);
    }
    if (into->len > 0)
      return TRUE;
    g_set_error_literal(error, WG_ERROR, WG_ERROR_NO_RECIPIENTS,
                        "No agent is registered; nothing was sent");
    return FALSE;
  }
  *ret_group = FALSE;
  MsgAgent *agent = msg_agent_find(e, to, error);
  if (!agent)
    return FALSE;
  g_ptr_array_add(into, agent);
  return TRUE;
}

gboolean msg_recipients(MsgEngine *e, const MsgEdgeEnd *from, const char *to, GPtrArray *into,
                        gboolean *ret_group, GError **error) {
  guint first = into->len;

  if (!e->roles)
    index_build(e);
  if (!g_str_has_prefix(to, "role:"))
    return find_all(e, to, into, ret_group, error) && check_each(e, from, to, into, first, error);
  *ret_group = TRUE;
  const GPtrArray *list = g_hash_table_lookup(e->roles, to + 5);
  if (!list)
    return nobody(e->roles, "role", to + 5, error);
  return pick_allowed(e, from, to, list, into, error);
}
