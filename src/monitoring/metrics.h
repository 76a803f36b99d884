/* metrics.h: the room of metrics: when values are collected, and where they go.
 *
 * A collection reads the machine and all units on a worker thread, asks the suite when it is time,
 * writes the board and the history. It takes place every [Metrics] IntervalSec=, at whole multiples
 * of it, and for a scrape when the last one is older than FreshSec=. One at a time: whoever wants
 * one while another runs waits for that. Loop's thread. */
#pragma once

#include "monitoring/daemon.h"
#include "monitoring/history.h"
#include "monitoring/metrics-list.h"
#include "monitoring/unit-metrics.h"

MonMetrics *mon_metrics_new(MonDaemon *daemon, GError **error);
/* Before the store is freed: what is only in memory goes to its queue. */
void mon_metrics_flush(MonMetrics *metrics);
void mon_metrics_free(MonMetrics *metrics);
void mon_metrics_reload(MonMetrics *metrics);
void mon_metrics_bus(MonMetrics *metrics, sd_bus *bus);

/* Calls once the board's values are fresh: never from inside. Cancel with the number. */
typedef void (*MonFreshFunc)(gpointer user_data);
guint mon_metrics_fresh(MonMetrics *metrics, MonFreshFunc func, gpointer user_data);
void mon_metrics_forget(MonMetrics *metrics, guint id);

MonUnitMetrics *mon_metrics_units(MonMetrics *metrics);
MonHistory *mon_metrics_history(MonMetrics *metrics); /* NULL: none is kept */
/* The HTTP socket's part of the figures. */
void mon_metrics_count_http(MonMetrics *metrics, guint status);
