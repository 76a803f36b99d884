/* test-tally.c: counters over restarts of us and of those whose counts they are. */
#undef G_DISABLE_ASSERT
#undef NDEBUG
#include "monitoring/tally.h"

#include <glib/gstdio.h>

typedef struct {
  char *dir;
  MonStore *store;
  MonBoard *board;
  MonTally *tally;
  MonLabels *none;
} World;

static void open_world(World *w) {
  WgSalvage salvage = {0};
  g_autoptr(GError) error = NULL;

  w->store = mon_store_open(w->dir, &salvage, &error);
  g_assert_no_error(error);
  w->board = mon_board_new();
  w->tally = mon_tally_new(w->board, w->store);
  wg_records_begin(w->store, NULL, NULL);
}

static void close_world(World *w) {
  g_clear_pointer(&w->store, wg_records_free);
  g_clear_pointer(&w->tally, mon_tally_free);
  g_clear_pointer(&w->board, mon_board_free);
}

/* As the service does when it leaves. */
static void restart(World *w) {
  mon_tally_save(w->tally, TRUE);
  close_world(w);
  open_world(w);
}

static void setup(World *w, gconstpointer data) {
  w->dir = g_dir_make_tmp("waggle-tally-XXXXXX", NULL);
  w->none = mon_labels_new(NULL, NULL);
  open_world(w);
}

static void teardown(World *w, gconstpointer data) {
  close_world(w);
  mon_labels_unref(w->none);
  GDir *dir = g_dir_open(w->dir, 0, NULL);
  for (const char *name; (name = g_dir_read_name(dir));) {
    g_autofree char *path = g_build_filename(w->dir, name, NULL);
    g_remove(path);
  }
  g_dir_close(dir);
  g_rmdir(w->dir);
  g_free(w->dir);
}

static double value_of(World *w, MonMetricId metric, const MonLabels *labels) {
  MonSeries *series = mon_board_find(w->board, mon_metrics[metric].name, labels);

  return series ? mon_series_value(series) : -1;
}

/* Ours stand on the board before they are counted again, and since when they count stays. */
static void test_own(World *w, gconstpointer data) {
  g_autoptr(MonLabels) labels = mon_labels_new("receiver", "a/b\"c", "result", "told", NULL);

  mon_tally_add(w->tally, MON_M_PROBER_RESTARTS, w->none, 0);
  mon_tally_add(w->tally, MON_M_NOTIFICATIONS, labels, 3);
  gint64 created =
      mon_series_created(mon_board_find(w->board, "waggle_notifications_total", labels));
  g_assert_cmpint(created, >, 0);
  restart(w);
  g_assert_cmpfloat(value_of(w, MON_M_PROBER_RESTARTS, w->none), ==, 0);
  g_assert_cmpfloat(value_of(w, MON_M_NOTIFICATIONS, labels), ==, 3);
  mon_tally_add(w->tally, MON_M_NOTIFICATIONS, labels, 2);
  g_assert_cmpfloat(value_of(w, MON_M_NOTIFICATIONS, labels), ==, 5);
  g_assert_cmpint(
      mon_series_created(mon_board_find(w->board, "waggle_notifications_total", labels)), ==,
      created);
}

static void feed(World *w, double raw, guint64 source, double want) {
  g_autoptr(MonLabels) labels = mon_labels_new("operation", "sent", NULL);

  mon_tally_feed(w->tally, MON_M_MESSAGING_OPERATIONS, labels, raw, source);
  g_assert_cmpfloat(value_of(w, MON_M_MESSAGING_OPERATIONS, labels), ==, want);
}

static void test_fed(World *w, gconstpointer data) {
  g_autoptr(MonLabels) labels = mon_labels_new("operation", "sent", NULL);

  feed(w, 10, 1000, 10);
  g_assert_cmpint(
      mon_series_created(mon_board_find(w->board, "waggle_messaging_operations_total", labels)), ==,
      1000);
  feed(w, 12, 1000, 12);
  feed(w, 3, 2000, 15);  /* it was started anew */
  feed(w, 13, 3000, 28); /* and again, with more than it had before */
  mon_tally_hide(w->tally, MON_M_MESSAGING_OPERATIONS);
  g_assert_cmpfloat(value_of(w, MON_M_MESSAGING_OPERATIONS, labels), ==, -1);
  feed(w, 14, 3000, 29);
  restart(w);
  g_assert_cmpfloat(value_of(w, MON_M_MESSAGING_OPERATIONS, labels), ==, -1); /* not told yet */
  feed(w, 14, 3000, 29);
  restart(w);
  feed(w, 1, 4000, 30);
}

/* What a source forgets (old deployments) was counted all the same. */
static void test_forgotten(World *w, gconstpointer data) {
  feed(w, 10, 0, 10);
  feed(w, 7, 0, 10);
  feed(w, 8, 0, 11);
  restart(w);
  feed(w, 2, 0, 11);
}

static void take_rate(const MonLabels *labels, double per_second, gpointer rate) {
  g_assert_cmpstr(mon_labels_get(labels, "operation"), ==, "sent");
  *(double *)rate = per_second;
}

static double rate_of(World *w) {
  double rate = -1;

  mon_tally_each_rate(w->tally, MON_M_MESSAGING_OPERATIONS, take_rate, &rate);
  return rate;
}

/* Between the last two times, and not over a restart of ours. */
static void test_rate(World *w, gconstpointer data) {
  feed(w, 10, 1000, 10);
  g_assert_cmpfloat(rate_of(w), ==, -1);
  g_usleep(2000);
  feed(w, 3, 2000, 13);
  g_assert_cmpfloat(rate_of(w), >, 0);
  g_assert_cmpfloat(rate_of(w), <=, 1500);
  g_usleep(1000);
  feed(w, 3, 2000, 13);
  g_assert_cmpfloat(rate_of(w), ==, 0);
  mon_tally_hide(w->tally, MON_M_MESSAGING_OPERATIONS);
  g_assert_cmpfloat(rate_of(w), ==, -1);
  restart(w);
  feed(w, 5, 2000, 15);
  g_assert_cmpfloat(rate_of(w), ==, -1);
}

static void test_bounded(World *w, gconstpointer data) {
  for (guint i = 0; i < MON_TALLY_MAX + 10; i++) {
    g_autofree char *code = g_strdup_printf("%u", i);
    g_autoptr(MonLabels) labels = mon_labels_new("code", code, NULL);
    mon_tally_add(w->tally, MON_M_MONITOR_HTTP_REQUESTS, labels, 1);
  }
  restart(w);
  g_assert_cmpuint(mon_board_n(w->board), ==, MON_TALLY_MAX);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add("/tally/own", World, NULL, setup, test_own, teardown);
  g_test_add("/tally/fed", World, NULL, setup, test_fed, teardown);
  g_test_add("/tally/forgotten", World, NULL, setup, test_forgotten, teardown);
  g_test_add("/tally/rate", World, NULL, setup, test_rate, teardown);
  g_test_add("/tally/bounded", World, NULL, setup, test_bounded, teardown);
  return g_test_run();
}
