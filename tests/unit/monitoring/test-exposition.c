/* test-exposition.c: the board as text, in both formats. */
#undef G_DISABLE_ASSERT
#undef NDEBUG
#include "monitoring/exposition.h"

#include <math.h>
#include <string.h>

static char *expose(MonBoard *board, MonExposeFlags flags) {
  return g_string_free(mon_exposition(board, flags), FALSE);
}

static void set(MonBoard *board, const MonMetric *metric, double value, gint64 created,
                const char *unit, const char *type) {
  g_autoptr(MonLabels) labels = mon_labels_new("unit", unit, "type", type, NULL);

  mon_board_set(board, metric, labels, value, created);
}

static void test_text(void) {
  g_autoptr(MonBoard) board = mon_board_new();

  set(board, MON_METRIC(UNIT_CPU), 1.5, 7000000, "a.service", "service");
  set(board, MON_METRIC(UNIT_MEMORY), 4096, 0, "a.service", "service");
  set(board, MON_METRIC(UNIT_CPU), 2, 0, "b.service", "service");
  g_autofree char *text = expose(board, MON_EXPOSE_CREATED);
  g_assert_cmpstr(text, ==,
                  "# HELP waggle_unit_cpu_seconds_total CPU time of the unit's processes\n"
                  "# TYPE waggle_unit_cpu_seconds_total counter\n"
                  "waggle_unit_cpu_seconds_total{type=\"service\",unit=\"a.service\"} 1.5\n"
                  "waggle_unit_cpu_seconds_total{type=\"service\",unit=\"b.service\"} 2\n"
                  "# HELP waggle_unit_memory_bytes memory that is charged to the unit\n"
                  "# TYPE waggle_unit_memory_bytes gauge\n"
                  "waggle_unit_memory_bytes{type=\"service\",unit=\"a.service\"} 4096\n");
  g_autofree char *open = expose(board, MON_EXPOSE_CREATED | MON_EXPOSE_OPENMETRICS);
  g_assert_cmpstr(open, ==,
                  "# HELP waggle_unit_cpu_seconds CPU time of the unit's processes\n"
                  "# TYPE waggle_unit_cpu_seconds counter\n"
                  "# UNIT waggle_unit_cpu_seconds seconds\n"
                  "waggle_unit_cpu_seconds_total{type=\"service\",unit=\"a.service\"} 1.5\n"
                  "waggle_unit_cpu_seconds_created{type=\"service\",unit=\"a.service\"} 7\n"
                  "waggle_unit_cpu_seconds_total{type=\"service\",unit=\"b.service\"} 2\n"
                  "# HELP waggle_unit_memory_bytes memory that is charged to the unit\n"
                  "# TYPE waggle_unit_memory_bytes gauge\n"
                  "# UNIT waggle_unit_memory_bytes bytes\n"
                  "waggle_unit_memory_bytes{type=\"service\",unit=\"a.service\"} 4096\n"
                  "# EOF\n");
}

static void test_empty(void) {
  g_autoptr(MonBoard) board = mon_board_new();
  g_autofree char *text = expose(board, 0);
  g_autofree char *open = expose(board, MON_EXPOSE_OPENMETRICS);

  g_assert_cmpstr(text, ==, "");
  g_assert_cmpstr(open, ==, "# EOF\n");
}

/* A unit's name is bytes that somebody chose. */
static void test_escaping(void) {
  static const MonExposeFlags all[] = {MON_EXPOSE_COMPAT,
                                       MON_EXPOSE_COMPAT | MON_EXPOSE_OPENMETRICS};
  g_autoptr(MonBoard) board = mon_board_new();

  set(board, MON_METRIC(UNIT_TASKS), 1, 0, "a\"} 5\nevil{x=\"\\x2d.service", "service");
  for (guint i = 0; i < G_N_ELEMENTS(all); i++) {
    g_autofree char *text = expose(board, all[i]);
    g_assert_null(strstr(text, "\nevil"));
    g_assert_nonnull(strstr(text, "unit=\"a\\\"} 5\\nevil{x=\\\"\\\\x2d.service\"} 1\n"));
    g_assert_nonnull(strstr(text, "name=\"a\\\"} 5\\nevil{x=\\\"\\\\x2d.service\"} 1\n"));
  }
}

static void test_numbers(void) {
  static const struct {
    double value;
    const char *text;
  } rows[] = {
      {0, "0"},
      {-3, "-3"},
      {1e14, "100000000000000"},
      {0.1, "0.1"},
      {1.0 / 3, "0.33333333333333331"},
      {1e300, "1e+300"},
      {INFINITY, "+Inf"},
      {-INFINITY, "-Inf"},
  };

  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(GString) out = g_string_new(NULL);
    mon_exposition_number(out, rows[i].value);
    g_assert_cmpstr(out->str, ==, rows[i].text);
  }
  for (guint i = 0; i < 20000; i++) {
    double value = ldexp(g_test_rand_double() - 0.5, g_test_rand_int_range(-300, 300));
    g_autoptr(GString) out = g_string_new(NULL);
    mon_exposition_number(out, value);
    g_assert_cmpfloat(g_ascii_strtod(out->str, NULL), ==, value);
  }
}

static void test_histogram(void) {
  g_autoptr(MonBoard) board = mon_board_new();
  g_autoptr(MonLabels) tcp = mon_labels_new("type", "tcp", NULL);
  g_autoptr(MonLabels) http = mon_labels_new("type", "http", NULL);
  WgHistogram h = {0};
  double before = -1, bound_before = -1;
  guint seen = 0, inf = 0;

  wg_histogram_add(&h, 1000);
  wg_histogram_add(&h, 2000000);
  mon_board_histogram(board, MON_METRIC(PROBE_LATENCY), tcp, &h, 0);
  mon_board_histogram(board, MON_METRIC(PROBE_LATENCY), http, &h, 0);
  g_autofree char *text = expose(board, MON_EXPOSE_OPENMETRICS);
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  g_assert_cmpstr(lines[1], ==, "# TYPE waggle_probe_latency_seconds histogram");
  for (guint i = 0; lines[i]; i++) {
    const char *le = strstr(lines[i], "le=\"");
    if (!le || !strstr(lines[i], "\"tcp\""))
      continue;
    double bound = g_str_has_prefix(le + 4, "+Inf") ? INFINITY : g_ascii_strtod(le + 4, NULL);
    double count = g_ascii_strtod(strstr(lines[i], "} ") + 2, NULL);
    g_assert_cmpfloat(bound, >, bound_before);
    g_assert_cmpfloat(count, >=, before);
    bound_before = bound;
    before = count;
    inf += isinf(bound) ? 1 : 0;
    seen++;
    if (isinf(bound)) { /* the same labels' sum and count follow at once */
      g_assert_true(
          g_str_has_prefix(lines[i + 1], "waggle_probe_latency_seconds_sum{type=\"tcp\"} 2.001"));
      g_assert_cmpstr(lines[i + 2], ==, "waggle_probe_latency_seconds_count{type=\"tcp\"} 2");
    }
  }
  g_assert_cmpfloat(before, ==, 2);
  g_assert_cmpuint(inf, ==, 1);
  g_assert_cmpuint(seen, >, 10);
}

static void test_compat(void) {
  g_autoptr(MonBoard) board = mon_board_new();
  g_autoptr(MonLabels) state =
      mon_labels_new("unit", "a.service", "type", "service", "state", "failed", NULL);

  mon_board_set(board, MON_METRIC(UNIT_STATE), state, 1, 0);
  set(board, MON_METRIC(UNIT_START_TIME), 17, 0, "a.service", "service");
  set(board, MON_METRIC(UNIT_CPU_USER), 3, 0, "a.service", "service");
  set(board, MON_METRIC(UNIT_IP_RECEIVED), 4, 0, "a.service", "service");
  set(board, MON_METRIC(UNIT_IP_SENT_PACKETS), 5, 0, "a.service", "service");
  set(board, MON_METRIC(UNIT_IP_RECEIVED), 6, 0, "a.slice", "slice");
  g_autofree char *plain = expose(board, 0);
  g_autofree char *text = expose(board, MON_EXPOSE_COMPAT);
  g_assert_null(strstr(plain, "systemd_"));
  static const char *const want[] = {
      "\nnode_systemd_unit_state{name=\"a.service\",state=\"failed\",type=\"service\"} 1\n",
      "\nnode_systemd_unit_state{name=\"a.service\",state=\"active\",type=\"service\"} 0\n",
      "\nsystemd_unit_state{name=\"a.service\",state=\"inactive\",type=\"service\"} 0\n",
      "\nnode_systemd_unit_start_time_seconds{name=\"a.service\"} 17\n",
      "\nsystemd_unit_cpu_seconds_total{name=\"a.service\",type=\"service\",mode=\"user\"} 3\n",
      "\n# TYPE systemd_unit_cpu_seconds_total counter\n",
      "\n# TYPE systemd_service_ip_ingress_bytes counter\n",
      "\nsystemd_service_ip_ingress_bytes{name=\"a.service\"} 4\n",
      "\nsystemd_service_ip_egress_packets_total{name=\"a.service\"} 5\n",
  };
  for (guint i = 0; i < G_N_ELEMENTS(want); i++)
    g_assert_nonnull(strstr(text, want[i]));
  g_assert_null(strstr(text, "{name=\"a.slice\"}")); /* theirs is of services */
  g_autofree char *open = expose(board, MON_EXPOSE_COMPAT | MON_EXPOSE_OPENMETRICS);
  g_assert_nonnull(strstr(open, "\n# TYPE systemd_service_ip_ingress_bytes gauge\n"));
  g_assert_nonnull(strstr(open, "\nsystemd_service_ip_ingress_bytes{name=\"a.service\"} 4\n"));
  g_assert_nonnull(strstr(open, "\n# TYPE systemd_service_ip_egress_packets counter\n"));
}

static void test_accept(void) {
  static const struct {
    const char *accept;
    gboolean openmetrics;
  } rows[] = {
      {NULL, FALSE},
      {"*/*", FALSE},
      {"text/plain", FALSE},
      {"application/openmetrics-text", TRUE},
      {"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
       "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
       TRUE},
      {"text/plain;q=0.9, Application/OpenMetrics-Text; q=0.2", FALSE},
      {"application/openmetrics-text;q=0", FALSE},
      {",,;;,;q=x", FALSE},
  };

  for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
    g_assert_cmpint(mon_accepts_openmetrics(rows[i].accept), ==, rows[i].openmetrics);
  g_assert_true(mon_accepts_gzip("deflate, gzip;q=0.5"));
  g_assert_false(mon_accepts_gzip("gzip;q=0"));
  g_assert_false(mon_accepts_gzip("identity"));
  g_assert_false(mon_accepts_gzip(NULL));
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/exposition/text", test_text);
  g_test_add_func("/exposition/empty", test_empty);
  g_test_add_func("/exposition/escaping", test_escaping);
  g_test_add_func("/exposition/numbers", test_numbers);
  g_test_add_func("/exposition/histogram", test_histogram);
  g_test_add_func("/exposition/compat", test_compat);
  g_test_add_func("/exposition/accept", test_accept);
  return g_test_run();
}
