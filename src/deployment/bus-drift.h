/* bus-drift.h: what is known of edited releases: from its start to its end the daemon keeps it. */
#pragma once

#include "deployment/bus-targets.h"

/* What was found before, as it is kept; right after dpl_store_load(), which blocks, too. */
JsonNode *dpl_drift_read(DplStore *store);
/* After dpl_targets_start(), before anybody may ask: who asks for a list must not hear that nothing
 * is known. */
void dpl_drift_start(DplDaemon *daemon, JsonNode *found);
/* The daemon leaves: a look that is under way ends, and its call is refused. */
void dpl_drift_cancel(DplDaemon *daemon);
void dpl_handle_check_drift(DplCall *call);
