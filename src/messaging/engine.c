/* engine.c: the engine's life, and the frame of a batch.
 *
 * A batch: begin() takes the time once for all of it; the jobs run; before_commit() runs what is
 * due, gives ready mail to those who wait, writes counts, and sends the notes. rolled_back() throws
 * every cache away and undoes leases; the jobs of the batch are then run again by the writer, one
 * by one. */
#include "messaging/engine-private.h"

static const MsgCallFunc call_funcs[_MSG_CALL_MAX] = {
    [MSG_CALL_REGISTER_AGENT] = msg_call_register_agent,
    [MSG_CALL_UPDATE_AGENT] = msg_call_update_agent,
    [MSG_CALL_UNREGISTER_AGENT] = msg_call_unregister_agent,
    [MSG_CALL_LIST_AGENTS] = msg_call_list_agents,
    [MSG_CALL_GET_AGENT] = msg_call_get_agent,
    [MSG_CALL_PAUSE_AGENT] = msg_call_pause_agent,
    [MSG_CALL_RESUME_AGENT] = msg_call_resume_agent,
    [MSG_CALL_CANCEL] = msg_call_cancel,
    [MSG_CALL_HOLD] = msg_call_hold,
    [MSG_CALL_RELEASE] = msg_call_release,
    [MSG_CALL_GET_MESSAGE] = msg_call_get_message,
    [MSG_CALL_GET_RECEIPTS] = msg_call_get_receipts,
    [MSG_CALL_WAIT] = msg_call_wait,
    [MSG_CALL_FIND_MESSAGE] = msg_call_find_message,
    [MSG_CALL_LIST_MESSAGES] = msg_call_list_messages,
    [MSG_CALL_LIST_DEAD] = msg_call_list_dead,
    [MSG_CALL_REQUEUE_DEAD] = msg_call_requeue_dead,
    [MSG_CALL_PURGE_DEAD] = msg_call_purge_dead,
    [MSG_CALL_GET_STATISTICS] = msg_call_get_statistics,
    [MSG_CALL_IMPORT] = msg_call_import,
    [MSG_CALL_CHECK] = msg_call_check,
    [MSG_CALL_SUBSCRIBE] = msg_call_subscribe,
    [MSG_CALL_ADD_CREDITS] = msg_call_add_credits,
    [MSG_CALL_UNSUBSCRIBE] = msg_call_unsubscribe,
    [MSG_CALL_WATCH] = msg_call_watch,
    [MSG_CALL_UNWATCH] = msg_call_unwatch,
    [MSG_CALL_REGISTER_COURIER] = msg_call_register_courier,
    [MSG_CALL_LEASE_ATTEMPTS] = msg_call_lease_attempts,
    [MSG_CALL_REPORT_ATTEMPT] = msg_call_report_attempt,
    [MSG_CALL_REPORT_ATTEMPTS] = msg_call_report_attempts,
    [MSG_CALL_TAKE_ATTEMPTS] = msg_call_take_attempts,
};

WgJobResult msg_run_call(WgJob *job, gpointer engine) {
  MsgCallJob *j = (MsgCallJob *)job;

  g_clear_pointer(&j->result, g_variant_unref); /* the job may be run a second time */
  g_clear_pointer(&j->offers, msg_offers_free);
  return call_funcs[j->kind](engine, j);
}

static void settings_take(MsgEngine *e, const MsgSettings *settings) {
  g_free(e->backoff_list);
  msg_edges_unref(e->settings.edges);
  e->settings = *settings;
  msg_edges_ref(e->settings.edges);
  e->backoff_list = settings->n_backoff_list ? g_memdup2(settings->backoff_list,
                                                         settings->n_backoff_list * sizeof(guint64))
                                             : NULL;
  e->settings.backoff_list = e->backoff_list;
}

WgJobResult msg_run_settings(WgJob *job, gpointer engine) {
  MsgEngine *e = engine;

  settings_take(e, &((MsgSettingsJob *)job)->settings);
  for (guint i = 0; i < e->agents->len; i++) {
    MsgAgent *agent = e->agents->pdata[i];
    if (!agent)
      continue;
    msg_agent_apply_info(agent);
    msg_agent_finish_settings(e, agent);
  }
  msg_absences_look_again(e);
  return WG_JOB_DONE;
}

WgJobResult msg_run_drain(WgJob *job, gpointer engine) {
  MsgEngine *e = engine;
  GHashTableIter iter;
  gpointer client;
  g_autoptr(GPtrArray) parked = g_ptr_array_new();

  e->draining = TRUE;
  g_hash_table_iter_init(&iter, e->clients);
  while (g_hash_table_iter_next(&iter, NULL, &client))
    for (GList *l = ((MsgClient *)client)->parked.head; l; l = l->next)
      g_ptr_array_add(parked, l->data);
  for (guint i = 0; i < parked->len; i++) {
    MsgJob *j = parked->pdata[i];
    if (j->job.run == msg_run_receive)
      msg_receive_finish(e, (MsgReceiveJob *)j);
    else
      msg_call_finish(e, (MsgCallJob *)j);
  }
  return WG_JOB_DONE;
}

/* ---- the batch ---- */
static void take_time(MsgEngine *e) {
  e->now = wg_clock_now(&e->clock);
  e->now_real = wg_time_realtime();
}

static void engine_begin(gpointer engine) {
  MsgEngine *e = engine;

  e->failed = FALSE;
  e->in_batch = TRUE;
  e->batch++;
  take_time(e);
  msg_live_cache_trim(e, FALSE);
  if (e->relieve)
    msg_pressure_relieve(e);
}

static gboolean engine_before_commit(gpointer engine, GError **error) {
  MsgEngine *e = engine;

  gboolean deliver = msg_may_write(e);

  msg_timers_run(e);
  for (guint i = 0; deliver && i < e->touched_agents->len && !e->failed; i++) {
    MsgAgent *agent = e->touched_agents->pdata[i];
    agent->touched = FALSE;
    msg_dispatch(e, agent);
  }
  msg_waits_run(e);
  if (e->now >= e->next_retention || (e->recover_later && !wg_store_is_read_only(e->store)))
    msg_wake_now(e);
  if (!e->failed) {
    if (deliver)
      g_ptr_array_set_size(e->touched_agents, 0);
    msg_agents_flush(e);
    msg_senders_flush(e);
    msg_pairs_flush(e);
    msg_timers_tell(e);
    msg_notes_send(e);
  }
  if (!e->failed)
    return TRUE;
  g_set_error_literal(error, WG_ERROR, WG_ERROR_FAILED, "The batch failed");
  return FALSE;
}

static void engine_committed(gpointer engine) {
  MsgEngine *e = engine;

  msg_commit_note(e);
  e->in_batch = FALSE;
  msg_attempts_commit(e);
  msg_undo_commit(e);
  g_ptr_array_set_size(e->new_actors, 0);
  e->agents_changed = FALSE;
}

static void forget_batch(MsgEngine *e) {
  for (guint i = 0; i < e->touched_agents->len; i++)
    ((MsgAgent *)e->touched_agents->pdata[i])->touched = FALSE;
  g_ptr_array_set_size(e->touched_agents, 0);
  for (guint i = 0; i < e->dirty_agents->len; i++)
    ((MsgAgent *)e->dirty_agents->pdata[i])->dirty = FALSE;
  g_ptr_array_set_size(e->dirty_agents, 0);
  for (guint i = 0; i < e->new_actors->len; i++)
    ((MsgActor *)e->new_actors->pdata[i])->row = 0;
  g_ptr_array_set_size(e->new_actors, 0);
  g_ptr_array_set_size(e->plan_agents, 0);
  g_ptr_array_set_size(e->dirty_senders, 0);
  g_array_set_size(e->waits_touched, 0);
  g_clear_pointer(&e->notes, g_ptr_array_unref);
  g_clear_pointer(&e->early_notes, g_ptr_array_unref);
}

static void last_numbers(MsgEngine *e) {
  sqlite3_stmt *stmt =
      wg_store_prepare(e->db,
                       "SELECT max(coalesce((SELECT max(seq) FROM message), 0), coalesce((SELECT "
                       "value FROM meta WHERE key = 'last-seq'), 0))",
                       NULL);

  if (stmt && sqlite3_step(stmt) == SQLITE_ROW)
    e->last_seq = MAX(e->last_seq, (guint64)sqlite3_column_int64(stmt, 0));
  sqlite3_finalize(stmt);
}

void msg_memory_reset(MsgEngine *e) {
  msg_undo_rollback(e, e->batch);
  g_hash_table_remove_all(e->senders_by_name);
  g_hash_table_remove_all(e->senders);
  msg_pairs_forget(e);
  msg_message_cache_clear(e);
  msg_agents_reload(e);
  e->due_changed = TRUE;
  e->told_wake = e->told_calendar = G_MAXINT64;
  /* mail that was ready before is ready again, and whoever waits for it must not wait longer */
  for (guint i = 0; i < e->agents->len; i++) {
    MsgAgent *agent = e->agents->pdata[i];
    if (agent && !agent->removed &&
        (agent->receivers.head || agent->subscriptions.head || agent->policy))
      msg_touch(e, agent);
  }
  e->failed = FALSE;
}

static void engine_rolled_back(gpointer engine, guint64 batch) {
  MsgEngine *e = engine;

  e->in_batch = FALSE;
  forget_batch(e);
  msg_receive_unpark_batch(e, batch);
  msg_waits_unpark_batch(e, batch);
  msg_attempts_unpark_batch(e, batch);
  msg_slices_rollback(e, batch);
  msg_subscriptions_rollback(e);
  msg_watches_rollback(e);
  if (e->recover_batch == e->batch)
    e->recover_later = TRUE;
  msg_memory_reset(e);
}

static gboolean engine_reopened(gpointer engine, const WgSalvage *salvage, GError **error) {
  MsgEngine *e = engine;

  e->batch++; /* what the last one made is not undone here */
  msg_schema_finalize(e);
  if (!msg_schema_prepare(e, error))
    return FALSE;
  e->first_volatile = e->last_volatile; /* memory's schema began anew */
  msg_memory_reset(e);
  last_numbers(e);
  msg_recover_reopened(e, salvage && salvage->happened);
  return TRUE;
}

const WgWriterEngine msg_engine_funcs = {
    .begin = engine_begin,
    .before_commit = engine_before_commit,
    .committed = engine_committed,
    .rolled_back = engine_rolled_back,
    .reopened = engine_reopened,
};

/* ---- start and end ---- */
static gboolean boot_load(MsgEngine *e, GError **error) {
  sqlite3_stmt *stmt = wg_store_prepare(e->db,
                                        "SELECT id, base, (SELECT value FROM meta WHERE key = "
                                        "'last-time') FROM boot ORDER BY n DESC LIMIT 1",
                                        error);
  g_autofree char *id = NULL;
  gint64 base = 0, last = 0;
  gboolean is_new;

  if (!stmt)
    return FALSE;
  if (sqlite3_step(stmt) == SQLITE_ROW) {
    id = g_strdup((const char *)sqlite3_column_text(stmt, 0));
    base = sqlite3_column_int64(stmt, 1);
    last = sqlite3_column_int64(stmt, 2);
  }
  sqlite3_finalize(stmt);
  if (!wg_clock_init(&e->clock, id, base, last, &is_new, error))
    return FALSE;
  take_time(e);
  if (!is_new)
    return TRUE;
  stmt = wg_store_prepare(e->db, "INSERT INTO boot(id, base) VALUES(?1, ?2)", error);
  if (!stmt)
    return FALSE;
  sqlite3_bind_text(stmt, 1, e->clock.boot_id, -1, SQLITE_STATIC);
  sqlite3_bind_int64(stmt, 2, e->clock.base);
  int r = sqlite3_step(stmt);
  sqlite3_finalize(stmt);
  return r == SQLITE_DONE || r == SQLITE_READONLY ||
         wg_store_set_error(e->db, error, "storing this boot's clock");
}

static GHashTable *id_table(void) {
  return g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
}

static void engine_tables(MsgEngine *e) {
  e->agents_by_name = g_hash_table_new(g_str_hash, g_str_equal);
  e->agents = g_ptr_array_new_with_free_func((GDestroyNotify)msg_agent_free);
  e->dirty_agents = g_ptr_array_new();
  e->touched_agents = g_ptr_array_new();
  e->dirty_senders = g_ptr_array_new();
  e->new_actors = g_ptr_array_new_with_free_func((GDestroyNotify)msg_actor_unref);
  e->plan_agents = g_ptr_array_new();
  e->senders_by_name = g_hash_table_new(msg_sender_hash, msg_sender_equal);
  e->senders = g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)msg_sender_free);
  e->live_cache = g_hash_table_new(g_int64_hash, g_int64_equal);
  e->message_cache =
      g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, (GDestroyNotify)msg_message_unref);
  e->leases = g_hash_table_new(g_int64_hash, g_int64_equal);
  e->leased_keys = g_hash_table_new(g_int64_hash, g_int64_equal);
  e->undo = g_ptr_array_new();
  e->clients = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
  e->waits_touched = g_array_new(FALSE, FALSE, sizeof(guint64));
  e->subscriptions = id_table();
  e->watches = id_table();
  e->random = g_rand_new();
  e->heap = g_ptr_array_new();
  e->commits = g_array_new(FALSE, FALSE, sizeof(MsgCommit));
  e->pack = g_byte_array_sized_new(1024);
  e->slices = g_ptr_array_new();
  e->findings = g_ptr_array_new_with_free_func(g_free);
  msg_waits_init(e);
  msg_pairs_init(e);
  msg_courier_init(e);
}

MsgEngine *msg_engine_new(WgStore *store, const MsgSettings *settings, gboolean user_scope,
                          GError **error) {
  MsgEngine *e = g_new0(MsgEngine, 1);

  e->store = store;
  e->user_scope = user_scope;
  e->told_wake = e->told_calendar = G_MAXINT64;
  e->due_changed = TRUE;
  settings_take(e, settings);
  engine_tables(e);
  /* volatile numbers go on from the clock, faster than anybody sends, so that one of an earlier run
   * never means another message */
  e->last_volatile = (guint64)wg_time_realtime() & (MSG_SEQ_MASK >> 1);
  e->first_volatile = e->last_volatile;
  if (!msg_schema_prepare(e, error) || !boot_load(e, error) || !msg_agents_load(e, error)) {
    msg_schema_finalize(e); /* the store may go on with another file */
    msg_engine_free(e);
    return NULL;
  }
  last_numbers(e);
  e->seq_on_disk = e->last_seq;
  msg_recover(e, wg_store_was_salvaged(store));
  msg_absences_look_again(e);
  return e;
}

void msg_engine_set_writer(MsgEngine *e, WgWriter *writer, MsgNotesFunc notes, gpointer user_data) {
  e->writer = writer;
  e->notes_func = notes;
  e->notes_data = user_data;
}

const WgClock *msg_engine_clock(MsgEngine *e) {
  return &e->clock;
}

GPtrArray *msg_engine_initial_notes(MsgEngine *e) {
  for (guint i = 0; i < e->agents->len; i++) {
    MsgAgent *agent = e->agents->pdata[i];
    if (agent && !agent->removed)
      msg_agent_note(e, agent);
  }
  msg_timers_tell(e); /* a first tick: what fell due while nobody ran */
  return e->notes ? g_steal_pointer(&e->notes) : g_ptr_array_new();
}

static void free_lease(gpointer key, gpointer lease, gpointer user_data) {
  msg_lease_free(lease);
}
static void free_live(gpointer key, gpointer live, gpointer user_data) {
  msg_live_free(live);
}
static void free_subscription(gpointer key, gpointer s, gpointer user_data) {
  msg_actor_unref(((MsgSubscription *)s)->actor);
  g_free(s);
}

void msg_engine_free(MsgEngine *e) {
  msg_schema_forget(e);
  forget_batch(e);
  msg_undo_commit(e);
  g_clear_error(&e->start_error);
  msg_courier_free(e);
  g_hash_table_foreach(e->leases, free_lease, NULL);
  g_hash_table_foreach(e->live_cache, free_live, NULL);
  g_hash_table_foreach(e->subscriptions, free_subscription, NULL);
  msg_watches_free(e);
  msg_pairs_free(e);
  for (GHashTable **t = (GHashTable *[]){e->leases, e->leased_keys, e->live_cache, e->subscriptions,
                                         e->watches, e->waits, e->clients, e->message_cache,
                                         e->senders_by_name, e->senders, e->agents_by_name, NULL};
       *t; t++)
    g_hash_table_unref(*t);
  g_clear_pointer(&e->roles, g_hash_table_unref);
  g_clear_pointer(&e->topics, g_hash_table_unref);
  for (GPtrArray **a = (GPtrArray *[]){e->agents, e->dirty_agents, e->touched_agents,
                                       e->dirty_senders, e->new_actors, e->plan_agents, e->undo,
                                       e->heap, e->slices, e->findings, NULL};
       *a; a++)
    g_ptr_array_unref(*a);
  g_array_unref(e->waits_touched);
  g_array_unref(e->commits);
  g_byte_array_unref(e->pack);
  g_rand_free(e->random);
  g_free(e->backoff_list);
  msg_edges_unref(e->settings.edges);
  g_free(e);
}
