/* judge.c: see judge.h. */
#include "checks/judge.h"

#include "checks/baseline.h"
#include "checks/result.h"

struct ChkJudging {
  gatomicrefcount n_refs; /* the caller's and the worker's */
  ChkPlan *plan;
  const ChkCheck *check;
  JsonObject *values;
  JsonNode *baseline;
  GPtrArray *asserted;
  ChkJudgedFunc judged; /* NULL: ended; the loop's thread only */
  gpointer user_data;
  guint timer;
};

static void judging_unref(ChkJudging *j) {
  if (!g_atomic_ref_count_dec(&j->n_refs))
    return;
  g_clear_pointer(&j->asserted, g_ptr_array_unref);
  g_clear_pointer(&j->values, json_object_unref);
  g_clear_pointer(&j->baseline, json_node_unref);
  chk_plan_unref(j->plan);
  g_free(j);
}

static void asserted_free(gpointer data) {
  ChkAsserted *asserted = data;

  chk_match_clear(&asserted->match);
  g_free(asserted);
}

static void judge_list(ChkJudging *j, GPtrArray *assertions, gboolean warn) {
  for (guint i = 0; i < assertions->len; i++) {
    const ChkAssertion *a = g_ptr_array_index(assertions, i);
    ChkAsserted *asserted = g_new0(ChkAsserted, 1);
    ChkBefore before = chk_baseline_before(j->baseline, j->check->name, a->key);
    asserted->key = a->key;
    asserted->warn = warn;
    chk_matcher_judge(a->matcher, json_object_get_member(j->values, a->key), &before,
                      &asserted->match);
    g_ptr_array_add(j->asserted, asserted);
  }
}

static void judge(ChkJudging *j) {
  j->asserted = g_ptr_array_new_with_free_func(asserted_free);
  judge_list(j, j->check->expect, FALSE);
  judge_list(j, j->check->warn, TRUE);
}

static void end(ChkJudging *j, GPtrArray *asserted) {
  ChkJudgedFunc judged = g_steal_pointer(&j->judged);

  g_clear_handle_id(&j->timer, g_source_remove);
  if (judged)
    judged(asserted, asserted ? g_steal_pointer(&j->values) : NULL, j->user_data);
  else
    g_clear_pointer(&asserted, g_ptr_array_unref);
  judging_unref(j);
}

static void in_thread(GTask *task, gpointer source, gpointer data, GCancellable *cancellable) {
  judge(data);
  g_task_return_boolean(task, TRUE);
}

static void on_judged(GObject *source, GAsyncResult *result, gpointer user_data) {
  ChkJudging *j = user_data;

  if (j->judged)
    end(j, g_steal_pointer(&j->asserted));
  judging_unref(j);
}

static gboolean on_time(gpointer user_data) {
  ChkJudging *j = user_data;

  j->timer = 0;
  end(j, NULL);
  return G_SOURCE_REMOVE;
}

static gboolean any_costly(const GPtrArray *assertions) {
  for (guint i = 0; i < assertions->len; i++)
    if (chk_matcher_is_costly(((ChkAssertion *)g_ptr_array_index(assertions, i))->matcher))
      return TRUE;
  return FALSE;
}

ChkJudging *chk_judging_start(ChkPlan *plan, const ChkCheck *check, JsonObject *values,
                              JsonNode *baseline, guint64 limit, ChkJudgedFunc judged,
                              gpointer user_data) {
  ChkJudging *j = g_new0(ChkJudging, 1);

  g_atomic_ref_count_init(&j->n_refs);
  j->plan = chk_plan_ref(plan);
  j->check = check;
  j->values = values;
  j->baseline = baseline ? json_node_ref(baseline) : NULL;
  j->judged = judged;
  j->user_data = user_data;
  if (!any_costly(check->expect) && !any_costly(check->warn)) {
    judge(j);
    end(j, g_steal_pointer(&j->asserted));
    return NULL;
  }
  j->timer = g_timeout_add((guint)(limit / 1000) + 1, on_time, j);
  g_atomic_ref_count_inc(&j->n_refs);
  g_autoptr(GTask) task = g_task_new(NULL, NULL, on_judged, j);
  g_task_set_task_data(task, j, NULL);
  g_task_run_in_thread(task, in_thread);
  return j;
}

void chk_judging_forget(ChkJudging *judging) {
  judging->judged = NULL;
  end(judging, NULL);
}
