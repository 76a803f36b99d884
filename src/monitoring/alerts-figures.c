/* alerts-figures.c: the figures of rules and alerts on the board. */
#include "monitoring/alerts-private.h"
#include "monitoring/metrics-list.h"

static void set(MonAlerts *alerts, MonMetricId metric, const MonLabels *labels, double value) {
  mon_board_set(alerts->daemon->board, &mon_metrics[metric], labels, value, alerts->since);
}

void mon_alerts_count(MonAlerts *alerts, const MonTransition *transition) {
  g_autoptr(MonLabels) labels =
      mon_labels_new("to", mon_transition_kind_name(transition->kind), NULL);
  MonSeries *series =
      mon_board_find(alerts->daemon->board, mon_metrics[MON_M_ALERT_TRANSITIONS].name, labels);

  set(alerts, MON_M_ALERT_TRANSITIONS, labels, series != NULL ? mon_series_value(series) + 1 : 1);
}

void mon_alerts_count_failure(MonAlerts *alerts, const MonLive *live) {
  g_autoptr(MonLabels) labels = mon_labels_new("rule", live->rule->key, NULL);
  MonSeries *series =
      mon_board_find(alerts->daemon->board, mon_metrics[MON_M_RULE_FAILURES].name, labels);

  set(alerts, MON_M_RULE_FAILURES, labels, series != NULL ? mon_series_value(series) + 1 : 1);
}

static void add(GHashTable *counts, const MonTransition *is) {
  MonLabels *labels =
      mon_labels_new("state", mon_alert_shown_state(is), "severity", is->severity, NULL);
  guint n = GPOINTER_TO_UINT(g_hash_table_lookup(counts, labels));

  g_hash_table_replace(counts, labels, GUINT_TO_POINTER(n + 1));
}

static void unref_labels(gpointer labels) {
  mon_labels_unref(labels);
}

static gboolean collect(MonSeries *series, gpointer user_data) {
  g_ptr_array_add(user_data, series);
  return TRUE;
}

/* Those that there are none of any more are 0 and stay: a gap would look like a lost source. */
void mon_alerts_figures(MonAlerts *alerts) {
  g_autoptr(GHashTable) counts = g_hash_table_new_full(NULL, NULL, unref_labels, NULL);
  g_autoptr(GPtrArray) old = g_ptr_array_new();
  GHashTableIter iter;
  gpointer key, value;

  g_hash_table_iter_init(&iter, alerts->entries);
  while (g_hash_table_iter_next(&iter, NULL, &value))
    if (((MonEntry *)value)->alert->is->state != MON_ALERT_INACTIVE)
      add(counts, ((MonEntry *)value)->alert->is);
  mon_board_each(alerts->daemon->board, mon_metrics[MON_M_ALERTS].name, collect, old);
  for (guint i = 0; i < old->len; i++)
    if (!g_hash_table_contains(counts, mon_series_labels(old->pdata[i])))
      mon_series_set(old->pdata[i], 0);
  g_hash_table_iter_init(&iter, counts);
  while (g_hash_table_iter_next(&iter, &key, &value))
    mon_board_set(alerts->daemon->board, &mon_metrics[MON_M_ALERTS], key, GPOINTER_TO_UINT(value),
                  0);
  g_autoptr(MonLabels) none = mon_labels_new(NULL, NULL);
  if (alerts->took.count > 0)
    mon_board_histogram(alerts->daemon->board, &mon_metrics[MON_M_RULE_EVALUATION], none,
                        &alerts->took, alerts->since);
}
