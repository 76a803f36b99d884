/* alerts-rules.c: which rules are at work, and which series they watch. */
#include "monitoring/alerts-private.h"

#include <string.h>

static void live_free(MonLive *live) {
  g_hash_table_unref(live->by_result);
  g_hash_table_unref(live->made);
  g_free(live->error);
  g_free(live);
}

void mon_alerts_each_recorded(MonAlerts *alerts, MonRecordedFunc func, gpointer user_data) {
  GHashTableIter iter;
  gpointer labels, value;

  for (guint i = 0; i < alerts->live->len; i++) {
    const MonLive *live = alerts->live->pdata[i];
    g_hash_table_iter_init(&iter, live->made);
    while (g_hash_table_iter_next(&iter, &labels, &value))
      func(live->rule->name, labels, *(const double *)value, user_data);
  }
}

static void unref_labels(gpointer labels) {
  mon_labels_unref(labels);
}

static MonLive *live_new(const MonRule *rule, gint64 now) {
  MonLive *live = g_new0(MonLive, 1);

  live->rule = rule;
  live->tick = now;
  live->due = G_MAXINT64;
  live->by_result = g_hash_table_new_full(NULL, NULL, unref_labels, NULL);
  live->made = g_hash_table_new_full(NULL, NULL, unref_labels, g_free);
  return live;
}

MonLive *mon_alerts_live(MonAlerts *alerts, const char *key) {
  for (guint i = 0; key != NULL && i < alerts->live->len; i++) {
    MonLive *live = alerts->live->pdata[i];
    if (g_str_equal(live->rule->key, key))
      return live;
  }
  return NULL;
}

/* A unit that fails is judged now, not at the next tick. */
static void on_change(MonSeries *series, MonSeriesChange change, gpointer user_data) {
  MonAlerts *alerts = user_data;
  GPtrArray *mentioned =
      g_hash_table_lookup(alerts->by_metric, g_intern_string(mon_series_name(series)));

  for (guint i = 0; mentioned != NULL && i < mentioned->len; i++)
    ((MonLive *)mentioned->pdata[i])->is_dirty = TRUE;
  mon_alerts_soon(alerts);
}

void mon_alerts_unwatch(MonAlerts *alerts) {
  for (guint i = 0; i < alerts->watches->len; i++)
    mon_board_unwatch(alerts->daemon->board, g_array_index(alerts->watches, guint, i));
  g_array_set_size(alerts->watches, 0);
  g_hash_table_remove_all(alerts->by_metric);
  for (guint i = 0; i < alerts->live->len; i++)
    live_free(alerts->live->pdata[i]);
  g_ptr_array_set_size(alerts->live, 0);
}

static void mention(MonAlerts *alerts, MonLive *live, const MonExpr *expr) {
  for (const char *const *name = expr != NULL ? mon_expr_names(expr) : NULL;
       name != NULL && *name != NULL; name++) {
    GPtrArray *mentioned = g_hash_table_lookup(alerts->by_metric, *name);
    if (mentioned == NULL) {
      guint id = mon_board_watch(alerts->daemon->board, *name, on_change, alerts);
      g_array_append_val(alerts->watches, id);
      mentioned = g_ptr_array_new();
      g_hash_table_insert(alerts->by_metric, (gpointer)*name, mentioned);
    }
    if (!g_ptr_array_find(mentioned, live, NULL))
      g_ptr_array_add(mentioned, live);
    gint64 window = mon_expr_window(expr);
    gint64 *span = g_hash_table_lookup(alerts->spans, *name);
    if (window > 0 && (span == NULL || *span < window))
      g_hash_table_insert(alerts->spans, (gpointer)*name, g_memdup2(&window, sizeof window));
  }
}

/* Alerts stay with the rule of the same key; without one they end at the next turn. */
static void rebind(MonAlerts *alerts) {
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init(&iter, alerts->entries);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    MonEntry *entry = value;
    g_clear_pointer(&entry->result, mon_labels_unref);
    entry->live = mon_alerts_live(alerts, entry->alert->is->rule);
    if (entry->live != NULL && !entry->live->rule->records)
      entry->live->n_alerts++;
    else
      entry->live = NULL;
  }
}

static gboolean is_recorded(const MonRules *rules, const char *name) {
  for (guint i = 0; i < rules->rules->len; i++) {
    const MonRule *rule = rules->rules->pdata[i];
    if (rule->records && g_str_equal(rule->name, name))
      return TRUE;
  }
  return FALSE;
}

gboolean mon_alerts_records(const MonAlerts *alerts, const char *name) {
  return alerts->rules != NULL && is_recorded(alerts->rules, name);
}

/* What no rule makes any more is gone. */
static void drop_recorded(MonAlerts *alerts, const MonRules *rules) {
  for (guint i = 0; i < alerts->live->len; i++) {
    const MonRule *rule = ((const MonLive *)alerts->live->pdata[i])->rule;
    if (rule->records && !is_recorded(rules, rule->name))
      mon_samples_drop(alerts->recorded, rule->name);
  }
}

void mon_alerts_use(MonAlerts *alerts, MonRules *rules) {
  gint64 now = mon_alerts_now(alerts);

  drop_recorded(alerts, rules);
  mon_alerts_unwatch(alerts);
  g_hash_table_remove_all(alerts->spans);
  g_clear_pointer(&alerts->rules, mon_rules_free);
  alerts->rules = rules;
  for (guint i = 0; i < rules->rules->len; i++) {
    MonLive *live = live_new(rules->rules->pdata[i], now);
    g_ptr_array_add(alerts->live, live);
    mention(alerts, live, live->rule->expr);
    mention(alerts, live, live->rule->resolve);
  }
  rebind(alerts);
}

void mon_alerts_items(MonAlerts *alerts, struct MonItems *into) {
  if (alerts->rules)
    mon_rules_items(alerts->rules, into);
}
