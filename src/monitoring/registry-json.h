/* registry-json.h: services as JSON, as calls answer them. */
#pragma once

#include "monitoring/registry.h"

/* `detail`: its probes with what they said, too, as far as `texts` allows. (transfer full) */
JsonObject *mon_entry_json(const MonServiceEntry *entry, gboolean detail, gboolean texts);
JsonObject *mon_probe_json(const MonProbe *probe, gboolean texts);
/* Takes `object`; free with g_free(). */
char *mon_registry_text(JsonObject *object);
char *mon_registry_array_text(JsonArray *array);
