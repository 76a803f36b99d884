/* test-engine-dead.c: dead letters, and what retention takes away. */
#include "engine-faults.h"

#include <string.h>

static guint64 make_dead(Env *env, MsgActor *actor, const char *agent) {
  guint64 seq = env_send(env, actor, agent, "x");
  MsgDelivery *d = env_take(env, actor, agent);

  g_assert_cmpuint(d->seq, ==, seq);
  g_assert_true(env_nack(env, actor, d->token, MSG_NACK_FATAL, 0, "broken", NULL, NULL));
  msg_delivery_free(d);
  return seq;
}

static gsize n_dead(Env *env, MsgActor *actor, const char *filter) {
  g_autoptr(GVariant) r = env_ok(env, actor, MSG_CALL_LIST_DEAD,
                                 g_variant_new("(@a{sv})", g_variant_new_parsed(filter)));
  g_autoptr(GVariant) list = g_variant_get_child_value(r, 0);

  return g_variant_n_children(list);
}

static void test_requeue(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000), bob = env_actor(&env, 1001);

  env_agent(&env, alice, "a", NULL);
  env_agent(&env, alice, "b", NULL);
  guint64 seq = make_dead(&env, alice, "a");
  g_assert_cmpuint(env_count_notes(&env, MSG_NOTE_DEAD), ==, 1);
  g_assert_cmpuint(n_dead(&env, alice, "@a{sv} {}"), ==, 1);
  g_assert_cmpuint(n_dead(&env, bob, "@a{sv} {}"), ==, 0);
  g_autoptr(GVariant) entries =
      env_ok(&env, alice, MSG_CALL_LIST_DEAD, g_variant_new_parsed("(@a{sv} {},)"));
  g_autofree char *text = g_variant_print(entries, FALSE);
  g_assert_nonnull(strstr(text, "'reason': <'broken'>"));
  env_refused(&env, bob, MSG_CALL_REQUEUE_DEAD, g_variant_new("(ta{sv})", seq, NULL),
              WG_ERROR_NOT_AUTHORIZED);
  env_fail_commits(&env, 1);
  g_autoptr(GVariant) r =
      env_ok(&env, alice, MSG_CALL_REQUEUE_DEAD, g_variant_new("(ta{sv})", seq, NULL));
  env_commits_to_fail(&env);
  MsgDelivery *d = env_take(&env, alice, "a");
  g_assert_cmpuint(d->seq, ==, seq);
  g_assert_cmpuint(d->acquired, ==, 1); /* counted anew */
  g_assert_true(env_lease(&env, alice, MSG_LEASE_TERMINATE, d->token, NULL));
  msg_delivery_free(d);
  /* to another agent, under the same number */
  g_autoptr(GVariant) moved =
      env_ok(&env, alice, MSG_CALL_REQUEUE_DEAD, g_variant_new_parsed("(%t, {'to': <'b'>})", seq));
  d = env_take(&env, alice, "b");
  g_assert_cmpuint(d->seq, ==, seq);
  env_ack(&env, alice, d->token);
  msg_delivery_free(d);
  env_refused(&env, alice, MSG_CALL_REQUEUE_DEAD, g_variant_new("(ta{sv})", seq, NULL),
              WG_ERROR_INVALID_STATE);
  g_autofree char *receipts = env_receipts(&env, alice, seq);
  g_assert_cmpstr(receipts, ==,
                  "stored queued leased nacked dead requeued queued leased dead requeued queued "
                  "leased acked");
  env_check(&env);
  env_clear(&env);
}

static MsgState crash(Env *env, MsgActor *actor, guint failed_before) {
  MsgState state;
  MsgDelivery *d = env_take(env, actor, "a");

  g_assert_cmpuint(d->failed, ==, failed_before);
  g_assert_true(
      env_nack(env, actor, d->token, MSG_NACK_CRASH, 0, "killed by signal 11", &state, NULL));
  msg_delivery_free(d);
  return state;
}

/* What kills its handlers gets no third one, whatever the limit of failures is. */
static void test_crash(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);

  env_agent(&env, alice, "a", "{'max-deliveries': <uint32 0>}");
  guint64 seq = env_send(&env, alice, "a", "x");
  g_assert_cmpint(crash(&env, alice, 0), ==, MSG_STATE_QUEUED);
  MsgDelivery *d = env_take(&env, alice, "a"); /* the two need not come one behind the other */
  g_assert_cmpuint(d->failed, ==, 2);
  g_assert_true(env_nack(&env, alice, d->token, MSG_NACK_FAIL, 0, NULL, NULL, NULL));
  msg_delivery_free(d);
  env_restart(&env);
  env_fail_commits(&env, 1);
  g_assert_cmpint(crash(&env, alice, 3), ==, MSG_STATE_DEAD);
  env_commits_to_fail(&env);
  g_autoptr(GVariant) entries =
      env_ok(&env, alice, MSG_CALL_LIST_DEAD, g_variant_new_parsed("(@a{sv} {},)"));
  g_autofree char *text = g_variant_print(entries, FALSE);
  g_assert_nonnull(strstr(
      text, "'reason': <'handler-crash: it killed two handlers; last: killed by signal 11'>"));
  g_autoptr(GVariant) r =
      env_ok(&env, alice, MSG_CALL_REQUEUE_DEAD, g_variant_new("(ta{sv})", seq, NULL));
  g_assert_cmpint(crash(&env, alice, 0), ==, MSG_STATE_QUEUED); /* from the beginning */
  g_assert_cmpint(crash(&env, alice, 2), ==, MSG_STATE_DEAD);
  env_check(&env);
  env_clear(&env);
}

/* It counts twice towards a limit, too. */
static void test_crash_limit(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);

  env_agent(&env, alice, "a", "{'max-deliveries': <uint32 2>}");
  env_send(&env, alice, "a", "x");
  g_assert_cmpint(crash(&env, alice, 0), ==, MSG_STATE_DEAD);
  env_check(&env);
  env_clear(&env);
}

static void test_purge(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000), root = env_actor(&env, 0);
  guint32 n;
  guint64 last = 0;

  env_agent(&env, alice, "a", NULL);
  env_agent(&env, alice, "b", NULL);
  env_agent(&env, root, "r", NULL);
  make_dead(&env, root, "r");
  for (guint i = 0; i < 700; i++)
    last = make_dead(&env, alice, i % 2 ? "a" : "b");
  g_autoptr(GVariant) one =
      env_ok(&env, alice, MSG_CALL_PURGE_DEAD, g_variant_new("(ta{sv})", last, NULL));
  env_refused(&env, alice, MSG_CALL_GET_MESSAGE, g_variant_new("(ta{sv})", last, NULL),
              WG_ERROR_UNKNOWN_MESSAGE);
  g_autoptr(GVariant) some = env_ok(&env, alice, MSG_CALL_PURGE_DEAD,
                                    g_variant_new_parsed("(uint64 0, {'agent': <'a'>})"));
  g_variant_get(some, "(u)", &n);
  g_assert_cmpuint(n, ==, 349);
  g_autoptr(GVariant) rest = env_ok(&env, alice, MSG_CALL_PURGE_DEAD,
                                    g_variant_new("(ta{sv})", G_GUINT64_CONSTANT(0), NULL));
  g_variant_get(rest, "(u)", &n);
  g_assert_cmpuint(n, ==, 350);
  g_assert_cmpuint(n_dead(&env, root, "@a{sv} {}"), ==, 1); /* another's stay */
  g_assert_cmpint(env_int(&env, "SELECT count(*) FROM message"), ==, 1);
  env_restart(&env);
  g_assert_cmpuint(env_send(&env, alice, "a", "x"), >, last); /* numbers are never given again */
  env_check(&env);
  env_clear(&env);
}

/* Long work goes on where it was when one of its steps fails. */
static void test_slices(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000), root = env_actor(&env, 0);
  guint32 n;

  env_agent(&env, alice, "a", NULL);
  env_agent(&env, alice, "b", NULL);
  for (guint i = 0; i < 1000; i++)
    make_dead(&env, alice, "a");
  for (guint i = 0; i < 1000; i++)
    env_send(&env, alice, "b", "x");
  g_autoptr(Waiter) purge = env_call_start(&env, alice, MSG_CALL_PURGE_DEAD,
                                           g_variant_new_parsed("(uint64 0, {'agent': <'a'>})"));
  g_assert_false(purge->done);
  env_fail_commits(&env, 2);
  env_wait(&env, purge);
  g_assert_no_error(purge->error);
  g_variant_get(purge->result, "(u)", &n);
  g_assert_cmpuint(n, ==, 1000);
  env_fail_commits(&env, 2);
  g_autoptr(GVariant) removed = env_call(&env, alice, MSG_CALL_UNREGISTER_AGENT,
                                         g_variant_new_parsed("('b', {'force': <true>})"), NULL);
  g_assert_null(removed); /* it failed, and the agent is there as before */
  env_commits_to_fail(&env);
  env_send(&env, alice, "b", "x");
  removed = env_ok(&env, alice, MSG_CALL_UNREGISTER_AGENT,
                   g_variant_new_parsed("('b', {'force': <true>})"));
  env_fail_commits(&env, 3);
  env_settle(&env);
  env_commits_to_fail(&env);
  g_assert_cmpint(env_int(&env, "SELECT count(*) FROM dead"), ==, 1001);
  g_autoptr(Waiter) check =
      env_call_start(&env, root, MSG_CALL_CHECK, g_variant_new_parsed("(@a{sv} {},)"));
  env_stop(&env); /* who leaves answers with what there is */
  g_assert_true(check->done);
  g_assert_no_error(check->error);
  env_start(&env);
  env_check(&env);
  env_clear(&env);
}

static void test_retention(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);
  guint64 last = 0;

  env_agent(&env, alice, "a", NULL);
  guint64 dead = make_dead(&env, alice, "a"), waiting = env_send(&env, alice, "a", "w");
  g_autoptr(GVariant) h =
      env_ok(&env, alice, MSG_CALL_HOLD, g_variant_new("(ta{sv})", waiting, NULL));
  for (guint i = 0; i < 600; i++) {
    last = env_send(&env, alice, "a", "x");
    MsgDelivery *d = env_take(&env, alice, "a");
    env_ack(&env, alice, d->token);
    msg_delivery_free(d);
  }
  env_advance(&env, 6 * G_TIME_SPAN_DAY);
  g_assert_cmpint(env_int(&env, "SELECT count(*) FROM message"), ==, 602);
  env_advance(&env, 2 * G_TIME_SPAN_DAY);
  g_assert_cmpint(env_int(&env, "SELECT count(*) FROM message"), ==, 2);
  g_assert_cmpint(env_int(&env, "SELECT count(*) FROM done"), ==, 1);
  g_autofree char *one = env_state(&env, alice, dead, NULL);
  g_autofree char *two = env_state(&env, alice, waiting, NULL);
  g_assert_cmpstr(one, ==, "dead");
  g_assert_cmpstr(two, ==, "held");
  env_restart(&env);
  g_assert_cmpuint(env_send(&env, alice, "a", "x"), >, last);
  env_check(&env);
  env_clear(&env);
}

static void test_volatile(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);
  MsgSend how = {.priority = 4, .is_volatile = TRUE};

  env_agent(&env, alice, "a", NULL);
  guint64 read = env_send_full(&env, alice, "a", "x", &how, NULL);
  MsgDelivery *d = env_take(&env, alice, "a");
  env_ack(&env, alice, d->token);
  msg_delivery_free(d);
  guint64 waiting = env_send_full(&env, alice, "a", "y", &how, NULL);
  env_advance(&env, 9 * G_TIME_SPAN_MINUTE);
  g_autofree char *acked = env_state(&env, alice, read, NULL);
  g_assert_cmpstr(acked, ==, "acked");
  env_advance(&env, 11 * G_TIME_SPAN_MINUTE); /* memory is not for history */
  env_refused(&env, alice, MSG_CALL_GET_MESSAGE, g_variant_new("(ta{sv})", read, NULL),
              WG_ERROR_UNKNOWN_MESSAGE);
  g_autofree char *queued = env_state(&env, alice, waiting, NULL);
  g_assert_cmpstr(queued, ==, "queued");
  env_check(&env);
  env_clear(&env);
}

static void test_idle(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);

  env_agent(&env, alice, "a", NULL);
  MsgDelivery *d = (env_send(&env, alice, "a", "x"), env_take(&env, alice, "a"));
  env_ack(&env, alice, d->token);
  msg_delivery_free(d);
  env_advance(&env, G_TIME_SPAN_HOUR);
  g_assert_cmpint(env.wake, ==, G_MAXINT64); /* nothing keeps an idle service from leaving */
  env_clear(&env);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/engine/dead/requeue", test_requeue);
  g_test_add_func("/engine/dead/crash", test_crash);
  g_test_add_func("/engine/dead/crash-limit", test_crash_limit);
  g_test_add_func("/engine/dead/purge", test_purge);
  g_test_add_func("/engine/dead/slices", test_slices);
  g_test_add_func("/engine/dead/retention", test_retention);
  g_test_add_func("/engine/dead/volatile", test_volatile);
  g_test_add_func("/engine/dead/idle", test_idle);
  return g_test_run();
}
