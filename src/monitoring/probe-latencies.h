/* probe-latencies.h: how long looks took, by type of probe, as histograms.
 *
 * Each look is added; they are put on the board with each collection and not with each look, since
 * a histogram has twenty series. Loop's thread. */
#pragma once

#include "monitoring/board.h"

typedef struct MonProbeLatencies MonProbeLatencies;

MonProbeLatencies *mon_probe_latencies_new(void);
void mon_probe_latencies_free(MonProbeLatencies *latencies);
void mon_probe_latencies_add(MonProbeLatencies *latencies, const char *type, guint64 usec);
/* Those that have changed since. */
void mon_probe_latencies_put(MonProbeLatencies *latencies, MonBoard *board);
