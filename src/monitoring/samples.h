/* samples.h: series with their samples in memory: the windows that rules look back through, and the
 * made-up series of rules' tests.
 *
 * A source for expressions (expr.h). Samples of a series come in the order of their times; one that
 * is not later than the last replaces it. Loop's thread only. */
#pragma once

#include "monitoring/expr.h"

typedef struct MonSamples MonSamples;

extern const MonExprSource mon_samples_source; /* its self is a MonSamples */

MonSamples *mon_samples_new(void);
void mon_samples_free(MonSamples *samples);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MonSamples, mon_samples_free)

/* `created`: as in expr.h; 0 keeps what was known. */
void mon_samples_add(MonSamples *samples, const char *name, const MonLabels *labels, gint64 created,
                     gint64 time, double value);
/* The series ended at `time`: instant selectors find it no more. */
void mon_samples_end(MonSamples *samples, const char *name, const MonLabels *labels, gint64 time);
/* The same of each series of `name` that has no sample at `time` or later, and has not ended. */
void mon_samples_end_rest(MonSamples *samples, const char *name, gint64 time);
/* Forgets what is not after `time`, and series without samples; of all names (NULL). One sample
 * before `time` stays, so that a window has a beginning. */
void mon_samples_trim(MonSamples *samples, const char *name, gint64 time);
/* The clock was set by so much: what was a minute ago is one still. */
void mon_samples_shift(MonSamples *samples, gint64 usec);
void mon_samples_drop(MonSamples *samples, const char *name);
guint mon_samples_n(const MonSamples *samples); /* samples in all */

/* series-text.c: `metric{label="value"}` and values as promtool's tests write them: "1 2 _ 4",
 * "0+10x5" (0 10 20 30 40 50), "7-1x3", "3x4" (five times), "stale". The first is at `begin`.
 * WG_ERROR_INVALID_ARGUMENT. */
gboolean mon_samples_read(MonSamples *samples, const char *series, const char *values, gint64 begin,
                          gint64 interval, GError **error);
/* The name (interned) and the labels of `metric{label="value"}`; of labels alone the name is NULL.
 */
gboolean mon_series_parse(const char *text, const char **ret_name, MonLabels **ret_labels,
                          GError **error);

/* The value of a sample that says: it ended. NaN to arithmetic. */
double mon_stale(void);
gboolean mon_is_stale(double value);
