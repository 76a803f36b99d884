/* plan.h: exactly what a deployment would do, as JSON, and nothing of it done.
 *
 * The release is staged dry: each artifact is read once and digested, nothing is written. So the
 * plan has the digest that the release would have, and compares file by file with what serves. */
#pragma once

#include "deployment/preflight.h"

typedef struct {
  DplPreflight preflight;             /* manifest, target, root, current release */
  int units;                          /* the manager's directory of unit files; -1: not known */
  const char *const *key_directories; /* of signatures; NULL: none */
  gboolean need_signature, user_scope;
  JsonNode *dependents; /* of its units (claims.h); NULL: nobody can tell */
  /* from history, us; 0: there is none */
  DplBudgets most; /* what the configuration allows; 0: any */
  guint64 expect_deploy, expect_verify, expect_downtime;
  guint n_history; /* deployments that these come from */
} DplPlanInput;

/* Worker thread; reads all artifacts and proves the current release. The JSON object's members are
 * listed in waggle-manifest(5). NULL: cancelled, or the release cannot be made at all (`error` says
 * why): a plan that only has reasons against it is a plan. */
JsonNode *dpl_plan(const DplPlanInput *input, const DplWork *work, GError **error);

/* The parts; for plan*.c. Each adds members to `into`. */
void dpl_plan_files(const DplPlanInput *input, DplStaged *staged, JsonObject *into);
void dpl_plan_units(const DplPlanInput *input, DplSources *sources, JsonObject *into);
/* How exposed its services are; a bound that does not hold is a reason against it. */
void dpl_plan_exposure(const DplPlanInput *input, DplSources *sources, const DplWork *work,
                       JsonObject *into, GPtrArray *reasons);
/* Unit files that are another target's too, with another content: reasons against it. */
void dpl_plan_conflicts(const DplPlanInput *input, DplSources *sources, JsonArray *reasons);
void dpl_plan_commands(const DplPlanInput *input, JsonObject *into);
/* `units` by the After= and Before= of `contents` (name -> GBytes): what is ordered after another
 * comes after it, else as given. A loop is broken anywhere, as systemd does. (transfer full) */
char **dpl_plan_order(const char *const *units, GHashTable *contents);
