/* test-outbox.c: notifications on their way, with a clock of our own: in order within a group, side
 * by side otherwise, tried again with pauses, given up in time, and no lane holds another up. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "outbox-world.h"

#include <string.h>

static void test_order(void) {
  World w;

  world_setup(&w);
  world_add(&w, "good/exec/0", "a");
  world_add(&w, "good/exec/0", "a");
  world_add(&w, "good/exec/0", "b");
  for (guint i = 0; i < 4; i++)
    world_add(&w, "good/exec/0", &"cdef"[i]);
  world_run(&w, ">1 >3 >4 >5 "); /* the second of "a" waits for the first; four at a time */
  world_end(&w, 1, MON_TOLD);
  g_assert_cmpint(mon_outbox_due(w.outbox), <=, w.now);
  world_run(&w, "=3 >6 ");
  world_end(&w, 0, MON_TELL_NEVER);
  world_run(&w, "!1 >2 ");
  g_assert_cmpuint(mon_outbox_n(w.outbox), ==, 5);
  world_teardown(&w);
}

static void test_pauses(void) {
  World w;
  guint waiting;

  world_setup(&w);
  world_add(&w, "bad/exec/0", "a");
  world_add(&w, "bad/exec/0", "b");
  world_add(&w, "good/exec/0", "a");
  mon_outbox_run(w.outbox, w.now);
  g_assert_nonnull(strstr(w.log->str, ">3")); /* the bad one holds nobody up */
  g_assert_nonnull(strstr(w.log->str, ">1 down"));
  g_assert_null(strstr(w.log->str, ">2")); /* a lane that fails is not run against */
  g_assert_cmpstr(mon_outbox_error(w.outbox, "bad/exec/0", &waiting), ==, "it is down");
  g_assert_cmpuint(waiting, ==, 2);
  g_string_truncate(w.log, 0);
  world_run(&w, "");
  g_assert_cmpint(mon_outbox_due(w.outbox), >, w.now);
  g_assert_cmpint(mon_outbox_due(w.outbox), <=, w.now + S);
  world_teardown(&w);
}

/* What a receiver was away for is told soon after it is back, however long that was. */
static void test_comes_back(void) {
  World w;

  for (guint n = 1; n <= 3; n++) {
    world_setup(&w);
    w.bad.retry_for = 86400 * S;
    for (guint i = 0; i < n; i++)
      world_add(&w, "bad/exec/0", &"abc"[i]);
    while (w.now < 4600 * S) {
      mon_outbox_run(w.outbox, w.now);
      gint64 due = mon_outbox_due(w.outbox);
      g_assert_cmpint(due, >, w.now);
      g_assert_cmpint(due, <=, w.now + 30 * S);
      w.now = due;
    }
    gint64 back = w.now - 30 * S;
    w.is_back = TRUE;
    while (mon_outbox_n(w.outbox) > 0) {
      g_assert_cmpint(w.now, <=, back + 35 * S);
      mon_outbox_run(w.outbox, w.now);
      w.now = MAX(w.now, mon_outbox_due(w.outbox));
    }
    world_teardown(&w);
  }
}

static void run_until_sent(World *w) {
  while (w->under_way->len == 0) {
    w->now = MAX(w->now, mon_outbox_due(w->outbox));
    mon_outbox_run(w->outbox, w->now);
  }
}

/* One that fails again and again lets others pass, and waits longer each time. */
static void test_fails_alone(void) {
  World w;
  gint64 before = 0, pause = 0;

  world_setup(&w);
  world_add(&w, "good/exec/0", "a");
  for (guint i = 0; i < 6; i++) {
    run_until_sent(&w);
    pause = w.now - before;
    before = w.now;
    world_end(&w, 0, MON_TELL_AGAIN);
    world_add(&w, "good/exec/0", "b");
    run_until_sent(&w);
    world_end(&w, 0, MON_TOLD); /* the other: so the lane works */
  }
  g_assert_cmpint(pause, >=, 14 * S);
  g_assert_cmpuint(mon_outbox_n(w.outbox), ==, 1);
  g_assert_nonnull(strstr(w.log->str, ">1 down >2 up =2 >1 down >3 up =3 "));
  world_teardown(&w);
}

static void test_gives_up(void) {
  World w;
  guint attempts = 0;

  world_setup(&w);
  world_add(&w, "bad/exec/0", "a");
  while (mon_outbox_n(w.outbox) > 0) {
    w.now = MAX(w.now, MIN(mon_outbox_due(w.outbox), w.now + 1000 * S));
    mon_outbox_run(w.outbox, w.now);
    g_assert_cmpuint(++attempts, <, 60);
  }
  g_assert_nonnull(strstr(w.log->str, "!1"));
  g_assert_cmpint(w.now, >=, 1100 * S); /* not before retry_for */
  g_assert_cmpint(w.now, <, 1200 * S);
  world_teardown(&w);
}

static void test_not_configured(void) {
  World w;

  world_setup(&w);
  world_add(&w, "gone/exec/0", "a");
  world_run(&w, "!1 ");
  g_assert_cmpuint(mon_outbox_n(w.outbox), ==, 0);
  world_teardown(&w);
}

/* A full lane: the oldest of a group goes into the next of it, and what was over stays told. */
static void test_full(void) {
  World w;

  world_setup(&w);
  mon_outbox_bound(w.outbox, 3);
  MonNotice *first = world_add(&w, "good/exec/0", "a");
  world_run(&w, ">1 ");
  MonNotice *second = world_add(&w, "good/exec/0", "a");
  world_put_alert(second, "f1", TRUE);
  world_put_alert(second, "r1", FALSE);
  world_put_alert(second, "r2", FALSE);
  MonNotice *third = world_add(&w, "good/exec/0", "a");
  world_put_alert(third, "r2", TRUE); /* it fires again */
  g_assert_cmpstr(w.log->str, ==, "");
  world_add(&w, "good/exec/0", "b"); /* 1 is under way, 2 and 3 are one group */
  g_assert_cmpstr(w.log->str, ==, "2+3 ");
  g_assert_cmpuint(mon_outbox_n(w.outbox), ==, 3);
  g_assert_cmpuint(third->alerts->len, ==, 2);
  g_assert_cmpstr(((MonTransition *)third->alerts->pdata[1])->fingerprint, ==, "r1");
  g_assert_cmpuint(third->n_firing, ==, 1);
  g_assert_cmpuint(first->alerts->len, ==, 0);
  g_string_truncate(w.log, 0);
  world_add(&w, "good/exec/0", "c"); /* no group has two that wait: the oldest that waits */
  g_assert_cmpstr(w.log->str, ==, "!3 ");
  world_add(&w, "bad/exec/0", "a"); /* another lane has room */
  g_assert_cmpuint(mon_outbox_n(w.outbox), ==, 4);
  g_string_truncate(w.log, 0);
  world_end(&w, 0, MON_TOLD);
  g_assert_cmpstr(w.log->str, ==, "=1 ");
  world_teardown(&w);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/monitor/outbox/order", test_order);
  g_test_add_func("/monitor/outbox/pauses", test_pauses);
  g_test_add_func("/monitor/outbox/comes-back", test_comes_back);
  g_test_add_func("/monitor/outbox/fails-alone", test_fails_alone);
  g_test_add_func("/monitor/outbox/gives-up", test_gives_up);
  g_test_add_func("/monitor/outbox/not-configured", test_not_configured);
  g_test_add_func("/monitor/outbox/full", test_full);
  return g_test_run();
}
