/* probes-series.c: the series of a probe. In maintenance waggle_probe_up is not there, so that no
 * rule holds because of it; before the first result neither it nor a duration is. */
#include "monitoring/probes-private.h"

#include "monitoring/metrics-list.h"

#include <math.h>

#define VALUES_MAX 32

static const char *const states[] = {"pending", "up", "down", "flapping", "maintenance"};

struct MonProbeSeries {
  MonBoard *board;
  MonLabels *labels; /* service, probe, type */
  MonSeries *up, *duration, *states[G_N_ELEMENTS(states)], *results[5];
  gint64 created;     /* CLOCK_REALTIME us */
  GHashTable *values; /* name -> MonSeries */
};

MonProbeSeries *mon_probe_series_new(MonBoard *board, const MonProbe *probe) {
  MonProbeSeries *series = g_new0(MonProbeSeries, 1);

  series->board = board;
  series->created = g_get_real_time();
  series->values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  series->labels = mon_labels_new("service", probe->service, "probe", probe->spec->name, "type",
                                  probe->spec->type, NULL);
  mon_probe_series_state(series, probe);
  return series;
}

static void drop(MonProbeSeries *series, MonSeries **one) {
  mon_board_drop(series->board, *one);
  *one = NULL;
}

static void set(MonProbeSeries *series, MonSeries **one, const MonMetric *metric,
                const MonLabels *labels, double value, gint64 created) {
  if (*one != NULL)
    mon_series_set(*one, value);
  else
    *one = mon_board_set(series->board, metric, labels, value, created);
}

void mon_probe_series_state(MonProbeSeries *series, const MonProbe *probe) {
  const char *now = mon_probe_state_text(probe);

  for (guint i = 0; i < G_N_ELEMENTS(states); i++) {
    g_autoptr(MonLabels) labels = mon_labels_with(series->labels, "state", states[i]);
    set(series, &series->states[i], MON_METRIC(PROBE_STATE), labels, g_strcmp0(states[i], now) == 0,
        0);
  }
  if (probe->state.base == MON_PROBE_PENDING || probe->maintenance ||
      (probe->holds & MON_HOLD_GONE))
    drop(series, &series->up);
  else
    set(series, &series->up, MON_METRIC(PROBE_UP), series->labels,
        probe->state.base == MON_PROBE_UP, 0);
}

static void set_values(MonProbeSeries *series, const MonProbe *probe) {
  JsonObjectIter iter;
  const char *name;
  JsonNode *node;
  GHashTableIter old;
  gpointer key, value;

  g_hash_table_iter_init(&old, series->values);
  while (g_hash_table_iter_next(&old, &key, &value))
    if (probe->values == NULL || !json_object_has_member(probe->values, key)) {
      mon_board_drop(series->board, value);
      g_hash_table_iter_remove(&old);
    }
  if (probe->values == NULL)
    return;
  json_object_iter_init_ordered(&iter, probe->values);
  while (json_object_iter_next_ordered(&iter, &name, &node)) {
    GType type = JSON_NODE_HOLDS_VALUE(node) ? json_node_get_value_type(node) : G_TYPE_INVALID;
    if ((type != G_TYPE_INT64 && type != G_TYPE_DOUBLE) ||
        g_hash_table_size(series->values) >= VALUES_MAX)
      continue;
    MonSeries *one = g_hash_table_lookup(series->values, name);
    g_autoptr(MonLabels) labels =
        mon_labels_new("service", probe->service, "probe", probe->spec->name, "name", name, NULL);
    gboolean is_new = one == NULL;
    set(series, &one, MON_METRIC(PROBE_VALUE), labels, json_node_get_double(node), 0);
    if (is_new)
      g_hash_table_insert(series->values, g_strdup(name), one);
  }
}

void mon_probe_series_result(MonProbeSeries *series, const MonProbe *probe) {
  MonSeries **count = &series->results[probe->verdict];

  set(series, &series->duration, MON_METRIC(PROBE_DURATION), series->labels,
      (double)probe->duration / G_USEC_PER_SEC, 0);
  if (*count == NULL) {
    g_autoptr(MonLabels) labels =
        mon_labels_with(series->labels, "verdict", mon_verdict_name(probe->verdict));
    set(series, count, MON_METRIC(PROBE_RESULTS), labels, 0, series->created);
  }
  mon_series_set(*count, mon_series_value(*count) + 1);
  set_values(series, probe);
}

void mon_probe_series_free(MonProbeSeries *series) {
  GHashTableIter iter;
  gpointer value;

  drop(series, &series->up);
  drop(series, &series->duration);
  for (guint i = 0; i < G_N_ELEMENTS(series->states); i++)
    drop(series, &series->states[i]);
  for (guint i = 0; i < G_N_ELEMENTS(series->results); i++)
    drop(series, &series->results[i]);
  g_hash_table_iter_init(&iter, series->values);
  while (g_hash_table_iter_next(&iter, NULL, &value))
    mon_board_drop(series->board, value);
  g_hash_table_unref(series->values);
  mon_labels_unref(series->labels);
  g_free(series);
}
