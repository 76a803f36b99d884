/* test-engine-receive.c: the order of mail, leases and their ends, waiting, pushing. */
#include "engine-faults.h"

#include <string.h>

static guint64 send_how(Env *env, MsgActor *actor, guint8 priority, const char *key) {
  MsgSend how = {.priority = priority, .key = key};
  guint64 seq = env_send_full(env, actor, "a", "x", &how, NULL);

  g_assert_cmpuint(seq, !=, 0);
  return seq;
}

static void expect(Env *env, MsgActor *actor, guint64 seq) {
  MsgDelivery *d = env_take(env, actor, "a");

  g_assert_cmpuint(d->seq, ==, seq);
  env_ack(env, actor, d->token);
  msg_delivery_free(d);
}

static void test_priority(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);

  env_agent(&env, alice, "a", NULL);
  guint64 low = send_how(&env, alice, 0, NULL), middle = send_how(&env, alice, 4, NULL),
          high = send_how(&env, alice, 9, NULL), high2 = send_how(&env, alice, 9, NULL);
  expect(&env, alice, high);
  expect(&env, alice, high2);
  expect(&env, alice, middle);
  /* waiting raises a message by a level a minute: it is not passed by for ever */
  env_advance(&env, 10 * G_TIME_SPAN_MINUTE);
  guint64 fresh = send_how(&env, alice, 9, NULL);
  expect(&env, alice, low);
  expect(&env, alice, fresh);
  env_clear(&env);
}

static void test_key(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);

  env_agent(&env, alice, "a", NULL);
  guint64 k1 = send_how(&env, alice, 4, "k"), k2 = send_how(&env, alice, 9, "k"),
          other = send_how(&env, alice, 4, "l"), plain = send_how(&env, alice, 4, NULL);
  g_autoptr(GPtrArray) first = env_receive(&env, alice, "a", 10);
  g_assert_cmpuint(first->len, ==, 3); /* the second of k waits for the first, and only it */
  for (guint i = 0; i < 3; i++)
    g_assert_cmpuint(((MsgDelivery *)first->pdata[i])->seq, !=, k2);
  MsgDelivery *d = NULL;
  for (guint i = 0; i < 3; i++)
    if (((MsgDelivery *)first->pdata[i])->seq == k1)
      d = first->pdata[i];
  g_assert_nonnull(d);
  g_assert_true(env_nack(&env, alice, d->token, MSG_NACK_FAIL, 5 * G_USEC_PER_SEC, NULL, NULL,
                         NULL)); /* it keeps its turn while it waits to be tried again */
  g_autoptr(GPtrArray) none = env_receive(&env, alice, "a", 10);
  g_assert_cmpuint(none->len, ==, 0);
  env_advance(&env, 6 * G_USEC_PER_SEC);
  expect(&env, alice, k1);
  expect(&env, alice, k2);
  g_assert_cmpuint(other + plain, >, 0);
  env_clear(&env);
}

static void test_counters(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);
  MsgState state;

  env_agent(&env, alice, "a",
            "{'max-deliveries': <uint32 3>, 'backoff': <[uint64 1000000, 7000000]>}");
  guint64 seq = send_how(&env, alice, 4, NULL);
  MsgDelivery *d = env_take(&env, alice, "a");
  g_assert_true(env_nack(&env, alice, d->token, MSG_NACK_SILENT, 0, NULL, &state, NULL));
  g_assert_cmpint(state, ==, MSG_STATE_QUEUED);
  msg_delivery_free(d);
  d = env_take(&env, alice, "a");
  g_assert_cmpuint(d->acquired, ==, 1); /* a silent one counts for nothing */
  g_assert_cmpuint(d->failed, ==, 0);
  g_assert_true(env_nack(&env, alice, d->token, MSG_NACK_FAIL, G_MAXUINT64, "no", &state, NULL));
  g_assert_cmpint(state, ==, MSG_STATE_SCHEDULED);
  msg_delivery_free(d);
  env_advance(&env, 999999); /* the list of the agent, exactly */
  g_autoptr(GPtrArray) none = env_receive(&env, alice, "a", 1);
  g_assert_cmpuint(none->len, ==, 0);
  env_advance(&env, 1);
  d = env_take(&env, alice, "a");
  g_assert_cmpuint(d->failed, ==, 1);
  g_assert_cmpuint(d->acquired, ==, 2);
  msg_delivery_free(d);
  env_advance(&env, 5 * G_TIME_SPAN_MINUTE); /* the lease's time: the same back-off as for nack */
  env_advance(&env, 7 * G_USEC_PER_SEC);
  d = env_take(&env, alice, "a");
  g_assert_cmpuint(d->failed, ==, 2);
  g_assert_true(env_nack(&env, alice, d->token, MSG_NACK_FAIL, 0, "last", &state, NULL));
  g_assert_cmpint(state, ==, MSG_STATE_DEAD);
  msg_delivery_free(d);
  g_autofree char *receipts = env_receipts(&env, alice, seq);
  g_assert_cmpstr(receipts, ==,
                  "stored queued leased nacked queued leased nacked scheduled queued leased "
                  "scheduled queued leased nacked dead");
  env_check(&env);
  env_clear(&env);
}

static void test_backoff_bounds(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);

  env.settings.max_deliveries = 1000;
  env_restart(&env);
  env_agent(&env, alice, "a", NULL);
  send_how(&env, alice, 4, NULL);
  for (guint i = 0; i < 12; i++) {
    MsgDelivery *d = env_take(&env, alice, "a");
    g_assert_true(env_nack(&env, alice, d->token, MSG_NACK_FAIL, G_MAXUINT64, NULL, NULL, NULL));
    msg_delivery_free(d);
    gint64 step = MIN(G_USEC_PER_SEC << i, 10 * G_TIME_SPAN_MINUTE);
    gint64 at = env_int(&env, "SELECT at FROM due") - wg_clock_now(&env.engine->clock);
    g_assert_cmpint(at, >=, step / 2);
    g_assert_cmpint(at, <=, step + 1);
    env_advance(&env, at);
  }
  env_clear(&env);
}

static void test_late_ack(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000), bob = env_actor(&env, 1001);
  g_autoptr(GError) error = NULL;

  env_agent(&env, alice, "a", NULL);
  guint64 seq = send_how(&env, alice, 4, NULL);
  g_autoptr(GPtrArray) got = env_receive_full(&env, alice, "a", 1, 2 * G_USEC_PER_SEC, FALSE, NULL);
  guint64 token = ((MsgDelivery *)got->pdata[0])->token;
  g_assert_false(env_lease(&env, bob, MSG_LEASE_ACK, token, &error)); /* a token is no key */
  g_assert_error(error, WG_ERROR, WG_ERROR_NOT_AUTHORIZED);
  g_clear_error(&error);
  env_advance(&env, G_USEC_PER_SEC);
  g_assert_true(env_lease(&env, alice, MSG_LEASE_TOUCH, token, NULL)); /* five minutes more */
  env_advance(&env, 4 * G_TIME_SPAN_MINUTE);
  g_autofree char *state = env_state(&env, alice, seq, NULL);
  g_assert_cmpstr(state, ==, "leased");
  env_advance(&env, 2 * G_TIME_SPAN_MINUTE);
  g_assert_false(env_lease(&env, alice, MSG_LEASE_ACK, token, &error));
  g_assert_error(error, WG_ERROR, WG_ERROR_LEASE_EXPIRED);
  env_advance(&env, 2 * G_USEC_PER_SEC); /* the back-off */
  MsgDelivery *d = env_take(&env, alice, "a");
  g_assert_cmpuint(d->seq, ==, seq);
  g_assert_cmpuint(d->token, !=, token);
  g_assert_false(env_lease(&env, alice, MSG_LEASE_ACK, token, NULL));
  env_ack(&env, alice, d->token);
  msg_delivery_free(d);
  env_clear(&env);
}

static void test_connection(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) one = env_actor(&env, 1000), two = env_actor(&env, 1000);

  env_agent(&env, one, "a", NULL);
  send_how(&env, one, 4, NULL);
  guint64 kept = send_how(&env, one, 4, NULL);
  MsgDelivery *d = env_take(&env, one, "a"), *detached = env_take(&env, one, "a");
  g_assert_true(env_lease(&env, one, MSG_LEASE_DETACH, detached->token, NULL));
  g_autoptr(Waiter) w = env_receive_start(&env, two, "a", 1, 20 * G_USEC_PER_SEC);
  env_gone(&env, one);
  env_wait(&env, w); /* at once to who waits */
  g_assert_cmpuint(w->deliveries->len, ==, 1);
  g_assert_cmpuint(((MsgDelivery *)w->deliveries->pdata[0])->seq, ==, d->seq);
  env_restart(&env);
  g_autofree char *state = env_state(&env, two, kept, NULL);
  g_assert_cmpstr(state, ==, "leased"); /* lives on, also over a restart */
  env_ack(&env, two, detached->token);
  msg_delivery_free(d);
  d = env_take(&env, two, "a"); /* the other one's lease ended with the service */
  g_assert_cmpuint(d->failed, ==, 1);
  msg_delivery_free(d);
  msg_delivery_free(detached);
  env_check(&env);
  env_clear(&env);
}

static void test_waiting(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) one = env_actor(&env, 1000), two = env_actor(&env, 1000);

  env_agent(&env, one, "a", NULL);
  g_autoptr(Waiter) first = env_receive_start(&env, one, "a", 1, 10 * G_USEC_PER_SEC);
  g_autoptr(Waiter) second = env_receive_start(&env, two, "a", 1, 10 * G_USEC_PER_SEC);
  env_fail_commits(&env, 1); /* who waits must not be lost with a batch */
  send_how(&env, one, 4, NULL);
  env_commits_to_fail(&env);
  while (!first->done && !second->done)
    g_main_context_iteration(NULL, TRUE);
  env_barrier(&env);                           /* the other waits again, from now on */
  g_assert_false(first->done && second->done); /* either: the first was run again after it */
  env_advance(&env, 11 * G_USEC_PER_SEC);
  env_wait(&env, first);
  env_wait(&env, second);
  g_assert_true((first->deliveries == NULL) != (second->deliveries == NULL));
  g_assert_no_error(first->error);
  g_assert_no_error(second->error);
  g_autoptr(Waiter) third = env_receive_start(&env, two, "a", 1, 10 * G_USEC_PER_SEC);
  env_stop(&env); /* leaving answers them */
  g_assert_true(third->done);
  env_clear(&env);
}

static guint pushes(Env *env) {
  guint n = env_count_notes(env, MSG_NOTE_PUSH);

  env_notes_clear(env);
  return n;
}

static void test_credits(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);
  guint64 id;

  env_agent(&env, alice, "a", NULL);
  for (guint i = 0; i < 5; i++)
    send_how(&env, alice, 4, NULL);
  g_autoptr(GVariant) r =
      env_ok(&env, alice, MSG_CALL_SUBSCRIBE, g_variant_new_parsed("('a', uint32 2, @a{sv} {})"));
  g_variant_get(r, "(t)", &id);
  g_assert_cmpuint(pushes(&env), ==, 2);
  send_how(&env, alice, 4, NULL);
  g_assert_cmpuint(pushes(&env), ==, 0); /* spent */
  env_fail_commits(&env, 1);             /* and not spent twice by a batch that failed */
  g_autoptr(GVariant) more =
      env_ok(&env, alice, MSG_CALL_ADD_CREDITS, g_variant_new("(tu)", id, 3));
  env_commits_to_fail(&env);
  g_assert_cmpuint(pushes(&env), ==, 3);
  g_autoptr(GVariant) end = env_ok(&env, alice, MSG_CALL_UNSUBSCRIBE, g_variant_new("(t)", id));
  send_how(&env, alice, 4, NULL);
  g_assert_cmpuint(pushes(&env), ==, 0);
  env_check(&env);
  env_clear(&env);
}

static void pressure(Env *env, gboolean on) {
  EnvFlag flag = {FALSE};
  MsgPressureJob job = {
      .base = {.job = {.run = msg_run_pressure, .done = env_flag_done}, .owner = &flag}, .on = on};

  wg_writer_submit(env->writer, &job.base.job);
  while (!flag.done)
    g_main_context_iteration(NULL, TRUE);
  env_settle(env);
}

static void ack_first_push(Env *env, MsgActor *actor) {
  for (guint i = 0; i < env->notes->len; i++) {
    const MsgNote *note = env->notes->pdata[i];
    if (note->kind != MSG_NOTE_PUSH)
      continue;
    guint64 token = note->delivery->token;
    env_notes_clear(env);
    env_ack(env, actor, token);
    return;
  }
  g_assert_not_reached();
}

/* While memory is short a connection has one message at a time, whatever its credits are. */
static void test_pressure(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000), other = env_actor(&env, 1000);

  env_agent(&env, alice, "a", NULL);
  env_agent(&env, alice, "b", NULL);
  pressure(&env, TRUE);
  for (const char *const *to = (const char *const[]){"a", "b", NULL}; *to; to++) {
    g_autoptr(GVariant) r = env_ok(&env, alice, MSG_CALL_SUBSCRIBE,
                                   g_variant_new_parsed("(%s, uint32 10, @a{sv} {})", *to));
  }
  for (guint i = 0; i < 6; i++)
    env_send(&env, alice, i % 2 ? "a" : "b", "x");
  g_assert_cmpuint(env_count_notes(&env, MSG_NOTE_PUSH), ==, 1);
  env_fail_commits(&env, 1);
  ack_first_push(&env, alice);
  env_commits_to_fail(&env);
  g_assert_cmpuint(env_count_notes(&env, MSG_NOTE_PUSH), ==, 1); /* the next, of either agent */
  g_autoptr(GVariant) second =
      env_ok(&env, other, MSG_CALL_SUBSCRIBE, g_variant_new_parsed("('a', uint32 10, @a{sv} {})"));
  g_assert_cmpuint(env_count_notes(&env, MSG_NOTE_PUSH), ==, 2); /* another has its own */
  g_autoptr(GPtrArray) asked = env_receive(&env, alice, "a", 1); /* and who asks is served */
  g_assert_cmpuint(asked->len, ==, 1);
  env_notes_clear(&env);
  pressure(&env, FALSE);
  g_assert_cmpuint(pushes(&env), ==, 2); /* all that is left */
  env_check(&env);
  env_clear(&env);
}

static void test_many_waiting(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);
  guint64 last = 0;

  env_agent(&env, alice, "a", NULL);
  for (guint i = 0; i < 5000; i++) /* more than the window */
    send_how(&env, alice, 4, NULL);
  for (guint n = 0; n < 5000;) {
    g_autoptr(GPtrArray) got = env_receive(&env, alice, "a", 256);
    g_assert_cmpuint(got->len, >, 0);
    for (guint i = 0; i < got->len; i++) {
      MsgDelivery *d = got->pdata[i];
      g_assert_cmpuint(d->seq, >, last);
      last = d->seq;
      env_ack(&env, alice, d->token);
    }
    n += got->len;
    if (n > 2000 && n < 2300)
      env_restart(&env);
  }
  env_check(&env);
  env_clear(&env);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/engine/receive/priority", test_priority);
  g_test_add_func("/engine/receive/key", test_key);
  g_test_add_func("/engine/receive/counters", test_counters);
  g_test_add_func("/engine/receive/backoff-bounds", test_backoff_bounds);
  g_test_add_func("/engine/receive/late-ack", test_late_ack);
  g_test_add_func("/engine/receive/connection", test_connection);
  g_test_add_func("/engine/receive/waiting", test_waiting);
  g_test_add_func("/engine/receive/credits", test_credits);
  g_test_add_func("/engine/receive/pressure", test_pressure);
  g_test_add_func("/engine/receive/many-waiting", test_many_waiting);
  return g_test_run();
}
