/* test-ladder.c: the table of ladder.h, a sentence a test. */
#include "ladder-fixture.h"

#include <string.h>

#define BELL "{'use': 'bell', 'place': 'x'}"
#define TWO "{'backends': [" BELL ", {'use': 'box'}]}"

static void test_announced_is_finished(void) {
  World w;

  world_init(&w, TWO);
  world_expect(&w, "-");
  world_mail(&w, 4);
  world_mail(&w, 8);
  world_expect(&w, "bell: 1 0");
  world_result(&w, 1, DLV_ANNOUNCED, 0, "announced step 0 done");
  world_result(&w, 0, DLV_ANNOUNCED, 0, "announced step 0 done");
  g_assert_cmpstr(w.report.cause, ==, "bell: cause 0");
  world_clear(&w);
}

static void test_failed_goes_on(void) {
  World w;

  world_init(&w, TWO);
  world_mail(&w, 4);
  world_expect(&w, "bell: 0");
  world_result(&w, 0, DLV_FAILED, 0, "failed step 1 continue");
  world_expect(&w, "box: 0");
  world_pass(&w, SEC);
  world_result(&w, 0, DLV_FAILED, 0, "failed step 0 retry 4s");
  g_assert_cmpstr(w.report.cause, ==,
                  "box: cause 0; no back-end can be used now: 'bell': it failed and is tried again "
                  "in 4s; 'box': it failed and is tried again in 5s");
  world_expect(&w, "- | 0 hold 4s: no back-end can be used now: 'bell': it failed and is tried "
                   "again in 4s; 'box': it failed and is tried again in 5s");
  world_pass(&w, 4 * SEC); /* from the first again, and the pause doubles */
  world_expect(&w, "bell: 0");
  world_result(&w, 0, DLV_FAILED, 0, "failed step 0 retry 1s");
  world_pass(&w, SEC);
  world_expect(&w, "box: 0");
  world_result(&w, 0, DLV_ANNOUNCED, 0, "announced step 1 done");
  world_clear(&w);
}

/* A rung that failed for one is passed over by others until its pause is over. */
static void test_back_off_is_the_rungs(void) {
  World w;

  world_init(&w, TWO);
  world_mail(&w, 4);
  world_expect(&w, "bell: 0");
  world_result(&w, 0, DLV_FAILED, 60 * SEC, "failed step 1 continue");
  world_mail(&w, 4);
  world_expect(&w, "box: 0 1");
  world_result(&w, 0, DLV_ANNOUNCED, 0, "announced step 1 done");
  world_result(&w, 1, DLV_ANNOUNCED, 0, "announced step 1 done");
  world_drop(&w, 1);
  world_drop(&w, 0);
  world_mail(&w, 4);
  world_pass(&w, 59 * SEC);
  world_expect(&w, "box: 0");
  world_pass(&w, SEC);
  world_expect(&w, "bell: 0");
  world_clear(&w);
}

static void test_held_then_next(void) {
  World w;

  world_init(&w, "{'backends': [{'use': 'bell', 'place': 'x', 'hold-max': 12}, {'use': 'box'}]}");
  world_mail(&w, 4);
  world_expect(&w, "bell: 0");
  world_result(&w, 0, DLV_HELD, 0, "held step 0 retry 5s");
  world_pass(&w, 2 * SEC);
  world_mail(&w, 9); /* comes while it is held: held, too, from now on */
  world_expect(&w, "- | 0 hold 3s: 'bell' is held | 1 hold 3s: 'bell' is held");
  world_pass(&w, 3 * SEC);
  world_expect(&w, "bell: 1 0");
  world_result(&w, 1, DLV_HELD, 0, "held step 0 retry 9s");
  world_result(&w, 0, DLV_HELD, 0, "held step 0 retry 7s");
  world_pass(&w, 7 * SEC);
  world_expect(&w, "box: 0 | 1 hold 2s: 'bell' is held");
  world_result(&w, 0, DLV_ANNOUNCED, 0, "announced step 1 done");
  world_drop(&w, 0);
  world_pass(&w, 2 * SEC);
  world_expect(&w, "box: 0");
  g_assert_cmpuint(w.rungs[0].breaker.failures, ==, 0);
  world_clear(&w);
}

/* hold-max 0 goes on at once; the last rung leads back to the first. */
static void test_hold_max_ends(void) {
  World w;

  world_init(&w, "{'backends': [{'use': 'bell', 'place': 'x', 'hold-max': 0},"
                 "{'use': 'chime', 'hold-max': 30}]}");
  world_mail(&w, 4);
  world_expect(&w, "bell: 0");
  world_result(&w, 0, DLV_HELD, 8 * SEC, "held step 1 continue");
  world_expect(&w, "chime: 0");
  world_result(&w, 0, DLV_HELD, 2 * MIN_, "held step 1 retry 30s");
  world_pass(&w, 29 * SEC);
  world_expect(&w, "- | 0 hold 1s: 'chime' is held");
  world_pass(&w, SEC);
  world_expect(&w, "bell: 0");
  world_clear(&w);
}

/* Where there is no other rung its holding begins anew. */
static void test_held_alone(void) {
  World w;

  world_init(&w, "{'backends': [{'use': 'bell', 'place': 'x', 'hold-max': 12}]}");
  world_mail(&w, 4);
  for (guint i = 0; i < 3; i++) {
    world_expect(&w, "bell: 0");
    world_result(&w, 0, DLV_HELD, 10 * SEC, "held step 0 retry 10s");
    world_pass(&w, 10 * SEC);
    world_expect(&w, "bell: 0");
    world_result(&w, 0, DLV_HELD, 10 * SEC, "held step 0 retry 2s");
    world_pass(&w, 2 * SEC);
    world_expect(&w, "- | 0 hold 8s: 'bell' is held"); /* from the first, which holds it again */
    world_pass(&w, 8 * SEC);
    g_ptr_array_set_size(w.mail, 0);
    world_mail(&w, 4);
  }
  world_clear(&w);
}

static void test_held_for_ever(void) {
  World w;

  world_init(&w, "{'backends': [{'use': 'bell', 'place': 'x', 'hold-max': 'infinity'},"
                 "{'use': 'box'}]}");
  world_mail(&w, 4);
  for (guint i = 0; i < 50; i++) {
    world_expect(&w, "bell: 0");
    world_result(&w, 0, DLV_HELD, MIN_, "held step 0 retry 1min");
    world_pass(&w, MIN_);
  }
  world_clear(&w);
}

static void test_escalates(void) {
  World w;

  world_init(&w, "{'backends': [{'use': 'bell', 'place': 'x', 'escalate': '5min'},"
                 "{'use': 'chime', 'if': {'priority': '>=8'}}, {'use': 'box', 'escalate': 60}]}");
  DlvMail *mail = world_mail(&w, 4);
  world_expect(&w, "bell: 0");
  world_result(&w, 0, DLV_ANNOUNCED, 0, "announced step 1 retry 5min");
  world_pass(&w, 5 * MIN_);
  dlv_mail_init(mail, 1, 4, NOON, 1, TRUE); /* the courier has forgotten it meanwhile */
  world_expect(&w, "box: 0");
  world_result(&w, 0, DLV_FAILED, 0, "failed step 1 retry 5s"); /* bell rang; it does not again */
  world_pass(&w, 5 * SEC);
  world_expect(&w, "box: 0");
  world_result(&w, 0, DLV_ANNOUNCED, 0, "announced step 2 done");
  world_clear(&w);
}

/* Nothing above could ever take it: it is not offered again. */
static void test_no_escalation(void) {
  World w;

  world_init(&w, "{'backends': [{'use': 'bell', 'place': 'x', 'escalate': '5min'},"
                 "{'use': 'chime', 'if': {'priority': '>=8'}}]}");
  DlvMail *mail = world_mail(&w, 4);
  world_expect(&w, "bell: 0");
  world_result(&w, 0, DLV_ANNOUNCED, 0, "announced step 0 done");
  dlv_mail_init(mail, 1, 4, NOON, 1, TRUE);
  world_expect(&w, "- | 0 finished: announced before, and no further back-end takes it");
  dlv_mail_init(mail, 1, 4, NOON, 9, TRUE); /* from a longer policy */
  world_expect(&w, "- | 0 finished: announced before, and no further back-end takes it");
  dlv_mail_init(mail, 1, 4, NOON, 9, FALSE);
  world_expect(&w, "bell: 0");
  world_clear(&w);
}

static void test_partial(void) {
  World w;

  world_init(&w, "{'backends': [{'use': 'bell', 'place': 'x', 'escalate': 60}, {'use': 'box'}]}");
  world_mail(&w, 4);
  world_expect(&w, "bell: 0");
  world_result(&w, 0, DLV_PARTIAL, 0, "partial step 0 done");
  g_assert_cmpuint(w.rungs[0].breaker.failures, ==, 0);
  world_clear(&w);
}

static void test_leases(void) {
  World w;

  world_init(&w, "{'backends': [{'use': 'worker'}, " BELL "]}");
  for (guint i = 0; i < 7; i++)
    world_mail(&w, 4);
  world_expect(&w, "worker: 0 1 2 3 4 5 6");
  world_result(&w, 0, DLV_ACKED, 0, "ack done");
  world_result(&w, 1, DLV_LATER, 0, "nack retry 5s");
  world_result(&w, 1, DLV_LATER, 0, "nack retry 10s");
  world_result(&w, 2, DLV_LATER, 3 * SEC, "nack retry 3s");
  world_result(&w, 3, DLV_REFUSED, 0, "fail");
  world_result(&w, 4, DLV_PARTIAL, 0, "terminate done");
  world_result(&w, 5, DLV_CRASHED, 0, "crash");
  world_result(&w, 6, DLV_FAILED, 0, "nack"); /* the ladder goes on when it is offered again */
  g_assert_cmpuint(w.rungs[0].breaker.failures, ==, 0); /* the job worked */
  g_ptr_array_remove_range(w.mail, 0, 6);
  world_expect(&w, "bell: 0");
  world_clear(&w);
}

static void test_leases_fail(void) {
  World w;

  world_init(&w, "{'backends': [{'use': 'worker', 'retry': 7}]}");
  world_mail(&w, 4);
  world_mail(&w, 4);
  world_expect(&w, "worker: 0 1");
  world_result(&w, 0, DLV_FAILED, 0, "nack retry 7s");
  world_result(&w, 1, DLV_FAILED, 0, "nack retry 7s");
  g_assert_cmpuint(w.rungs[0].breaker.failures, ==, 1); /* once a job */
  world_pass(&w, 7 * SEC);
  world_expect(&w, "worker: 0 1");
  world_result(&w, 0, DLV_HELD, 0, "nack retry 5s");
  g_assert_cmpuint(w.rungs[0].breaker.failures, ==, 1);
  world_clear(&w);
}

/* A class that does not lease cannot say that a message was taken care of. */
static void test_claims(void) {
  World w;

  world_init(&w, "{'backends': [" BELL "]}");
  for (guint i = 0; i < 3; i++)
    world_mail(&w, 4);
  world_expect(&w, "bell: 0 1 2");
  world_result(&w, 1, DLV_LATER, 0, "held step 0 retry 5s");
  world_result(&w, 0, DLV_ACKED, 0, "announced step 0 done");
  world_result(&w, 2, DLV_REFUSED, 0, "failed step 0 continue");
  world_clear(&w);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/ladder/announced-is-finished", test_announced_is_finished);
  g_test_add_func("/ladder/failed-goes-on", test_failed_goes_on);
  g_test_add_func("/ladder/back-off-is-the-rungs", test_back_off_is_the_rungs);
  g_test_add_func("/ladder/held-then-next", test_held_then_next);
  g_test_add_func("/ladder/hold-max-ends", test_hold_max_ends);
  g_test_add_func("/ladder/held-alone", test_held_alone);
  g_test_add_func("/ladder/held-for-ever", test_held_for_ever);
  g_test_add_func("/ladder/escalates", test_escalates);
  g_test_add_func("/ladder/no-escalation", test_no_escalation);
  g_test_add_func("/ladder/partial", test_partial);
  g_test_add_func("/ladder/leases", test_leases);
  g_test_add_func("/ladder/leases-fail", test_leases_fail);
  g_test_add_func("/ladder/claims", test_claims);
  return g_test_run();
}
