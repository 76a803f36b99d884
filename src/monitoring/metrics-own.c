/* metrics-own.c: see metrics-own.h. What only rises goes through the tally, so that a restart of
 * the monitor is none of its series. */
#include "monitoring/metrics-own.h"

#include "monitoring/event-count.h"
#include "monitoring/host.h"
#include "monitoring/notify.h"
#include "monitoring/probe-latencies.h"
#include "monitoring/tally.h"

#include <string.h>
#include <unistd.h>

struct MonOwn {
  MonDaemon *daemon;
  MonSource *source; /* of gauges */
  WgHistogram took;
  gint64 created; /* CLOCK_REALTIME us */
};

/* ---- what is read of the process, on a worker thread ---- */

/* utime and stime of self/stat, resident pages of self/statm. */
void mon_own_read(int proc, MonReadings *readings) {
  g_autofree char *stat = mon_host_slurp(proc, "self/stat", readings);
  g_autofree char *statm = mon_host_slurp(proc, "self/statm", readings);
  const char *after = stat ? strrchr(stat, ')') : NULL;
  g_auto(GStrv) words = after ? g_strsplit(after + 1, " ", -1) : NULL;
  g_auto(GStrv) pages = statm ? g_strsplit(statm, " ", -1) : NULL;

  if (words && g_strv_length(words) > 13) {
    guint64 ticks = g_ascii_strtoull(words[12], NULL, 10) + g_ascii_strtoull(words[13], NULL, 10);
    mon_readings_add(readings, MON_M_MONITOR_CPU, (double)ticks / (double)sysconf(_SC_CLK_TCK),
                     NULL, NULL, NULL);
  }
  if (pages && g_strv_length(pages) > 1)
    mon_readings_add(readings, MON_M_MONITOR_MEMORY,
                     (double)g_ascii_strtoull(pages[1], NULL, 10) * (double)sysconf(_SC_PAGESIZE),
                     NULL, NULL, NULL);
}

/* ---- what the loop knows ---- */
static void add(MonDaemon *daemon, MonMetricId metric, guint64 n) {
  g_autoptr(MonLabels) none = mon_labels_new(NULL, NULL);

  mon_tally_add(daemon->tally, metric, none, n);
}

void mon_own_count_http(MonDaemon *daemon, guint status) {
  g_autofree char *code = g_strdup_printf("%u", status);
  g_autoptr(MonLabels) labels = mon_labels_new("code", code, NULL);

  mon_tally_add(daemon->tally, MON_M_MONITOR_HTTP_REQUESTS, labels, 1);
}

static void feed_calls(const char *interface, WgCallOutcome outcome, guint64 n, gpointer data) {
  const MonOwn *own = data;
  g_autoptr(MonLabels) labels =
      mon_labels_new("interface", interface, "outcome", wg_call_outcome_name(outcome), NULL);

  mon_tally_feed(own->daemon->tally, MON_M_DBUS_CALLS, labels, (double)n, (guint64)own->created);
}

static void feed(const MonOwn *own, MonMetricId metric, double raw) {
  g_autoptr(MonLabels) none = mon_labels_new(NULL, NULL);

  mon_tally_feed(own->daemon->tally, metric, none, raw, (guint64)own->created);
}

/* Counters of the process go on in the tally; what is left are gauges. */
static void feed_counters(const MonOwn *own, MonReadings *readings) {
  for (guint i = readings->all->len; i > 0; i--) {
    const MonReading *reading = &g_array_index(readings->all, MonReading, i - 1);
    if (mon_metrics[reading->metric].type != MON_COUNTER)
      continue;
    feed(own, reading->metric, reading->value);
    g_array_remove_index(readings->all, i - 1);
  }
}

static void read_service(const MonDaemon *daemon, MonReadings *readings) {
  g_auto(GStrv) degraded = wg_service_degraded(daemon->service);

  mon_readings_add(readings, MON_M_MONITOR_INFO, 1, WG_VERSION,
                   daemon->user_scope ? "user" : "system", NULL);
  mon_readings_add(readings, MON_M_MONITOR_SERIES, mon_board_n(daemon->board), NULL, NULL, NULL);
  for (guint i = 0; degraded[i]; i++) {
    g_auto(GStrv) parts = g_strsplit(degraded[i], ":", 2);
    mon_readings_add(readings, MON_M_MONITOR_DEGRADED, 1, parts[0], NULL, NULL);
  }
  mon_notifier_read(daemon->notifier, readings);
}

void mon_own_put(MonOwn *own, MonReadings *readings, guint64 files, guint64 values, guint64 took,
                 MonHistory *history) {
  MonDaemon *daemon = own->daemon;
  g_autoptr(MonLabels) none = mon_labels_new(NULL, NULL);

  wg_histogram_add(&own->took, took);
  mon_board_histogram(daemon->board, MON_METRIC(MONITOR_COLLECTION), none, &own->took,
                      own->created);
  mon_probe_latencies_put(daemon->latencies, daemon->board);
  add(daemon, MON_M_MONITOR_FILES, files);
  add(daemon, MON_M_MONITOR_VALUES, values);
  wg_calls_each_count(daemon->calls, feed_calls, own);
  feed_counters(own, readings);
  read_service(daemon, readings);
  if (history) {
    feed(own, MON_M_MONITOR_HISTORY_SAMPLES, (double)mon_history_samples(history));
    mon_readings_add(readings, MON_M_MONITOR_HISTORY_BYTES, (double)mon_history_bytes(history),
                     NULL, NULL, NULL);
  }
  mon_source_apply(own->source, readings, 0);
  mon_tally_save(daemon->tally, FALSE);
  mon_event_count_soon(daemon->event_count);
}

MonOwn *mon_own_new(MonDaemon *daemon) {
  MonOwn *own = g_new0(MonOwn, 1);

  own->daemon = daemon;
  own->source = mon_source_new(daemon->board);
  own->created = g_get_real_time();
  return own;
}

void mon_own_free(MonOwn *own) {
  if (!own)
    return;
  mon_source_free(own->source);
  g_free(own);
}
