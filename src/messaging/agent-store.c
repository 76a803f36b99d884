/* agent-store.c: agents as rows of the store.
 *
 * A row carries a checksum over name, uid and options. One that is damaged keeps its name and
 * owner, so that its mail can still be had, and loses its options, which are kept in quarantine.
 * After a roll-back rows are read again into the structs that leases and receivers point to; an
 * agent that the failed batch made goes. One whose row cannot be read stays as memory has it. */
#include "messaging/engine-private.h"

#include <string.h>

static guint32 row_crc(const char *name, uid_t uid, gconstpointer info, gsize size) {
  guint64 le = GUINT64_TO_LE((guint64)uid);
  guint32 crc = wg_store_crc(0, name, strlen(name) + 1);

  crc = wg_store_crc(crc, &le, sizeof le);
  return size > 0 ? wg_store_crc(crc, info, size) : crc;
}

gboolean msg_agent_write(MsgEngine *e, MsgAgent *agent) {
  g_autoptr(sqlite3_stmt) stmt =
      msg_rare(e, "INSERT INTO agent VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
                  " ON CONFLICT(id) DO UPDATE SET uid = ?3, removed = ?5, paused = ?6,"
                  " paused_until = ?7, pause_reason = ?8, info = ?9, crc = ?10");
  gconstpointer info = g_variant_get_data(agent->info);
  gsize size = g_variant_get_size(agent->info);

  e->agents_changed = TRUE;
  if (!stmt)
    return FALSE;
  sqlite3_bind_int64(stmt, 1, agent->id);
  sqlite3_bind_text(stmt, 2, agent->name, -1, SQLITE_STATIC);
  sqlite3_bind_int64(stmt, 3, agent->uid);
  sqlite3_bind_int64(stmt, 4, agent->created);
  sqlite3_bind_int64(stmt, 5, agent->removed);
  sqlite3_bind_int(stmt, 6, agent->paused);
  sqlite3_bind_int64(stmt, 7, agent->paused_until);
  if (agent->pause_reason)
    sqlite3_bind_text(stmt, 8, agent->pause_reason, -1, SQLITE_STATIC);
  sqlite3_bind_blob64(stmt, 9, size ? info : "", size, SQLITE_STATIC);
  sqlite3_bind_int64(stmt, 10, row_crc(agent->name, agent->uid, info, size));
  return msg_rare_run(e, stmt);
}

static const char row_columns[] =
    "SELECT id, name, uid, created, removed, paused, paused_until, pause_reason, info, crc"
    " FROM agent ORDER BY id";

static GVariant *no_options(void) {
  return g_variant_ref_sink(g_variant_new_array(G_VARIANT_TYPE("{sv}"), NULL, 0));
}

static gboolean row_is_sound(sqlite3_stmt *row, GVariant *info) {
  const char *name = (const char *)sqlite3_column_text(row, 1);

  return row_crc(name, sqlite3_column_int64(row, 2), sqlite3_column_blob(row, 8),
                 sqlite3_column_bytes(row, 8)) == (guint32)sqlite3_column_int64(row, 9) &&
         g_variant_is_normal_form(info);
}

/* FALSE: the options were damaged and are not the row's. */
static gboolean take_row(MsgEngine *e, MsgAgent *agent, sqlite3_stmt *row) {
  agent->uid = sqlite3_column_int64(row, 2);
  agent->created = sqlite3_column_int64(row, 3);
  agent->removed = sqlite3_column_int64(row, 4);
  agent->paused = sqlite3_column_int(row, 5);
  agent->paused_until = sqlite3_column_int64(row, 6);
  g_free(agent->pause_reason);
  agent->pause_reason = g_strdup((const char *)sqlite3_column_text(row, 7));
  g_clear_pointer(&agent->info, g_variant_unref);
  g_autoptr(GBytes) bytes = g_bytes_new(sqlite3_column_blob(row, 8), sqlite3_column_bytes(row, 8));
  agent->info = g_variant_ref_sink(g_variant_new_from_bytes(G_VARIANT_TYPE_VARDICT, bytes, FALSE));
  gboolean sound = row_is_sound(row, agent->info);
  if (!sound) {
    g_variant_unref(agent->info);
    agent->info = no_options();
  }
  msg_agent_apply_info(agent);
  msg_agent_finish_settings(e, agent);
  return sound;
}

static void keep_damaged(MsgEngine *e, MsgAgent *agent, sqlite3_stmt *row) {
  g_autoptr(GError) error = NULL;

  wg_store_quarantine(e->db, "agent", agent->id, "checksum differs", sqlite3_column_blob(row, 8),
                      sqlite3_column_bytes(row, 8), &error);
  e->stat.quarantined++;
  msg_log(e, LOG_ERR, WG_MSG_RECORD_QUARANTINED, agent->name, 0,
          "The options of agent '%s' are damaged in the store and kept in quarantine%s%s; it goes "
          "on with the defaults, \"waggle agent update\" sets them again",
          agent->name, error ? ": " : "", error ? error->message : "");
}

static MsgAgent *agent_add(MsgEngine *e, guint id, const char *name) {
  MsgAgent *agent = g_new0(MsgAgent, 1);

  agent->id = id;
  agent->name = g_strdup(name);
  if (id >= e->agents->len)
    g_ptr_array_set_size(e->agents, id + 1);
  e->agents->pdata[id] = agent;
  e->last_agent = MAX(e->last_agent, id);
  return agent;
}

static gboolean load_row(MsgEngine *e, sqlite3_stmt *row, GError **error) {
  gint64 id = sqlite3_column_int64(row, 0);
  const char *name = (const char *)sqlite3_column_text(row, 1);

  if (id <= 0 || id > MSG_AGENT_MAX || !name) {
    g_set_error_literal(error, WG_ERROR, WG_ERROR_STORE_DAMAGED,
                        "An agent's row has a number that is out of range, or no name");
    return FALSE;
  }
  MsgAgent *agent = agent_add(e, id, name);
  if (!take_row(e, agent, row)) {
    keep_damaged(e, agent, row);
    agent->changed = TRUE; /* written anew when the rows have been read */
  }
  if (!agent->removed)
    g_hash_table_insert(e->agents_by_name, agent->name, agent);
  return TRUE;
}

/* A store that cannot be written now tells of the same damage at the next start. */
static void write_mended(MsgEngine *e) {
  for (guint i = 0; i < e->agents->len; i++) {
    MsgAgent *agent = e->agents->pdata[i];
    if (!agent || !agent->changed)
      continue;
    agent->changed = FALSE;
    if (!wg_store_is_read_only(e->store))
      msg_agent_write(e, agent);
    e->failed = FALSE;
    g_clear_error(&e->start_error);
  }
}

gboolean msg_agents_load(MsgEngine *e, GError **error) {
  g_autoptr(sqlite3_stmt) stmt = wg_store_prepare(e->db, row_columns, error);
  gboolean ok = stmt != NULL;
  int r = SQLITE_DONE;

  while (ok && (r = sqlite3_step(stmt)) == SQLITE_ROW)
    ok = load_row(e, stmt, error);
  if (ok && r != SQLITE_DONE)
    ok = wg_store_set_error(e->db, error, "reading the agents");
  g_clear_pointer(&stmt, sqlite3_finalize);
  if (!ok)
    return FALSE;
  write_mended(e);
  msg_agents_reload(e);
  return TRUE;
}

static void read_rows_again(MsgEngine *e) {
  g_autoptr(sqlite3_stmt) stmt = wg_store_prepare(e->db, row_columns, NULL);

  while (stmt && sqlite3_step(stmt) == SQLITE_ROW) {
    MsgAgent *agent = msg_agent_by_id(e, sqlite3_column_int(stmt, 0));
    if (agent)
      take_row(e, agent, stmt);
  }
  g_hash_table_remove_all(e->agents_by_name);
  e->last_agent = 0;
  for (guint i = 0; i < e->agents->len; i++) {
    MsgAgent *agent = e->agents->pdata[i];
    if (agent && agent->made != 0 && agent->made == e->batch) {
      e->agents->pdata[i] = NULL;
      msg_agent_free(agent);
    } else if (agent) {
      e->last_agent = agent->id;
      if (!agent->removed)
        g_hash_table_insert(e->agents_by_name, agent->name, agent);
    }
  }
  g_clear_pointer(&e->roles, g_hash_table_unref);
  g_clear_pointer(&e->topics, g_hash_table_unref);
  e->agents_changed = FALSE;
}

static void read_counts(MsgEngine *e, gboolean is_volatile) {
  const char *text = is_volatile ? "SELECT agent, queued, scheduled, held, in_flight, dead, bytes, "
                                   "last_seen, urgent FROM vol.count"
                                 : "SELECT agent, queued, scheduled, held, in_flight, dead, bytes, "
                                   "last_seen, urgent FROM main.count";
  g_autoptr(sqlite3_stmt) stmt = wg_store_prepare(e->db, text, NULL);

  while (stmt && sqlite3_step(stmt) == SQLITE_ROW) {
    MsgAgent *agent = msg_agent_by_id(e, sqlite3_column_int(stmt, 0));
    if (!agent)
      continue;
    MsgCounts c = {.queued = sqlite3_column_int64(stmt, 1),
                   .scheduled = sqlite3_column_int64(stmt, 2),
                   .held = sqlite3_column_int64(stmt, 3),
                   .in_flight = sqlite3_column_int64(stmt, 4),
                   .dead = sqlite3_column_int64(stmt, 5),
                   .bytes = sqlite3_column_int64(stmt, 6),
                   .last_seen = sqlite3_column_int64(stmt, 7),
                   .urgent = sqlite3_column_int64(stmt, 8)};
    if (!is_volatile) {
      agent->counts = c;
      continue;
    }
    agent->volatile_counts = c;
    agent->counts.queued += c.queued;
    agent->counts.scheduled += c.scheduled;
    agent->counts.held += c.held;
    agent->counts.in_flight += c.in_flight;
    agent->counts.dead += c.dead;
    agent->counts.bytes += c.bytes;
    agent->counts.urgent += c.urgent;
  }
}

void msg_agents_reload(MsgEngine *e) {
  if (e->agents_changed)
    read_rows_again(e);
  for (guint i = 0; i < e->agents->len; i++) {
    MsgAgent *agent = e->agents->pdata[i];
    if (!agent)
      continue;
    agent->counts = agent->volatile_counts = (MsgCounts){0};
    agent->pending_messages = agent->pending_bytes = 0;
    for (guint l = 0; l < MSG_LEVELS; l++) {
      msg_level_clear(&agent->level[l]);
      msg_level_clear(&agent->volatile_level[l]);
    }
  }
  read_counts(e, FALSE);
  read_counts(e, TRUE);
}

static gboolean may_be_made(MsgEngine *e, uid_t uid, GError **error) {
  guint of_uid = 0;

  if (e->settings.max_agents && g_hash_table_size(e->agents_by_name) >= e->settings.max_agents) {
    g_set_error(error, WG_ERROR, WG_ERROR_LIMITS_EXCEEDED,
                "There are %u agents, which is all there may be (MaxAgents= in messaged.conf)",
                g_hash_table_size(e->agents_by_name));
    return FALSE;
  }
  for (guint i = 0; i < e->agents->len; i++) {
    const MsgAgent *agent = e->agents->pdata[i];
    of_uid += agent && !agent->removed && agent->uid == uid;
  }
  if ((uid == 0 || !e->settings.max_agents_per_uid || of_uid < e->settings.max_agents_per_uid) &&
      e->last_agent < MSG_AGENT_MAX)
    return TRUE;
  g_set_error(error, WG_ERROR, WG_ERROR_LIMITS_EXCEEDED,
              "Uid %u has %u agents, which is all it may have (MaxAgentsPerUser= in messaged.conf)",
              uid, of_uid);
  return FALSE;
}

MsgAgent *msg_agent_create(MsgEngine *e, const char *name, uid_t uid, GVariant *options,
                           GError **error) {
  g_autoptr(GVariant) none = no_options(), info = NULL;

  if (!msg_name_ok(name)) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_NAME,
                "'%.80s' is no agent's name: 1 to 64 of letters, digits, '.', '_' and '-', the "
                "first a letter or digit",
                name);
    return NULL;
  }
  if (!may_be_made(e, uid, error) ||
      !(info = msg_agent_merge(none, options ? options : none, error)))
    return NULL;
  MsgAgent *agent = agent_add(e, e->last_agent + 1, name);
  agent->uid = uid;
  agent->created = e->now_real;
  agent->made = e->batch;
  agent->info = g_steal_pointer(&info);
  for (guint i = 0; i < MSG_LEVELS; i++) /* nothing of it lies in the store */
    agent->level[i].complete = agent->volatile_level[i].complete = TRUE;
  g_hash_table_insert(e->agents_by_name, agent->name, agent);
  msg_agent_changed(e, agent);
  msg_agent_dirty(e, agent);
  return agent;
}

MsgAgent *msg_agent_adopt(MsgEngine *e, guint id) {
  g_autofree char *name = g_strdup_printf("lost-agent-%u", id);

  if (g_hash_table_contains(e->agents_by_name, name))
    return NULL;
  MsgAgent *agent = agent_add(e, id, name);
  agent->created = e->now_real;
  agent->info = no_options();
  g_hash_table_insert(e->agents_by_name, agent->name, agent);
  msg_agent_changed(e, agent);
  msg_agent_dirty(e, agent);
  msg_log(e, LOG_ERR, WG_MSG_RECORD_QUARANTINED, name, 0,
          "The row of agent %u is lost, its mail is not: it belongs to agent '%s' of uid 0 now", id,
          name);
  return agent;
}
