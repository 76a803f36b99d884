/* tally.h: counters that go on over restarts of whoever counts.
 *
 * What the monitor counts itself is added; what another service counts since its own start is fed,
 * and neither a restart of that service nor one of the monitor makes the series fall. Each entry is
 * on the board as its metric says; entries are stored about once a minute and when the service
 * leaves, so that a crash makes a counter fall back by as much and no more. What was not touched
 * for 30 days is forgotten, and no more than MON_TALLY_MAX are kept over a restart. Loop's thread.
 */
#pragma once

#include "monitoring/metrics-list.h"
#include "monitoring/store.h"

#define MON_TALLY_MAX 1024

typedef struct MonTally MonTally;

/* Reads the store: before wg_records_begin(). */
MonTally *mon_tally_new(MonBoard *board, MonStore *store);
void mon_tally_free(MonTally *tally);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MonTally, mon_tally_free)
/* A collection has taken place: stores when it is time. `now`: at once, before the store ends. */
void mon_tally_save(MonTally *tally, gboolean now);

/* Our own count. With 0 it is there, and begins with that. */
void mon_tally_add(MonTally *tally, MonMetricId metric, const MonLabels *labels, guint64 n);
/* `raw`: what the source says; `source`: which start of it says so, since CLOCK_REALTIME us (0: not
 * known). A raw value that falls within one start was forgotten by the source, not counted anew. */
void mon_tally_feed(MonTally *tally, MonMetricId metric, const MonLabels *labels, double raw,
                    guint64 source);
/* How fast the fed series of a metric rose between the last two times. */
typedef void (*MonTallyRateFunc)(const MonLabels *labels, double per_second, gpointer user_data);
void mon_tally_each_rate(MonTally *tally, MonMetricId metric, MonTallyRateFunc func,
                         gpointer user_data);
/* The source is absent: so are the series, until they are fed again. */
void mon_tally_hide(MonTally *tally, MonMetricId metric);
