/* probe-latencies.c: see probe-latencies.h. */
#include "monitoring/probe-latencies.h"

#include "monitoring/metrics-list.h"

typedef struct {
  WgHistogram took;
  gboolean changed;
} Latency;

struct MonProbeLatencies {
  gint64 created;      /* CLOCK_REALTIME us */
  GHashTable *by_type; /* type -> Latency */
};

MonProbeLatencies *mon_probe_latencies_new(void) {
  MonProbeLatencies *latencies = g_new0(MonProbeLatencies, 1);

  latencies->created = g_get_real_time();
  latencies->by_type = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  return latencies;
}

void mon_probe_latencies_free(MonProbeLatencies *latencies) {
  if (latencies == NULL)
    return;
  g_hash_table_unref(latencies->by_type);
  g_free(latencies);
}

void mon_probe_latencies_add(MonProbeLatencies *latencies, const char *type, guint64 usec) {
  Latency *latency = g_hash_table_lookup(latencies->by_type, type);

  if (latency == NULL) {
    latency = g_new0(Latency, 1);
    g_hash_table_insert(latencies->by_type, g_strdup(type), latency);
  }
  wg_histogram_add(&latency->took, usec);
  latency->changed = TRUE;
}

void mon_probe_latencies_put(MonProbeLatencies *latencies, MonBoard *board) {
  GHashTableIter iter;
  gpointer type, value;

  g_hash_table_iter_init(&iter, latencies->by_type);
  while (g_hash_table_iter_next(&iter, &type, &value)) {
    Latency *latency = value;
    g_autoptr(MonLabels) labels = mon_labels_new("type", type, NULL);
    if (latency->changed)
      mon_board_histogram(board, MON_METRIC(PROBE_LATENCY), labels, &latency->took,
                          latencies->created);
    latency->changed = FALSE;
  }
}
