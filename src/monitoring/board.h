/* board.h: the current value of every series, and the one list of metrics.
 *
 * Sources write, readers (exposition, history, rules) look. A value whose source is absent is
 * dropped, never 0. A source keeps the handle of a series, so that a write costs no look-up; a
 * handle is good until mon_board_drop(). On the loop's thread only. */
#pragma once

#include "monitoring/labels.h"

#include "common/histogram.h"

typedef enum { MON_COUNTER, MON_GAUGE, MON_INFO, MON_HISTOGRAM } MonMetricType;

typedef struct {
  const char *name; /* whole, with its unit and "_total" */
  const char *unit; /* "seconds", "bytes"; NULL: none */
  const char *help;
  const char *labels; /* "unit type" */
  MonMetricType type;
  const char *compat; /* its name under node_exporter or systemd_exporter; NULL: none */
} MonMetric;

extern const MonMetric mon_metrics[];          /* metrics-list.c; ends with a NULL name */
const MonMetric *mon_metric(const char *name); /* a row of the list; NULL: none */

typedef struct MonBoard MonBoard;
typedef struct MonSeries MonSeries;

MonBoard *mon_board_new(void);
void mon_board_free(MonBoard *board);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MonBoard, mon_board_free)

/* Makes the series or gives it a new value. `metric` has to stay. `created`: CLOCK_REALTIME us from
 * which a counter counts, as the clock showed it then; 0: not known, or no counter. Borrowed until
 * it is dropped. */
MonSeries *mon_board_set(MonBoard *board, const MonMetric *metric, const MonLabels *labels,
                         double value, gint64 created);
/* The same by a kept handle. */
void mon_series_set(MonSeries *series, double value);
void mon_board_drop(MonBoard *board, MonSeries *series); /* NULL: nothing */
MonSeries *mon_board_find(MonBoard *board, const char *name, const MonLabels *labels);

/* A histogram of microseconds as series in seconds: NAME_bucket{le}, NAME_sum, NAME_count. `labels`
 * without `le`. A bucket's bound is met within the histogram's own error of 1/16. */
void mon_board_histogram(MonBoard *board, const MonMetric *metric, const MonLabels *labels,
                         const WgHistogram *histogram, gint64 created);
void mon_board_drop_histogram(MonBoard *board, const MonMetric *metric, const MonLabels *labels);

/* FALSE ends the walk. Values may be set inside, series neither made nor dropped. */
typedef gboolean (*MonSeriesFunc)(MonSeries *series, gpointer user_data);
/* Every series of `name` (of a histogram: with its suffix); how many it has. NULL: of every name,
 * by the order in which names came. */
guint mon_board_each(MonBoard *board, const char *name, MonSeriesFunc func, gpointer user_data);
guint mon_board_n(const MonBoard *board); /* series in all */

const MonMetric *mon_series_metric(const MonSeries *series);
const char *mon_series_name(const MonSeries *series); /* the metric's, of a histogram with suffix */
const MonLabels *mon_series_labels(const MonSeries *series);
double mon_series_value(const MonSeries *series);
/* As it was given, and the same after the clock was set: whoever reads the exposition takes another
 * one for a reset. */
gint64 mon_series_created(const MonSeries *series);
/* The same moment by the clock as it is now: how long ago it was, also of a series that was made
 * anew since. By mon_board_follow_clock(). */
gint64 mon_series_began(const MonSeries *series);
/* Where the history finds what it has of the series without looking it up; NULL in a new one. */
gpointer *mon_series_mark(MonSeries *series);

/* Whoever has to know at once: `func` is called after each change of a value of `name` (writing the
 * same value again is none), for a new series, and before one is dropped. It may write to other
 * series, but neither makes nor drops one of `name`. */
typedef enum { MON_SERIES_NEW, MON_SERIES_CHANGED, MON_SERIES_DROPPED } MonSeriesChange;
typedef void (*MonWatchFunc)(MonSeries *series, MonSeriesChange change, gpointer user_data);
guint mon_board_watch(MonBoard *board, const char *name, MonWatchFunc func, gpointer user_data);
void mon_board_unwatch(MonBoard *board, guint id);

/* ---- the clock ---- */
/* Looks whether somebody has set CLOCK_REALTIME, and returns by how much in all since the board was
 * made, us. To trim it, by less than a second at once, is not to set it. */
gint64 mon_board_follow_clock(MonBoard *board);
/* CLOCK_REALTIME, us, as if nobody had set it since mon_board_follow_clock(). */
gint64 mon_board_now(const MonBoard *board);
