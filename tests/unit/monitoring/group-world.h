/* group-world.h: alerts by group with a clock of the test's own. What is told is a text: of each
 * notice the integration, a "!" for each step of escalation, and its alerts, "+" before one that
 * fires and "-" before one that is over. The name of an alert is its identity. */
#pragma once

#include "monitoring/group.h"

#define S G_USEC_PER_SEC
#define EPOCH ((gint64)1700000000 * S) /* the clock of the wall at our zero */

typedef struct {
  MonAlerting *alerting;
  MonGroups *groups;
  gint64 now;
  GString *told;
  GHashTable *rows;   /* integration|group -> text of the log's row */
  const char *silent; /* alerts of this name are silenced */
  gint64 seq;
} World;

extern const MonGroupFuncs world_funcs;

/* `route`: the root, as YAML; receivers are a (journal), b (dbus), quiet (no resolved) and
 * none (tells nobody). */
MonAlerting *world_parse(const char *route);
void world_setup(World *w, const char *route);
void world_teardown(World *w);
/* `fired`: seconds of our clock. (transfer full) */
MonTransition *world_alert(World *w, MonTransitionKind kind, const char *name, gint64 fired);
void world_take(World *w, MonTransitionKind kind, const char *name, gint64 fired);
/* Goes on for so long, stopping wherever something is due. */
void world_pass(World *w, gint64 seconds);
/* Killed: what was written is given back, then what fires, then the transitions after the cursor.
 * The log has all of them. */
void world_restart(World *w, GPtrArray *log);
/* What was told since the last time. */
void world_assert_told(World *w, const char *expected);
