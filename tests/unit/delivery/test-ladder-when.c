/* test-ladder-when.c: conditions, quiet hours, breaker, rate, the digest's window and who goes with
 * whom; and the words for it. */
#include "ladder-fixture.h"

#include <string.h>

#define BELL "{'use': 'bell', 'place': 'x'}"

static void test_conditions(void) {
  World w;

  world_init(&w, "{'backends': [{'use': 'bell', 'place': 'x', 'if': {'priority': '>=4', 'idle': 60,"
                 "'hours': 'Mon..Fri 13:00-19:00'}}]}");
  w.agent.last_seen = NOON - 20 * SEC;
  world_mail(&w, 3);
  world_mail(&w, 4);
  world_expect(&w, "- | 0 hold 1d: no back-end of the policy takes it: 'bell': priority 3 is not "
                   ">=4 | 1 hold 1h: no back-end can be used now: 'bell': it is not Mon..Fri "
                   "13:00-19:00, the agent gave a sign of life 20s ago, not idle for 1min");
  world_pass(&w, HOUR);
  world_expect(&w, "bell: 1 | 0 hold 1d: no back-end of the policy takes it: 'bell': priority 3 is "
                   "not >=4");
  w.agent.last_seen = w.now.real;
  world_drop(&w, 0);
  world_expect(&w, "- | 0 hold 1min: no back-end can be used now: 'bell': the agent gave a sign of "
                   "life 0s ago, not idle for 1min");
  w.agent.last_seen = w.now.real + 9 * HOUR; /* the clock was put back */
  world_expect(&w, "- | 0 hold 1min: no back-end can be used now: 'bell': the agent gave a sign of "
                   "life 0s ago, not idle for 1min");
  world_clear(&w);
}

/* A condition that comes true later is no rung that was left: the message may still use it. */
static void test_condition_comes_true(void) {
  World w;

  world_init(&w, "{'backends': [{'use': 'bell', 'place': 'x', 'if': {'hours': '12:30-13:00'}},"
                 "{'use': 'chime'}]}");
  world_mail(&w, 4);
  world_expect(&w, "chime: 0");
  world_result(&w, 0, DLV_HELD, HOUR, "held step 0 retry 10min");
  world_pass(&w, 5 * MIN_);
  world_expect(&w, "- | 0 hold 5min: 'chime' is held");
  world_clear(&w);
  world_init(&w, "{'backends': [{'use': 'bell', 'place': 'x', 'if': {'hours': '12:01-13:00'}},"
                 "{'use': 'chime'}]}");
  world_mail(&w, 4);
  world_expect(&w, "chime: 0");
  world_result(&w, 0, DLV_HELD, HOUR, "held step 0 retry 10min");
  world_pass(&w, MIN_);
  world_expect(&w, "bell: 0");
  world_clear(&w);
}

static void test_quiet(void) {
  World w;

  world_init(&w, "{'backends': [" BELL ", {'use': 'box'}],"
                 "'quiet': [{'hours': ['12:00-14:00', '14:00-15:30'], 'except-priority': '>=8'}]}");
  world_mail(&w, 4);
  world_mail(&w, 8);
  world_expect(&w, "bell: 1 | 0 hold 3h 30min: quiet hours (12:00-14:00, 14:00-15:30) until 15:30");
  g_assert_cmpint(dlv_ladder_quiet_until(w.policy, 4, &w.now), ==, NOON + 3 * HOUR + 30 * MIN_);
  g_assert_cmpint(dlv_ladder_quiet_until(w.policy, 8, &w.now), ==, 0);
  world_result(&w, 1, DLV_FAILED, 0, "failed step 1 continue");
  world_pass(&w, 3 * HOUR + 30 * MIN_);
  world_expect(&w, "box: 1 | 0 waits"); /* it is where it was */
  world_clear(&w);
}

/* Quiet time is no holding: hold-max does not run. */
static void test_quiet_is_not_held(void) {
  World w;

  world_init(&w, "{'backends': [{'use': 'bell', 'place': 'x', 'hold-max': 60}, {'use': 'box'}],"
                 "'quiet': [{'hours': '12:00-14:00'}]}");
  world_mail(&w, 4);
  world_expect(&w, "- | 0 hold 2h: quiet hours (12:00-14:00) until 14:00");
  world_pass(&w, 2 * HOUR);
  world_expect(&w, "bell: 0");
  world_result(&w, 0, DLV_HELD, 0, "held step 0 retry 5s");
  world_clear(&w);
}

static void test_always_quiet(void) {
  World w;

  world_init(&w, "{'backends': [" BELL "], 'quiet': [{'days': 'Mon..Sun'}]}");
  world_mail(&w, 4);
  world_expect(&w, "- | 0 hold 1d: quiet hours (always) until Tue 12:00");
  world_clear(&w);
}

static void test_breaker(void) {
  World w;

  world_init(&w, "{'backends': [{'use': 'box'}]}");
  for (guint i = 0; i < 5; i++)
    world_mail(&w, 4);
  for (guint k = 0; k < 5; k++) {
    world_expect(&w, "box: 0 1 2 | 3 waits | 4 waits");
    for (guint i = 0; i < 3; i++) {
      DlvReport r = dlv_ladder_next(w.policy, w.rungs, &w.agent, &w.run, w.mail->pdata[i],
                                    DLV_FAILED, 0, NULL, &w.now);
      g_free(r.cause);
    }
    if (k < 4)
      world_pass(&w, 2 * MIN_);
  }
  guint64 wait;
  g_assert_cmpstr(dlv_rung_state(&w.rungs[0], w.now.boot, &wait), ==, "open");
  world_pass(&w, 80 * SEC); /* the back-off is longer than the breaker's first pause by now */
  g_assert_cmpstr(dlv_rung_state(&w.rungs[0], w.now.boot, &wait), ==, "probing");
  world_expect(&w, "box: 0 | 1 waits | 2 waits | 3 waits | 4 waits"); /* a probe carries one */
  world_result(&w, 0, DLV_ANNOUNCED, 0, "announced step 0 done");
  g_assert_cmpstr(dlv_rung_state(&w.rungs[0], w.now.boot, &wait), ==, "ready");
  world_drop(&w, 0);
  world_expect(&w, "box: 0 1 2 | 3 waits");
  world_clear(&w);
}

static void test_rate(void) {
  World w;

  world_init(&w, "{'backends': [" BELL ", {'use': 'box', 'if': {'priority': '<=3'}}],"
                 "'rate': {'max': 2, 'per': 60}}");
  for (guint i = 0; i < 2; i++) {
    world_mail(&w, 4);
    world_mail(&w, 4);
    world_expect(&w, "bell: 0 1");
    world_result(&w, 0, DLV_ANNOUNCED, 0, "announced step 0 done");
    world_result(&w, 1, DLV_ANNOUNCED, 0, "announced step 0 done"); /* one doorbell */
    world_drop(&w, 1);
    world_drop(&w, 0);
  }
  world_mail(&w, 4);
  world_expect(&w, "- | 0 hold 30s: no more than 2 doorbells within 1min");
  world_pass(&w, 10 * SEC);
  world_mail(&w, 4);
  world_expect(&w,
               "- | 0 hold 20s: no more than 2 doorbells within 1min | 1 hold 20s: no more than "
               "2 doorbells within 1min");
  w.rungs[0].backoff.until = G_MAXINT64; /* what is no doorbell is not limited */
  ((DlvMail *)w.mail->pdata[1])->priority = 3;
  g_autofree char *decision = world_decide(&w);
  g_assert_true(g_str_has_prefix(decision, "box: 1 | 0 hold "));
  w.rungs[0].backoff.until = 0;
  ((DlvMail *)w.mail->pdata[1])->priority = 4;
  world_pass(&w, 20 * SEC); /* and joins the next one */
  world_expect(&w, "bell: 0 1");
  world_clear(&w);
}

static void test_window(void) {
  World w;

  world_init(&w, "{'backends': [" BELL "], 'digest': {'window': 10}}");
  world_mail(&w, 4);
  world_expect(&w, "- | 0 hold 10s: the doorbell waits for more messages");
  world_pass(&w, 4 * SEC);
  world_mail(&w, 4);
  world_expect(&w, "- | 0 hold 6s: the doorbell waits for more messages | 1 hold 6s: the doorbell "
                   "waits for more messages");
  world_pass(&w, 6 * SEC);
  world_expect(&w, "bell: 0 1");
  g_ptr_array_set_size(w.mail, 0);
  world_mail(&w, 4);
  world_mail(&w, 7); /* urgent: rings, and takes the other one along */
  world_expect(&w, "bell: 1 0");
  g_ptr_array_set_size(w.mail, 0);
  world_mail(&w, 4)->time = w.now.real + HOUR; /* the clock was put back: not longer than that */
  world_expect(&w, "- | 0 hold 10s: the doorbell waits for more messages");
  world_clear(&w);
}

/* One job at a time, that of the most urgent message; the others go with it or wait. */
static void test_who_goes_together(void) {
  World w;

  world_init(&w, "{'backends': [{'use': 'chime', 'if': {'priority': '>=5'}}, {'use': 'box'}]}");
  guint8 priorities[] = {1, 5, 9, 2, 5};
  for (guint i = 0; i < G_N_ELEMENTS(priorities); i++)
    world_mail(&w, priorities[i]);
  world_expect(&w, "chime: 2 1 | 0 waits | 3 waits | 4 waits"); /* chime takes two */
  w.rungs[0].breaker = (DlvBreaker){.failures = 5, .pause = 1, .retry_at = w.now.boot + SEC};
  world_expect(&w, "box: 2 1 4 | 0 waits | 3 waits");
  world_clear(&w);
}

static void test_words(void) {
  World w;

  world_init(&w, "{'backends': [{'use': 'bell', 'place': 'x', 'if': {'priority': '>=8', 'idle': 90,"
                 "'hours': '08:00-19:00', 'days': 'Mon'}}, {'use': 'box'}]}");
  g_autofree char *conditions = dlv_conditions_text(&w.policy->entries[0].conditions);
  g_assert_cmpstr(conditions, ==, "priority >=8, idle 1min 30s, hours Mon 08:00-19:00");
  g_autoptr(DlvDecision) d = dlv_ladder_explain(w.policy, w.rungs, &w.agent, 4, &w.now);
  g_assert_cmpstr(d->explanation, ==,
                  "'box' (2 of 2) gets 1 message; 'bell' is passed over: priority 4 is not >=8");
  g_assert_cmpuint(d->n_passed, ==, 2);
  g_assert_cmpstr(d->passed[0], ==, "priority 4 is not >=8");
  g_assert_null(d->passed[1]);
  w.rungs[1].breaker = (DlvBreaker){.failures = 7, .pause = 1, .retry_at = w.now.boot + MIN_};
  g_autoptr(DlvDecision) held = dlv_ladder_explain(w.policy, w.rungs, &w.agent, 4, &w.now);
  g_assert_cmpstr(
      held->explanation, ==,
      "nothing runs now; 1 held: no back-end can be used now: 'bell': priority 4 is not "
      ">=8; 'box': it failed 7 times in a row and is left alone for 1min; again in 1min");
  g_autoptr(DlvDecision) none = dlv_ladder_decide(w.policy, w.rungs, &w.agent, NULL, 0, &w.now);
  g_assert_cmpstr(none->explanation, ==, "no mail waits");
  world_clear(&w);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/ladder/conditions", test_conditions);
  g_test_add_func("/ladder/condition-comes-true", test_condition_comes_true);
  g_test_add_func("/ladder/quiet", test_quiet);
  g_test_add_func("/ladder/quiet-is-not-held", test_quiet_is_not_held);
  g_test_add_func("/ladder/always-quiet", test_always_quiet);
  g_test_add_func("/ladder/breaker", test_breaker);
  g_test_add_func("/ladder/rate", test_rate);
  g_test_add_func("/ladder/window", test_window);
  g_test_add_func("/ladder/who-goes-together", test_who_goes_together);
  g_test_add_func("/ladder/words", test_words);
  return g_test_run();
}
