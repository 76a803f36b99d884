/* agent-remove.c: UnregisterAgent, and what becomes of the mail.
 *
 * The agent is marked removed at once; from then on nothing finds it by its name, nothing is sent
 * to it and nobody receives for it. Its mail becomes dead letters in slices, each in a batch of its
 * own, so that a million of them stall nobody; a restart goes on where it was. */
#include "messaging/engine-private.h"

#define SLICE 300
static const char cause[] = "agent-removed";

guint64 msg_agent_waiting(const MsgAgent *agent) {
  const MsgCounts *c = &agent->counts;

  return c->queued + c->scheduled + c->held + c->in_flight;
}

static void places_of(MsgEngine *e, MsgAgent *agent, gboolean is_volatile, GArray *places) {
  sqlite3_stmt *stmt = msg_sql(e, is_volatile, MSG_SQL_LIVE_SCAN);

  sqlite3_bind_int64(stmt, 1, msg_place_row(msg_place(agent->id, 0, 0)) - 1);
  sqlite3_bind_int64(stmt, 2, msg_place_row(msg_place(agent->id + 1, 0, 0)) - 1);
  sqlite3_bind_int(stmt, 3, SLICE);
  while (sqlite3_step(stmt) == SQLITE_ROW) {
    guint64 place = (guint64)sqlite3_column_int64(stmt, 0) | (is_volatile ? MSG_PLACE_VOLATILE : 0);
    g_array_append_val(places, place);
  }
  sqlite3_reset(stmt);
}

/* TRUE: nothing is left. */
static gboolean sweep(MsgEngine *e, MsgAgent *agent) {
  g_autoptr(GArray) places = g_array_new(FALSE, FALSE, sizeof(guint64));

  places_of(e, agent, FALSE, places);
  places_of(e, agent, TRUE, places);
  for (guint i = 0; i < places->len && !e->failed; i++) {
    MsgLive *live = msg_live_get(e, g_array_index(places, guint64, i));
    MsgLease *lease = live && live->state == MSG_STATE_LEASED ? msg_lease_of(e, live) : NULL;
    if (lease)
      msg_lease_drop(e, lease);
    if (live)
      msg_live_move(e, agent, live, MSG_STATE_DEAD, NULL, cause);
  }
  if (places->len > 0 || e->failed)
    return FALSE;
  /* whatever a damaged count said */
  agent->counts.queued = agent->counts.scheduled = agent->counts.held = 0;
  agent->counts.in_flight = agent->counts.bytes = agent->counts.urgent = 0;
  agent->volatile_counts = (MsgCounts){.dead = agent->volatile_counts.dead};
  agent->volatile_dirty = TRUE;
  msg_agent_dirty(e, agent);
  return TRUE;
}

static void let_go(MsgEngine *e, MsgAgent *agent) {
  while (agent->receivers.head)
    msg_receive_finish(e, agent->receivers.head->data);
  while (agent->subscriptions.head)
    msg_subscription_free(e, agent->subscriptions.head->data);
}

void msg_sweep_step(MsgEngine *e) {
  if (!e->sweeping)
    return;
  for (guint i = 0; i < e->agents->len && !e->failed; i++) {
    MsgAgent *agent = e->agents->pdata[i];
    if (!agent || !agent->removed)
      continue;
    let_go(e, agent);
    if (msg_agent_waiting(agent) == 0)
      continue;
    sweep(e, agent);
    msg_wake_now(e);
    return;
  }
  e->sweeping = e->failed;
}

WgJobResult msg_call_unregister_agent(MsgEngine *e, MsgCallJob *job) {
  GError **error = &job->base.job.error;
  const char *name;
  g_autoptr(GVariant) options = NULL;
  gboolean force = FALSE;
  MsgAgent *agent;

  g_variant_get(job->args, "(&s@a{sv})", &name, &options);
  g_variant_lookup(options, "force", "b", &force);
  if (!(agent = msg_agent_find(e, name, error)) ||
      !msg_agent_may(e, agent, job->base.actor, job->base.admin, error))
    return WG_JOB_DONE;
  guint64 waiting = msg_agent_waiting(agent);
  if (waiting > 0 && !force) {
    g_set_error(error, WG_ERROR, WG_ERROR_AGENT_BUSY,
                "Agent '%s' has %" G_GUINT64_FORMAT
                " message%s not done with; read what waits, or remove "
                "it with force: then that becomes dead letters",
                name, waiting, waiting == 1 ? " that is" : "s that are");
    return WG_JOB_DONE;
  }
  agent->removed = e->now_real;
  g_hash_table_remove(e->agents_by_name, agent->name);
  g_clear_pointer(&e->roles, g_hash_table_unref);
  g_clear_pointer(&e->topics, g_hash_table_unref);
  msg_agent_write(e, agent);
  if (waiting > 0 && waiting <= SLICE)
    sweep(e, agent);
  e->sweeping = TRUE;
  msg_wake_now(e); /* those who wait for its mail are told there, after the commit */
  msg_note_add(e, MSG_NOTE_REMOVED)->name = g_strdup(agent->name);
  msg_log(e, LOG_INFO, WG_MSG_AGENT_REMOVED, agent->name, 0,
          "Agent '%s' of uid %u was removed by uid %u; %" G_GUINT64_FORMAT
          " messages became dead letters",
          agent->name, agent->uid, job->base.actor->uid, waiting);
  job->result = g_variant_ref_sink(g_variant_new("(t)", waiting));
  return WG_JOB_DONE;
}
