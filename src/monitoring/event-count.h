/* event-count.h: how often something happened, as waggle_event_total{event, unit}.
 *
 * What is on the board is in the store, so that neither a restart nor a crash makes a series fall:
 * rules look at it through windows that the history fills, and would take a fall for new events, or
 * miss one that brings a series that began anew to where it was. Only while the store takes nothing
 * does the board tell what is not stored yet. Of the series whose last event is longest ago no more
 * than MON_EVENT_COUNT_MAX are kept, and none for more than 30 days over a restart. Loop's thread.
 */
#pragma once

#include "monitoring/daemon.h"

#define MON_EVENT_COUNT_MAX 4096

/* Counts what the daemon's events tell, on from what is stored: before wg_records_begin(). */
MonEventCount *mon_event_count_new(MonDaemon *daemon);
/* Stores what was counted in one transaction with `run` (NULL: alone), in that order, so that what
 * is read again after a crash is not counted again. `data` goes to `run`, then to `free_data`. */
void mon_event_count_store(MonEventCount *count, MonStoreRun run, gpointer data,
                           GDestroyNotify free_data);
/* What could not be stored is given to the store again. */
void mon_event_count_soon(MonEventCount *count);
/* After the store was freed: what is in its queue calls back. */
void mon_event_count_free(MonEventCount *count);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MonEventCount, mon_event_count_free)
