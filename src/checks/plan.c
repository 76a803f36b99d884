/* plan.c: see plan.h: a plan's life, and the part of it that a caller asks for. */
#include "checks/plan.h"

#include "common/nearest.h"

#include <string.h>

static void group_free(gpointer data) {
  ChkGroup *group = data;

  g_free(group->name);
  g_free(group->hint);
  g_array_unref(group->members);
  g_free(group);
}

static void waiver_free(gpointer data) {
  ChkWaiver *waiver = data;

  g_free(waiver->glob);
  g_free(waiver->reason);
  g_free(waiver->owner);
  g_free(waiver->expires);
  g_free(waiver);
}

static void plan_clear(gpointer data) {
  ChkPlan *plan = data;

  g_free(plan->name);
  g_ptr_array_unref(plan->checks);
  g_ptr_array_set_free_func(plan->groups, group_free);
  g_ptr_array_unref(plan->groups);
  g_ptr_array_set_free_func(plan->waivers, waiver_free);
  g_ptr_array_unref(plan->waivers);
}

ChkPlan *chk_plan_ref(ChkPlan *plan) {
  return g_atomic_rc_box_acquire(plan);
}

void chk_plan_unref(ChkPlan *plan) {
  g_atomic_rc_box_release_full(plan, plan_clear);
}

static ChkCheck *at(const ChkPlan *plan, guint i) {
  return g_ptr_array_index(plan->checks, i);
}

int chk_plan_find(const ChkPlan *plan, const char *name) {
  for (guint i = 0; i < plan->checks->len; i++)
    if (strcmp(at(plan, i)->name, name) == 0)
      return (int)i;
  return -1;
}

static gboolean mark(const ChkPlan *plan, const char *name, gboolean *marks, GError **error) {
  gboolean any = FALSE;

  for (guint i = 0; i < plan->checks->len; i++) {
    const ChkCheck *check = at(plan, i);
    if (*name == '@' ? g_strv_contains((const char *const *)check->tags, name + 1)
                     : strcmp(check->name, name) == 0)
      any = marks[i] = TRUE;
  }
  if (any)
    return TRUE;
  g_autoptr(GStrvBuilder) names = g_strv_builder_new();
  for (guint i = 0; i < plan->checks->len; i++)
    g_strv_builder_add(names, at(plan, i)->name);
  g_auto(GStrv) known = g_strv_builder_end(names);
  g_autofree char *hint = wg_nearest_hint(name, (const char *const *)known);
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "no check %s \"%s\"%s%s",
              *name == '@' ? "has the tag" : "is named", *name == '@' ? name + 1 : name,
              hint ? "; " : "", hint ? hint : "");
  return FALSE;
}

static void mark_needs(const ChkPlan *plan, guint i, gboolean *marks) {
  const ChkCheck *check = at(plan, i);

  for (guint k = 0; k < check->needs->len; k++) {
    guint need = g_array_index(check->needs, guint, k);
    if (marks[need])
      continue;
    marks[need] = TRUE;
    mark_needs(plan, need, marks);
  }
}

/* Indexes after the removal of what is not kept; those that point to nothing go. */
static void renumber(GArray *list, const guint *new_index) {
  guint n = 0;

  for (guint k = 0; k < list->len; k++) {
    guint i = new_index[g_array_index(list, guint, k)];
    if (i != G_MAXUINT)
      g_array_index(list, guint, n++) = i;
  }
  g_array_set_size(list, n);
}

static void keep(ChkPlan *plan, const gboolean *keeps) {
  guint n = plan->checks->len, kept = 0;
  g_autofree guint *new_index = g_new(guint, n + 1);

  for (guint i = 0; i < n; i++)
    new_index[i] = keeps[i] ? kept++ : G_MAXUINT;
  for (guint i = n; i-- > 0;)
    if (!keeps[i])
      g_ptr_array_remove_index(plan->checks, i);
  for (guint i = 0; i < plan->checks->len; i++)
    renumber(at(plan, i)->needs, new_index);
  for (guint i = plan->groups->len; i-- > 0;) {
    ChkGroup *group = g_ptr_array_index(plan->groups, i);
    guint before = group->members->len;
    renumber(group->members, new_index);
    /* a share of a part is no share of the whole: the members speak for themselves */
    if (group->members->len == before)
      continue;
    for (guint k = 0; k < group->members->len; k++)
      at(plan, g_array_index(group->members, guint, k))->grouped = FALSE;
    g_ptr_array_remove_index(plan->groups, i);
    group_free(group);
  }
}

gboolean chk_plan_select(ChkPlan *plan, const char *const *only, const char *const *skip,
                         GError **error) {
  guint n = plan->checks->len;
  g_autofree gboolean *keeps = g_new0(gboolean, n + 1), *drops = g_new0(gboolean, n + 1);

  for (guint i = 0; only && only[i]; i++)
    if (!mark(plan, only[i], keeps, error))
      return FALSE;
  for (guint i = 0; skip && skip[i]; i++)
    if (!mark(plan, skip[i], drops, error))
      return FALSE;
  for (guint i = 0; i < n; i++)
    if (!only || !*only)
      keeps[i] = TRUE;
    else if (keeps[i])
      mark_needs(plan, i, keeps);
  for (guint i = 0; i < n; i++)
    keeps[i] = keeps[i] && !drops[i];
  keep(plan, keeps);
  if (plan->checks->len > 0)
    return TRUE;
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "no check is left to run");
  return FALSE;
}
