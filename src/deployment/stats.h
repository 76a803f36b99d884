/* stats.h: figures over what has ended: how often it went well, how long it took, how long it took
 * to recover. */
#pragma once

#include "deployment/query.h"

/* The question of dpl_stats_ask(); NULL and 0: everything. Free with dpl_stats_free(). */
typedef struct {
  char *target;
  gint64 since; /* CLOCK_REALTIME us of creation */
} DplStatsQuestion;
void dpl_stats_free(gpointer question);

/* DplAskFunc. An object: "deployments", "done", "aborted", "rolled-back", "rollback-failed",
 * "rollbacks" (asked for by people), "open"; "recovery" and each of "phases" (by state):
 * {"count", "mean", "p50", "p95"}, us; "targets": NAME -> {"deployments", "failed"}; "downtime":
 * from the switch to the started units, as a phase. */
JsonNode *dpl_stats_ask(DplStore *store, gpointer question, GError **error);

/* The q-th percentile (0 to 100) of durations, which have to be sorted; 0 for none. Nearest rank.
 */
gint64 dpl_percentile(const gint64 *sorted, guint n, guint q);
