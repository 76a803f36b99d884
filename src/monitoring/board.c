/* board.c: see board.h. A family is all series of one name: an array to walk, a table to find. The
 * order in a family is kept until one is dropped, whose place the last one takes. */
#include "monitoring/board.h"

#include "common/clock.h"

#include <math.h>
#include <string.h>

/* By less the clock is trimmed, not set. */
#define SET_USEC ((gint64)G_USEC_PER_SEC)
/* So many of the last times are remembered. */
#define STEPS_MAX 16
/* Who is stopped for longer between two looks at clocks looks again. */
#define LOOK_USEC (SET_USEC / 10)

typedef struct {
  MonBoard *board;
  char *name;
  const MonMetric *metric; /* NULL: only watched so far */
  GPtrArray *series;
  GHashTable *by_labels; /* borrowed MonLabels -> MonSeries */
  GArray *watches;       /* NULL: none */
} Family;

struct MonSeries {
  Family *family;
  const MonLabels *labels;
  double value;
  gint64 created;
  gint64 clock;  /* by how much the clock had been set when that was said */
  gpointer mark; /* of the reader that marks; NULL: none */
  guint at;      /* place in the family */
};

typedef struct {
  guint id;
  MonWatchFunc func;
  gpointer user_data;
} Watch;

/* The clock was set: what it had come to by then, and by how much. */
typedef struct {
  gint64 before, by;
} Step;

struct MonBoard {
  GHashTable *by_name; /* Family.name -> Family */
  GPtrArray *families; /* the same, in the order in which they came */
  guint n, last_watch;
  gint64 offset; /* of CLOCK_REALTIME to CLOCK_BOOTTIME, at the last look */
  gint64 clock;  /* by how much it was set */
  GArray *steps; /* of Step, the last ones */
};

static void series_free(gpointer data) {
  MonSeries *series = data;

  mon_labels_unref(series->labels);
  g_free(series);
}

static void family_free(gpointer data) {
  Family *family = data;

  g_hash_table_unref(family->by_labels);
  g_ptr_array_unref(family->series);
  g_clear_pointer(&family->watches, g_array_unref);
  g_free(family->name);
  g_free(family);
}

static gint64 clock_offset(void) {
  gint64 before, real, after;

  do {
    before = wg_time_boottime();
    real = wg_time_realtime();
    after = wg_time_boottime();
  } while (after - before > LOOK_USEC);
  return real - after;
}

MonBoard *mon_board_new(void) {
  MonBoard *board = g_new0(MonBoard, 1);

  board->offset = clock_offset();
  board->steps = g_array_new(FALSE, FALSE, sizeof(Step));
  board->by_name = g_hash_table_new(g_str_hash, g_str_equal);
  board->families = g_ptr_array_new_with_free_func(family_free);
  return board;
}

void mon_board_free(MonBoard *board) {
  if (board == NULL)
    return;
  g_hash_table_unref(board->by_name);
  g_ptr_array_unref(board->families);
  g_array_unref(board->steps);
  g_free(board);
}

const MonMetric *mon_metric(const char *name) {
  for (const MonMetric *metric = mon_metrics; metric->name != NULL; metric++)
    if (strcmp(metric->name, name) == 0)
      return metric;
  return NULL;
}

static Family *family_of(MonBoard *board, const char *name) {
  Family *family = g_hash_table_lookup(board->by_name, name);

  if (family != NULL)
    return family;
  family = g_new0(Family, 1);
  family->board = board;
  family->name = g_strdup(name);
  family->series = g_ptr_array_new_with_free_func(series_free);
  family->by_labels = g_hash_table_new(mon_labels_hash_func, g_direct_equal);
  g_ptr_array_add(board->families, family);
  g_hash_table_insert(board->by_name, family->name, family);
  return family;
}

/* A copy of the list is walked: a watch may go while it is called. */
static void tell(MonSeries *series, MonSeriesChange change) {
  const GArray *watches = series->family->watches;

  if (watches == NULL)
    return;
  g_autofree Watch *copy = g_memdup2(watches->data, watches->len * sizeof(Watch));
  for (guint i = 0, n = watches->len; i < n; i++)
    copy[i].func(series, change, copy[i].user_data);
}

static gboolean same(double a, double b) {
  return a == b || (isnan(a) && isnan(b));
}

void mon_series_set(MonSeries *series, double value) {
  if (same(series->value, value))
    return;
  series->value = value;
  tell(series, MON_SERIES_CHANGED);
}

/* Whether `created` was read off the clock before it was set: forward it never shows what is in
 * between, and back it has come to `now`. What it has shown twice is taken as the second one. */
static gboolean is_of_before(const Step *step, gint64 created, gint64 now) {
  return step->by > 0 ? created <= step->before
                      : created < step->before + step->by || created > now;
}

/* A series that was dropped and is made anew tells the same `created` as before, whatever was done
 * to the clock meanwhile. It is looked at: it may have been set since the last look. */
static void set_created(MonSeries *series, gint64 created) {
  MonBoard *board = series->family->board;

  if (series->created == created)
    return;
  series->created = created;
  series->clock = mon_board_follow_clock(board);
  gint64 now = mon_board_now(board);
  for (guint i = board->steps->len; i-- > 0;) {
    const Step *step = &g_array_index(board->steps, Step, i);
    if (!is_of_before(step, created, now))
      break;
    series->clock -= step->by;
    now = step->before;
  }
}

static MonSeries *set(MonBoard *board, Family *family, const MonMetric *metric,
                      const MonLabels *labels, double value, gint64 created) {
  MonSeries *series = g_hash_table_lookup(family->by_labels, labels);

  family->metric = metric;
  if (series != NULL) {
    set_created(series, created);
    mon_series_set(series, value);
    return series;
  }
  series = g_new(MonSeries, 1);
  *series = (MonSeries){family, mon_labels_ref(labels), value, 0, 0, NULL, family->series->len};
  set_created(series, created);
  g_ptr_array_add(family->series, series);
  g_hash_table_insert(family->by_labels, (gpointer)labels, series);
  board->n++;
  tell(series, MON_SERIES_NEW);
  return series;
}

MonSeries *mon_board_set(MonBoard *board, const MonMetric *metric, const MonLabels *labels,
                         double value, gint64 created) {
  return set(board, family_of(board, metric->name), metric, labels, value, created);
}

void mon_board_drop(MonBoard *board, MonSeries *series) {
  if (series == NULL)
    return;
  Family *family = series->family;
  tell(series, MON_SERIES_DROPPED);
  g_hash_table_remove(family->by_labels, series->labels);
  MonSeries *last = family->series->pdata[family->series->len - 1];
  last->at = series->at;
  g_ptr_array_remove_index_fast(family->series, series->at);
  board->n--;
}

MonSeries *mon_board_find(MonBoard *board, const char *name, const MonLabels *labels) {
  const Family *family = g_hash_table_lookup(board->by_name, name);

  return family != NULL ? g_hash_table_lookup(family->by_labels, labels) : NULL;
}

/* ---- histograms ---- */
static const struct {
  guint64 usec;
  const char *le; /* in seconds */
} bounds[] = {
    {100, "0.0001"},    {250, "0.00025"},   {500, "0.0005"},    {1000, "0.001"},  {2500, "0.0025"},
    {5000, "0.005"},    {10000, "0.01"},    {25000, "0.025"},   {50000, "0.05"},  {100000, "0.1"},
    {250000, "0.25"},   {500000, "0.5"},    {1000000, "1.0"},   {2500000, "2.5"}, {5000000, "5.0"},
    {10000000, "10.0"}, {30000000, "30.0"}, {60000000, "60.0"},
};

typedef struct {
  Family *bucket, *sum, *count;
} Parts;

static Parts parts_of(MonBoard *board, const MonMetric *metric) {
  g_autofree char *bucket = g_strconcat(metric->name, "_bucket", NULL);
  g_autofree char *sum = g_strconcat(metric->name, "_sum", NULL);
  g_autofree char *count = g_strconcat(metric->name, "_count", NULL);

  return (Parts){family_of(board, bucket), family_of(board, sum), family_of(board, count)};
}

void mon_board_histogram(MonBoard *board, const MonMetric *metric, const MonLabels *labels,
                         const WgHistogram *histogram, gint64 created) {
  Parts parts = parts_of(board, metric);

  for (guint i = 0; i <= G_N_ELEMENTS(bounds); i++) {
    gboolean last = i == G_N_ELEMENTS(bounds);
    g_autoptr(MonLabels) with = mon_labels_with(labels, "le", last ? "+Inf" : bounds[i].le);
    guint64 n = last ? histogram->count : wg_histogram_below(histogram, bounds[i].usec);
    set(board, parts.bucket, metric, with, (double)n, created);
  }
  set(board, parts.sum, metric, labels, (double)histogram->sum / G_USEC_PER_SEC, created);
  set(board, parts.count, metric, labels, (double)histogram->count, created);
}

static void drop_of(MonBoard *board, Family *family, const MonLabels *labels) {
  mon_board_drop(board, g_hash_table_lookup(family->by_labels, labels));
}

void mon_board_drop_histogram(MonBoard *board, const MonMetric *metric, const MonLabels *labels) {
  Parts parts = parts_of(board, metric);

  for (guint i = 0; i <= G_N_ELEMENTS(bounds); i++) {
    g_autoptr(MonLabels) with =
        mon_labels_with(labels, "le", i == G_N_ELEMENTS(bounds) ? "+Inf" : bounds[i].le);
    drop_of(board, parts.bucket, with);
  }
  drop_of(board, parts.sum, labels);
  drop_of(board, parts.count, labels);
}

/* ---- looking ---- */
static gboolean walk(const Family *family, MonSeriesFunc func, gpointer user_data) {
  for (guint i = 0; i < family->series->len; i++)
    if (!func(family->series->pdata[i], user_data))
      return FALSE;
  return TRUE;
}

guint mon_board_each(MonBoard *board, const char *name, MonSeriesFunc func, gpointer user_data) {
  if (name != NULL) {
    const Family *family = g_hash_table_lookup(board->by_name, name);
    if (family == NULL)
      return 0;
    walk(family, func, user_data);
    return family->series->len;
  }
  for (guint i = 0; i < board->families->len; i++)
    if (!walk(board->families->pdata[i], func, user_data))
      break;
  return board->n;
}

guint mon_board_n(const MonBoard *board) {
  return board->n;
}

const MonMetric *mon_series_metric(const MonSeries *series) {
  return series->family->metric;
}

const char *mon_series_name(const MonSeries *series) {
  return series->family->name;
}

const MonLabels *mon_series_labels(const MonSeries *series) {
  return series->labels;
}

double mon_series_value(const MonSeries *series) {
  return series->value;
}

gpointer *mon_series_mark(MonSeries *series) {
  return &series->mark;
}

gint64 mon_series_created(const MonSeries *series) {
  return series->created;
}

gint64 mon_series_began(const MonSeries *series) {
  return series->created != 0 ? series->created + series->family->board->clock - series->clock : 0;
}

/* ---- watching ---- */
guint mon_board_watch(MonBoard *board, const char *name, MonWatchFunc func, gpointer user_data) {
  Family *family = family_of(board, name);
  Watch watch = {++board->last_watch, func, user_data};

  if (family->watches == NULL)
    family->watches = g_array_new(FALSE, FALSE, sizeof(Watch));
  g_array_append_val(family->watches, watch);
  return watch.id;
}

void mon_board_unwatch(MonBoard *board, guint id) {
  for (guint i = 0; i < board->families->len; i++) {
    Family *family = board->families->pdata[i];
    for (guint w = 0; family->watches != NULL && w < family->watches->len; w++)
      if (g_array_index(family->watches, Watch, w).id == id) {
        g_array_remove_index(family->watches, w);
        return;
      }
  }
}

/* ---- the clock ---- */
gint64 mon_board_follow_clock(MonBoard *board) {
  gint64 offset = clock_offset(), by = offset - board->offset;

  if (ABS(by) >= SET_USEC) {
    const Step step = {wg_time_boottime() + board->offset, by};
    if (board->steps->len == STEPS_MAX)
      g_array_remove_index(board->steps, 0);
    g_array_append_val(board->steps, step);
    board->clock += by;
  }
  board->offset = offset;
  return board->clock;
}

gint64 mon_board_now(const MonBoard *board) {
  return wg_time_boottime() + board->offset;
}
