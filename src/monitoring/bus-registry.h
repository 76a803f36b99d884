/* bus-registry.h: what the files of org.waggle.Monitoring1.Registry share. */
#pragma once

#include "monitoring/bus.h"
#include "monitoring/registry-json.h"

extern const MonInterface mon_interface_registry, mon_interface_service;

MonRegistry *mon_call_registry(const MonCall *call);
/* What probes said may be told to: whoever registered the service, and administrators. */
gboolean mon_registry_may_read(const MonCall *call, const MonServiceEntry *entry);
void mon_registry_answer_json(MonCall *call, char *text); /* takes `text` */

/* bus-registry-list.c */
extern const WgOption mon_options_list[], mon_options_watch[];
void mon_handle_list(MonCall *call);
void mon_handle_find(MonCall *call);

/* bus-registry-watch.c: parked calls, and signals. */
void mon_handle_watch(MonCall *call);
typedef struct MonWatches MonWatches;
MonWatches *mon_watches_new(MonDaemon *daemon);
/* The service leaves: who waits for a change is told so, and asks the next one. */
void mon_watches_leave(MonWatches *watches);
void mon_watches_free(MonWatches *watches);
