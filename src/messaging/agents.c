/* agents.c: the registry in memory, as the store has it.
 *
 * All agents are kept in memory (there are thousands at most, and max-agents bounds them), their
 * mail never; agent-store.c reads and writes their rows. An agent's id is never used again: a
 * removed agent stays as a row, so that old receipts can still name it. Counts are changed in
 * memory and written once a batch. */
#include "messaging/engine-private.h"

#include "common/nearest.h"

#include <string.h>

static const char name_chars[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

gboolean msg_name_ok(const char *name) {
  gsize n = strlen(name);

  return n >= 1 && n <= 64 && g_ascii_isalnum(name[0]) && strspn(name, name_chars) == n;
}

void msg_agent_free(MsgAgent *agent) {
  if (!agent)
    return;
  for (guint i = 0; i < MSG_LEVELS; i++) {
    msg_level_clear(&agent->level[i]);
    msg_level_clear(&agent->volatile_level[i]);
  }
  g_clear_pointer(&agent->info, g_variant_unref);
  g_strfreev(agent->roles);
  g_strfreev(agent->topics);
  g_strfreev(agent->tags);
  g_strfreev(agent->capabilities);
  g_free(agent->backoff);
  g_free(agent->pause_reason);
  g_free(agent->name);
  g_free(agent);
}

static char **info_strv(GVariant *info, const char *key) {
  g_autoptr(GVariant) v = g_variant_lookup_value(info, key, G_VARIANT_TYPE_STRING_ARRAY);

  return v ? g_variant_dup_strv(v, NULL) : g_new0(char *, 1);
}

void msg_agent_apply_info(MsgAgent *agent) {
  GVariant *info = agent->info;

  g_strfreev(agent->roles);
  g_strfreev(agent->topics);
  g_strfreev(agent->tags);
  g_strfreev(agent->capabilities);
  g_clear_pointer(&agent->backoff, g_free);
  agent->n_backoff = 0;
  agent->roles = info_strv(info, "roles");
  agent->topics = info_strv(info, "topics");
  agent->tags = info_strv(info, "tags");
  agent->capabilities = info_strv(info, "capabilities");
  agent->max_messages = agent->max_bytes = G_MAXUINT64; /* the configuration decides */
  agent->lease = 0;
  agent->rate = 0;
  agent->burst = 0;
  agent->max_deliveries = G_MAXUINT;
  (void)g_variant_get_data(info); /* in one piece from here on, so that what is borrowed stays */
  agent->policy = NULL;
  g_variant_lookup(info, "policy", "&s", &agent->policy);
  g_variant_lookup(info, "max-messages", "t", &agent->max_messages);
  g_variant_lookup(info, "max-bytes", "t", &agent->max_bytes);
  g_variant_lookup(info, "lease", "t", &agent->lease);
  g_variant_lookup(info, "rate", "d", &agent->rate);
  g_variant_lookup(info, "burst", "u", &agent->burst);
  g_variant_lookup(info, "max-deliveries", "u", &agent->max_deliveries);
  g_autoptr(GVariant) list = g_variant_lookup_value(info, "backoff", G_VARIANT_TYPE("at"));
  if (list) {
    gsize n;
    gconstpointer at = g_variant_get_fixed_array(list, &n, sizeof(guint64));
    agent->backoff = n ? g_memdup2(at, n * sizeof(guint64)) : NULL;
    agent->n_backoff = n;
  }
}

void msg_agent_finish_settings(MsgEngine *e, MsgAgent *agent) {
  if (agent->max_messages == G_MAXUINT64)
    agent->max_messages = e->settings.agent_max_messages;
  if (agent->max_bytes == G_MAXUINT64)
    agent->max_bytes = e->settings.agent_max_bytes;
  if (agent->max_deliveries == G_MAXUINT)
    agent->max_deliveries = e->settings.max_deliveries;
}

MsgAgent *msg_agent_by_id(MsgEngine *e, guint id) {
  return id < e->agents->len ? e->agents->pdata[id] : NULL;
}

MsgAgent *msg_agent_find(MsgEngine *e, const char *name, GError **error) {
  MsgAgent *agent = g_hash_table_lookup(e->agents_by_name, name);

  if (agent)
    return agent;
  if (!msg_name_ok(name)) {
    g_set_error(
        error, WG_ERROR, WG_ERROR_INVALID_NAME,
        "'%.80s' is no agent's name: 1 to 64 of letters, digits, '.', '_' and '-', the first "
        "a letter or digit",
        name);
    return NULL;
  }
  g_autofree const char **names =
      (const char **)g_hash_table_get_keys_as_array(e->agents_by_name, NULL);
  g_autofree char *hint = wg_nearest_hint(name, names);
  g_set_error(error, WG_ERROR, WG_ERROR_UNKNOWN_AGENT, "There is no agent '%s'%s%s", name,
              hint ? "; " : "", hint ? hint : "; \"waggle agent list\" shows those there are");
  return NULL;
}

gboolean msg_agent_may(MsgEngine *e, const MsgAgent *agent, const MsgActor *actor, gboolean admin,
                       GError **error) {
  if (admin || actor->uid == agent->uid || actor->uid == 0)
    return TRUE;
  g_set_error(error, WG_ERROR, WG_ERROR_NOT_AUTHORIZED,
              "Agent '%s' belongs to uid %u; uid %u may neither read its mail nor change it",
              agent->name, agent->uid, actor->uid);
  return FALSE;
}

gboolean msg_agent_reads(MsgEngine *e, const MsgAgent *agent) {
  return agent->receivers.head || agent->subscriptions.head ||
         e->now_real - agent->counts.last_seen < 2 * G_USEC_PER_SEC;
}

void msg_agent_dirty(MsgEngine *e, MsgAgent *agent) {
  if (agent->dirty)
    return;
  agent->dirty = TRUE;
  g_ptr_array_add(e->dirty_agents, agent);
}

static void count_put(MsgEngine *e, gboolean of_volatile, guint id, const MsgCounts *c) {
  sqlite3_stmt *stmt = msg_sql(e, of_volatile, MSG_SQL_COUNT_PUT);

  sqlite3_bind_int64(stmt, 1, id);
  sqlite3_bind_int64(stmt, 2, c->queued);
  sqlite3_bind_int64(stmt, 3, c->scheduled);
  sqlite3_bind_int64(stmt, 4, c->held);
  sqlite3_bind_int64(stmt, 5, c->in_flight);
  sqlite3_bind_int64(stmt, 6, c->dead);
  sqlite3_bind_int64(stmt, 7, c->bytes);
  sqlite3_bind_int64(stmt, 8, c->last_seen);
  sqlite3_bind_int64(stmt, 9, c->urgent);
  msg_sql_run(e, stmt);
}

/* What is volatile is counted in memory's schema, so that a restart forgets it with the mail. */
static void counts_write(MsgEngine *e, MsgAgent *agent) {
  const MsgCounts *v = &agent->volatile_counts;
  MsgCounts c = agent->counts;

  c.queued -= v->queued;
  c.scheduled -= v->scheduled;
  c.held -= v->held;
  c.in_flight -= v->in_flight;
  c.dead -= v->dead;
  c.bytes -= v->bytes;
  c.urgent -= v->urgent;
  count_put(e, FALSE, agent->id, &c);
  if (agent->volatile_dirty)
    count_put(e, TRUE, agent->id, v);
  agent->volatile_dirty = FALSE;
}

static guint waiting_in_memory(const MsgAgent *agent) {
  const MsgCounts *v = &agent->volatile_counts;

  return MIN(v->queued + v->scheduled + v->held + v->in_flight, G_MAXUINT);
}

void msg_agents_flush(MsgEngine *e) {
  for (guint i = 0; i < e->dirty_agents->len; i++) {
    MsgAgent *agent = e->dirty_agents->pdata[i];
    agent->dirty = FALSE;
    if (e->failed)
      continue;
    counts_write(e, agent);
    if (agent->removed)
      continue; /* its name may be another's by now */
    MsgNote *note = msg_note_add(e, MSG_NOTE_COUNTS);
    note->name = g_strdup(agent->name);
    note->counts = agent->counts;
    note->n = waiting_in_memory(agent);
  }
  g_ptr_array_set_size(e->dirty_agents, 0);
}

gboolean msg_agent_is_paused(MsgEngine *e, MsgAgent *agent) {
  return agent->paused && (!agent->paused_until || agent->paused_until > e->now_real);
}

GVariant *msg_agent_entry(MsgEngine *e, const MsgAgent *agent, gboolean private_too) {
  static const char *const lists[] = {"roles", "topics", "tags", "capabilities"};
  g_auto(GVariantDict) d = G_VARIANT_DICT_INIT(agent->info);

  if (!g_variant_dict_contains(&d, "description"))
    g_variant_dict_insert(&d, "description", "s", "");
  for (guint i = 0; i < G_N_ELEMENTS(lists); i++)
    if (!g_variant_dict_contains(&d, lists[i]))
      g_variant_dict_insert_value(&d, lists[i], g_variant_new_strv(NULL, 0));
  if (!private_too) {
    g_variant_dict_remove(&d, "metadata");
    g_variant_dict_remove(&d, "policy");
  }
  g_variant_dict_insert(&d, "name", "s", agent->name);
  g_variant_dict_insert(&d, "uid", "u", agent->uid);
  g_variant_dict_insert(&d, "created", "t", agent->created);
  g_variant_dict_insert(&d, "queued", "t", agent->counts.queued);
  g_variant_dict_insert(&d, "scheduled", "t", agent->counts.scheduled);
  g_variant_dict_insert(&d, "held", "t", agent->counts.held);
  g_variant_dict_insert(&d, "in-flight", "t", agent->counts.in_flight);
  g_variant_dict_insert(&d, "dead", "t", agent->counts.dead);
  g_variant_dict_insert(&d, "bytes", "t", agent->counts.bytes);
  g_variant_dict_insert(&d, "last-seen", "t", agent->counts.last_seen);
  g_variant_dict_insert(&d, "max-messages", "t", agent->max_messages);
  g_variant_dict_insert(&d, "max-bytes", "t", agent->max_bytes);
  g_variant_dict_insert(&d, "rate", "d", agent->rate);
  g_variant_dict_insert(&d, "burst", "u", agent->burst);
  g_variant_dict_insert(&d, "max-deliveries", "u", agent->max_deliveries);
  g_variant_dict_insert(&d, "lease", "t", agent->lease ? agent->lease : e->settings.default_lease);
  g_variant_dict_insert(&d, "paused", "b", msg_agent_is_paused(e, (MsgAgent *)agent));
  g_variant_dict_insert(&d, "paused-until", "t", agent->paused ? agent->paused_until : 0);
  if (agent->pause_reason && agent->paused)
    g_variant_dict_insert(&d, "pause-reason", "s", agent->pause_reason);
  g_variant_dict_insert(&d, "receivers", "u",
                        agent->receivers.length + agent->subscriptions.length);
  return g_variant_dict_end(&d);
}

void msg_agent_note(MsgEngine *e, MsgAgent *agent) {
  MsgNote *note = msg_note_add(e, MSG_NOTE_AGENT);

  note->name = g_strdup(agent->name);
  note->uid = agent->uid;
  note->counts = agent->counts;
  note->n = waiting_in_memory(agent);
  note->info = g_variant_ref_sink(msg_agent_entry(e, agent, TRUE));
}
