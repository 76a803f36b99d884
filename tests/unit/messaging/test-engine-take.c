/* test-engine-take.c: TakeAttempts: attempts become leases, and what stands against it. */
#include "engine-couriers.h"
#include "engine-faults.h"

#define REFUSED(name) "org.waggle.Error." name

static guint64 send_key(Env *env, MsgActor *actor, const char *to, const char *key) {
  MsgSend how = {.priority = 4, .key = key};
  guint64 seq = env_send_full(env, actor, to, "x", &how, NULL);

  g_strfreev(how.recipients);
  g_assert_cmpuint(seq, !=, 0);
  return seq;
}

static guint64 one_attempt(Env *env, MsgActor *actor, guint64 courier) {
  guint64 token;

  g_assert_cmpuint(env_attempts(env, actor, courier, 1, &token, NULL), ==, 1);
  return token;
}

static void test_lease(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000), sender = env_actor(&env, 1001);

  env_agent(&env, alice, "a", NULL);
  guint64 id = env_courier(&env, alice), sent = env_send(&env, sender, "a", "x");
  guint64 attempt = one_attempt(&env, alice, id);
  guint64 token = env_take_attempt(&env, alice, attempt, NULL);
  g_assert_cmpuint(token, !=, 0);
  g_autofree char *state = env_state(&env, alice, sent, "a"), *gone = NULL;
  g_assert_cmpstr(state, ==, "leased");
  g_autoptr(GVariant) r =
      env_ok(&env, alice, MSG_CALL_GET_RECEIPTS, g_variant_new_parsed("(%t, @a{sv} {})", sent));
  g_autoptr(GVariant) receipts = g_variant_get_child_value(r, 0);
  const char *actor;
  g_variant_get_child(receipts, 2, "(&s&st&s&s)", NULL, NULL, NULL, NULL, &actor);
  g_assert_cmpstr(actor, ==, "uid:1000 pid:4711 unit:test.service");
  g_assert_cmpuint(env_take_attempt(&env, alice, attempt, &gone), ==, 0); /* it has ended */
  g_assert_cmpstr(gone, ==, REFUSED("LeaseExpired"));
  env_refused(&env, alice, MSG_CALL_REPORT_ATTEMPT,
              g_variant_new_parsed("(%t, 'failed', @a{sv} {})", attempt), WG_ERROR_LEASE_EXPIRED);
  g_autoptr(GPtrArray) none = env_receive(&env, alice, "a", 1);
  g_assert_cmpuint(none->len, ==, 0);
  g_assert_true(env_lease(&env, alice, MSG_LEASE_TOUCH, token, NULL));
  env_ack(&env, alice, token);
  g_autofree char *all = env_receipts(&env, alice, sent);
  g_assert_cmpstr(all, ==, "stored queued leased acked");
  env_check(&env);
  env_clear(&env);
}

/* The courier goes: its lease ends, the message waits again, with the step it was taken with. */
static void test_gone(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000), next = env_actor(&env, 1000);

  env_agent(&env, alice, "a", NULL);
  guint64 sent = env_send(&env, alice, "a", "x"), id = env_courier(&env, alice);
  guint64 attempt = one_attempt(&env, alice, id);
  g_autoptr(GVariant) r = env_ok(
      &env, alice, MSG_CALL_TAKE_ATTEMPTS,
      g_variant_new_parsed("([%t], {'step': <uint32 3>, 'lease': <uint64 60000000>})", attempt));
  env_gone(&env, alice);
  g_autofree char *receipts = env_receipts(&env, next, sent);
  g_assert_cmpstr(receipts, ==, "stored queued leased queued");
  id = env_courier(&env, next);
  g_autoptr(GVariant) list = env_attempts_full(&env, next, id, "@a{sv} {}");
  g_assert_cmpuint(g_variant_n_children(list), ==, 1);
  g_autoptr(GVariant) f = env_fields(list, 0);
  g_assert_cmpuint(env_field(f, "step"), ==, 3);
  env_check(&env);
  env_clear(&env);
}

static void test_refused(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000), bob = env_actor(&env, 1001);
  g_autoptr(MsgActor) second = env_actor(&env, 1000);

  env_agent(&env, alice, "a", NULL);
  guint64 id = env_courier(&env, alice), other = env_courier(&env, bob);
  env_send(&env, alice, "a", "x");
  guint64 attempt = one_attempt(&env, alice, id);
  g_assert_cmpuint(env_attempts(&env, bob, other, 9, NULL, NULL), ==, 0);
  for (guint i = 0; i < 2; i++) { /* another uid, and another connection of the same one */
    g_autofree char *why = NULL;
    g_assert_cmpuint(env_take_attempt(&env, i ? second : bob, attempt, &why), ==, 0);
    g_assert_cmpstr(why, ==, REFUSED("LeaseExpired"));
  }
  env_refused(&env, bob, MSG_CALL_REPORT_ATTEMPT,
              g_variant_new_parsed("(%t, 'announced', @a{sv} {})", attempt),
              WG_ERROR_LEASE_EXPIRED);
  /* somebody else receives it in between */
  MsgDelivery *d = env_take(&env, second, "a");
  g_autofree char *taken = NULL, *paused = NULL;
  g_assert_cmpuint(env_take_attempt(&env, alice, attempt, &taken), ==, 0);
  g_assert_cmpstr(taken, ==, REFUSED("InvalidState"));
  g_assert_true(env_nack(&env, second, d->token, MSG_NACK_SILENT, 0, NULL, NULL, NULL));
  msg_delivery_free(d);
  attempt = one_attempt(&env, alice, id); /* back: offered again */
  /* paused: not handed out to anybody, and offered again afterwards */
  env_ok(&env, alice, MSG_CALL_PAUSE_AGENT, g_variant_new_parsed("('a', @a{sv} {})"));
  g_assert_cmpuint(env_take_attempt(&env, alice, attempt, &paused), ==, 0);
  g_assert_cmpstr(paused, ==, REFUSED("InvalidState"));
  g_assert_cmpuint(env_attempts(&env, alice, id, 9, NULL, NULL), ==, 0);
  env_ok(&env, alice, MSG_CALL_RESUME_AGENT, g_variant_new_parsed("('a', @a{sv} {})"));
  g_assert_cmpuint(env_take_attempt(&env, alice, one_attempt(&env, alice, id), NULL), !=, 0);
  env_check(&env);
  env_clear(&env);
}

/* An agent that is given to another user takes its mail along. */
static void test_moved(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) root = env_actor(&env, 0), alice = env_actor(&env, 1000);
  g_autoptr(MsgActor) bob = env_actor(&env, 1001);

  env_agent(&env, alice, "a", NULL);
  guint64 sent = env_send(&env, alice, "a", "x"), id = env_courier(&env, alice);
  guint64 other = env_courier(&env, bob), attempt = one_attempt(&env, alice, id);
  g_autoptr(GVariant) r = env_ok(&env, root, MSG_CALL_UPDATE_AGENT,
                                 g_variant_new_parsed("('a', {'uid': <uint32 1001>})"));
  g_autofree char *why = NULL;
  g_assert_cmpuint(env_take_attempt(&env, alice, attempt, &why), ==, 0);
  g_assert_cmpstr(why, ==, REFUSED("LeaseExpired"));
  g_assert_cmpuint(env_attempts(&env, alice, id, 9, NULL, NULL), ==, 0);
  g_assert_cmpuint(env_take_attempt(&env, bob, one_attempt(&env, bob, other), NULL), !=, 0);
  g_autofree char *receipts = env_receipts(&env, bob, sent);
  g_assert_cmpstr(receipts, ==, "stored queued leased");
  env_check(&env);
  env_clear(&env);
}

/* Of an ordering key one at a time, the oldest first, whichever way it is received. */
static void test_ordering_key(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);
  guint64 tokens[8], seqs[8];

  env_agent(&env, alice, "a", NULL);
  guint64 id = env_courier(&env, alice);
  MsgSend late = {.priority = 4, .key = "k", .delay = 10 * G_USEC_PER_SEC};
  g_assert_cmpuint(env_send_full(&env, alice, "a", "late", &late, NULL), !=, 0);
  g_strfreev(late.recipients);
  guint64 one = send_key(&env, alice, "a", "k"), two = send_key(&env, alice, "a", "k");
  g_assert_cmpuint(env_attempts(&env, alice, id, 8, tokens, seqs), ==, 1);
  g_assert_cmpuint(seqs[0], ==, one);
  /* an older one of the key comes to the queue while the courier has the younger */
  env_advance(&env, 11 * G_USEC_PER_SEC);
  g_autofree char *why = NULL;
  g_assert_cmpuint(env_take_attempt(&env, alice, tokens[0], &why), ==, 0);
  g_assert_cmpstr(why, ==, REFUSED("InvalidState"));
  const guint64 order[] = {late.seq, one, two};
  for (guint i = 0; i < G_N_ELEMENTS(order); i++) {
    g_assert_cmpuint(env_attempts(&env, alice, id, 8, tokens, seqs), ==, 1);
    g_assert_cmpuint(seqs[0], ==, order[i]);
    guint64 token = env_take_attempt(&env, alice, tokens[0], NULL);
    g_assert_cmpuint(token, !=, 0);
    g_assert_cmpuint(env_attempts(&env, alice, id, 8, NULL, NULL), ==, 0);
    env_ack(&env, alice, token);
  }
  env_check(&env);
  env_clear(&env);
}

static void test_damaged(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);

  env_agent(&env, alice, "a", NULL);
  env_send(&env, alice, "a", "x");
  guint64 good = env_send(&env, alice, "a", "y"), tokens[2];
  guint64 id = env_courier(&env, alice);
  g_assert_cmpuint(env_attempts(&env, alice, id, 2, tokens, NULL), ==, 2);
  env_stop(&env);
  env_exec(&env, "UPDATE message SET body = x'ff' WHERE seq = (SELECT min(seq) FROM message)");
  env_start(&env);
  g_autoptr(MsgActor) again = env_actor(&env, 1000);
  guint64 seqs[2];
  id = env_courier(&env, again);
  g_assert_cmpuint(env_attempts(&env, again, id, 2, tokens, seqs), ==, 1); /* the sound one */
  g_assert_cmpuint(seqs[0], ==, good);
  g_assert_cmpuint(env_take_attempt(&env, again, tokens[0], NULL), !=, 0);
  g_assert_cmpint(env_int(&env, "SELECT count(*) FROM dead"), ==, 1); /* and the other is dead */
  env_clear(&env);
}

/* A batch of many that fails is run again: nothing happens twice, nothing is lost. */
static void test_rollback(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);
  guint64 t[6], seqs[6];

  env_agent(&env, alice, "a", NULL);
  guint64 id = env_courier(&env, alice);
  for (guint i = 0; i < 6; i++)
    env_send(&env, alice, "a", "x");
  g_assert_cmpuint(env_attempts(&env, alice, id, 6, t, seqs), ==, 6);
  env_fail_commits(&env, 1);
  g_autoptr(GVariant) r =
      env_ok(&env, alice, MSG_CALL_REPORT_ATTEMPTS,
             g_variant_new_parsed("([(%t, 'announced', @a{sv} {}), (%t, 'failed', {'continue': "
                                  "<true>, 'step': <uint32 1>})],)",
                                  t[0], t[1]));
  g_assert_cmpuint(env_commits_to_fail(&env), ==, 0);
  g_autoptr(GVariant) refused = g_variant_get_child_value(r, 0);
  g_assert_cmpuint(g_variant_n_children(refused), ==, 0);
  env_fail_commits(&env, 1);
  g_autoptr(GVariant) both = env_ok(&env, alice, MSG_CALL_TAKE_ATTEMPTS,
                                    g_variant_new_parsed("([%t, %t], @a{sv} {})", t[1], t[2]));
  g_assert_cmpuint(env_commits_to_fail(&env), ==, 0);
  g_autoptr(GVariant) taken = g_variant_get_child_value(both, 0);
  g_assert_cmpuint(g_variant_n_children(taken), ==, 2);
  /* one that fails for good leaves the attempts as they were */
  env_fail_commits(&env, 2);
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) none = env_call(&env, alice, MSG_CALL_TAKE_ATTEMPTS,
                                      g_variant_new_parsed("([%t], @a{sv} {})", t[3]), &error);
  g_assert_true(!none && error && env_commits_to_fail(&env) == 0);
  g_assert_cmpuint(env_attempts(&env, alice, id, 6, NULL, NULL), ==, 0); /* still leased */
  g_assert_cmpuint(env_take_attempt(&env, alice, t[3], NULL), !=, 0);
  static const char *const receipts[] = {
      "stored queued announced", "stored queued attempt-failed leased",
      "stored queued leased",    "stored queued leased",
      "stored queued",           "stored queued",
  };
  for (guint i = 0; i < G_N_ELEMENTS(receipts); i++) {
    g_autofree char *have = env_receipts(&env, alice, seqs[i]);
    g_assert_cmpstr(have, ==, receipts[i]);
  }
  /* a courier that goes in a batch that fails: its attempts are free all the same */
  g_autoptr(MsgActor) next = env_actor(&env, 1000);
  env_fail_commits(&env, 1);
  env_gone(&env, alice);
  g_assert_cmpuint(env_commits_to_fail(&env), ==, 0);
  id = env_courier(&env, next);
  g_assert_cmpuint(env_attempts(&env, next, id, 6, NULL, NULL), ==, 5); /* one was announced */
  env_check(&env);
  env_clear(&env);
}

/* What a batch offered that was rolled back is offered again. */
static void test_offer_rolled_back(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);

  env_agent(&env, alice, "a", NULL);
  guint64 id = env_courier(&env, alice);
  for (guint i = 0; i < 3; i++)
    env_send(&env, alice, "a", "x");
  env_fail_commits(&env, 1);
  g_autoptr(Waiter) w = env_call_submit(&env, alice, MSG_CALL_LEASE_ATTEMPTS,
                                        g_variant_new_parsed("(%t, {'max': <uint32 3>})", id));
  env_send(&env, alice, "a", "the one that cannot be written at first");
  g_assert_cmpuint(env_commits_to_fail(&env), ==, 0);
  env_wait(&env, w);
  g_autoptr(GVariant) list = g_variant_get_child_value(w->result, 0);
  g_assert_cmpuint(g_variant_n_children(list), ==, 3);
  g_assert_cmpuint(env_attempts(&env, alice, id, 9, NULL, NULL), ==, 1); /* the fourth */
  env_clear(&env);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/engine/take/lease", test_lease);
  g_test_add_func("/engine/take/gone", test_gone);
  g_test_add_func("/engine/take/refused", test_refused);
  g_test_add_func("/engine/take/moved", test_moved);
  g_test_add_func("/engine/take/ordering-key", test_ordering_key);
  g_test_add_func("/engine/take/damaged", test_damaged);
  g_test_add_func("/engine/take/rollback", test_rollback);
  g_test_add_func("/engine/take/offer-rolled-back", test_offer_rolled_back);
  return g_test_run();
}
