/* test-metrics-list.c: every row of the list of metrics keeps the rules of Prometheus, so that what
 * is made from it does. */
#undef G_DISABLE_ASSERT
#undef NDEBUG
#include "monitoring/metrics-list.h"

#include <string.h>

static gboolean is_name(const char *text) {
  for (const char *p = text; *p; p++)
    if (!g_ascii_islower(*p) && !(p > text && (g_ascii_isdigit(*p) || *p == '_')))
      return FALSE;
  return *text != '\0';
}

static void test_rows(void) {
  g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

  for (guint i = 0; i < MON_M_N; i++) {
    const MonMetric *m = &mon_metrics[i];
    g_assert_nonnull(m->name); /* each number has a row */
    g_test_message("%s", m->name);
    g_assert_true(g_hash_table_add(seen, (gpointer)m->name));
    g_assert_true(is_name(m->name) && g_str_has_prefix(m->name, "waggle_"));
    g_assert_true(m->help && *m->help && !strchr(m->help, '\n') &&
                  m->help[strlen(m->help) - 1] != '.');
    g_assert_cmpint(m->type == MON_COUNTER, ==, g_str_has_suffix(m->name, "_total"));
    g_assert_cmpint(m->type == MON_INFO, ==, g_str_has_suffix(m->name, "_info"));
    g_autofree char *base =
        g_strndup(m->name, strlen(m->name) - (m->type == MON_COUNTER ? strlen("_total") : 0));
    for (const char *const *unit = (const char *const[]){"seconds", "bytes", NULL}; *unit; unit++) {
      g_autofree char *suffix = g_strconcat("_", *unit, NULL);
      g_assert_cmpint(g_strcmp0(m->unit, *unit) == 0, ==, g_str_has_suffix(base, suffix));
    }
    g_auto(GStrv) labels = g_strsplit(m->labels, " ", -1);
    for (guint l = 0; labels[l]; l++)
      g_assert_true(is_name(labels[l]));
  }
  g_assert_null(mon_metrics[MON_M_N].name);
}

static void test_family(void) {
  g_assert_true(mon_metric_family("waggle_unit_cpu_seconds_total") == MON_METRIC(UNIT_CPU));
  g_assert_true(mon_metric_family("waggle_probe_latency_seconds_bucket") ==
                MON_METRIC(PROBE_LATENCY));
  g_assert_null(mon_metric_family("waggle_unit_tasks_count"));
  g_assert_null(mon_metric_family("up"));
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/metrics-list/rows", test_rows);
  g_test_add_func("/metrics-list/family", test_family);
  return g_test_run();
}
