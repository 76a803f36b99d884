/* fuzz-verify-file.c: any bytes as a verify file. It is refused with at least one problem, each
 * with a pointer and a text of one line; or it is a plan whose graph has no circle, whose every
 * matcher judges values of every kind and tells of them, and that can be cut down to any of its
 * checks. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "checks/plan.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const samples[] = {"null",
                                      "true",
                                      "0",
                                      "-5",
                                      "3.5",
                                      "\"\"",
                                      "\"5\"",
                                      "\"abc\\ndef\\n\"",
                                      "\"0644\"",
                                      "[]",
                                      "[\"a\",\"b\"]",
                                      "{\"a\":1}",
                                      "\"{\\\"a\\\":1}\""};

static void judge(const ChkAssertion *a) {
  g_autofree char *text = chk_matcher_text(a->matcher);

  g_assert_true(g_utf8_validate(text, -1, NULL));
  for (guint i = 0; i <= G_N_ELEMENTS(samples); i++) {
    g_autoptr(JsonNode) value =
        i < G_N_ELEMENTS(samples) ? json_from_string(samples[i], NULL) : NULL;
    ChkBefore before = {i % 2, value};
    ChkMatch match;
    chk_matcher_judge(a->matcher, value, &before, &match);
    g_assert_nonnull(match.expected);
    g_assert_nonnull(match.observed);
    g_assert_cmpuint(match.holds, <=, CHK_HOLDS_NO_CASE);
    chk_match_clear(&match);
  }
}

static void walk(const ChkPlan *plan, guint i, guint8 *seen) {
  const ChkCheck *check = g_ptr_array_index(plan->checks, i);

  g_assert_cmpuint(seen[i], !=, 1);
  if (seen[i] == 2)
    return;
  seen[i] = 1;
  for (guint k = 0; k < check->needs->len; k++)
    walk(plan, g_array_index(check->needs, guint, k), seen);
  seen[i] = 2;
}

static void look_at(ChkPlan *plan) {
  g_autofree guint8 *seen = g_new0(guint8, plan->checks->len + 1);

  g_assert_cmpuint(plan->checks->len, >, 0);
  g_assert_cmpuint(plan->deadline, <=, CHK_DEADLINE_MAX);
  for (guint i = 0; i < plan->checks->len; i++) {
    const ChkCheck *check = g_ptr_array_index(plan->checks, i);
    walk(plan, i, seen);
    g_assert_cmpint(chk_plan_find(plan, check->name), ==, (int)i);
    g_assert_cmpuint(check->expect->len + check->warn->len, >, 0);
    for (guint k = 0; k < check->expect->len; k++)
      judge(g_ptr_array_index(check->expect, k));
    for (guint k = 0; k < check->warn->len; k++)
      judge(g_ptr_array_index(check->warn, k));
  }
  const ChkCheck *last = g_ptr_array_index(plan->checks, plan->checks->len - 1);
  const char *const only[] = {last->name, NULL};
  g_assert_true(chk_plan_select(plan, only, NULL, NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  g_autoptr(WgProblems) problems = wg_problems_new();
  g_autoptr(WgDoc) doc = wg_doc_parse((const char *)data, size, WG_DOC_AUTO, problems);
  g_autoptr(ChkPlan) plan = doc ? chk_plan_load(wg_doc_root(doc), doc, "", NULL, problems) : NULL;

  g_assert_true((plan == NULL) == wg_problems_refuse(problems));
  for (guint i = 0; i < wg_problems_n(problems); i++) {
    const WgProblem *p = wg_problems_at(problems, i);
    g_assert_true(*p->pointer == '\0' || *p->pointer == '/');
    g_assert_true(*p->text && g_utf8_validate(p->text, -1, NULL));
  }
  if (plan)
    look_at(plan);
  return 0;
}
