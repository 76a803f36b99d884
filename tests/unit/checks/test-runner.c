/* test-runner.c: the order of looks, attempts, time limits, hung threads, the deadline, cancelling,
 * and a model of random graphs. Looks are counted, not timed. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "fake-types.h"
#include "run-fixture.h"

#include "checks/looking.h"

#include <string.h>

static void expect_log(const char *wanted) {
  g_autofree char *log = fake_types_log();

  g_assert_cmpstr(log, ==, wanted);
}

static void test_order(void) {
  g_autoptr(ChkReport) report =
      run_json("checks:\n"
               "- {fake: 1:pass, as: c, name: c, requires: [a, b]}\n"
               "- {fake: 5:pass, as: a, name: a}\n"
               "- {fake: 2:pass, as: b, name: b, requires: a}\n"
               "- {fake: 3:fail, as: d, name: d, requires: '@last'}\n"
               "- {fake: 4:pass, as: e, name: e, tags: last, requires: c}\n");

  expect_log("a b c e d");
  g_assert_cmpint(report->verdict, ==, CHK_FAIL);
  g_assert_cmpint(chk_report_exit(report, FALSE), ==, CHK_EXIT_FAIL);
  g_assert_cmpuint(report->summary.pass, ==, 4);
  g_assert_cmpuint(report->summary.fail, ==, 1);
}

/* Looks at once are at most as many as the plan allows, and as many. */
static void test_parallel(void) {
  g_autoptr(GString) json = g_string_new("parallel: 3\nchecks:\n");

  for (guint i = 0; i < 20; i++)
    g_string_append_printf(json, "- {fake: 2:pass, name: c%u}\n", i);
  fake_types_most();
  g_autoptr(ChkReport) report = run_json(json->str);
  g_assert_cmpint(report->verdict, ==, CHK_PASS);
  g_assert_cmpuint(fake_types_most(), ==, 3);
  g_free(fake_types_log());
}

/* A failure, an error and a skip are handed down the chain; what is wanted fails nothing. */
static void test_skips(void) {
  g_autoptr(ChkReport) report =
      run_json("checks:\n"
               "- {fake: fail, name: a}\n"
               "- {fake: pass, name: b, requires: a}\n"
               "- {fake: pass, name: c, requires: b}\n"
               "- {fake: error, name: d, level: wanted}\n"
               "- {fake: pass, name: e, requires: d}\n"
               "- {fake: skip, name: f}\n"
               "- {fake: fail, name: g}\n"
               "- {fake: pass, name: h, as: h, requires: g}\n"
               "waivers: [{check: g, reason: r, owner: o, expires: 2999-01-01}]\n");

  g_free(fake_types_log());
  g_assert_cmpint(run_result(report, "b")->verdict, ==, CHK_SKIP);
  g_assert_cmpstr(run_result(report, "b")->text, ==, "it requires \"a\", which failed");
  g_assert_cmpstr(run_result(report, "c")->text, ==, "it requires \"b\", which was skipped");
  g_assert_cmpint(run_result(report, "d")->verdict, ==, CHK_WARN);
  g_assert_cmpstr(run_result(report, "e")->text, ==,
                  "it requires \"d\", which could not be determined");
  g_assert_true(run_result(report, "f")->not_applicable);
  g_assert_cmpint(run_result(report, "g")->verdict, ==, CHK_WARN);
  g_assert_true(run_result(report, "g")->waived);
  g_assert_cmpint(run_result(report, "h")->verdict, ==, CHK_PASS);
  g_assert_cmpuint(report->summary.waived, ==, 1);
}

static void test_attempts(void) {
  g_autoptr(ChkReport) report =
      run_json("defaults: {pause: 1ms}\n"
               "checks:\n"
               "- {fake: fail error pass, name: third, attempts: 3}\n"
               "- {fake: fail error pass x, name: second, attempts: 2}\n"
               "- {fake: pass fail pass pass pass fail, name: row, attempts: 2, successes: 3}\n"
               "- {fake: pass fail pass fail pass, name: no row, attempts: 2, successes: 2}\n"
               "- {fake: skip pass, name: gone, attempts: 3}\n");
  const ChkResult *third = run_result(report, "third");
  const ChkAttempt *second = g_ptr_array_index(third->attempts, 1);

  g_free(fake_types_log());
  g_assert_cmpint(third->verdict, ==, CHK_PASS);
  g_assert_cmpuint(third->attempts->len, ==, 3);
  g_assert_cmpint(second->verdict, ==, CHK_ERROR);
  g_assert_cmpstr(second->text, ==, "no idea");
  g_assert_cmpint(run_result(report, "second")->verdict, ==, CHK_ERROR);
  g_assert_cmpint(run_result(report, "row")->verdict, ==, CHK_PASS);
  g_assert_cmpuint(run_result(report, "row")->attempts->len, ==, 5);
  g_assert_cmpint(run_result(report, "no row")->verdict, ==, CHK_FAIL);
  g_assert_cmpuint(run_result(report, "no row")->attempts->len, ==, 4);
  g_assert_cmpuint(run_result(report, "gone")->attempts->len, ==, 1);
}

/* Of very many attempts the last ones are kept, and all are counted. */
static void test_many_attempts(void) {
  g_autoptr(ChkReport) report =
      run_json("checks: [{fake: fail, attempts: 130, pause: 0, name: a}]");

  g_free(fake_types_log());
  g_assert_cmpuint(run_result(report, "a")->n_attempts, ==, 130);
  g_assert_cmpuint(run_result(report, "a")->attempts->len, ==, 100);
}

/* 2 + 4 + 8 ms of pauses are at least 14 ms; that they grow is their sum. */
static void test_back_off(void) {
  g_autoptr(ChkReport) report =
      run_json("checks: [{fake: fail, attempts: 4, pause: 2ms, back-off: 2, name: a},"
               "{fake: pass, initial-delay: 20ms, name: b}]");

  g_free(fake_types_log());
  g_assert_cmpuint(run_result(report, "a")->duration, >=, 14000);
  g_assert_cmpuint(report->duration, >=, 20000);
  /* its delay is no part of it */
  g_assert_cmpuint(run_result(report, "b")->duration + 20000, <=, report->duration);
}

/* One that pauses holds no slot. */
static void test_pause_frees_slot(void) {
  g_autoptr(ChkReport) report =
      run_json("parallel: 1\nchecks: [{fake: fail pass, as: a, name: a, attempts: 2, pause: 20ms},"
               "{fake: pass, as: b, name: b}]");

  expect_log("a b a");
  g_assert_cmpint(report->verdict, ==, CHK_PASS);
}

static void test_time_limits(void) {
  g_autoptr(ChkReport) report = run_json("checks: [{fake: never, timeout: 10ms, name: a},"
                                         "{hung: x, timeout: 10ms, name: b},"
                                         "{fake: pass, name: c}]");

  g_free(fake_types_log());
  g_assert_cmpint(run_result(report, "a")->verdict, ==, CHK_ERROR);
  g_assert_cmpstr(run_result(report, "a")->text, ==, "no answer within 10ms");
  g_assert_cmpint(run_result(report, "b")->verdict, ==, CHK_ERROR);
  g_assert_cmpint(run_result(report, "c")->verdict, ==, CHK_PASS);
  g_assert_cmpint(chk_report_exit(report, FALSE), ==, CHK_EXIT_ERROR);
  g_assert_cmpuint(chk_looking_n_hung(), ==, 1);
}

static void test_deadline(void) {
  g_autoptr(ChkReport) report =
      run_json("deadline: 2s\nparallel: 3\n"
               "checks: [{fake: never, name: a}, {hung: x, name: b}, {fake: pass, name: c},"
               "{fake: fail, attempts: 1000, pause: 10s, name: d},"
               "{fake: pass, requires: a, name: e}]");

  g_free(fake_types_log());
  g_assert_true(report->deadline);
  g_assert_cmpint(chk_report_exit(report, TRUE), ==, CHK_EXIT_DEADLINE);
  g_assert_cmpint(run_result(report, "c")->verdict, ==, CHK_PASS);
  g_assert_cmpint(run_result(report, "e")->verdict, ==, CHK_ERROR);
  g_assert_cmpstr(run_result(report, "d")->text, ==,
                  "the run's deadline of 2s passed before it was known; the last attempt: ok: "
                  "expected true, observed false");
  g_assert_cmpuint(report->duration, <, 60 * G_USEC_PER_SEC);
}

/* What failed for certain is worse than a deadline. */
static void test_deadline_after_failure(void) {
  g_autoptr(ChkReport) report =
      run_json("deadline: 1s\nchecks: [{fake: never, name: a}, {fake: fail, name: b}]");

  g_free(fake_types_log());
  g_assert_true(report->deadline);
  g_assert_cmpint(chk_report_exit(report, FALSE), ==, CHK_EXIT_FAIL);
}

static void test_cancel(void) {
  g_autoptr(ChkPlan) plan = fake_plan("checks: [{fake: never, name: a}, {fake: pass, name: b}]");
  RunOptions options = {.cancel_after = 1000000};
  g_autoptr(ChkReport) report = run_plan(plan, &options);

  g_free(fake_types_log());
  g_assert_cmpstr(run_result(report, "a")->text, ==, "cancelled");
  g_assert_cmpint(run_result(report, "b")->verdict, ==, CHK_PASS);
  g_assert_false(report->deadline);
  g_assert_cmpint(chk_report_exit(report, FALSE), ==, CHK_EXIT_ERROR);
}

static void test_groups(void) {
  g_autoptr(ChkReport) report =
      run_json("checks: [{fake: pass, name: a}, {fake: pass, name: b}, {fake: pass, name: c},"
               "{fake: pass, name: d}, {fake: fail, name: e}, {fake: skip, name: f},"
               "{fake: error, name: g}]\n"
               "groups:\n"
               "- {name: enough, at-least: 80%, checks: [a, b, c, d, e, f]}\n"
               "- {name: too few, at-least: 81%, checks: [a, b, c, d, e], level: wanted}\n"
               "- {name: not known, at-least: 2, checks: [a, e, g], level: wanted}\n");
  static const ChkVerdict verdicts[] = {CHK_PASS, CHK_WARN, CHK_WARN};

  g_free(fake_types_log());
  for (guint i = 0; i < 3; i++)
    g_assert_cmpint(((ChkGroupResult *)g_ptr_array_index(report->groups, i))->verdict, ==,
                    verdicts[i]);
  g_assert_cmpint(report->verdict, ==, CHK_WARN);
  g_assert_cmpint(chk_report_exit(report, FALSE), ==, CHK_EXIT_PASS);
  g_assert_cmpint(chk_report_exit(report, TRUE), ==, CHK_EXIT_WARN);
}

/* Where nothing was looked at nothing is verified. */
static void test_nothing_known(void) {
  g_autoptr(ChkReport) report = run_json("checks: [{fake: skip}]");

  g_free(fake_types_log());
  g_assert_cmpint(chk_report_exit(report, FALSE), ==, CHK_EXIT_ERROR);
}

/* Patterns are judged off the loop; one beyond its limits is an error, not a failure. */
static void test_patterns(void) {
  g_autoptr(ChkReport) report =
      run_json("checks: [{fake: pass, name: a, expect: {text: {matches: '^abc'}}},"
               "{fake: pass, name: b, expect: {text: {matches: '(a+)+$'}}},"
               "{fake: pass, name: c, expect: {text: ['/^xyz/']}}]");

  g_free(fake_types_log());
  g_assert_cmpint(run_result(report, "a")->verdict, ==, CHK_PASS);
  g_assert_cmpint(run_result(report, "b")->verdict, ==, CHK_ERROR);
  g_assert_cmpint(run_result(report, "c")->verdict, ==, CHK_FAIL);
}

/* A random graph: every check looked exactly when all it requires was satisfied before, and the
 * verdicts are those of a plain recursion. */
static gboolean passes(guint n, const guint8 *good, gboolean (*needs)[40], guint i) {
  if (!good[i])
    return FALSE;
  for (guint k = 0; k < n; k++)
    if (needs[i][k] && !passes(n, good, needs, k))
      return FALSE;
  return TRUE;
}

static void one_graph(void) {
  guint n = (guint)g_test_rand_int_range(1, 14);
  gboolean needs[40][40] = {{0}};
  guint8 good[40];
  g_autoptr(GString) json = g_string_new(NULL);

  g_string_append_printf(json, "parallel: %d\nchecks:\n", g_test_rand_int_range(1, 6));
  for (guint i = 0; i < n; i++) {
    good[i] = g_test_rand_int_range(0, 5) != 0;
    g_string_append_printf(json, "- {fake: '%d:%s', as: c%u, name: c%u, requires: [",
                           g_test_rand_int_range(0, 3), good[i] ? "pass" : "fail", i, i);
    for (guint k = 0; k < i; k++)
      if (g_test_rand_int_range(0, 4) == 0) {
        needs[i][k] = TRUE;
        g_string_append_printf(json, "c%u, ", k);
      }
    g_string_append(json, "]}\n");
  }
  g_autoptr(ChkReport) report = run_json(json->str);
  g_autofree char *log = fake_types_log();
  g_auto(GStrv) looks = g_strsplit(log, " ", -1);
  guint position[40];
  memset(position, 0xff, sizeof(position));
  for (guint k = 0; *log && looks[k]; k++) {
    guint i = (guint)g_ascii_strtoull(looks[k] + 1, NULL, 10);
    g_assert_cmpuint(position[i], ==, G_MAXUINT); /* once */
    position[i] = k;
  }
  for (guint i = 0; i < n; i++) {
    const ChkResult *r = g_ptr_array_index(report->results, i);
    gboolean satisfied = TRUE;
    for (guint k = 0; k < n; k++)
      if (needs[i][k]) {
        satisfied = satisfied && passes(n, good, needs, k);
        g_assert_true(position[i] == G_MAXUINT || position[k] < position[i]);
      }
    g_assert_cmpint(r->verdict, ==, !satisfied ? CHK_SKIP : good[i] ? CHK_PASS : CHK_FAIL);
    g_assert_cmpint(position[i] != G_MAXUINT, ==, satisfied);
  }
}

static void test_random(void) {
  for (guint i = 0; i < 60; i++)
    one_graph();
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  fake_types_install();
  g_test_add_func("/runner/order", test_order);
  g_test_add_func("/runner/parallel", test_parallel);
  g_test_add_func("/runner/skips", test_skips);
  g_test_add_func("/runner/attempts", test_attempts);
  g_test_add_func("/runner/many-attempts", test_many_attempts);
  g_test_add_func("/runner/back-off", test_back_off);
  g_test_add_func("/runner/pause-frees-slot", test_pause_frees_slot);
  g_test_add_func("/runner/time-limits", test_time_limits);
  g_test_add_func("/runner/deadline", test_deadline);
  g_test_add_func("/runner/deadline-after-failure", test_deadline_after_failure);
  g_test_add_func("/runner/cancel", test_cancel);
  g_test_add_func("/runner/groups", test_groups);
  g_test_add_func("/runner/nothing-known", test_nothing_known);
  g_test_add_func("/runner/patterns", test_patterns);
  g_test_add_func("/runner/random", test_random);
  int status = g_test_run();
  fake_types_release();
  return status;
}
