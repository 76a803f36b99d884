/* world.h: what the looks of one run share: the buses, the root, the deployment's context, the
 * worker threads.
 *
 * Made, closed and used on the loop's thread; what check.h marks "any thread" is fixed before the
 * first look. The world is counted, because a look that hangs in a worker thread may outlive the
 * run: chk_world_free() closes the buses at once and leaves the rest to the last of them.
 *
 * The context is a JSON object that waggle-deployd writes (waggle-verify --context):
 *   {"deployment": "ID", "target": "shop", "since": US (CLOCK_REALTIME),
 *    "release": "/srv/shop/releases/ID", "root": "/srv/shop",
 *    "units": {"shop.service": {"invocation": "HEX", "before": "HEX of the old one",
 *                               "n-restarts": 0}},
 *    "previous": {"release": "DIRECTORY", "tree": "FILE of its tree proof", "digest": "HEX",
 *                 "units": ["FILE", ...]}}
 * Every member may be missing. */
#pragma once

#include "checks/check.h"

/* `root`: paths are looked at below it; NULL, "" and "/": the system's own. */
ChkWorld *chk_world_new(gboolean user_scope, const char *root);
/* Closes the buses and drops the owner's reference. */
void chk_world_free(ChkWorld *world);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ChkWorld, chk_world_free)

/* Before the first look. Refuses an object of another shape. */
gboolean chk_world_set_context(ChkWorld *world, JsonNode *context, GError **error);
JsonObject *chk_world_context(const ChkWorld *world); /* any thread; NULL without one */
gboolean chk_world_is_user(const ChkWorld *world);    /* any thread */
/* The unit's NRestarts before, from the context; -1: not known. Any thread. */
gint64 chk_world_n_restarts(const ChkWorld *world, const char *unit);

/* Before the first look: commands run where `socket` leads to (command-remote.h); NULL: here. */
void chk_world_set_exec(ChkWorld *world, const char *socket);
const char *chk_world_exec(const ChkWorld *world); /* any thread; NULL: here */

/* For tests: uses `bus` (attached by the caller, borrowed until the world is freed) for the
 * system's and the user's. */
void chk_world_set_buses(ChkWorld *world, sd_bus *system, sd_bus *user);

/* Any thread. */
ChkWorld *chk_world_ref(ChkWorld *world);
void chk_world_unref(ChkWorld *world);
