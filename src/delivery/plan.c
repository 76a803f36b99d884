/* plan.c: see plan.h. */
#include "delivery/plan.h"

static gboolean configure(DlvPlan *plan, DlvCourier *courier, const char *agent, guint i,
                          GPtrArray *problems) {
  const DlvEntry *entry = &plan->policy->entries[i];
  g_autoptr(GError) error = NULL;

  plan->states[i] = entry->class->configure(courier, agent, entry->options, &error);
  if (plan->states[i] != NULL)
    return TRUE;
  g_ptr_array_add(problems, dlv_policy_entry_problem(i, error));
  return FALSE;
}

DlvPlan *dlv_plan_new(DlvCourier *courier, const char *agent, const char *text,
                      const DlvBackendClass *const *classes, GPtrArray *problems) {
  DlvPolicy *policy = dlv_policy_parse(text, classes, problems);
  gboolean ok = TRUE;

  if (policy == NULL)
    return NULL;
  DlvPlan *plan = g_new0(DlvPlan, 1);
  g_ref_count_init(&plan->refs);
  plan->policy = policy;
  plan->states = g_new0(gpointer, policy->n_entries);
  for (guint i = 0; i < policy->n_entries; i++)
    ok &= configure(plan, courier, agent, i, problems);
  if (ok)
    return plan;
  dlv_plan_unref(plan);
  return NULL;
}

DlvPlan *dlv_plan_ref(DlvPlan *plan) {
  g_ref_count_inc(&plan->refs);
  return plan;
}

void dlv_plan_unref(DlvPlan *plan) {
  if (!g_ref_count_dec(&plan->refs))
    return;
  for (guint i = 0; i < plan->policy->n_entries; i++)
    if (plan->states[i] != NULL)
      plan->policy->entries[i].class->free(plan->states[i]);
  dlv_policy_unref(plan->policy);
  g_free(plan->states);
  g_free(plan);
}

gboolean dlv_plan_has(const DlvPlan *plan, DlvBackendFlags flag) {
  for (guint i = 0; i < plan->policy->n_entries; i++)
    if ((plan->policy->entries[i].class->flags & flag) != 0)
      return TRUE;
  return FALSE;
}
