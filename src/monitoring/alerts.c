/* alerts.c: the room of rules and alerts: its life, and who listens. See alerts.h. */
#include "monitoring/alerts-private.h"
#include "monitoring/inventory.h"

#include "common/error.h"
#include "common/timer-source.h"

gint64 mon_alerts_now(const MonAlerts *alerts) {
  return wg_clock_now(wg_records_clock(alerts->daemon->store));
}

static void entry_free(gpointer data) {
  MonEntry *entry = data;

  mon_alert_free(entry->alert);
  g_clear_pointer(&entry->result, mon_labels_unref);
  g_free(entry);
}

/* What a unit needs is known a moment after its state: causes are looked for again. */
static void on_unit(const MonUnit *unit, MonUnitChange change, gpointer user_data) {
  MonAlerts *alerts = user_data;

  if (change == MON_UNIT_CHANGED && mon_causes_are_due(alerts))
    mon_alerts_soon(alerts);
}

static void on_timer(gboolean clock_was_set, gpointer user_data) {
  mon_alerts_turn(user_data);
}

MonRules *mon_alerts_read_files(MonAlerts *alerts, GError **error) {
  g_auto(GStrv) dirs = wg_config_dirs(alerts->daemon->user_scope);

  return mon_rules_load((const char *const *)dirs, (gint64)alerts->daemon->settings.evaluate,
                        error);
}

MonAlerts *mon_alerts_new(MonDaemon *daemon, GError **error) {
  MonAlerts *alerts = g_new0(MonAlerts, 1);

  alerts->daemon = daemon;
  alerts->live = g_ptr_array_new();
  alerts->by_metric = g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)g_ptr_array_unref);
  alerts->watches = g_array_new(FALSE, FALSE, sizeof(guint));
  alerts->entries = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, entry_free);
  alerts->gone = g_ptr_array_new_with_free_func(g_free);
  alerts->windows = mon_samples_new();
  alerts->recorded = mon_samples_new();
  alerts->spans = g_hash_table_new_full(NULL, NULL, NULL, g_free);
  alerts->listeners = g_array_new(FALSE, FALSE, sizeof(MonListener));
  alerts->gathered = g_ptr_array_new_with_free_func(mon_gathered_free);
  alerts->backtests = mon_backtests_new();
  alerts->since = wg_time_realtime();
  alerts->clock = mon_board_follow_clock(daemon->board);
  alerts->timer = wg_timer_source_new(CLOCK_BOOTTIME, on_timer, alerts, error);
  MonRules *rules = alerts->timer != NULL ? mon_alerts_read_files(alerts, error) : NULL;
  if (rules != NULL)
    mon_alerts_use(alerts, rules);
  if (rules == NULL || !mon_alerts_load(alerts, error)) {
    mon_alerts_free(alerts);
    return NULL;
  }
  alerts->units = mon_inventory_listen(daemon->inventory, on_unit, alerts);
  mon_alerts_soon(alerts);
  return alerts;
}

void mon_alerts_stop(MonAlerts *alerts) {
  alerts->is_closing = TRUE;
  g_ptr_array_set_size(alerts->backtests, 0);
  g_clear_handle_id(&alerts->idle, g_source_remove);
  g_clear_handle_id(&alerts->retry, g_source_remove);
  g_clear_pointer(&alerts->timer, wg_timer_source_destroy);
}

/* The store is closed already: each job of ours has been called back. */
void mon_alerts_free(MonAlerts *alerts) {
  if (alerts == NULL)
    return;
  g_clear_handle_id(&alerts->idle, g_source_remove);
  g_clear_handle_id(&alerts->retry, g_source_remove);
  g_clear_pointer(&alerts->timer, wg_timer_source_destroy);
  if (alerts->units != 0)
    mon_inventory_unlisten(alerts->daemon->inventory, alerts->units);
  mon_alerts_unwatch(alerts);
  g_queue_clear_full(&alerts->batches, mon_batch_free);
  g_ptr_array_unref(alerts->gathered);
  g_ptr_array_unref(alerts->backtests);
  g_hash_table_unref(alerts->entries);
  g_ptr_array_unref(alerts->gone);
  g_ptr_array_unref(alerts->live);
  g_hash_table_unref(alerts->by_metric);
  g_array_unref(alerts->watches);
  g_array_unref(alerts->listeners);
  mon_samples_free(alerts->windows);
  mon_samples_free(alerts->recorded);
  g_hash_table_unref(alerts->spans);
  mon_rules_free(alerts->rules);
  g_free(alerts);
}

void mon_alerts_use_files(MonAlerts *alerts, MonRules *rules) {
  mon_alerts_use(alerts, rules);
  mon_alerts_soon(alerts);
}

void mon_alerts_listen(MonAlerts *alerts, MonTransitionFunc func, gpointer user_data) {
  MonListener listener = {func, user_data};

  g_array_append_val(alerts->listeners, listener);
}

void mon_alerts_each(MonAlerts *alerts, MonTransitionFunc func, gpointer user_data) {
  GHashTableIter iter;
  gpointer entry;

  g_hash_table_iter_init(&iter, alerts->entries);
  while (g_hash_table_iter_next(&iter, NULL, &entry))
    if (((MonEntry *)entry)->alert->is->state != MON_ALERT_INACTIVE)
      func(((MonEntry *)entry)->alert->is, user_data);
}

const MonTransition *mon_alerts_find(MonAlerts *alerts, const char *fingerprint) {
  const MonEntry *entry = g_hash_table_lookup(alerts->entries, fingerprint);

  return entry != NULL && entry->alert->is->state != MON_ALERT_INACTIVE ? entry->alert->is : NULL;
}

/* ---- what happened before ---- */
typedef struct {
  MonStore *store;
  gint64 seq;
  guint max;
  MonTransitionsFunc func;
  gpointer user_data;
  GPtrArray *texts;
} Reading;

static gboolean read_run(MonStore *store, gpointer data, GError **error) {
  Reading *reading = data;
  g_autoptr(WgStatement) stmt = wg_records_statement(
      store, "SELECT seq, record, crc FROM alert_transition WHERE seq > ?1 ORDER BY seq");

  if (stmt == NULL)
    return FALSE;
  g_ptr_array_set_size(reading->texts, 0);
  sqlite3_bind_int64(stmt, 1, reading->seq);
  /* a damaged one is none of the `max`: who gets fewer knows that there are no more */
  while (reading->texts->len < reading->max && wg_records_row(store, stmt)) {
    const char *text = wg_records_checked(store, "alert_transition", sqlite3_column_int64(stmt, 0),
                                          (const char *)sqlite3_column_text(stmt, 1),
                                          (guint32)sqlite3_column_int64(stmt, 2));
    if (text != NULL)
      g_ptr_array_add(reading->texts, g_strdup(text));
  }
  return TRUE;
}

static void read_done(const GError *error, gpointer data) {
  Reading *reading = data;
  g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func((GDestroyNotify)mon_transition_free);

  for (guint i = 0; i < reading->texts->len; i++) {
    MonTransition *transition = mon_transition_from_text(reading->texts->pdata[i], NULL);
    if (transition != NULL)
      g_ptr_array_add(found, transition);
    else
      wg_records_note_damage(reading->store, "alert_transition", -(gint64)i);
  }
  reading->func(error == NULL ? found : NULL, error, reading->user_data);
  g_ptr_array_unref(reading->texts);
  g_free(reading);
}

void mon_alerts_read(MonAlerts *alerts, gint64 seq, guint max, MonTransitionsFunc func,
                     gpointer user_data) {
  Reading *reading = g_new0(Reading, 1);

  *reading = (Reading){
      alerts->daemon->store, seq, max, func, user_data, g_ptr_array_new_with_free_func(g_free)};
  mon_store_do(alerts->daemon->store, read_run, read_done, reading, FALSE);
}
