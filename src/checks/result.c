/* result.c: see result.h: the one place where verdicts are computed. */
#include "checks/result.h"

static void attempt_free(gpointer data) {
  ChkAttempt *attempt = data;

  g_free(attempt->text);
  g_free(attempt);
}

static void asserted_free(gpointer data) {
  ChkAsserted *asserted = data;

  chk_match_clear(&asserted->match);
  g_free(asserted);
}

ChkResult *chk_result_new(const ChkCheck *check) {
  ChkResult *result = g_new0(ChkResult, 1);

  result->check = check;
  result->attempts = g_ptr_array_new_with_free_func(attempt_free);
  result->assertions = g_ptr_array_new_with_free_func(asserted_free);
  return result;
}

void chk_result_free(ChkResult *result) {
  if (!result)
    return;
  g_ptr_array_unref(result->attempts);
  g_ptr_array_unref(result->assertions);
  g_free(result->text);
  g_clear_pointer(&result->values, json_object_unref);
  g_clear_pointer(&result->unit, json_object_unref);
  g_free(result);
}

static gboolean is_bad(ChkVerdict verdict) {
  return verdict == CHK_FAIL || verdict == CHK_ERROR;
}

void chk_result_finish(ChkResult *result) {
  result->verdict = result->found;
  result->waived = is_bad(result->found) && result->check->waiver;
  if (is_bad(result->found) && (result->waived || result->check->level == CHK_WANTED))
    result->verdict = CHK_WARN;
}

void chk_report_free(ChkReport *report) {
  g_clear_pointer(&report->results, g_ptr_array_unref);
  g_clear_pointer(&report->groups, g_ptr_array_unref);
  g_clear_pointer(&report->context, json_object_unref);
  g_clear_pointer(&report->plan, chk_plan_unref);
  g_free(report);
}

static const ChkResult *result_at(const ChkReport *report, guint i) {
  return g_ptr_array_index(report->results, i);
}

/* A member that does not apply here counts neither way; one that was not looked at, or could not be
 * determined, has not passed. */
static ChkGroupResult *judge_group(const ChkReport *report, const ChkGroup *group) {
  ChkGroupResult *g = g_new0(ChkGroupResult, 1);
  guint errors = 0;

  g->group = group;
  for (guint k = 0; k < group->members->len; k++) {
    const ChkResult *r = result_at(report, g_array_index(group->members, guint, k));
    if (r->verdict == CHK_SKIP && r->not_applicable)
      continue;
    g->total++;
    g->passed += r->verdict == CHK_PASS || r->verdict == CHK_WARN;
    errors += r->verdict == CHK_ERROR;
  }
  if (g->total == 0) {
    g->verdict = CHK_SKIP;
    return g;
  }
  double needed = group->at_least > 0 ? group->at_least : group->share * g->total;
  /* a hair less, for 0.8 * 5 that is 4.000000001 */
  if (g->passed >= needed - 1e-6)
    g->verdict = CHK_PASS;
  else
    /* had those that are not known passed, it might have */
    g->verdict = g->passed + errors >= needed - 1e-6 ? CHK_ERROR : CHK_FAIL;
  if (group->level == CHK_WANTED && is_bad(g->verdict))
    g->verdict = CHK_WARN;
  return g;
}

static void count(ChkSummary *s, const ChkResult *result) {
  guint *const counters[] = {[CHK_PASS] = &s->pass,
                             [CHK_WARN] = &s->warn,
                             [CHK_FAIL] = &s->fail,
                             [CHK_ERROR] = &s->error,
                             [CHK_SKIP] = &s->skip};

  s->total++;
  ++*counters[result->verdict];
  s->waived += result->waived;
}

/* What is certainly wrong is worse than what is not known. */
static ChkVerdict worse(ChkVerdict a, ChkVerdict b) {
  static const guint rank[] = {
      [CHK_SKIP] = 0, [CHK_PASS] = 1, [CHK_WARN] = 2, [CHK_ERROR] = 3, [CHK_FAIL] = 4};

  return rank[a] >= rank[b] ? a : b;
}

void chk_report_finish(ChkReport *report) {
  report->groups = g_ptr_array_new_with_free_func(g_free);
  report->summary = (ChkSummary){0};
  report->verdict = CHK_SKIP;
  for (guint i = 0; i < report->results->len; i++) {
    const ChkResult *r = result_at(report, i);
    count(&report->summary, r);
    /* a member of a group that failed is the group's business */
    gboolean member = r->check->grouped && is_bad(r->verdict);
    report->verdict = worse(report->verdict, member ? CHK_SKIP : r->verdict);
  }
  for (guint i = 0; i < report->plan->groups->len; i++) {
    ChkGroupResult *g = judge_group(report, g_ptr_array_index(report->plan->groups, i));
    g_ptr_array_add(report->groups, g);
    report->verdict = worse(report->verdict, g->verdict);
  }
  /* where nothing at all was determined nothing was verified */
  if (report->verdict == CHK_SKIP)
    report->verdict = CHK_ERROR;
}

ChkExit chk_report_exit(const ChkReport *report, gboolean strict) {
  if (report->verdict == CHK_FAIL)
    return CHK_EXIT_FAIL;
  if (report->deadline)
    return CHK_EXIT_DEADLINE;
  if (report->verdict == CHK_ERROR)
    return CHK_EXIT_ERROR;
  return report->verdict == CHK_WARN && strict ? CHK_EXIT_WARN : CHK_EXIT_PASS;
}
