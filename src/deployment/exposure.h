/* exposure.h: how exposed the services of a release are, as `systemd-analyze security` counts it
 * from their unit files alone, and whether they were less so before.
 *
 * Synchronous, for a worker thread. The level says how much a service could reach, not what its
 * code does: it is compared with the one before, and with a bound that the manifest asks for. */
#pragma once

#include "deployment/manifest.h"

#include <json-glib/json-glib.h>

#define DPL_EXPOSURE_MAX 100 /* tenths: any */

/* Of the services among `texts` (DplUnitText), the unit files of a release, against those of the
 * release `before` of the target at `root` (NULL: there is none, or its manifest `old` is not
 * known): an array of {unit, after, before}, levels in tenths; `before` is missing for a new one.
 * NULL sets error: nobody can tell. */
JsonNode *dpl_exposure_of_texts(const GPtrArray *texts, int root, const DplManifest *old,
                                const char *before, gboolean user_scope, GCancellable *cancel,
                                GError **error);
/* Adds a sentence (char *) for each service above the manifest's bound, and to `told` for each that
 * is more exposed than before. */
void dpl_exposure_judge(JsonNode *exposure, const DplManifest *now, GPtrArray *reasons,
                        GPtrArray *told);
/* "Overall exposure level for UNIT: 9.6 UNSAFE" of `text`: the level in tenths; -1: none. Pure. */
int dpl_exposure_level(const char *text, const char *unit);
