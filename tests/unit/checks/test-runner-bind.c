/* test-runner-bind.c: what comes after the assertions: the unit that answers, the settle window,
 * the baseline; and runs that only observe. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "fake-types.h"
#include "run-fixture.h"

#include "checks/baseline.h"

#include <string.h>

static guint n_bound, n_late;
static GCancellable *last_cancel;

static void answer(ChkSeenFunc seen, gpointer user_data, ChkKnown known, const char *text) {
  ChkSight sight = {known, known == CHK_OBSERVED ? json_object_new() : NULL, g_strdup(text)};

  if (sight.values)
    json_object_set_string_member(sight.values, "unit", "other.service");
  seen(&sight, user_data);
}

typedef struct {
  ChkSeenFunc seen;
  gpointer user_data;
} Late;

static gboolean on_late(gpointer user_data) {
  Late *late = user_data;

  answer(late->seen, late->user_data, CHK_OBSERVED, NULL);
  g_free(late);
  n_late--;
  return G_SOURCE_REMOVE;
}

/* By the unit's name: good, foreign, unknown, late (answers after the time limit of 20 ms). */
static void bind_fake(ChkWorld *world, const char *unit, const char *peer, GCancellable *cancel,
                      ChkSeenFunc seen, gpointer user_data) {
  n_bound++;
  g_set_object(&last_cancel, cancel);
  g_assert_cmpstr(peer, ==, "127.0.0.1:80");
  if (strcmp(unit, "late") == 0) {
    Late *late = g_new0(Late, 1);
    *late = (Late){seen, user_data};
    n_late++;
    g_timeout_add(60, on_late, late);
  } else if (strcmp(unit, "unknown") == 0) {
    answer(seen, user_data, CHK_UNKNOWN, "nobody may look");
  } else {
    answer(seen, user_data, CHK_OBSERVED,
           strcmp(unit, "good") == 0 ? NULL : "another process answers");
  }
}

static void test_bind(void) {
  g_autoptr(ChkPlan) plan =
      fake_plan("checks: [{fake: pass, name: a, unit: good}, {fake: pass, name: b, unit: foreign},"
                "{fake: pass, name: c, unit: unknown}, {fake: fail, name: d, unit: good},"
                "{fake: pass, name: e, unit: late, timeout: 20ms},"
                "{fake: 100:pass, name: f}]");
  RunOptions options = {.options = {.bind = bind_fake}};
  g_autoptr(ChkReport) report = run_plan(plan, &options);

  while (n_late > 0)
    g_main_context_iteration(NULL, TRUE);
  g_free(fake_types_log());
  g_assert_cmpint(run_result(report, "a")->verdict, ==, CHK_PASS);
  g_assert_cmpstr(json_object_get_string_member(run_result(report, "a")->unit, "unit"), ==,
                  "other.service");
  g_assert_cmpint(run_result(report, "b")->verdict, ==, CHK_FAIL);
  g_assert_cmpstr(run_result(report, "b")->text, ==, "another process answers");
  g_assert_cmpint(run_result(report, "c")->verdict, ==, CHK_ERROR);
  g_assert_cmpint(run_result(report, "d")->verdict, ==, CHK_FAIL);
  g_assert_null(run_result(report, "d")->unit);
  g_assert_cmpint(run_result(report, "e")->verdict, ==, CHK_ERROR);
  g_assert_cmpuint(n_bound, ==, 4); /* never for one whose assertions do not hold */
  g_assert_true(g_cancellable_is_cancelled(last_cancel));
  g_clear_object(&last_cancel);
}

static void test_no_bind(void) {
  g_autoptr(ChkReport) report = run_json("checks: [{fake: pass, unit: good}]");

  g_free(fake_types_log());
  g_assert_cmpint(report->verdict, ==, CHK_ERROR);
}

static ChkPlan *plan_with_last(const char *json) {
  ChkPlan *plan = fake_plan(json);

  ((ChkCheck *)g_ptr_array_index(plan->checks, 0))->after_all = TRUE;
  return plan;
}

/* The settle window is looked at after all others, and only when nothing has failed. */
static void test_settle(void) {
  g_autoptr(ChkPlan) good = plan_with_last(
      "checks: [{fake: pass, as: settle, name: settle}, {fake: 10:pass, as: a, name: a},"
      "{fake: 5:fail, as: b, name: b, level: wanted}]");
  g_autoptr(ChkReport) settled = run_plan(good, NULL);
  g_autofree char *log = fake_types_log();
  g_autoptr(ChkPlan) bad = plan_with_last(
      "checks: [{fake: pass, as: settle, name: settle}, {fake: fail, as: a, name: a}]");
  g_autoptr(ChkReport) failed = run_plan(bad, NULL);
  g_autofree char *bad_log = fake_types_log();

  g_assert_cmpstr(log, ==, "a b settle");
  g_assert_cmpint(run_result(settled, "settle")->verdict, ==, CHK_PASS);
  g_assert_cmpstr(bad_log, ==, "a");
  g_assert_cmpint(run_result(failed, "settle")->verdict, ==, CHK_SKIP);
}

/* Recording judges nothing, waits for nothing and writes what compares. */
static void test_record(void) {
  const char *json = "checks: [{fake: fail, name: a}, {fake: pass, name: b, requires: a,"
                     "expect: {n: {at-most-baseline: 2}, texts: {no-new: true}}}, {fake: error, "
                     "name: c, level: wanted,"
                     "expect: {n: {not-higher: true}}}]";
  g_autoptr(ChkPlan) plan = fake_plan(json), again = fake_plan(json);
  RunOptions record = {.options = {.observe_only = TRUE}};
  g_autoptr(ChkReport) report = run_plan(plan, &record);
  g_autofree char *text = chk_baseline_text(report);
  g_autoptr(GError) error = NULL;
  g_autoptr(JsonNode) baseline = chk_baseline_parse(text, strlen(text), &error);

  g_free(fake_types_log());
  g_assert_no_error(error);
  g_assert_cmpint(run_result(report, "a")->found, ==, CHK_PASS);
  g_assert_true(chk_baseline_before(baseline, "b", "n").known);
  g_assert_cmpint(json_node_get_int(chk_baseline_before(baseline, "b", "n").before), ==, 1);
  g_assert_false(chk_baseline_before(baseline, "b", "time").known);
  g_assert_true(chk_baseline_before(baseline, "b", "texts").known); /* asked for, and absent */
  g_assert_false(chk_baseline_before(baseline, "c", "n").known);
  g_assert_false(chk_baseline_before(NULL, "b", "n").known);
  RunOptions compare = {.options = {.baseline = baseline}};
  g_autoptr(ChkPlan) other = fake_plan(
      "checks: [{fake: pass, name: b,"
      "expect: {n: {at-most-baseline: 2}, texts: {or: [{absent: true}, {no-new: true}]}}},"
      "{fake: pass, name: x, expect: {n: {not-higher: true}}},"
      "{fake: pass, name: a, expect: {time: {absent: true}}}]");
  g_autoptr(ChkReport) compared = run_plan(other, &compare);
  g_free(fake_types_log());
  g_assert_cmpint(run_result(compared, "b")->verdict, ==, CHK_PASS);
  g_assert_cmpint(run_result(compared, "x")->verdict, ==, CHK_ERROR);
  g_assert_cmpint(run_result(compared, "a")->verdict, ==, CHK_PASS);
}

static void test_no_baseline(void) {
  static const char *const texts[] = {"",
                                      "{",
                                      "[]",
                                      "{}",
                                      "{\"schema\": 5, \"checks\": {}}",
                                      "{\"schema\": \"waggle-results-1\", \"checks\": {}}",
                                      "{\"schema\": \"waggle-baseline-1\"}"};

  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
    g_autoptr(GError) error = NULL;
    g_assert_null(chk_baseline_parse(texts[i], strlen(texts[i]), &error));
    g_assert_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT);
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  fake_types_install();
  g_test_add_func("/runner/bind", test_bind);
  g_test_add_func("/runner/no-bind", test_no_bind);
  g_test_add_func("/runner/settle", test_settle);
  g_test_add_func("/runner/record", test_record);
  g_test_add_func("/runner/no-baseline", test_no_baseline);
  int status = g_test_run();
  fake_types_release();
  return status;
}
