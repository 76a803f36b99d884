/* test-history.c: values of days in a real store: taken, rolled up, kept within bounds, asked for.
 */
#undef G_DISABLE_ASSERT
#undef NDEBUG
#include "monitoring/history.h"
#include "monitoring/metrics-list.h"

#include "common/error.h"

#include <glib/gstdio.h>
#include <math.h>

#define SECOND ((gint64)G_USEC_PER_SEC)
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)

typedef struct {
  char *dir;
  MonStore *store;
  MonBoard *board;
  MonHistory *history;
  MonHistoryLimits limits;
  MonSamples *past; /* of the last look */
  GError *error;
  gboolean answered;
} World;

static void open_world(World *w) {
  WgSalvage salvage = {0};

  w->store = mon_store_open(w->dir, &salvage, &w->error);
  g_assert_no_error(w->error);
  wg_records_begin(w->store, NULL, NULL);
  w->history = mon_history_new(w->store, w->board, &w->limits);
}

static void close_world(World *w) {
  mon_history_flush(w->history);
  g_clear_pointer(&w->store, wg_records_free);
  g_clear_pointer(&w->history, mon_history_free);
}

static void setup(World *w, gconstpointer data) {
  w->dir = g_dir_make_tmp("waggle-history-XXXXXX", NULL);
  w->board = mon_board_new();
  w->limits = (MonHistoryLimits){DAY, 30 * DAY, 365 * DAY, 1 << 30};
  open_world(w);
}

static void teardown(World *w, gconstpointer data) {
  close_world(w);
  g_clear_pointer(&w->past, mon_samples_free);
  g_clear_pointer(&w->board, mon_board_free);
  GDir *dir = g_dir_open(w->dir, 0, NULL);
  for (const char *name; (name = g_dir_read_name(dir));) {
    g_autofree char *path = g_build_filename(w->dir, name, NULL);
    g_remove(path);
  }
  g_dir_close(dir);
  g_rmdir(w->dir);
  g_free(w->dir);
}

static void answered(MonSamples *past, const GError *error, gpointer user_data) {
  World *w = user_data;

  g_clear_pointer(&w->past, mon_samples_free);
  g_clear_error(&w->error);
  w->past = past;
  w->error = error ? g_error_copy(error) : NULL;
  w->answered = TRUE;
}

static void look(World *w, MonMetricId id, gint64 from, gint64 to, guint64 step) {
  const char *names[] = {mon_metrics[id].name, NULL};

  w->answered = FALSE;
  mon_history_load(w->history, names, from, to, step, answered, w);
  while (!w->answered)
    g_main_context_iteration(NULL, TRUE);
}

typedef struct {
  guint series, n, marks; /* of an end: not counted in n */
  MonSample first, last;
  gint64 widest;
} Seen;

static void see(const MonLabels *labels, gint64 created, const MonSample *samples, guint n,
                gpointer user_data) {
  Seen *seen = user_data;

  seen->series++;
  seen->n += n;
  seen->first = samples[0];
  seen->last = samples[n - 1];
  for (guint i = 0; i < n; i++)
    seen->marks += mon_is_stale(samples[i].value);
  seen->n -= seen->marks;
  for (guint i = 1; i < n; i++) {
    g_assert_cmpint(samples[i].time, >, samples[i - 1].time);
    seen->widest = MAX(seen->widest, samples[i].time - samples[i - 1].time);
  }
}

static Seen seen(World *w, MonMetricId id) {
  Seen seen = {0};

  g_assert_no_error(w->error);
  mon_samples_source.select(w->past, mon_metrics[id].name, 0, G_MAXINT64, FALSE, see, &seen);
  return seen;
}

/* Ticks of ten seconds in [from, to): a counter that rises by one a tick, a gauge that swings. */
static guint run(World *w, gint64 from, gint64 to, gint64 begin) {
  g_autoptr(MonLabels) labels = mon_labels_new("unit", "a.service", "type", "service", NULL);
  guint n = 0;

  for (gint64 time = from; time < to; time += 10 * SECOND, n++) {
    double tick = (double)(time - begin) / (10 * SECOND);
    mon_board_set(w->board, MON_METRIC(UNIT_RESTARTS), labels, tick, 1);
    mon_board_set(w->board, MON_METRIC(UNIT_MEMORY), labels, 1000 + 100 * sin(tick / 5), 0);
    mon_history_tick(w->history, time);
    while (wg_writer_n_queued(wg_records_writer(w->store)) > 20)
      g_main_context_iteration(NULL, TRUE);
  }
  return n;
}

static gint64 begin_of(gint64 ago) {
  return (g_get_real_time() - ago) / DAY * DAY;
}

/* Whatever is stored and whatever still waits is there, each sample once. */
static void test_raw(World *w, gconstpointer data) {
  gint64 begin = g_get_real_time() / SECOND * SECOND - 2 * HOUR;
  guint n = run(w, begin, begin + HOUR + 70 * SECOND, begin);

  look(w, MON_M_UNIT_RESTARTS, begin - 1, begin + DAY, 0);
  Seen all = seen(w, MON_M_UNIT_RESTARTS);
  g_assert_cmpuint(all.series, ==, 1);
  g_assert_cmpuint(all.n, ==, n);
  g_assert_cmpfloat(all.last.value, ==, n - 1);
  look(w, MON_M_UNIT_RESTARTS, begin + 100 * SECOND, begin + 200 * SECOND, 0);
  Seen part = seen(w, MON_M_UNIT_RESTARTS);
  g_assert_cmpuint(part.n, ==, 10);
  g_assert_cmpfloat(part.first.value, ==, 11);
  look(w, MON_M_UNIT_TASKS, begin, begin + DAY, 0);
  g_assert_cmpuint(seen(w, MON_M_UNIT_TASKS).series, ==, 0);
}

static void test_restart(World *w, gconstpointer data) {
  gint64 begin = g_get_real_time() / SECOND * SECOND - HOUR;
  guint n = run(w, begin, begin + 100 * SECOND, begin);

  close_world(w);
  open_world(w);
  n += run(w, begin + 100 * SECOND, begin + 200 * SECOND, begin);
  look(w, MON_M_UNIT_MEMORY, begin - 1, begin + DAY, 0);
  g_assert_cmpuint(seen(w, MON_M_UNIT_MEMORY).n, ==, n);
}

/* A series that went, and another that came: their runs end and begin. */
static void test_dropped(World *w, gconstpointer data) {
  gint64 begin = g_get_real_time() / SECOND * SECOND - HOUR;
  g_autoptr(MonLabels) labels = mon_labels_new("unit", "a.service", "type", "service", NULL);

  for (guint round = 0; round < 50; round++) {
    run(w, begin + round * 50 * SECOND, begin + (round * 50 + 30) * SECOND, begin);
    mon_board_drop(w->board, mon_board_find(w->board, MON_METRIC(UNIT_MEMORY)->name, labels));
    mon_history_tick(w->history, begin + (round * 50 + 30) * SECOND);
  }
  look(w, MON_M_UNIT_MEMORY, begin - 1, begin + DAY, 0);
  Seen all = seen(w, MON_M_UNIT_MEMORY);
  g_assert_cmpuint(all.n, ==, 150);
  g_assert_cmpint(all.widest, ==, 20 * SECOND);
  g_assert_cmpuint(all.marks, ==, 50); /* each has its end */
  g_assert_true(mon_is_stale(all.last.value));
}

typedef struct {
  gint64 from, to;
  guint values;
  gint64 mark;
} Between;

static void see_between(const MonLabels *labels, gint64 created, const MonSample *samples, guint n,
                        gpointer user_data) {
  Between *between = user_data;

  for (guint i = 0; i < n; i++) {
    if (mon_is_stale(samples[i].value))
      between->mark = samples[i].time;
    else
      between->values += samples[i].time > between->from && samples[i].time <= between->to;
  }
}

/* What ended days ago and came back has a hole, rolled up once and twice, too. */
static void test_ends_rolled(World *w, gconstpointer data) {
  g_autoptr(MonLabels) labels = mon_labels_new("unit", "a.service", "type", "service", NULL);
  gint64 begin = begin_of(4 * DAY), end = begin + 9 * HOUR / 2, back = end + 3 * HOUR;
  const guint64 steps[] = {0, 12 * HOUR};

  run(w, begin, end, begin);
  mon_board_drop(w->board, mon_board_find(w->board, MON_METRIC(UNIT_MEMORY)->name, labels));
  for (gint64 time = end; time < back; time += 10 * SECOND) {
    mon_history_tick(w->history, time);
    while (wg_writer_n_queued(wg_records_writer(w->store)) > 20)
      g_main_context_iteration(NULL, TRUE);
  }
  run(w, back, begin + 3 * DAY, begin);
  for (guint i = 0; i < G_N_ELEMENTS(steps); i++) {
    look(w, MON_M_UNIT_MEMORY, begin - 1, begin + DAY, steps[i]);
    g_assert_no_error(w->error);
    gint64 step = i == 0 ? 5 * 60 * SECOND : HOUR;
    Between between = {.from = end + step, .to = back - 60 * SECOND};
    mon_samples_source.select(w->past, MON_METRIC(UNIT_MEMORY)->name, 0, G_MAXINT64, FALSE,
                              see_between, &between);
    g_assert_cmpuint(between.values, ==, 0);
    g_assert_cmpint(between.mark, >=, end);
    g_assert_cmpint(between.mark, <=, end + step);
  }
}

/* Three days: five-minute values in one look without a hole, raw ones of today, and a coarse step
 * is answered from the coarse tier. */
static void test_rolled(World *w, gconstpointer data) {
  gint64 begin = g_get_real_time() / HOUR * HOUR - 3 * DAY, end = begin + 3 * DAY;

  run(w, begin, end, begin);
  look(w, MON_M_UNIT_RESTARTS, begin - 1, end, 0);
  Seen all = seen(w, MON_M_UNIT_RESTARTS);
  g_assert_cmpint(all.widest, <=, 5 * 60 * SECOND); /* never further apart than one looks back */
  g_assert_cmpint(all.first.time - begin, <=, 5 * 60 * SECOND);
  g_assert_cmpfloat(all.last.value, ==, 3 * 8640 - 1);
  g_assert_cmpuint(all.n, >=, 3 * 288);
  g_assert_cmpuint(all.n, <, 8640);
  gint64 from = end - 2 * HOUR - SECOND;
  look(w, MON_M_UNIT_RESTARTS, from, end, 0);
  g_assert_cmpuint(seen(w, MON_M_UNIT_RESTARTS).n, ==, 720); /* of today each one */
  look(w, MON_M_UNIT_MEMORY, begin - 1, begin + DAY, 12 * HOUR);
  Seen coarse = seen(w, MON_M_UNIT_MEMORY);
  g_assert_cmpint(coarse.widest, <=, 5 * 60 * SECOND);
  g_assert_cmpfloat_with_epsilon(coarse.first.value, 1000, 60); /* the mean of swings of 100 */
  g_assert_cmpuint(mon_history_bytes(w->history), <, 1 << 20);
}

/* The file stays within its size: the oldest raw samples go first. */
static void test_bounded(World *w, gconstpointer data) {
  gint64 begin = begin_of(2 * DAY);

  w->limits.bytes = 180 * 1024;
  mon_history_limits(w->history, &w->limits);
  run(w, begin, begin + DAY, begin);
  guint64 bytes = mon_history_bytes(w->history);
  g_test_message("%" G_GUINT64_FORMAT " bytes", bytes);
  g_assert_cmpuint(bytes, >, 0);
  g_assert_cmpuint(bytes, <=, 200 * 1024);
}

/* A clock that is set back by an hour loses nothing of before. */
static void test_clock_back(World *w, gconstpointer data) {
  gint64 begin = g_get_real_time() / SECOND * SECOND - 5 * HOUR;

  run(w, begin, begin + 2 * HOUR, begin);
  run(w, begin + HOUR + 5 * SECOND, begin + HOUR + 600 * SECOND, begin);
  look(w, MON_M_UNIT_RESTARTS, begin - 1, begin + HOUR, 0);
  g_assert_cmpuint(seen(w, MON_M_UNIT_RESTARTS).n, ==, 361);
}

static gint64 own_cpu_usec(void) {
  struct timespec now;

  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec * SECOND + now.tv_nsec / 1000;
}

/* Half a million samples come in steps: no turn of the loop has more than a part of the work, and
 * nothing is lost between two of them, though values go on being taken. */
static void test_steps(World *w, gconstpointer data) {
  const char *names[] = {MON_METRIC(UNIT_TASKS)->name, MON_METRIC(UNIT_MEMORY)->name, NULL};
  gint64 begin = g_get_real_time() / SECOND * SECOND - HOUR, longest = 0, all = 0;
  guint units = 1000, ticks = 250, turns = 0;

  for (guint unit = 0; unit < units; unit++) {
    g_autofree char *name = g_strdup_printf("u%u.service", unit);
    g_autoptr(MonLabels) labels = mon_labels_new("unit", name, "type", "service", NULL);
    mon_board_set(w->board, MON_METRIC(UNIT_TASKS), labels, unit, 0);
    mon_board_set(w->board, MON_METRIC(UNIT_MEMORY), labels, unit, 0);
  }
  for (guint i = 0; i < ticks; i++) {
    mon_history_tick(w->history, begin + i * 10 * SECOND);
    while (wg_writer_n_queued(wg_records_writer(w->store)) > 0)
      g_main_context_iteration(NULL, TRUE);
  }
  w->answered = FALSE;
  mon_history_load(w->history, names, begin - 1, begin + HOUR, 0, answered, w);
  for (; !w->answered; turns++) {
    gint64 before = own_cpu_usec();
    g_main_context_iteration(NULL, TRUE);
    gint64 took = own_cpu_usec() - before;
    longest = MAX(longest, took);
    all += took;
    if (turns % 4 == 0)
      mon_history_tick(w->history, begin + ticks++ * 10 * SECOND);
  }
  g_test_message("%u turns, the longest %" G_GINT64_FORMAT " us of %" G_GINT64_FORMAT, turns,
                 longest, all);
  g_assert_cmpint(longest * 4, <, all);
  for (guint i = 0; i < 2; i++) {
    Seen seen_all = seen(w, i == 0 ? MON_M_UNIT_TASKS : MON_M_UNIT_MEMORY);
    g_assert_cmpuint(seen_all.series, ==, units);
    g_assert_cmpuint(seen_all.n, >=, units * 250);
  }
}

/* One damaged chunk costs itself. */
static gboolean damage(MonStore *store, gpointer data, GError **error) {
  return wg_store_exec(wg_records_db(store),
                       "UPDATE history_chunk SET data = x'10ff' WHERE start ="
                       " (SELECT MIN(start) FROM history_chunk WHERE tier = 0)",
                       error);
}

static void test_damaged(World *w, gconstpointer data) {
  gint64 begin = g_get_real_time() / SECOND * SECOND - HOUR;
  guint n = run(w, begin, begin + 1000 * SECOND, begin);

  mon_store_do(w->store, damage, NULL, NULL, FALSE);
  look(w, MON_M_UNIT_RESTARTS, begin - 1, begin + DAY, 0);
  guint left = seen(w, MON_M_UNIT_RESTARTS).n;
  look(w, MON_M_UNIT_MEMORY, begin - 1, begin + DAY, 0);
  left += seen(w, MON_M_UNIT_MEMORY).n;
  g_assert_cmpuint(left, <, 2 * n);
  g_assert_cmpuint(left, >=, 2 * (n - 18));
}

static void give(MonHistory *history, gpointer user_data) {
  guint *rounds = user_data;
  g_autoptr(MonLabels) labels = mon_labels_new("unit", "a.service", NULL);

  if (++*rounds > 50)
    return;
  mon_history_take(history, MON_METRIC(UNIT_TASKS)->name, labels, *rounds);
  mon_history_take(history, MON_METRIC(UNIT_TASKS)->name, labels, -1); /* told twice: the first */
}

/* Series that are not on the board: their runs, and their end. */
static void test_more(World *w, gconstpointer data) {
  gint64 begin = g_get_real_time() / SECOND * SECOND - HOUR;
  guint rounds = 0;

  mon_history_more(w->history, give, &rounds);
  run(w, begin, begin + 800 * SECOND, begin);
  look(w, MON_M_UNIT_TASKS, begin - 1, begin + DAY, 0);
  Seen all = seen(w, MON_M_UNIT_TASKS);
  g_assert_cmpuint(rounds, ==, 80);
  g_assert_cmpuint(all.series, ==, 1);
  g_assert_cmpuint(all.n, ==, 50);
  g_assert_cmpuint(all.marks, ==, 1);
  g_assert_cmpint(all.last.time, ==, begin + 500 * SECOND);
}

int main(int argc, char **argv) {
  static const struct {
    const char *path;
    void (*func)(World *w, gconstpointer data);
  } tests[] = {
      {"/history/raw", test_raw},
      {"/history/restart", test_restart},
      {"/history/dropped", test_dropped},
      {"/history/rolled", test_rolled},
      {"/history/bounded", test_bounded},
      {"/history/clock-back", test_clock_back},
      {"/history/damaged", test_damaged},
      {"/history/steps", test_steps},
      {"/history/ends-rolled", test_ends_rolled},
      {"/history/more", test_more},
  };

  g_test_init(&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS(tests); i++)
    g_test_add(tests[i].path, World, NULL, setup, tests[i].func, teardown);
  return g_test_run();
}
