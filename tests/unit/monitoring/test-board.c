/* test-board.c: values, their order and walk, watches, histograms as series. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "monitoring/board.h"

#include "common/clock.h"

static const MonMetric gauge = {"test_gauge", NULL, "A gauge", "unit", MON_GAUGE, NULL};
static const MonMetric took = {"test_took_seconds", "seconds", "Time", "unit", MON_HISTOGRAM, NULL};
static GString *seen;

static gboolean note(MonSeries *series, gpointer user_data) {
  g_string_append_printf(seen, "%s=%g ", mon_labels_get(mon_series_labels(series), "unit"),
                         mon_series_value(series));
  return seen->len < 1000;
}

static gboolean note_first(MonSeries *series, gpointer user_data) {
  note(series, NULL);
  return FALSE;
}

static void watched(MonSeries *series, MonSeriesChange change, gpointer user_data) {
  g_string_append_c(seen, "+~-"[change]);
  note(series, NULL);
}

static MonSeries *set(MonBoard *board, const char *unit, double value) {
  g_autoptr(MonLabels) labels = mon_labels_new("unit", unit, NULL);

  return mon_board_set(board, &gauge, labels, value, 7);
}

static void test_set(void) {
  g_autoptr(MonBoard) board = mon_board_new();
  g_autoptr(MonLabels) labels = mon_labels_new("unit", "a", NULL);

  MonSeries *a = set(board, "a", 1);
  g_assert_true(set(board, "a", 2) == a);
  g_assert_true(mon_board_find(board, "test_gauge", labels) == a);
  g_assert_null(mon_board_find(board, "other", labels));
  g_assert_cmpfloat(mon_series_value(a), ==, 2);
  g_assert_cmpint(mon_series_created(a), ==, 7);
  g_assert_true(mon_series_metric(a) == &gauge);
  *mon_series_mark(a) = board;
  mon_series_set(a, 2);
  g_assert_true(*mon_series_mark(set(board, "a", 3)) == board);
  g_assert_null(*mon_series_mark(set(board, "b", 3)));
  g_assert_cmpuint(mon_board_n(board), ==, 2);
}

static const MonMetric counter = {"test_total", NULL, "A counter", "unit", MON_COUNTER, NULL};

static MonSeries *count_of(MonBoard *board, const char *unit, gint64 created) {
  g_autoptr(MonLabels) labels = mon_labels_new("unit", unit, NULL);

  return mon_board_set(board, &counter, labels, 1, created);
}

/* What has begun a minute ago has so after the clock was set, too; what is told of it stays. */
static void test_clock(void) {
  const gint64 second = G_USEC_PER_SEC, hour = 3600 * second, t0 = 1000000 * second;
  WgClockFake fake = {"0123456789abcdef0123456789abcdef", 500 * second, t0};

  wg_clock_set_fake(&fake);
  g_autoptr(MonBoard) board = mon_board_new();
  MonSeries *old = count_of(board, "old", t0 - 60 * second), *none = count_of(board, "none", 0);
  fake.boottime += second;
  fake.realtime += second + hour;
  MonSeries *after = count_of(board, "new", fake.realtime); /* before anybody has looked */
  g_assert_cmpint(mon_series_began(after), ==, fake.realtime);
  g_assert_cmpint(mon_board_follow_clock(board), ==, hour);
  g_assert_cmpint(mon_board_now(board), ==, fake.realtime);
  g_assert_cmpint(mon_series_began(old), ==, fake.realtime - 61 * second);
  g_assert_cmpint(mon_series_created(old), ==, t0 - 60 * second);
  g_assert_cmpint(mon_series_began(none), ==, 0);
  g_assert_true(count_of(board, "old", t0 - 60 * second) == old); /* the same is said again */
  g_assert_cmpint(mon_series_began(old), ==, fake.realtime - 61 * second);
  fake.realtime -= 2 * hour;
  g_assert_cmpint(mon_board_now(board), ==, fake.realtime + 2 * hour);
  g_assert_cmpint(mon_board_follow_clock(board), ==, -hour);
  g_assert_cmpint(mon_series_began(after), ==, fake.realtime);
  fake.realtime += second / 2; /* trimmed */
  g_assert_cmpint(mon_board_follow_clock(board), ==, -hour);
  g_assert_cmpint(mon_board_now(board), ==, fake.realtime);
  count_of(board, "old", fake.realtime); /* it counts anew */
  g_assert_cmpint(mon_series_began(old), ==, fake.realtime);
  wg_clock_set_fake(NULL);
}

/* A source was away while the clock was set, and its series is made anew: it began when it did. */
static void test_clock_anew(void) {
  const gint64 second = G_USEC_PER_SEC, hour = 3600 * second, t0 = 1000000 * second;
  WgClockFake fake = {"0123456789abcdef0123456789abcdef", 500 * second, t0};

  wg_clock_set_fake(&fake);
  g_autoptr(MonBoard) board = mon_board_new();
  mon_board_drop(board, count_of(board, "a", t0 - 60 * second));
  fake.realtime += hour;
  MonSeries *a = count_of(board, "a", t0 - 60 * second);
  g_assert_cmpint(mon_series_began(a), ==, fake.realtime - 60 * second);
  g_assert_cmpint(mon_series_created(a), ==, t0 - 60 * second);
  fake.realtime -= 3 * hour;
  mon_board_drop(board, a);
  a = count_of(board, "a", t0 - 60 * second); /* of before both; the clock is to come there yet */
  g_assert_cmpint(mon_series_began(a), ==, fake.realtime - 60 * second);
  MonSeries *b = count_of(board, "b", t0 + hour); /* of in between */
  g_assert_cmpint(mon_series_began(b), ==, fake.realtime);
  MonSeries *c = count_of(board, "c", fake.realtime); /* of now */
  g_assert_cmpint(mon_series_began(c), ==, fake.realtime);
  fake.realtime += second;
  fake.boottime += second;
  MonSeries *d = count_of(board, "d", fake.realtime);
  g_assert_cmpint(mon_series_began(d), ==, fake.realtime);
  g_assert_cmpint(mon_series_began(c), ==, fake.realtime - second);
  wg_clock_set_fake(NULL);
}

static void test_drop(void) {
  g_autoptr(MonBoard) board = mon_board_new();

  seen = g_string_new(NULL);
  MonSeries *a = set(board, "a", 1);
  set(board, "b", 2);
  set(board, "c", 3);
  mon_board_drop(board, a);
  g_assert_cmpuint(mon_board_each(board, "test_gauge", note, NULL), ==, 2);
  g_assert_cmpstr(seen->str, ==, "c=3 b=2 ");
  mon_board_each(board, NULL, note_first, NULL);
  g_assert_cmpstr(seen->str, ==, "c=3 b=2 c=3 ");
  a = set(board, "a", 4);
  g_assert_cmpfloat(mon_series_value(a), ==, 4);
  g_string_free(seen, TRUE);
}

static void test_watch(void) {
  g_autoptr(MonBoard) board = mon_board_new();

  seen = g_string_new(NULL);
  guint id = mon_board_watch(board, "test_gauge", watched, NULL);
  MonSeries *a = set(board, "a", 1);
  mon_series_set(a, 1);
  mon_series_set(a, 0.5);
  mon_board_drop(board, a);
  mon_board_unwatch(board, id);
  set(board, "b", 1);
  g_assert_cmpstr(seen->str, ==, "+a=1 ~a=0.5 -a=0.5 ");
  g_string_free(seen, TRUE);
}

static double at(MonBoard *board, const char *name, const char *le) {
  g_autoptr(MonLabels) labels = mon_labels_new("unit", "a", "le", le, NULL);
  MonSeries *series = mon_board_find(board, name, labels);

  g_assert_nonnull(series);
  g_assert_cmpstr(mon_series_name(series), ==, name);
  return mon_series_value(series);
}

static void test_histogram(void) {
  g_autoptr(MonBoard) board = mon_board_new();
  g_autoptr(MonLabels) labels = mon_labels_new("unit", "a", NULL);
  WgHistogram h = {0};

  wg_histogram_add(&h, 90);
  wg_histogram_add(&h, 2000);
  wg_histogram_add(&h, 70 * G_USEC_PER_SEC);
  mon_board_histogram(board, &took, labels, &h, 0);
  g_assert_cmpfloat(at(board, "test_took_seconds_bucket", "0.0001"), ==, 1);
  g_assert_cmpfloat(at(board, "test_took_seconds_bucket", "0.001"), ==, 1);
  g_assert_cmpfloat(at(board, "test_took_seconds_bucket", "0.0025"), ==, 2);
  g_assert_cmpfloat(at(board, "test_took_seconds_bucket", "60.0"), ==, 2);
  g_assert_cmpfloat(at(board, "test_took_seconds_bucket", "+Inf"), ==, 3);
  g_assert_cmpfloat(at(board, "test_took_seconds_count", NULL), ==, 3);
  g_assert_cmpfloat_with_epsilon(at(board, "test_took_seconds_sum", NULL), 70.00209, 1e-9);
  mon_board_drop_histogram(board, &took, labels);
  g_assert_cmpuint(mon_board_n(board), ==, 0);
}

static void test_metrics(void) {
  for (const MonMetric *metric = mon_metrics; metric->name != NULL; metric++) {
    g_assert_true(mon_metric(metric->name) == metric);
    g_assert_cmpstr(metric->help, !=, "");
    if (metric->type == MON_COUNTER)
      g_assert_true(g_str_has_suffix(metric->name, "_total"));
  }
  g_assert_null(mon_metric("nobody"));
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/board/set", test_set);
  g_test_add_func("/board/clock", test_clock);
  g_test_add_func("/board/clock-anew", test_clock_anew);
  g_test_add_func("/board/drop", test_drop);
  g_test_add_func("/board/watch", test_watch);
  g_test_add_func("/board/histogram", test_histogram);
  g_test_add_func("/board/metrics", test_metrics);
  return g_test_run();
}
