/* plan.h: a policy together with the back-ends that were made for it. Counted: a job keeps the plan
 * that it runs on. */
#pragma once

#include "delivery/policy.h"

typedef struct {
  grefcount refs;
  DlvPolicy *policy;
  gpointer *states; /* of each entry's class */
} DlvPlan;

/* NULL when there is any problem; they are added to `problems` (of DlvProblem). No I/O. */
DlvPlan *dlv_plan_new(DlvCourier *courier, const char *agent, const char *text,
                      const DlvBackendClass *const *classes, GPtrArray *problems);
DlvPlan *dlv_plan_ref(DlvPlan *plan);
void dlv_plan_unref(DlvPlan *plan);
/* Some entry's class has the flag. */
gboolean dlv_plan_has(const DlvPlan *plan, DlvBackendFlags flag);
