/* alerts-past.c: after a start, windows begin with what the history has, so that a rule that looks
 * an hour back need not wait an hour. */
#include "monitoring/alerts-private.h"
#include "monitoring/metrics.h"

static void on_past(MonSamples *past, const GError *error, gpointer user_data) {
  MonAlerts *alerts = user_data;

  if (past == NULL) {
    g_debug("Windows of rules begin empty: %s", error->message);
    return;
  }
  if (alerts->is_closing) {
    mon_samples_free(past);
    return;
  }
  /* what was sampled since the start is newer than it, and a sample or two */
  mon_samples_free(alerts->windows);
  alerts->windows = past;
  mon_alerts_soon(alerts);
}

void mon_alerts_begin(MonAlerts *alerts) {
  MonHistory *history = mon_metrics_history(alerts->daemon->metrics);
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  gint64 longest = 0, now = wg_time_realtime();
  GHashTableIter iter;
  gpointer name, span;

  g_hash_table_iter_init(&iter, alerts->spans);
  while (g_hash_table_iter_next(&iter, &name, &span)) {
    if (mon_alerts_records(alerts, name)) /* not among the windows */
      continue;
    g_ptr_array_add(names, name);
    longest = MAX(longest, *(gint64 *)span);
  }
  g_ptr_array_add(names, NULL);
  if (history != NULL && longest > 0)
    mon_history_load(history, (const char *const *)names->pdata, now - longest, now, 0, on_past,
                     alerts);
}
