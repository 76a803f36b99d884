/* suite-figures.c: the figures of the suite's services as series. What a service answers is a
 * dictionary; tables say which of its keys is which series. A key that is missing is a series that
 * is absent. Counters go through the tally: a restart of a service is none of its series. */
#include "monitoring/suite-private.h"

#include "monitoring/tally.h"

#include <string.h>

typedef struct MonSuiteRow {
  const char *key;
  MonMetricId metric;
  const char *label; /* value of the metric's first label; NULL: none */
} Row;

static const Row messaging_rows[] = {
    {"queued", MON_M_MESSAGING_MESSAGES, "queued"},
    {"scheduled", MON_M_MESSAGING_MESSAGES, "scheduled"},
    {"held", MON_M_MESSAGING_MESSAGES, "held"},
    {"in-flight", MON_M_MESSAGING_MESSAGES, "in-flight"},
    {"dead", MON_M_MESSAGING_MESSAGES, "dead"},
    {"agents", MON_M_MESSAGING_AGENTS, NULL},
    {"clients", MON_M_MESSAGING_CLIENTS, NULL},
    {"store-bytes", MON_M_MESSAGING_STORE, "store"},
    {"wal-bytes", MON_M_MESSAGING_STORE, "wal"},
    {"free-bytes", MON_M_MESSAGING_STORE, "free"},
    {"sent", MON_M_MESSAGING_OPERATIONS, "sent"},
    {"received", MON_M_MESSAGING_OPERATIONS, "received"},
    {"acked", MON_M_MESSAGING_OPERATIONS, "acked"},
    {"nacked", MON_M_MESSAGING_OPERATIONS, "nacked"},
    {"expired", MON_M_MESSAGING_OPERATIONS, "expired"},
    {"died", MON_M_MESSAGING_OPERATIONS, "died"},
    {"refused", MON_M_MESSAGING_OPERATIONS, "refused"},
    {"duplicates", MON_M_MESSAGING_OPERATIONS, "duplicates"},
    {"quarantined", MON_M_MESSAGING_OPERATIONS, "quarantined"},
    {NULL},
};

static const Row deployment_rows[] = {
    {"done", MON_M_DEPLOYMENTS, "done"},
    {"aborted", MON_M_DEPLOYMENTS, "aborted"},
    {"rolled-back", MON_M_DEPLOYMENTS, "rolled-back"},
    {"rollback-failed", MON_M_DEPLOYMENTS, "rollback-failed"},
    {"open", MON_M_DEPLOYMENTS_OPEN, NULL},
    {NULL},
};

static const MonMetricId messaging_counters[] = {MON_M_MESSAGING_OPERATIONS,
                                                 MON_M_MESSAGING_DELIVERIES, MON_M_N};
static const MonMetricId deployment_counters[] = {MON_M_DEPLOYMENTS, MON_M_TARGET_DEPLOYMENTS,
                                                  MON_M_N};
static const char *const stages[] = {"send", "receive", "ack"};

static double number_of(GVariant *value) {
  if (g_variant_is_of_type(value, G_VARIANT_TYPE_UINT64))
    return (double)g_variant_get_uint64(value);
  if (g_variant_is_of_type(value, G_VARIANT_TYPE_UINT32))
    return g_variant_get_uint32(value);
  return 0;
}

/* Since when the service counts, CLOCK_REALTIME us; 0: it does not say, and counts for ever. */
static guint64 start_of(GVariant *figures) {
  guint64 started = 0;

  g_variant_lookup(figures, "started", "t", &started);
  return started;
}

static GVariant *stage_value(GVariant *figures, const char *prefix, const char *stage,
                             const char *type) {
  g_autofree char *key = g_strconcat(prefix, stage, NULL);

  return g_variant_lookup_value(figures, key, G_VARIANT_TYPE(type));
}

/* ---- messaging ---- */
static void take_quantiles(GVariant *figures, const char *stage, MonReadings *readings) {
  static const char *const quantiles[] = {"0.5", "0.9", "0.99", "1"};
  g_autoptr(GVariant) value = stage_value(figures, "latency-", stage, "at");
  gsize n = 0;
  const guint64 *usec = value ? g_variant_get_fixed_array(value, &n, sizeof *usec) : NULL;

  for (gsize q = 0; q < MIN(n, G_N_ELEMENTS(quantiles)); q++)
    if (usec[n - 1] > 0) /* else nothing was measured yet */
      mon_readings_add(readings, MON_M_MESSAGING_LATENCY_QUANTILE, (double)usec[q] * 1e-6, stage,
                       quantiles[q], NULL);
}

static void take_histogram(MonDaemon *daemon, GVariant *figures, const char *stage) {
  g_autoptr(GVariant) value = stage_value(figures, "histogram-", stage, WG_HISTOGRAM_TYPE);
  g_autoptr(MonLabels) labels = mon_labels_new("stage", stage, NULL);
  WgHistogram histogram;

  if (value && wg_histogram_unpack(value, &histogram))
    mon_board_histogram(daemon->board, MON_METRIC(MESSAGING_LATENCY), labels, &histogram,
                        (gint64)start_of(figures));
}

static void take_deliveries(MonDaemon *daemon, GVariant *figures) {
  g_autoptr(GVariant) rows =
      g_variant_lookup_value(figures, "deliveries", G_VARIANT_TYPE("a(sst)"));
  const char *backend, *result;
  GVariantIter iter;
  guint64 n;

  if (!rows)
    return;
  g_variant_iter_init(&iter, rows);
  while (g_variant_iter_next(&iter, "(&s&st)", &backend, &result, &n)) {
    g_autoptr(MonLabels) labels = mon_labels_new("backend", backend, "result", result, NULL);
    mon_tally_feed(daemon->tally, MON_M_MESSAGING_DELIVERIES, labels, (double)n, start_of(figures));
  }
}

static void take_agents(GVariant *figures, MonReadings *readings) {
  static const char *const states[] = {"queued", "scheduled", "held", "in-flight", "dead"};
  g_autoptr(GVariant) rows =
      g_variant_lookup_value(figures, "deepest", G_VARIANT_TYPE("a(sttttt)"));
  guint64 n[G_N_ELEMENTS(states)];
  const char *agent;
  GVariantIter iter;

  if (!rows)
    return;
  g_variant_iter_init(&iter, rows);
  while (g_variant_iter_next(&iter, "(&sttttt)", &agent, &n[0], &n[1], &n[2], &n[3], &n[4]))
    for (guint i = 0; i < G_N_ELEMENTS(states); i++)
      mon_readings_add(readings, MON_M_AGENT_QUEUED, (double)n[i], agent, states[i], NULL);
}

static void messaging_more(MonDaemon *daemon, GVariant *figures, MonReadings *readings) {
  for (guint i = 0; i < G_N_ELEMENTS(stages); i++) {
    take_quantiles(figures, stages[i], readings);
    take_histogram(daemon, figures, stages[i]);
  }
  take_deliveries(daemon, figures);
  take_agents(figures, readings);
}

static void messaging_forget(MonDaemon *daemon) {
  for (guint i = 0; i < G_N_ELEMENTS(stages); i++) {
    g_autoptr(MonLabels) labels = mon_labels_new("stage", stages[i], NULL);
    mon_board_drop_histogram(daemon->board, MON_METRIC(MESSAGING_LATENCY), labels);
  }
}

const MonSuitePeer mon_suite_messaging = {MON_M_MESSAGING_UP, messaging_rows, messaging_counters,
                                          messaging_more, messaging_forget};

/* ---- deployment ---- */
/* (how many, mean, p50, p95), us; nothing of none. */
static void take_summary(GVariant *summary, MonMetricId metric, const char *phase,
                         MonReadings *readings) {
  static const char *const quantiles[] = {"0.5", "0.95"};
  guint64 n, mean, value[2];

  g_variant_get(summary, "(tttt)", &n, &mean, &value[0], &value[1]);
  for (guint i = 0; n > 0 && i < G_N_ELEMENTS(quantiles); i++)
    mon_readings_add(readings, metric, (double)value[i] * 1e-6, phase ? phase : quantiles[i],
                     phase ? quantiles[i] : NULL, NULL);
}

static void take_one(GVariant *figures, const char *key, MonMetricId metric,
                     MonReadings *readings) {
  g_autoptr(GVariant) summary = g_variant_lookup_value(figures, key, G_VARIANT_TYPE("(tttt)"));

  if (summary)
    take_summary(summary, metric, NULL, readings);
}

static void take_phases(GVariant *figures, MonReadings *readings) {
  g_autoptr(GVariant) phases =
      g_variant_lookup_value(figures, "phases", G_VARIANT_TYPE("a{s(tttt)}"));

  for (gsize i = 0; phases && i < g_variant_n_children(phases); i++) {
    g_autoptr(GVariant) entry = g_variant_get_child_value(phases, i);
    g_autoptr(GVariant) name = g_variant_get_child_value(entry, 0);
    g_autoptr(GVariant) summary = g_variant_get_child_value(entry, 1);
    take_summary(summary, MON_M_DEPLOYMENT_PHASE, g_variant_get_string(name, NULL), readings);
  }
}

static void feed_target(MonDaemon *daemon, const char *target, const char *result, guint64 n) {
  g_autoptr(MonLabels) labels = mon_labels_new("target", target, "result", result, NULL);

  mon_tally_feed(daemon->tally, MON_M_TARGET_DEPLOYMENTS, labels, (double)n, 0);
}

static void take_targets(MonDaemon *daemon, GVariant *figures) {
  g_autoptr(GVariant) targets =
      g_variant_lookup_value(figures, "targets", G_VARIANT_TYPE("a{s(tt)}"));
  const char *target;
  GVariantIter iter;
  guint64 all, failed;

  if (!targets)
    return;
  g_variant_iter_init(&iter, targets);
  while (g_variant_iter_next(&iter, "{&s(tt)}", &target, &all, &failed)) {
    feed_target(daemon, target, "good", all - MIN(failed, all));
    feed_target(daemon, target, "failed", failed);
  }
}

/* Of this start of the service, which the other figures outlive. */
static void take_calls(MonDaemon *daemon, GVariant *figures) {
  g_autoptr(GVariant) calls = g_variant_lookup_value(figures, "calls", G_VARIANT_TYPE("a(sst)"));
  const char *interface, *outcome;
  GVariantIter iter;
  guint64 since = 0, n;

  if (!calls || !g_variant_lookup(figures, "calls-since", "t", &since))
    return;
  g_variant_iter_init(&iter, calls);
  while (g_variant_iter_next(&iter, "(&s&st)", &interface, &outcome, &n)) {
    g_autoptr(MonLabels) labels = mon_labels_new("interface", interface, "outcome", outcome, NULL);
    mon_tally_feed(daemon->tally, MON_M_DBUS_CALLS, labels, (double)n, since);
  }
}

static void deployment_more(MonDaemon *daemon, GVariant *figures, MonReadings *readings) {
  take_one(figures, "downtime", MON_M_DEPLOYMENT_DOWNTIME, readings);
  take_one(figures, "recovery", MON_M_DEPLOYMENT_RECOVERY, readings);
  take_phases(figures, readings);
  take_targets(daemon, figures);
  take_calls(daemon, figures);
}

const MonSuitePeer mon_suite_deployment = {MON_M_DEPLOYMENT_UP, deployment_rows,
                                           deployment_counters, deployment_more, NULL};

/* ---- both ---- */
static void take_row(MonDaemon *daemon, const Row *row, double value, guint64 started,
                     MonReadings *readings) {
  const MonMetric *metric = &mon_metrics[row->metric];

  if (metric->type != MON_COUNTER) {
    mon_readings_add(readings, row->metric, value, row->label, NULL, NULL);
    return;
  }
  g_autoptr(MonLabels) labels = mon_labels_new(metric->labels, row->label, NULL); /* it has one */
  mon_tally_feed(daemon->tally, row->metric, labels, value, started);
}

void mon_suite_take(MonDaemon *daemon, const MonSuitePeer *peer, GVariant *figures,
                    MonReadings *readings) {
  for (const Row *row = peer->rows; row->key; row++) {
    g_autoptr(GVariant) value = g_variant_lookup_value(figures, row->key, NULL);
    if (value)
      take_row(daemon, row, number_of(value), start_of(figures), readings);
  }
  peer->more(daemon, figures, readings);
}

void mon_suite_forget(MonDaemon *daemon, const MonSuitePeer *peer) {
  for (const MonMetricId *metric = peer->counters; *metric != MON_M_N; metric++)
    mon_tally_hide(daemon->tally, *metric);
  if (peer->forget)
    peer->forget(daemon);
}
