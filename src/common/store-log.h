/* store-log.h: what administrators read in the journal about a store. */
#pragma once

#include "common/store-writer.h"

void wg_log_salvage(const WgSalvage *salvage);
/* Nothing for WG_STORE_OK. `text`: why. `waits`: what a full disk means for this service: "new
 * deployments are refused". */
void wg_log_store_state(WgStoreState state, const char *text, const char *waits);
/* "ok", "nearly-full", "full", "read-only", "broken" */
const char *wg_store_state_name(WgStoreState state);
