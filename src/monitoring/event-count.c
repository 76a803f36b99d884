/* event-count.c: see event-count.h. A series begins with 0 and then counts, so that a rate sees the
 * first event, too. */
#include "monitoring/event-count.h"

#include "monitoring/metrics-list.h"

#include "common/clock.h"

struct MonEventCount {
  MonDaemon *daemon;
  guint listener;
};

static void on_event(const MonEvent *event, gpointer data) {
  MonEventCount *count = data;
  const MonMetric *metric = &mon_metrics[MON_M_EVENTS];
  g_autoptr(MonLabels) labels =
      mon_labels_new("event", mon_event_name(event->kind), "unit", event->subject, NULL);
  MonSeries *series = mon_board_find(count->daemon->board, metric->name, labels);

  if (series == NULL)
    series = mon_board_set(count->daemon->board, metric, labels, 0, wg_time_realtime());
  mon_series_set(series, mon_series_value(series) + 1);
}

MonEventCount *mon_event_count_new(MonDaemon *daemon) {
  MonEventCount *count = g_new0(MonEventCount, 1);

  count->daemon = daemon;
  count->listener = mon_events_listen(daemon->events, on_event, count);
  return count;
}

void mon_event_count_free(MonEventCount *count) {
  if (count == NULL)
    return;
  mon_events_unlisten(count->daemon->events, count->listener);
  g_free(count);
}
