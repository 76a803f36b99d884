/* metrics-own.h: the monitor's own figures, and those of its rooms that have none of their own ways
 * to the board: what a collection took, calls, requests, notifications that wait, silences. */
#pragma once

#include "monitoring/daemon.h"
#include "monitoring/history.h"
#include "monitoring/reading.h"

typedef struct MonOwn MonOwn;

MonOwn *mon_own_new(MonDaemon *daemon);
void mon_own_free(MonOwn *own);
/* CPU time and memory of this process. Worker thread; `proc`: the directory. */
void mon_own_read(int proc, MonReadings *readings);
/* A collection is over: with what mon_own_read() saw, the files and values that were read, and the
 * us that it took. `history`: NULL: none is kept. */
void mon_own_put(MonOwn *own, MonReadings *readings, guint64 files, guint64 values, guint64 took,
                 MonHistory *history);
void mon_own_count_http(MonDaemon *daemon, guint status);
