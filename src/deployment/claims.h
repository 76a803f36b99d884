/* claims.h: unit files that several targets name.
 *
 * The manager has one directory of unit files, and each target may install into it. A file that
 * another target's release names as well may not change under it, and goes only when nobody names
 * it any more. What counts of another target is its last good release and the one that it is being
 * taken to. */
#pragma once

#include "deployment/manifest.h"
#include "deployment/record-store.h"

#include "common/unit-state.h"

/* A DplAskFunc (query.h); `target`: a text, whose own claims are left out. Also before there is a
 * writer. An array of {target, root, release, units}; read with what follows. NULL: none. */
JsonNode *dpl_claims_ask(DplStore *store, gpointer target, GError **error);

/* Who else has the file `path` of the directory for units ("shop.service",
 * "shop.service.d/50-waggle.conf") by its manifest; NULL: nobody. `claims` may be NULL. Borrowed.
 */
const char *dpl_claims_owner(JsonNode *claims, const char *path);
/* Whether another target starts the unit. */
gboolean dpl_claims_started(JsonNode *claims, const char *unit);
/* A sentence that names the other target when its file `name` is another one than `content`, which
 * is to be installed, or linked (then it always is). NULL: they get along. Free with g_free().
 * Blocks: it reads releases of others. */
char *dpl_claims_conflict(JsonNode *claims, const char *name, gboolean link, GBytes *content);

/* Units that are none of `states` (WgUnitState) and depend on one of them, so that systemd stops
 * and restarts them with it where they run: an array of {unit, of}. (transfer full) */
JsonNode *dpl_dependents(const GPtrArray *states);

/* What the old release has and the new one does not, less what is another target's too. */
typedef struct {
  char **stop;    /* units, in the order they are to be stopped in; never NULL, as the next two */
  char **disable; /* units that the old manifest enabled */
  char **remove;  /* paths of the directory for units */
} DplGone;

/* `old` NULL: nothing is gone. */
void dpl_gone_find(const DplManifest *old, const DplManifest *now, JsonNode *claims, DplGone *ret);
void dpl_gone_clear(DplGone *gone);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DplGone, dpl_gone_clear)
