/* alerts-write.c: what a turn gathered goes to the store, and is told after the commit.
 *
 * One job at a time, oldest first: so listeners hear in the order of seq, and a job that fails (the
 * disk is full, the store is broken) is tried again before anything newer. Nothing is told that is
 * not stored. What waits is one batch, and bounded: of too many transitions the oldest go that have
 * a later one of their alert. */
#include "monitoring/bus-alerts.h"

#define RETRY_MSEC 2000
#define WAITING_MAX 2000 /* transitions, beside the last one of each alert */
#define KEPT_USEC ((gint64)90 * 86400 * G_USEC_PER_SEC)
#define PRUNE_STEP "500" /* rows at most that one job forgets */

static void row_free(gpointer data) {
  MonRow *row = data;

  g_free(row->rule);
  g_free(row->record);
  g_free(row);
}

void mon_batch_free(gpointer data) {
  MonBatch *batch = data;

  g_ptr_array_unref(batch->transitions);
  g_ptr_array_unref(batch->texts);
  g_ptr_array_unref(batch->rows);
  g_array_unref(batch->waiters);
  g_free(batch);
}

/* ---- writer's thread ---- */
static gboolean write_transition(MonStore *store, gint64 seq, const char *fingerprint, gint64 time,
                                 const char *text) {
  sqlite3_stmt *stmt = wg_records_statement(
      store, "INSERT OR REPLACE INTO alert_transition(seq, fingerprint, time, record, crc) "
             "VALUES(?1, ?2, ?3, ?4, ?5)");

  if (stmt == NULL)
    return FALSE;
  sqlite3_bind_int64(stmt, 1, seq);
  sqlite3_bind_text(stmt, 2, fingerprint, -1, SQLITE_STATIC);
  sqlite3_bind_int64(stmt, 3, time);
  sqlite3_bind_text(stmt, 4, text, -1, SQLITE_STATIC);
  sqlite3_bind_int64(stmt, 5, wg_records_crc(seq, text));
  return wg_records_run(store, stmt);
}

static gboolean write_row(MonStore *store, const MonRow *row) {
  sqlite3_stmt *stmt = wg_records_statement(
      store, row->record != NULL ? "INSERT OR REPLACE INTO alert VALUES(?1, ?2, ?3, ?4, ?5, ?6)"
                                 : "DELETE FROM alert WHERE fingerprint = ?1");

  if (stmt == NULL)
    return FALSE;
  sqlite3_bind_text(stmt, 1, row->fingerprint, -1, SQLITE_STATIC);
  if (row->record != NULL) {
    sqlite3_bind_text(stmt, 2, row->rule, -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 3, row->active_since);
    sqlite3_bind_int64(stmt, 4, row->kept_since);
    sqlite3_bind_text(stmt, 5, row->record, -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 6, wg_records_crc(row->active_since, row->record));
  }
  return wg_records_run(store, stmt);
}

static gboolean write_seen(MonStore *store, const MonBatch *batch) {
  sqlite3_stmt *seen =
      wg_records_statement(store, "INSERT OR REPLACE INTO meta VALUES('alerts-seen', ?1)");

  if (seen == NULL)
    return FALSE;
  sqlite3_bind_int64(seen, 1, batch->seen);
  sqlite3_stmt *prune =
      wg_records_run(store, seen)
          ? wg_records_statement(store, "DELETE FROM alert_transition WHERE seq IN "
                                        "(SELECT seq FROM alert_transition WHERE "
                                        "time < ?1 ORDER BY seq LIMIT " PRUNE_STEP ")")
          : NULL;
  if (prune == NULL)
    return FALSE;
  sqlite3_bind_int64(prune, 1, batch->pruned_before);
  return wg_records_run(store, prune);
}

static gboolean write_run(MonStore *store, gpointer data, GError **error) {
  const MonBatch *batch = ((MonAlerts *)data)->writing; /* nobody touches it meanwhile */

  for (guint i = 0; i < batch->transitions->len; i++) {
    const MonTransition *t = batch->transitions->pdata[i];
    if (!write_transition(store, t->seq, t->fingerprint, t->time, batch->texts->pdata[i]))
      return FALSE;
  }
  for (guint i = 0; i < batch->rows->len; i++)
    if (!write_row(store, batch->rows->pdata[i]))
      return FALSE;
  return write_seen(store, batch);
}

/* ---- loop's thread ---- */
static void tell(MonAlerts *alerts, const MonBatch *batch) {
  for (guint i = 0; i < batch->transitions->len; i++) {
    const MonTransition *t = batch->transitions->pdata[i];
    mon_alerts_log(t);
    mon_alerts_count(alerts, t);
    mon_alert_object_changed(alerts->daemon, t);
    for (guint l = 0; l < alerts->listeners->len; l++) {
      MonListener listener = g_array_index(alerts->listeners, MonListener, l);
      listener.func(t, listener.user_data);
    }
  }
}

static gboolean on_retry(gpointer user_data) {
  MonAlerts *alerts = user_data;

  alerts->retry = 0;
  mon_alerts_written_out(alerts);
  return G_SOURCE_REMOVE;
}

/* A caller is told of a failure once, and does not wait for the next try. */
static void answer_waiters(MonBatch *batch, const GError *error) {
  for (guint i = 0; i < batch->waiters->len; i++) {
    MonWaiter waiter = g_array_index(batch->waiters, MonWaiter, i);
    waiter.func(error, waiter.user_data);
  }
  g_array_set_size(batch->waiters, 0);
}

static void write_done(const GError *error, gpointer data) {
  MonAlerts *alerts = data;

  MonBatch *batch = g_steal_pointer(&alerts->writing);
  answer_waiters(batch, error);
  if (error != NULL) {
    g_queue_push_head(&alerts->batches, batch);
    mon_alerts_log_write(error->message);
    if (alerts->retry == 0)
      alerts->retry = g_timeout_add(RETRY_MSEC, on_retry, alerts);
    return;
  }
  tell(alerts, batch);
  mon_batch_free(batch);
  mon_alerts_written_out(alerts);
}

void mon_alerts_written_out(MonAlerts *alerts) {
  if (alerts->writing != NULL || alerts->retry != 0 || g_queue_is_empty(&alerts->batches) ||
      alerts->is_closing)
    return;
  MonBatch *batch = alerts->writing = g_queue_pop_head(&alerts->batches);
  for (guint i = batch->texts->len; i < batch->transitions->len; i++)
    g_ptr_array_add(batch->texts, mon_transition_text(batch->transitions->pdata[i]));
  mon_store_do(alerts->daemon->store, write_run, write_done, alerts, FALSE);
}

static MonRow *row_of(const MonEntry *entry) {
  const MonTransition *is = entry->alert->is;
  MonRow *row = g_new0(MonRow, 1);

  g_strlcpy(row->fingerprint, is->fingerprint, sizeof row->fingerprint);
  /* an end that still counts for flapping is kept */
  if (is->state == MON_ALERT_INACTIVE && (entry->alert->n_flips == 0 || entry->live == NULL))
    return row;
  row->rule = g_strdup(is->rule);
  row->record = mon_alert_record(entry->alert);
  row->active_since = entry->alert->active_since;
  row->kept_since = entry->alert->kept_since;
  return row;
}

static MonBatch *batch_new(void) {
  MonBatch *batch = g_new0(MonBatch, 1);

  batch->transitions = g_ptr_array_new_with_free_func((GDestroyNotify)mon_transition_free);
  batch->texts = g_ptr_array_new_with_free_func(g_free);
  batch->rows = g_ptr_array_new_with_free_func(row_free);
  batch->waiters = g_array_new(FALSE, FALSE, sizeof(MonWaiter));
  return batch;
}

/* The one that waits, or a new one. */
static MonBatch *batch_to_fill(MonAlerts *alerts) {
  MonBatch *batch = g_queue_peek_tail(&alerts->batches);

  if (batch == NULL) {
    batch = batch_new();
    g_queue_push_tail(&alerts->batches, batch);
  }
  batch->seen = alerts->seen = mon_alerts_now(alerts);
  batch->pruned_before = wg_time_realtime() - KEPT_USEC;
  return batch;
}

/* Of the rows of one alert the last is what counts. */
static void thin_rows(GPtrArray *rows) {
  g_autoptr(GHashTable) later = g_hash_table_new(g_str_hash, g_str_equal);

  for (guint i = rows->len; i > 0; i--)
    if (!g_hash_table_add(later, ((MonRow *)rows->pdata[i - 1])->fingerprint))
      g_ptr_array_remove_index(rows, i - 1);
}

static void bound(MonBatch *batch) {
  if (mon_transitions_thin(batch->transitions, WAITING_MAX) > 0)
    g_ptr_array_set_size(batch->texts, 0);
  if (batch->rows->len > WAITING_MAX)
    thin_rows(batch->rows);
}

static void add(MonAlerts *alerts, MonBatch *batch, MonGathered *gathered) {
  MonEntry *entry = gathered->entry;
  MonTransition *transition = g_steal_pointer(&gathered->transition);

  if (transition != NULL) {
    transition->seq = entry->alert->is->seq = ++alerts->seq;
    /* what was found out after it stepped is told with it */
    if (g_strcmp0(transition->cause, entry->alert->is->cause) != 0) {
      g_free(transition->cause);
      transition->cause = g_strdup(entry->alert->is->cause);
    }
    g_ptr_array_add(batch->transitions, transition);
  }
  if (--entry->pending > 0)
    return;
  MonRow *row = row_of(entry);
  entry->has_row = row->record != NULL;
  g_ptr_array_add(batch->rows, row);
}

/* A resolved alert is forgotten once nothing of it has to be written any more. */
static void forget_over(MonAlerts *alerts) {
  gint64 now = mon_alerts_now(alerts);
  g_autoptr(GList) entries = g_hash_table_get_values(alerts->entries);

  for (GList *at = entries; at != NULL; at = at->next) {
    MonEntry *entry = at->data;
    if (entry->pending == 0 && entry->alert->is->state == MON_ALERT_INACTIVE &&
        (entry->live == NULL || mon_alert_is_over(entry->alert, entry->live->rule, now)))
      mon_alerts_forget(alerts, entry);
  }
}

static void take_gone(MonAlerts *alerts, MonBatch *batch) {
  for (guint i = 0; i < alerts->gone->len; i++) {
    MonRow *row = g_new0(MonRow, 1);
    g_strlcpy(row->fingerprint, alerts->gone->pdata[i], sizeof row->fingerprint);
    g_ptr_array_add(batch->rows, row);
  }
  g_ptr_array_set_size(alerts->gone, 0);
}

void mon_alerts_flush(MonAlerts *alerts) {
  if (alerts->gathered->len == 0 && alerts->gone->len == 0 && alerts->seen != 0)
    return;
  MonBatch *batch = batch_to_fill(alerts);
  take_gone(alerts, batch); /* first: one of the same labels may have begun since */
  for (guint i = 0; i < alerts->gathered->len; i++)
    add(alerts, batch, alerts->gathered->pdata[i]);
  g_ptr_array_set_size(alerts->gathered, 0);
  bound(batch);
  forget_over(alerts);
  mon_alerts_figures(alerts);
  mon_alerts_written_out(alerts);
}

void mon_alerts_when_stored(MonAlerts *alerts, MonWrittenFunc func, gpointer user_data) {
  MonWaiter waiter = {func, user_data};

  /* the last batch has what was done last; without one all is there already */
  MonBatch *last = g_queue_peek_tail(&alerts->batches);
  if (last == NULL)
    last = alerts->writing;
  if (last != NULL)
    g_array_append_val(last->waiters, waiter);
  else
    func(NULL, user_data);
}
