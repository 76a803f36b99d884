/* store-log.h: what is told about a store: lines of the journal, and the service is degraded. */
#pragma once

#include "common/service.h"
#include "common/store-writer.h"

void wg_log_salvage(const WgSalvage *salvage);
/* What a writer tells (WgStoreStateFunc) goes to the journal and, while the store is not well, into
 * Degraded, as "store". `waits`: what a full disk means for this service: "new deployments are
 * refused". TRUE: `state` is not *present, which it becomes. */
gboolean wg_service_store_changed(WgService *service, WgStoreState *present, WgStoreState state,
                                  const char *text, const WgSalvage *salvage, const char *waits);
/* "ok", "nearly-full", "full", "read-only", "broken" */
const char *wg_store_state_name(WgStoreState state);
