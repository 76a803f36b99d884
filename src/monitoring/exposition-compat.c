/* exposition-compat.c: our series under the names and labels of node_exporter's systemd collector
 * and of systemd_exporter, so that dashboards and alerts written for them go on working.
 *
 * Their shape is not ours: the unit is called "name", a unit has one series for each of five
 * states, and some families have no type. Only what is on the board is told. */
#include "monitoring/exposition.h"

#include <string.h>

typedef struct {
  const char *name, *help;
  MonMetricId from;
  gboolean has_type; /* keeps the label "type" */
  gboolean services; /* of services only */
} Row;

static const Row rows[] = {
    {"node_systemd_unit_start_time_seconds", "Start time of the unit since unix epoch in seconds.",
     MON_M_UNIT_START_TIME, FALSE},
    {"node_systemd_service_restart_total", "Service unit count of Restart triggers.",
     MON_M_UNIT_RESTARTS, FALSE},
    {"node_systemd_unit_tasks_current", "Current number of tasks per Systemd unit.",
     MON_M_UNIT_TASKS, FALSE},
    {"node_systemd_unit_tasks_max", "Maximum number of tasks per Systemd unit.",
     MON_M_UNIT_TASKS_MAX, FALSE},
    {"systemd_unit_start_time_seconds", "Start time of the unit since unix epoch in seconds.",
     MON_M_UNIT_START_TIME, TRUE},
    {"systemd_service_restart_total", "Service unit count of Restart triggers", MON_M_UNIT_RESTARTS,
     FALSE},
    {"systemd_unit_tasks_current", "Current number of tasks per Systemd unit", MON_M_UNIT_TASKS,
     FALSE},
    {"systemd_unit_tasks_max", "Maximum number of tasks per Systemd unit", MON_M_UNIT_TASKS_MAX,
     FALSE},
    {"systemd_service_ip_ingress_bytes", "Service unit ingress IP accounting in bytes.",
     MON_M_UNIT_IP_RECEIVED, FALSE, TRUE},
    {"systemd_service_ip_egress_bytes", "Service unit egress IP accounting in bytes.",
     MON_M_UNIT_IP_SENT, FALSE, TRUE},
    {"systemd_service_ip_ingress_packets_total", "Service unit ingress IP accounting in packets.",
     MON_M_UNIT_IP_RECEIVED_PACKETS, FALSE, TRUE},
    {"systemd_service_ip_egress_packets_total", "Service unit egress IP accounting in packets.",
     MON_M_UNIT_IP_SENT_PACKETS, FALSE, TRUE},
};

typedef struct {
  const Row *row;
  GString *out;
  MonExposeFlags flags;
  gboolean begun;
  const char *name, *help; /* of states; of CPU time the mode instead of a help */
} Writer;

static void label(GString *out, const char *name, const char *value) {
  g_string_append_printf(out, "%s=\"", name);
  mon_exposition_escape(out, value ? value : "", TRUE);
  g_string_append(out, "\",");
}

static void end_line(GString *out, double value) {
  g_string_truncate(out, out->len - 1);
  g_string_append(out, "} ");
  mon_exposition_number(out, value);
  g_string_append_c(out, '\n');
}

/* A counter of OpenMetrics ends in _total, and whoever asks for their name means theirs. */
static MonMetricType type_of(const Row *row, MonExposeFlags flags) {
  gboolean is_total = g_str_has_suffix(row->name, "_total");

  return (flags & MON_EXPOSE_OPENMETRICS) && !is_total ? MON_GAUGE : mon_metrics[row->from].type;
}

static gboolean write_row(MonSeries *series, gpointer user_data) {
  Writer *writer = user_data;
  const Row *row = writer->row;
  const MonLabels *labels = mon_series_labels(series);

  if (row->services && g_strcmp0(mon_labels_get(labels, "type"), "service") != 0)
    return TRUE;
  if (!writer->begun)
    mon_exposition_head(writer->out, row->name, NULL, row->help, type_of(row, writer->flags),
                        writer->flags);
  writer->begun = TRUE;
  g_string_append_printf(writer->out, "%s{", row->name);
  label(writer->out, "name", mon_labels_get(labels, "unit"));
  if (row->has_type)
    label(writer->out, "type", mon_labels_get(labels, "type"));
  end_line(writer->out, mon_series_value(series));
  return TRUE;
}

/* Theirs know five states, and one series of each. */
static gboolean write_state(MonSeries *series, gpointer user_data) {
  static const char *const states[] = {"activating", "active", "deactivating", "failed",
                                       "inactive"};
  Writer *writer = user_data;
  const MonLabels *labels = mon_series_labels(series);
  const char *now = mon_labels_get(labels, "state");

  if (!now || mon_series_value(series) != 1)
    return TRUE;
  if (strcmp(now, "reloading") == 0)
    now = "active";
  if (!writer->begun)
    mon_exposition_head(writer->out, writer->name, NULL, writer->help, MON_GAUGE, writer->flags);
  writer->begun = TRUE;
  for (guint i = 0; i < G_N_ELEMENTS(states); i++) {
    g_string_append_printf(writer->out, "%s{", writer->name);
    label(writer->out, "name", mon_labels_get(labels, "unit"));
    label(writer->out, "state", states[i]);
    label(writer->out, "type", mon_labels_get(labels, "type"));
    end_line(writer->out, strcmp(states[i], now) == 0);
  }
  return TRUE;
}

static gboolean write_count(MonSeries *series, gpointer user_data) {
  Writer *writer = user_data;

  if (!writer->begun)
    mon_exposition_head(writer->out, writer->name, NULL, writer->help, MON_GAUGE, writer->flags);
  writer->begun = TRUE;
  g_string_append_printf(writer->out, "%s{", writer->name);
  label(writer->out, "state", mon_labels_get(mon_series_labels(series), "state"));
  end_line(writer->out, mon_series_value(series));
  return TRUE;
}

/* systemd_exporter divides CPU time by mode in a label. */
static gboolean write_mode(MonSeries *series, gpointer user_data) {
  Writer *writer = user_data;
  const MonLabels *labels = mon_series_labels(series);

  if (!writer->begun)
    mon_exposition_head(writer->out, writer->name, NULL, "Unit CPU time in seconds", MON_COUNTER,
                        writer->flags);
  writer->begun = TRUE;
  g_string_append_printf(writer->out, "%s{", writer->name);
  label(writer->out, "name", mon_labels_get(labels, "unit"));
  label(writer->out, "type", mon_labels_get(labels, "type"));
  label(writer->out, "mode", writer->help);
  end_line(writer->out, mon_series_value(series));
  return TRUE;
}

static void write_cpu(MonBoard *board, MonExposeFlags flags, GString *out) {
  Writer writer = {NULL, out, flags, FALSE, "systemd_unit_cpu_seconds_total", "user"};

  mon_board_each(board, MON_METRIC(UNIT_CPU_USER)->name, write_mode, &writer);
  writer.help = "system";
  mon_board_each(board, MON_METRIC(UNIT_CPU_SYSTEM)->name, write_mode, &writer);
}

void mon_exposition_compat(MonBoard *board, MonExposeFlags flags, GString *out) {
  static const char *const state_names[] = {"node_systemd_unit_state", "systemd_unit_state"};

  for (guint i = 0; i < G_N_ELEMENTS(state_names); i++) {
    Writer writer = {NULL, out, flags, FALSE, state_names[i], "Systemd unit"};
    mon_board_each(board, MON_METRIC(UNIT_STATE)->name, write_state, &writer);
  }
  Writer units = {NULL, out, flags, FALSE, "node_systemd_units", "Summary of systemd unit states"};
  mon_board_each(board, MON_METRIC(UNITS)->name, write_count, &units);
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    Writer writer = {&rows[i], out, flags, FALSE, NULL, NULL};
    mon_board_each(board, mon_metrics[rows[i].from].name, write_row, &writer);
  }
  write_cpu(board, flags, out);
}
