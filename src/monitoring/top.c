/* top.c: the whole machine at a glance, see why.h: what `waggle top` shows and agents read. */
#include "monitoring/tally.h"
#include "monitoring/why.h"

#include "monitoring/alerts.h"
#include "monitoring/deployments.h"
#include "monitoring/inventory.h"
#include "monitoring/metrics.h"

#include <math.h>
#include <string.h>

#define UNITS_MAX 200

static double value_of(MonDaemon *daemon, MonMetricId id, const char *label, const char *value) {
  g_autoptr(MonLabels) labels = mon_labels_new(label, value, NULL);
  MonSeries *series = mon_board_find(daemon->board, mon_metrics[id].name, labels);

  return series ? mon_series_value(series) : NAN;
}

/* ---- alerts ---- */
typedef struct {
  JsonArray *all;
  const char *unit;
  guint firing;
} AlertWalk;

static void add_alert(const MonTransition *alert, gpointer user_data) {
  AlertWalk *walk = user_data;
  const char *unit = mon_labels_get(alert->labels, "unit");

  if (walk->unit && g_strcmp0(unit, walk->unit) != 0)
    return;
  JsonObject *object = json_object_new();
  mon_why_text(object, "alert", mon_labels_get(alert->labels, "alertname"));
  json_object_set_string_member(object, "state", mon_alert_shown_state(alert));
  mon_why_text(object, "severity", alert->severity);
  mon_why_text(object, "unit", unit);
  mon_why_text(object, "summary", mon_labels_get(alert->annotations, "summary"));
  json_object_set_int_member(object, "since_usec", alert->active_at);
  json_object_set_boolean_member(object, "acknowledged", alert->acknowledged);
  json_array_add_object_element(walk->all, object);
  walk->firing += mon_alert_fires(alert) ? 1 : 0;
}

JsonArray *mon_top_alerts(MonDaemon *daemon, const char *unit, guint *ret_firing) {
  AlertWalk walk = {json_array_new(), unit, 0};

  mon_alerts_each(daemon->alerts, add_alert, &walk);
  if (ret_firing)
    *ret_firing = walk.firing;
  return walk.all;
}

/* ---- units ---- */
typedef struct {
  const MonUnit *unit;
  gboolean is_failed;
  double values[MON_CG_N], cpu;
} Row;

static gboolean add_unit(const MonUnit *unit, gpointer user_data) {
  MonDaemon *daemon = ((gpointer *)user_data)[0];
  GArray *rows = ((gpointer *)user_data)[1];
  Row row = {.unit = unit, .is_failed = strcmp(unit->state->active, "failed") == 0, .cpu = NAN};

  gboolean has_group = mon_unit_metrics_get(mon_metrics_units(daemon->metrics), unit->state->name,
                                            row.values, &row.cpu);
  if (!has_group)
    for (guint i = 0; i < MON_CG_N; i++)
      row.values[i] = NAN;
  gboolean is_process = strcmp(unit->type, "service") == 0 || strcmp(unit->type, "scope") == 0;
  if (row.is_failed || (is_process && (has_group || strcmp(unit->state->active, "active") == 0)))
    g_array_append_val(rows, row);
  return TRUE;
}

static double known(double value) {
  return isnan(value) ? -1 : value;
}

/* What failed first, then what uses most. */
static int by_weight(gconstpointer a, gconstpointer b) {
  const Row *x = a, *y = b;

  if (x->is_failed != y->is_failed)
    return x->is_failed ? -1 : 1;
  if (known(x->cpu) != known(y->cpu))
    return known(x->cpu) > known(y->cpu) ? -1 : 1;
  double m = known(x->values[MON_CG_MEMORY]), n = known(y->values[MON_CG_MEMORY]);
  if (m != n)
    return m > n ? -1 : 1;
  return strcmp(x->unit->state->name, y->unit->state->name);
}

static JsonArray *units_of(MonDaemon *daemon) {
  g_autoptr(GArray) rows = g_array_new(FALSE, FALSE, sizeof(Row));
  gpointer data[] = {daemon, rows};
  JsonArray *all = json_array_new();

  mon_inventory_each(daemon->inventory, add_unit, data);
  g_array_sort(rows, by_weight);
  for (guint i = 0; i < MIN(rows->len, UNITS_MAX); i++) {
    const Row *row = &g_array_index(rows, Row, i);
    const WgUnitState *state = row->unit->state;
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "unit", state->name);
    mon_why_text(object, "active", state->active);
    mon_why_text(object, "sub", state->sub);
    mon_why_text(object, "release", mon_deployments_release(daemon->deployments, state->name));
    mon_json_number(object, "cpu", row->cpu);
    mon_json_number(object, "memory", row->values[MON_CG_MEMORY]);
    mon_json_number(object, "tasks", row->values[MON_CG_TASKS]);
    mon_json_number(object, "io_read", row->values[MON_CG_IO_READ]);
    mon_json_number(object, "io_written", row->values[MON_CG_IO_WRITTEN]);
    if (row->unit->known)
      json_object_set_int_member(object, "restarts", state->n_restarts);
    json_array_add_object_element(all, object);
  }
  return all;
}

/* ---- the rest of the board ---- */
typedef struct {
  JsonArray *all;
  const char *value_name;
} BoardWalk;

/* Labels as members, and the value. */
static gboolean add_series(MonSeries *series, gpointer user_data) {
  BoardWalk *walk = user_data;
  const MonLabels *labels = mon_series_labels(series);
  JsonObject *object = json_object_new();

  for (guint i = 0; i < mon_labels_n(labels); i++) {
    const char *name, *value;
    mon_labels_nth(labels, i, &name, &value);
    json_object_set_string_member(object, name, value);
  }
  mon_json_number(object, walk->value_name, mon_series_value(series));
  json_array_add_object_element(walk->all, object);
  return TRUE;
}

static void add_family(MonDaemon *daemon, JsonObject *into, const char *member, MonMetricId id,
                       const char *value_name) {
  BoardWalk walk = {json_array_new(), value_name};

  mon_board_each(daemon->board, mon_metrics[id].name, add_series, &walk);
  if (json_array_get_length(walk.all) > 0)
    json_object_set_array_member(into, member, walk.all);
  else
    json_array_unref(walk.all);
}

static void add_rate(const MonLabels *labels, double per_second, gpointer all) {
  JsonObject *object = json_object_new();

  json_object_set_string_member(object, "operation", mon_labels_get(labels, "operation"));
  mon_json_number(object, "per_second", per_second);
  json_array_add_object_element(all, object);
}

/* Since the suite was asked before. */
static void add_rates(MonDaemon *daemon, JsonObject *into) {
  JsonArray *all = json_array_new();

  mon_tally_each_rate(daemon->tally, MON_M_MESSAGING_OPERATIONS, add_rate, all);
  json_object_set_array_member(into, "rates", all);
}

static JsonObject *host_of(MonDaemon *daemon) {
  static const struct {
    const char *name;
    MonMetricId id;
  } rows[] = {
      {"load1", MON_M_HOST_LOAD1},
      {"load5", MON_M_HOST_LOAD5},
      {"load15", MON_M_HOST_LOAD15},
      {"cpus", MON_M_HOST_CPUS},
      {"memory_total", MON_M_HOST_MEMORY_TOTAL},
      {"memory_available", MON_M_HOST_MEMORY_AVAILABLE},
      {"swap_total", MON_M_HOST_SWAP_TOTAL},
      {"swap_free", MON_M_HOST_SWAP_FREE},
      {"boot_time", MON_M_HOST_BOOT_TIME},
  };
  JsonObject *host = json_object_new();

  for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
    mon_json_number(host, rows[i].name, value_of(daemon, rows[i].id, NULL, NULL));
  return host;
}

JsonObject *mon_top(MonDaemon *daemon) {
  JsonObject *top = json_object_new();
  g_auto(GStrv) degraded = wg_service_degraded(daemon->service);
  JsonArray *troubles = json_array_new();
  guint firing;

  json_object_set_int_member(top, "time_usec", g_get_real_time());
  json_object_set_string_member(top, "scope", daemon->user_scope ? "user" : "system");
  for (guint i = 0; degraded[i]; i++)
    json_array_add_string_element(troubles, degraded[i]);
  json_object_set_array_member(top, "degraded", troubles);
  json_object_set_object_member(top, "host", host_of(daemon));
  json_object_set_array_member(top, "alerts", mon_top_alerts(daemon, NULL, &firing));
  json_object_set_int_member(top, "firing", firing);
  json_object_set_int_member(top, "units_known", mon_inventory_n(daemon->inventory));
  json_object_set_array_member(top, "units", units_of(daemon));
  add_family(daemon, top, "units_by_state", MON_M_UNITS, "n");
  add_family(daemon, top, "probes", MON_M_PROBE_UP, "up");
  add_family(daemon, top, "messages", MON_M_MESSAGING_MESSAGES, "n");
  add_family(daemon, top, "operations", MON_M_MESSAGING_OPERATIONS, "n");
  add_rates(daemon, top);
  add_family(daemon, top, "latency", MON_M_MESSAGING_LATENCY_QUANTILE, "seconds");
  add_family(daemon, top, "agents", MON_M_AGENT_QUEUED, "n");
  return top;
}
