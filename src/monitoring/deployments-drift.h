/* deployments-drift.h: whether somebody edited what serves at a target, as waggle-deployd has found
 * it last, as series: waggle_target_drift{target, release, state} 1.
 *
 * deployd looks once a day and leaves when it is idle; what it has found counts until it finds
 * something else or another release serves, whether it runs or not. */
#pragma once

#include "monitoring/daemon.h"

typedef struct MonDrift MonDrift;

MonDrift *mon_drift_new(MonDaemon *daemon);
void mon_drift_free(MonDrift *drift);
/* The bus is another one; NULL: lost. Signals come to connections alone that were let through a
 * call before: who calls this asks for the list of targets, too. */
void mon_drift_bus(MonDrift *drift, sd_bus *bus);
/* A row of List, a{sv}. */
void mon_drift_row(MonDrift *drift, GVariant *row);
/* That release serves from now on: what was known of another one says nothing any more. */
void mon_drift_release(MonDrift *drift, const char *target, const char *release);
