/* bus-drift.h: what is known of edited releases: from its start to its end the daemon keeps it. */
#pragma once

#include "deployment/bus-targets.h"

/* Reads what was found last; after dpl_targets_start(). */
void dpl_drift_load(DplDaemon *daemon);
/* The daemon leaves: a look that is under way ends, and its call is refused. */
void dpl_drift_cancel(DplDaemon *daemon);
void dpl_handle_check_drift(DplCall *call);
