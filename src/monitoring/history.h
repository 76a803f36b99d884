/* history.h: what values were: as they were taken for a day, rolled up for a month and a year.
 *
 * Each tick of the collection takes every series of the board; one that is not there any more gets
 * a mark of its end (mon_stale()). Samples wait in memory for three
 * minutes (a crash loses no more), then they are chunks in the store (chunk.h). In small steps, one
 * a tick, the writer's thread joins an hour's chunks and rolls them up, removes what is too old,
 * and keeps the file within its size, oldest first. Loop's thread, but history-store.c. */
#pragma once

#include "monitoring/board.h"
#include "monitoring/samples.h"
#include "monitoring/store.h"

typedef struct MonHistory MonHistory;

typedef struct {
  guint64 raw, month, year; /* us for which each tier is kept */
  guint64 bytes;            /* of the store's file */
} MonHistoryLimits;

#define MON_HISTORY_TIERS 3
#define MON_TIER1_STEP (5 * 60 * (gint64)G_USEC_PER_SEC)
#define MON_TIER2_STEP (60 * 60 * (gint64)G_USEC_PER_SEC)

MonHistory *mon_history_new(MonStore *store, MonBoard *board, const MonHistoryLimits *limits);
/* What is in memory goes to the store's queue; before the store is freed. */
void mon_history_flush(MonHistory *history);
/* After the store is freed: what is in its queue calls back. */
void mon_history_free(MonHistory *history);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MonHistory, mon_history_free)
void mon_history_limits(MonHistory *history, const MonHistoryLimits *limits);
/* Others than the board's: asked at each tick, `func` gives them to mon_history_take(). */
typedef void (*MonHistoryMore)(MonHistory *history, gpointer user_data);
void mon_history_more(MonHistory *history, MonHistoryMore func, gpointer user_data);
/* From inside it, each series once; a gauge. */
void mon_history_take(MonHistory *history, const char *name, const MonLabels *labels, double value);
/* `time`: CLOCK_REALTIME us, of all samples that this tick takes. */
void mon_history_tick(MonHistory *history, gint64 time);
guint64 mon_history_samples(const MonHistory *history); /* taken so far */
guint64 mon_history_bytes(const MonHistory *history);   /* of the file at the last tick */

/* ---- looking back (history-load.c) ---- */
#define MON_PAST_SAMPLES_MAX 3000000u

/* Exactly once, on the loop, never from inside; `past` (a source of samples as expressions take
 * them) is the callee's; NULL with `error`. */
typedef void (*MonPastFunc)(MonSamples *past, const GError *error, gpointer user_data);
/* All series of `names` (NULL-terminated) with their samples in (from, to]: of the finest tier that
 * still has `from`, or of a coarser one where `step` (us, 0: none) needs no finer. Samples that
 * were rolled up stand no further apart than values are looked back for: a counter rises evenly
 * between two of them, a gauge stays. LIMITS_EXCEEDED: too many samples. */
void mon_history_load(MonHistory *history, const char *const *names, gint64 from, gint64 to,
                      guint64 step, MonPastFunc func, gpointer user_data);
/* The same of one unit alone, raw. */
void mon_history_load_unit(MonHistory *history, const char *unit, const char *const *names,
                           gint64 from, gint64 to, MonPastFunc func, gpointer user_data);
