/* test-outbox.c: notifications on their way, with a clock of our own: in order within a group, side
 * by side otherwise, tried again with pauses, given up in time, and no lane holds another up. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "monitoring/outbox.h"

#include <string.h>

#define S G_TIME_SPAN_SECOND

typedef struct {
  MonOutbox *outbox;
  MonIntegration good, bad;
  GPtrArray *under_way; /* of MonAttempt */
  GString *log;
  gint64 now, id;
  gboolean is_back; /* the bad one */
} World;

static const MonIntegration *on_integration(const char *key, gpointer user_data) {
  World *w = user_data;

  if (g_str_equal(key, "gone/exec/0"))
    return NULL;
  return g_str_equal(key, w->good.key) ? &w->good : &w->bad;
}

static void on_send(const MonIntegration *integration, const MonNotice *notice, MonAttempt *attempt,
                    gpointer user_data) {
  World *w = user_data;

  g_string_append_printf(w->log, ">%" G_GINT64_FORMAT " ", notice->id);
  if (integration == &w->bad && w->is_back)
    mon_attempt_end(attempt, MON_TOLD, NULL);
  else if (integration == &w->bad)
    mon_attempt_end(attempt, MON_TELL_AGAIN, "it is down"); /* at once, from inside */
  else
    g_ptr_array_add(w->under_way, attempt);
}

static void on_ended(const MonNotice *notice, guint attempts, const char *error,
                     gpointer user_data) {
  g_string_append_printf(((World *)user_data)->log, "%s%" G_GINT64_FORMAT " ", error ? "!" : "=",
                         notice->id);
}

static void on_merged(const MonNotice *older, const MonNotice *into, gpointer user_data) {
  g_string_append_printf(((World *)user_data)->log, "%" G_GINT64_FORMAT "+%" G_GINT64_FORMAT " ",
                         older->id, into->id);
}

static void on_lane(const char *integration, const char *error, gpointer user_data) {
  g_string_append(((World *)user_data)->log, error ? "down " : "up ");
}

static void on_wake(gpointer user_data) {
}

static const MonOutboxFuncs funcs = {on_integration, on_send, on_ended,
                                     on_merged,      on_lane, on_wake};

static void setup(World *w) {
  *w = (World){.good = {.key = (char *)"good/exec/0", .retry_for = 3600 * S},
               .bad = {.key = (char *)"bad/exec/0", .retry_for = 100 * S},
               .now = 1000 * S};
  w->outbox = mon_outbox_new(&funcs, w);
  w->under_way = g_ptr_array_new();
  w->log = g_string_new(NULL);
}

static void teardown(World *w) {
  mon_outbox_free(w->outbox);
  g_ptr_array_unref(w->under_way);
  g_string_free(w->log, TRUE);
}

static MonNotice *add(World *w, const char *integration, const char *group) {
  MonNotice *notice = g_new0(MonNotice, 1);

  notice->id = ++w->id;
  notice->integration = g_strdup(integration);
  notice->group = g_strdup(group);
  notice->created = w->now;
  notice->alerts = g_ptr_array_new_with_free_func((GDestroyNotify)mon_transition_free);
  notice->dependants = g_hash_table_new(NULL, NULL);
  mon_outbox_add(w->outbox, notice);
  return notice;
}

static void run(World *w, const char *expected) {
  mon_outbox_run(w->outbox, w->now);
  g_assert_cmpstr(w->log->str, ==, expected);
  g_string_truncate(w->log, 0);
}

static void end(World *w, guint i, MonToldHow how) {
  mon_attempt_end(g_ptr_array_remove_index(w->under_way, i), how, "no");
}

static void test_order(void) {
  World w;

  setup(&w);
  add(&w, "good/exec/0", "a");
  add(&w, "good/exec/0", "a");
  add(&w, "good/exec/0", "b");
  for (guint i = 0; i < 4; i++)
    add(&w, "good/exec/0", &"cdef"[i]);
  run(&w, ">1 >3 >4 >5 "); /* the second of "a" waits for the first; four at a time */
  end(&w, 1, MON_TOLD);
  g_assert_cmpint(mon_outbox_due(w.outbox), <=, w.now);
  run(&w, "=3 >6 ");
  end(&w, 0, MON_TELL_NEVER);
  run(&w, "!1 >2 ");
  g_assert_cmpuint(mon_outbox_n(w.outbox), ==, 5);
  teardown(&w);
}

static void test_pauses(void) {
  World w;
  guint waiting;

  setup(&w);
  add(&w, "bad/exec/0", "a");
  add(&w, "bad/exec/0", "b");
  add(&w, "good/exec/0", "a");
  mon_outbox_run(w.outbox, w.now);
  g_assert_nonnull(strstr(w.log->str, ">3")); /* the bad one holds nobody up */
  g_assert_nonnull(strstr(w.log->str, ">1 down"));
  g_assert_null(strstr(w.log->str, ">2")); /* a lane that fails is not run against */
  g_assert_cmpstr(mon_outbox_error(w.outbox, "bad/exec/0", &waiting), ==, "it is down");
  g_assert_cmpuint(waiting, ==, 2);
  g_string_truncate(w.log, 0);
  run(&w, "");
  g_assert_cmpint(mon_outbox_due(w.outbox), >, w.now);
  g_assert_cmpint(mon_outbox_due(w.outbox), <=, w.now + S);
  teardown(&w);
}

/* What a receiver was away for is told soon after it is back, however long that was. */
static void test_comes_back(void) {
  World w;

  for (guint n = 1; n <= 3; n++) {
    setup(&w);
    w.bad.retry_for = 86400 * S;
    for (guint i = 0; i < n; i++)
      add(&w, "bad/exec/0", &"abc"[i]);
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
    teardown(&w);
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

  setup(&w);
  add(&w, "good/exec/0", "a");
  for (guint i = 0; i < 6; i++) {
    run_until_sent(&w);
    pause = w.now - before;
    before = w.now;
    end(&w, 0, MON_TELL_AGAIN);
    add(&w, "good/exec/0", "b");
    run_until_sent(&w);
    end(&w, 0, MON_TOLD); /* the other: so the lane works */
  }
  g_assert_cmpint(pause, >=, 14 * S);
  g_assert_cmpuint(mon_outbox_n(w.outbox), ==, 1);
  g_assert_nonnull(strstr(w.log->str, ">1 down >2 up =2 >1 down >3 up =3 "));
  teardown(&w);
}

static void test_gives_up(void) {
  World w;
  guint attempts = 0;

  setup(&w);
  add(&w, "bad/exec/0", "a");
  while (mon_outbox_n(w.outbox) > 0) {
    w.now = MAX(w.now, MIN(mon_outbox_due(w.outbox), w.now + 1000 * S));
    mon_outbox_run(w.outbox, w.now);
    g_assert_cmpuint(++attempts, <, 60);
  }
  g_assert_nonnull(strstr(w.log->str, "!1"));
  g_assert_cmpint(w.now, >=, 1100 * S); /* not before retry_for */
  g_assert_cmpint(w.now, <, 1200 * S);
  teardown(&w);
}

static void test_not_configured(void) {
  World w;

  setup(&w);
  add(&w, "gone/exec/0", "a");
  run(&w, "!1 ");
  g_assert_cmpuint(mon_outbox_n(w.outbox), ==, 0);
  teardown(&w);
}

static void put_alert(MonNotice *notice, const char *fingerprint, gboolean fires) {
  MonTransition *alert = g_new0(MonTransition, 1);

  g_strlcpy(alert->fingerprint, fingerprint, sizeof alert->fingerprint);
  alert->labels = mon_labels_new(NULL, NULL);
  alert->resolved_at = fires ? 0 : 1;
  notice->n_firing += fires ? 1 : 0;
  g_ptr_array_add(notice->alerts, alert);
}

/* A full lane: the oldest of a group goes into the next of it, and what was over stays told. */
static void test_full(void) {
  World w;

  setup(&w);
  mon_outbox_bound(w.outbox, 3);
  MonNotice *first = add(&w, "good/exec/0", "a");
  run(&w, ">1 ");
  MonNotice *second = add(&w, "good/exec/0", "a");
  put_alert(second, "f1", TRUE);
  put_alert(second, "r1", FALSE);
  put_alert(second, "r2", FALSE);
  MonNotice *third = add(&w, "good/exec/0", "a");
  put_alert(third, "r2", TRUE); /* it fires again */
  g_assert_cmpstr(w.log->str, ==, "");
  add(&w, "good/exec/0", "b"); /* 1 is under way, 2 and 3 are one group */
  g_assert_cmpstr(w.log->str, ==, "2+3 ");
  g_assert_cmpuint(mon_outbox_n(w.outbox), ==, 3);
  g_assert_cmpuint(third->alerts->len, ==, 2);
  g_assert_cmpstr(((MonTransition *)third->alerts->pdata[1])->fingerprint, ==, "r1");
  g_assert_cmpuint(third->n_firing, ==, 1);
  g_assert_cmpuint(first->alerts->len, ==, 0);
  g_string_truncate(w.log, 0);
  add(&w, "good/exec/0", "c"); /* no group has two that wait: the oldest that waits */
  g_assert_cmpstr(w.log->str, ==, "!3 ");
  add(&w, "bad/exec/0", "a"); /* another lane has room */
  g_assert_cmpuint(mon_outbox_n(w.outbox), ==, 4);
  g_string_truncate(w.log, 0);
  end(&w, 0, MON_TOLD);
  g_assert_cmpstr(w.log->str, ==, "=1 ");
  teardown(&w);
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
