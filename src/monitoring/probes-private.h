/* probes-private.h: what the files of the probes share. */
#pragma once

#include "monitoring/probes.h"

/* probes.c: the look is over. */
void mon_probe_result(MonProbe *probe, const MonProbeLook *look);

/* probes-queue.c: asks the messaging service; the answer goes to mon_probe_result(). */
void mon_probe_ask_queue(MonProbe *probe, sd_bus *bus);

/* probes-series.c: what is on the board of a probe. */
typedef struct MonProbeSeries MonProbeSeries;
MonProbeSeries *mon_probe_series_new(MonBoard *board, const MonProbe *probe);
void mon_probe_series_result(MonProbeSeries *series, const MonProbe *probe);
void mon_probe_series_state(MonProbeSeries *series, const MonProbe *probe);
void mon_probe_series_free(MonProbeSeries *series);
