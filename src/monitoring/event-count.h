/* event-count.h: how often something happened, as waggle_event_total{event, unit}. */
#pragma once

#include "monitoring/daemon.h"

/* Counts on the daemon's board what its events tell, as long as the process lives. */
MonEventCount *mon_event_count_new(MonDaemon *daemon);
void mon_event_count_free(MonEventCount *count);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MonEventCount, mon_event_count_free)
