/* test-journal.c: entries of the journal become events of units, are believed only from systemd,
 * and are read on from the cursor after a restart. The journal is made of files. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "../checks/journal-fixture.h"

#include "monitoring/event-count.h"
#include "monitoring/journal.h"
#include "monitoring/metrics-list.h"

#include "common/clock.h"

#include <glib/gstdio.h>
#include <string.h>

#define COREDUMP "MESSAGE_ID=fc2e22bc6ee647b6b90729ab34a250b1"
#define OOM "MESSAGE_ID=fe6faa94e7774663a0da52717891d8ef"
#define FAILURE "MESSAGE_ID=d9b373ed55a64feb8242e02dbe79a49c"

/* ---- what an entry means ---- */
static const char *get(const char *field, gpointer data) {
  gsize n = strlen(field);

  for (const char *const *f = data; *f; f++)
    if (strncmp(*f, field, n) == 0 && (*f)[n] == '=')
      return *f + n + 1;
  return NULL;
}

typedef struct {
  const char *fields[8];
  gboolean user;
  const char *meaning; /* "event unit"; NULL: nothing */
} Case;

static const Case cases[] = {
    {{OOM, "UNIT=a.service", "_PID=1"}, FALSE, "oom a.service"},
    {{OOM, "UNIT=a.service", "_PID=77"}, FALSE, NULL},
    {{OOM, "_PID=1"}, FALSE, NULL},
    {{OOM, "USER_UNIT=a.service", "_UID=7"}, TRUE, "oom a.service"},
    {{OOM, "USER_UNIT=a.service", "_UID=8"}, TRUE, NULL},
    {{OOM, "USER_UNIT=a.service", "_UID=7"}, FALSE, NULL},
    {{FAILURE, "UNIT=a.service", "_PID=1", "UNIT_RESULT=watchdog"}, FALSE, "watchdog a.service"},
    {{FAILURE, "UNIT=a.service", "_PID=1", "UNIT_RESULT=start-limit-hit"},
     FALSE,
     "start-limit a.service"},
    {{FAILURE, "UNIT=a.service", "_PID=1", "UNIT_RESULT=exit-code"}, FALSE, NULL},
    {{FAILURE, "UNIT=a.service", "_PID=1"}, FALSE, NULL},
    {{"CODE_FUNC=unit_test_start_limit", "UNIT=a.service", "_PID=1"},
     FALSE,
     "start-limit a.service"},
    {{"CODE_FUNC=unit_test_start_limit", "UNIT=a.service", "_PID=9"}, FALSE, NULL},
    {{COREDUMP, "COREDUMP_UNIT=a.service", "_UID=0", "COREDUMP_COMM=x"},
     FALSE,
     "coredump a.service"},
    {{COREDUMP, "COREDUMP_UNIT=a.service", "_UID=1000"}, FALSE, NULL},
    {{COREDUMP, "COREDUMP_UNIT=user@7.service", "COREDUMP_USER_UNIT=b.service", "_UID=0"},
     TRUE,
     "coredump b.service"},
    {{"MESSAGE_ID=00000000000000000000000000000000", "UNIT=a.service", "_PID=1"}, FALSE, NULL},
};

static void test_meanings(void) {
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *text = NULL;
    const char *unit = NULL;
    MonEventKind kind;
    gboolean means =
        mon_journal_means(get, (gpointer)cases[i].fields, cases[i].user, 7, &kind, &unit, &text);
    g_autofree char *meaning = means ? g_strdup_printf("%s %s", mon_event_name(kind), unit) : NULL;
    g_test_message("case %u", i);
    g_assert_cmpstr(meaning, ==, cases[i].meaning);
    g_assert_true(means == (text != NULL));
  }
}

/* ---- the thread ---- */
typedef struct {
  MonDaemon daemon;
  char *state, *files;
  GString *seen;
} World;

static void on_event(const MonEvent *event, gpointer data) {
  World *w = data;

  g_string_append_printf(w->seen, "%s:%s ", mon_event_name(event->kind), event->subject);
}

static void nothing(WgStoreState state, const char *text, const WgSalvage *salvage, gpointer data) {
}

static void up(World *w) {
  WgSalvage salvage = {0};

  w->daemon.events = mon_events_new();
  w->daemon.board = mon_board_new();
  w->daemon.store = mon_store_open(w->state, &salvage, NULL);
  g_assert_nonnull(w->daemon.store);
  w->daemon.event_count = mon_event_count_new(&w->daemon);
  mon_events_listen(w->daemon.events, on_event, w);
  w->daemon.journal = mon_journal_new(&w->daemon, w->files, NULL);
  wg_records_begin(w->daemon.store, nothing, NULL);
}

static void down(World *w) {
  wg_records_free(w->daemon.store);
  mon_journal_free(w->daemon.journal);
  mon_event_count_free(w->daemon.event_count);
  mon_board_free(w->daemon.board);
  mon_events_free(w->daemon.events);
}

static gboolean turn(gpointer data) {
  return G_SOURCE_CONTINUE;
}

static void wait_seen(World *w, const char *text) {
  gint64 until = g_get_monotonic_time() + 60 * G_USEC_PER_SEC;
  guint tick = g_timeout_add(20, turn, NULL);

  while (strcmp(w->seen->str, text) != 0 && g_get_monotonic_time() < until)
    g_main_context_iteration(NULL, TRUE);
  g_source_remove(tick);
  g_assert_cmpstr(w->seen->str, ==, text);
}

static void write_file(World *w, const char *name, const JournalEntry *entries, guint n) {
  g_autofree char *making = g_build_filename(w->state, name, NULL);
  g_autofree char *path = g_build_filename(w->files, name, NULL);

  journal_write(making, entries, n);
  g_assert_cmpint(g_rename(making, path), ==, 0); /* it is seen whole or not at all */
}

static JournalEntry entry(gint64 ago, const char *id, const char *unit) {
  return (JournalEntry){(guint64)(wg_time_realtime() - ago), {id, unit, "_PID=1"}};
}

static double count_of(World *w, const char *event, const char *unit) {
  g_autoptr(MonLabels) labels = mon_labels_new("event", event, "unit", unit, NULL);
  MonSeries *series = mon_board_find(w->daemon.board, mon_metrics[MON_M_EVENTS].name, labels);

  return series != NULL ? mon_series_value(series) : 0;
}

/* It is told once it is stored. */
static void wait_counted(World *w, const char *event, const char *unit, double n) {
  gint64 until = g_get_monotonic_time() + 60 * G_USEC_PER_SEC;
  guint tick = g_timeout_add(20, turn, NULL);

  while (count_of(w, event, unit) != n && g_get_monotonic_time() < until)
    g_main_context_iteration(NULL, TRUE);
  g_source_remove(tick);
  g_assert_cmpfloat(count_of(w, event, unit), ==, n);
}

static void clear_directory(const char *path) {
  g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name(dir)) != NULL) {
    g_autofree char *inside = g_build_filename(path, name, NULL);
    if (g_file_test(inside, G_FILE_TEST_IS_DIR))
      clear_directory(inside);
    else
      g_unlink(inside);
  }
  g_rmdir(path);
}

static void test_reads_on(void) {
  World w = {.state = g_dir_make_tmp("waggle-mon-XXXXXX", NULL), .seen = g_string_new(NULL)};
  JournalEntry before[] = {entry(5000000, OOM, "UNIT=old.service")};
  JournalEntry now[] = {entry(0, OOM, "UNIT=a.service"), entry(0, OOM, "UNIT=a.service")};
  JournalEntry away[] = {
      entry(G_GINT64_CONSTANT(3600) * G_USEC_PER_SEC, OOM, "UNIT=ancient.service"),
      entry(0, OOM, "UNIT=b.service")};

  w.files = g_build_filename(w.state, "journal", NULL);
  g_assert_cmpint(g_mkdir(w.files, 0700), ==, 0);
  write_file(&w, "a.journal", before, 1);
  up(&w); /* what was there before its first start is no news */
  now[0].realtime = now[1].realtime = (guint64)wg_time_realtime();
  write_file(&w, "b.journal", now, 2);
  wait_seen(&w, "oom:a.service oom:a.service ");
  wait_counted(&w, "oom", "a.service", 2);
  down(&w);
  away[1].realtime = (guint64)wg_time_realtime();
  write_file(&w, "c.journal", away, 2);
  g_string_truncate(w.seen, 0);
  up(&w);
  wait_seen(&w, "oom:b.service ");
  down(&w);
  clear_directory(w.state);
  g_string_free(w.seen, TRUE);
  g_free(w.files);
  g_free(w.state);
}

static void exec(World *w, const char *sql) {
  g_autofree char *path = g_build_filename(w->state, "monitord.db", NULL);
  sqlite3 *db;

  g_assert_cmpint(sqlite3_open(path, &db), ==, SQLITE_OK);
  g_assert_cmpint(sqlite3_exec(db, sql, NULL, NULL, NULL), ==, SQLITE_OK);
  sqlite3_close(db);
}

/* Where the place could not be stored the entry is read again, and is counted once: its count was
 * not stored either. */
static void test_counts_once(void) {
  World w = {.state = g_dir_make_tmp("waggle-mon-XXXXXX", NULL), .seen = g_string_new(NULL)};
  JournalEntry now[] = {entry(0, OOM, "UNIT=a.service")};

  w.files = g_build_filename(w.state, "journal", NULL);
  g_assert_cmpint(g_mkdir(w.files, 0700), ==, 0);
  up(&w);
  exec(&w, "CREATE TRIGGER refuse BEFORE INSERT ON cursor BEGIN SELECT RAISE(ABORT, 'no'); END");
  now[0].realtime = (guint64)wg_time_realtime();
  write_file(&w, "a.journal", now, 1);
  wait_counted(&w, "oom", "a.service", 1);
  exec(&w, "DROP TRIGGER refuse");
  down(&w);
  g_string_truncate(w.seen, 0);
  up(&w);
  wait_seen(&w, "oom:a.service ");
  wait_counted(&w, "oom", "a.service", 1);
  down(&w);
  clear_directory(w.state);
  g_string_free(w.seen, TRUE);
  g_free(w.files);
  g_free(w.state);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/journal/meanings", test_meanings);
  g_test_add_func("/journal/reads-on", test_reads_on);
  g_test_add_func("/journal/counts-once", test_counts_once);
  return g_test_run();
}
