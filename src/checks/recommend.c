/* recommend.c: what to do about a run, the most pressing first: the file's own hint where it has
 * one, else what was found. */
#include "checks/output.h"

static void recommendation_free(gpointer data) {
  ChkRecommendation *r = data;

  g_free(r->text);
  g_free(r);
}

static void add(GPtrArray *list, ChkPriority priority, const char *name, char *text) {
  ChkRecommendation *r = g_new0(ChkRecommendation, 1);

  *r = (ChkRecommendation){priority, name, text};
  g_ptr_array_add(list, r);
}

static char *advice(const ChkResult *r) {
  const char *text = r->text ? r->text : "";

  if (r->check->hint)
    return g_strdup(r->check->hint);
  if (r->waived)
    return g_strdup_printf("mend it before the waiver ends on %s: %s", r->check->waiver->expires,
                           text);
  if (r->found == CHK_ERROR)
    return g_strdup_printf("find out why it could not be determined: %s", text);
  return g_strdup_printf("mend it: %s", text);
}

/* What does not fail the run is one step less pressing than it is by itself. */
static ChkPriority pressing(const ChkResult *r) {
  ChkPriority p = r->check->priority;

  if (r->verdict == CHK_FAIL || r->verdict == CHK_ERROR)
    return p == CHK_PRIORITY_NORMAL && !r->check->grouped ? CHK_PRIORITY_HIGH : p;
  return p < CHK_PRIORITY_NORMAL && r->waived ? p + 1 : p;
}

static int by_priority(gconstpointer a, gconstpointer b) {
  const ChkRecommendation *x = *(ChkRecommendation *const *)a, *y = *(ChkRecommendation *const *)b;

  return (int)x->priority - (int)y->priority;
}

GPtrArray *chk_recommendations(const ChkReport *report) {
  GPtrArray *list = g_ptr_array_new_with_free_func(recommendation_free);

  for (guint i = 0; i < report->groups->len; i++) {
    const ChkGroupResult *g = g_ptr_array_index(report->groups, i);
    if (g->verdict == CHK_PASS || g->verdict == CHK_SKIP)
      continue;
    g_autofree char *text = chk_group_text(g);
    add(list, CHK_PRIORITY_HIGH, g->group->name, g_strdup(g->group->hint ? g->group->hint : text));
  }
  for (guint i = 0; i < report->results->len; i++) {
    const ChkResult *r = g_ptr_array_index(report->results, i);
    if (r->verdict != CHK_PASS && r->verdict != CHK_SKIP)
      add(list, pressing(r), r->check->name, advice(r));
  }
  /* g_ptr_array_sort() keeps the order of equals */
  g_ptr_array_sort(list, by_priority);
  return list;
}
