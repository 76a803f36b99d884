/* why.c: from numbers to sentences, see why.h. The bounds are those at which people notice. */
#include "monitoring/why.h"

#include "monitoring/metrics-list.h"

#include "common/amounts.h"

#include <math.h>
#include <string.h>

const char *const mon_why_names[] = {
    "waggle_unit_cpu_throttled_seconds_total",
    "waggle_unit_pressure_cpu_waiting_seconds_total",
    "waggle_unit_pressure_memory_waiting_seconds_total",
    "waggle_unit_pressure_io_waiting_seconds_total",
    "waggle_unit_oom_kills_total",
    "waggle_unit_restarts_total",
    NULL,
};

/* ---- the last ten minutes ---- */
typedef struct {
  double increase, seconds;
  gboolean found;
} Increase;

static void add_increase(const MonLabels *labels, gint64 created, const MonSample *samples, guint n,
                         gpointer user_data) {
  Increase *sum = user_data;
  const MonSample *before = NULL;

  for (guint i = 0; i < n; i++) {
    if (isnan(samples[i].value)) /* the mark of an end: it may have begun again */
      continue;
    if (before != NULL) {
      double by = samples[i].value - before->value;
      sum->increase += by >= 0 ? by : samples[i].value; /* set back: counted from 0 again */
      sum->seconds += (double)(samples[i].time - before->time) / G_USEC_PER_SEC;
      sum->found = TRUE;
    }
    before = &samples[i];
  }
}

static Increase increase_of(MonSamples *past, const char *name, gint64 to) {
  Increase sum = {0};

  mon_samples_source.select(past, name, to - MON_WHY_WINDOW, to, FALSE, add_increase, &sum);
  return sum;
}

void mon_why_look(MonSamples *past, gint64 to, MonSymptoms *symptoms) {
  double *const shares[] = {&symptoms->cpu_throttled, &symptoms->cpu_waiting,
                            &symptoms->memory_waiting, &symptoms->io_waiting};

  for (guint i = 0; i < G_N_ELEMENTS(shares); i++) {
    Increase sum = increase_of(past, mon_why_names[i], to);
    *shares[i] = sum.found && sum.seconds > 0 ? sum.increase / sum.seconds : NAN;
  }
  Increase kills = increase_of(past, mon_why_names[4], to);
  Increase restarts = increase_of(past, mon_why_names[5], to);
  symptoms->oom_kills = kills.found ? kills.increase : NAN;
  symptoms->restarts = restarts.found ? restarts.increase : NAN;
}

/* ---- sentences ---- */
static void finding(JsonArray *all, const char *severity, const char *format, ...)
    G_GNUC_PRINTF(3, 4);
static void finding(JsonArray *all, const char *severity, const char *format, ...) {
  JsonObject *object = json_object_new();
  va_list ap;

  va_start(ap, format);
  g_autofree char *text = g_strdup_vprintf(format, ap);
  va_end(ap);
  json_object_set_string_member(object, "severity", severity);
  json_object_set_string_member(object, "text", text);
  json_array_add_object_element(all, object);
}

static void state_findings(JsonArray *all, const MonSymptoms *s) {
  if (g_strcmp0(s->active, "failed") == 0)
    finding(all, "critical", "It is %s.", s->state_text);
  if (s->oom_kills >= 1)
    finding(all, "critical", "%.0f of its processes were killed for want of memory.", s->oom_kills);
  if (s->restarts >= 1)
    finding(all, s->restarts >= 3 ? "critical" : "warning",
            "systemd has restarted it %.0f times in ten minutes.", s->restarts);
}

static void near_limit(JsonArray *all, double value, double limit, const char *key,
                       gboolean is_bytes) {
  double share = limit > 0 ? value / limit : 0;

  if (!(share >= 0.9))
    return;
  g_autofree char *have = is_bytes ? g_format_size_full((guint64)value, G_FORMAT_SIZE_IEC_UNITS)
                                   : g_strdup_printf("%.0f", value);
  g_autofree char *most = is_bytes ? g_format_size_full((guint64)limit, G_FORMAT_SIZE_IEC_UNITS)
                                   : g_strdup_printf("%.0f", limit);
  finding(all, share >= 0.98 ? "critical" : "warning", "It has %s, %.0f %% of %s=%s.", have,
          share * 100, key, most);
}

static void pressure_findings(JsonArray *all, const MonSymptoms *s) {
  if (s->cpu_throttled >= 0.05)
    finding(all, s->cpu_throttled >= 0.25 ? "critical" : "warning",
            "CPUQuota= stopped it for %.0f %% of the last ten minutes.", s->cpu_throttled * 100);
  if (s->memory_waiting >= 0.02)
    finding(all, s->memory_waiting >= 0.1 ? "critical" : "warning",
            "It waited for memory for %.0f %% of the last ten minutes.", s->memory_waiting * 100);
  if (s->io_waiting >= 0.1)
    finding(all, "warning", "It waited for a disk for %.0f %% of the last ten minutes.",
            s->io_waiting * 100);
  if (s->cpu_waiting >= 0.2)
    finding(all, "warning", "It waited for a CPU for %.0f %% of the last ten minutes.",
            s->cpu_waiting * 100);
}

static int rank_of(JsonNode *node) {
  const char *severity = json_object_get_string_member(json_node_get_object(node), "severity");

  return strcmp(severity, "critical") == 0 ? 0 : strcmp(severity, "warning") == 0 ? 1 : 2;
}

static int by_severity(gconstpointer a, gconstpointer b) {
  return rank_of((JsonNode *)a) - rank_of((JsonNode *)b);
}

JsonArray *mon_why_findings(const MonSymptoms *s) {
  g_autoptr(JsonArray) all = json_array_new();
  JsonArray *sorted = json_array_new();

  state_findings(all, s);
  near_limit(all, s->memory, s->memory_max, "MemoryMax", TRUE);
  near_limit(all, s->memory, s->memory_high, "MemoryHigh", TRUE);
  near_limit(all, s->tasks, s->tasks_max, "TasksMax", FALSE);
  pressure_findings(all, s);
  if (s->alerts > 0)
    finding(all, "warning", "%u alert%s.", s->alerts, s->alerts == 1 ? " fires" : "s fire");
  if (s->errors > 0)
    finding(all, "info", "The journal has errors of it.");
  if (s->window)
    finding(all, "info", "A deployment touches it: %s.", s->window);
  if (json_array_get_length(all) == 0)
    finding(all, "info", "Nothing that is measured ails it.");
  g_autoptr(GList) list = g_list_sort(json_array_get_elements(all), by_severity);
  for (GList *l = list; l; l = l->next)
    json_array_add_element(sorted, json_node_copy(l->data));
  return sorted;
}

void mon_json_number(JsonObject *object, const char *name, double value) {
  if (!isnan(value) && !isinf(value))
    json_object_set_double_member(object, name, value);
}

void mon_why_text(JsonObject *object, const char *name, const char *value) {
  if (value && *value)
    json_object_set_string_member(object, name, value);
}
