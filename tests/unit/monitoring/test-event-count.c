/* test-event-count.c: what the board tells of events is in the store: over restarts and crashes the
 * series neither falls nor begins anew. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "monitoring/event-count.h"
#include "monitoring/metrics-list.h"
#include "monitoring/store-private.h"

#include "common/clock.h"

#include <glib/gstdio.h>

#define NAME "waggle_event_total"

typedef struct {
  char *dir, *path;
  MonDaemon daemon;
  sqlite3 *other; /* what somebody sees who opens the file now, as after a crash */
  guint n_changes;
} World;

static void nothing(WgStoreState state, const char *text, const WgSalvage *salvage, gpointer data) {
}

static gint64 stored(World *w, const char *unit) {
  g_autoptr(WgStatement) stmt =
      wg_store_prepare(w->other, "SELECT n FROM event_count WHERE unit = ?1", NULL);

  g_assert_nonnull(stmt);
  sqlite3_bind_text(stmt, 1, unit, -1, SQLITE_STATIC);
  return sqlite3_step(stmt) == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 0;
}

static void up(World *w) {
  WgSalvage salvage = {0};
  g_autoptr(GError) error = NULL;

  w->daemon.events = mon_events_new();
  w->daemon.board = mon_board_new();
  w->daemon.store = mon_store_open(w->dir, &salvage, &error);
  g_assert_no_error(error);
  w->daemon.event_count = mon_event_count_new(&w->daemon);
  g_assert_true(wg_records_is_good(w->daemon.store));
  wg_records_begin(w->daemon.store, nothing, NULL);
  g_assert_cmpint(sqlite3_open(w->path, &w->other), ==, SQLITE_OK);
}

/* Without a word, as a crash. */
static void down(World *w) {
  sqlite3_close(w->other);
  g_clear_pointer(&w->daemon.store, wg_records_free);
  mon_event_count_free(w->daemon.event_count);
  mon_board_free(w->daemon.board);
  mon_events_free(w->daemon.events);
}

static void setup(World *w, gconstpointer data) {
  w->dir = g_dir_make_tmp("waggle-events-XXXXXX", NULL);
  w->path = g_build_filename(w->dir, "monitord.db", NULL);
  up(w);
}

static void teardown(World *w, gconstpointer data) {
  down(w);
  GDir *dir = g_dir_open(w->dir, 0, NULL);
  for (const char *name; (name = g_dir_read_name(dir));) {
    g_autofree char *path = g_build_filename(w->dir, name, NULL);
    g_remove(path);
  }
  g_dir_close(dir);
  g_rmdir(w->dir);
  g_free(w->path);
  g_free(w->dir);
}

static void happen(World *w, const char *unit) {
  g_autoptr(MonLabels) labels = mon_labels_new("unit", unit, NULL);
  const MonEvent event = {.kind = MON_EVENT_OOM, .subject = unit, .labels = labels};

  mon_events_emit(w->daemon.events, &event);
}

static MonSeries *series_of(World *w, const char *unit) {
  g_autoptr(MonLabels) labels = mon_labels_new("event", "oom", "unit", unit, NULL);

  return mon_board_find(w->daemon.board, NAME, labels);
}

static double told(World *w, const char *unit) {
  MonSeries *series = series_of(w, unit);

  return series != NULL ? mon_series_value(series) : 0;
}

static gboolean wake(gpointer data) {
  return G_SOURCE_CONTINUE;
}

static void wait_told(World *w, const char *unit, double value) {
  gint64 until = g_get_monotonic_time() + 60 * G_USEC_PER_SEC;
  guint tick = g_timeout_add(20, wake, NULL);

  while (told(w, unit) != value && g_get_monotonic_time() < until)
    g_main_context_iteration(NULL, TRUE);
  g_source_remove(tick);
  g_assert_cmpfloat(told(w, unit), ==, value);
}

static void on_change(MonSeries *series, MonSeriesChange change, gpointer data) {
  World *w = data;
  const char *unit = mon_labels_get(mon_series_labels(series), "unit");

  if (change == MON_SERIES_DROPPED)
    return;
  w->n_changes++;
  g_assert_cmpint(stored(w, unit), >=, (gint64)mon_series_value(series));
}

/* At the moment in which a value is told it is on the disk. */
static void test_stored(World *w, gconstpointer data) {
  guint watch = mon_board_watch(w->daemon.board, NAME, on_change, w);

  for (guint i = 1; i <= 3; i++) {
    happen(w, "a.service");
    happen(w, "b.service");
    g_assert_cmpfloat(told(w, "a.service"), ==, i - 1);
    wait_told(w, "b.service", i);
    g_assert_cmpfloat(told(w, "a.service"), ==, i);
  }
  g_assert_cmpuint(w->n_changes, ==, 2 + 6); /* each begins with 0 */
  mon_board_unwatch(w->daemon.board, watch);
}

/* Since when it counts stays, too. */
static void test_restart(World *w, gconstpointer data) {
  happen(w, "a.service");
  happen(w, "a.service");
  wait_told(w, "a.service", 2);
  gint64 created = mon_series_created(series_of(w, "a.service"));
  down(w);
  up(w);
  g_assert_cmpfloat(told(w, "a.service"), ==, 2);
  g_assert_cmpint(mon_series_created(series_of(w, "a.service")), ==, created);
  happen(w, "a.service");
  wait_told(w, "a.service", 3);
  g_assert_cmpint(mon_series_created(series_of(w, "a.service")), ==, created);
}

static void exec(World *w, const char *sql) {
  g_autoptr(GError) error = NULL;

  wg_store_exec(w->other, sql, &error);
  g_assert_no_error(error);
}

/* What cannot be stored is told all the same, and stored once it can be. */
static void test_refused(World *w, gconstpointer data) {
  exec(w, "CREATE TRIGGER refuse BEFORE INSERT ON event_count"
          " BEGIN SELECT RAISE(ABORT, 'no'); END");
  happen(w, "a.service");
  wait_told(w, "a.service", 1);
  exec(w, "DROP TRIGGER refuse");
  g_assert_cmpint(stored(w, "a.service"), ==, 0);
  mon_event_count_soon(w->daemon.event_count);
  while (stored(w, "a.service") == 0)
    g_main_context_iteration(NULL, TRUE);
  g_assert_cmpint(stored(w, "a.service"), ==, 1);
}

static void test_bounded(World *w, gconstpointer data) {
  const guint n = MON_EVENT_COUNT_MAX + 5;

  happen(w, "first.service");
  for (guint i = 0; i < n; i++) {
    g_autofree char *unit = g_strdup_printf("%u.service", i);
    happen(w, unit);
    if (i == 1000) /* it goes on, so that it is not the one that is forgotten */
      happen(w, "first.service");
  }
  g_autofree char *last = g_strdup_printf("%u.service", n - 1);
  wait_told(w, last, 1);
  g_assert_cmpuint(mon_board_n(w->daemon.board), ==, MON_EVENT_COUNT_MAX);
  g_assert_cmpfloat(told(w, "0.service"), ==, 0);
  happen(w, "0.service"); /* anew */
  wait_told(w, "0.service", 1);
  down(w);
  up(w);
  g_assert_cmpuint(mon_board_n(w->daemon.board), ==, MON_EVENT_COUNT_MAX);
  g_assert_cmpfloat(told(w, "first.service"), ==, 2);
  g_assert_cmpfloat(told(w, "0.service"), ==, 1);
  g_assert_cmpfloat(told(w, "1.service"), ==, 0);
}

static void test_damaged(World *w, gconstpointer data) {
  happen(w, "a.service");
  happen(w, "b.service");
  wait_told(w, "b.service", 1);
  exec(w, "UPDATE event_count SET n = 7 WHERE unit = 'a.service';"
          "UPDATE event_count SET touched = 5 WHERE unit = 'b.service'");
  down(w);
  up(w);
  g_assert_cmpuint(mon_board_n(w->daemon.board), ==, 0);
  happen(w, "c.service");
  wait_told(w, "c.service", 1);
  g_assert_cmpint(stored(w, "b.service"), ==, 0); /* too old */
}

/* A store of before these counts were stored. */
static void test_migrates(World *w, gconstpointer data) {
  const WgMigration first[] = {mon_store_migrations()[0], {0}};
  g_autofree char *path = g_build_filename(w->dir, "old.db", NULL);
  g_autoptr(GError) error = NULL;

  for (guint i = 0; i < 2; i++) {
    const WgStoreOptions options = {.path = path,
                                    .migrations = i == 0 ? first : mon_store_migrations()};
    WgSalvage salvage = {0};
    g_autoptr(WgStore) store = wg_store_open(&options, &salvage, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(wg_store_version(store) == 1, ==, i == 0);
    g_assert_cmpint(wg_store_exec(wg_store_db(store), "SELECT n FROM event_count", NULL), ==, i);
    wg_store_exec(wg_store_db(store),
                  i == 0 ? "INSERT INTO cursor VALUES ('a', 'b')" : "UPDATE cursor SET value = 'c'",
                  &error);
    g_assert_no_error(error);
    g_assert_cmpint(sqlite3_changes(wg_store_db(store)), ==, 1);
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add("/event-count/stored", World, NULL, setup, test_stored, teardown);
  g_test_add("/event-count/restart", World, NULL, setup, test_restart, teardown);
  g_test_add("/event-count/refused", World, NULL, setup, test_refused, teardown);
  g_test_add("/event-count/bounded", World, NULL, setup, test_bounded, teardown);
  g_test_add("/event-count/damaged", World, NULL, setup, test_damaged, teardown);
  g_test_add("/event-count/migrates", World, NULL, setup, test_migrates, teardown);
  return g_test_run();
}
