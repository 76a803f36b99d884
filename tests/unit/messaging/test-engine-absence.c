/* test-engine-absence.c: mail of agents with a policy while no courier is there: who is woken, how
 * often, and which messages get the receipt "no session". */
#include "engine-couriers.h"
#include "engine-faults.h"

#define SECOND ((gint64)G_USEC_PER_SEC)

/* How often a courier of `uid` was wanted since the last look. */
static guint wanted(Env *env, uid_t uid) {
  guint n = 0;

  for (guint i = 0; i < env->notes->len; i++) {
    const MsgNote *note = env->notes->pdata[i];
    n += note->kind == MSG_NOTE_COURIER_WANTED && note->uid == uid;
  }
  env_notes_clear(env);
  return n;
}

static void expect(Env *env, MsgActor *actor, guint64 seq, const char *receipts) {
  g_autofree char *have = env_receipts(env, actor, seq);

  g_assert_cmpstr(have, ==, receipts);
}

static void test_no_session(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000), bob = env_actor(&env, 1001);

  env_agent(&env, alice, "a", "{'policy': <'{}'>}");
  env_agent(&env, alice, "b", NULL);
  guint64 with = env_send(&env, alice, "a", "x"), without = env_send(&env, alice, "b", "x");
  g_assert_cmpuint(wanted(&env, 1000), ==, 1);
  env_courier(&env, bob); /* of another uid: no help */
  env_advance(&env, 4 * SECOND);
  expect(&env, alice, with, "stored queued");
  env_advance(&env, SECOND);
  expect(&env, alice, with, "stored queued attempt-held");
  expect(&env, alice, without, "stored queued");
  guint64 later = env_send(&env, alice, "a", "y"); /* the time is over already */
  expect(&env, alice, later, "stored queued attempt-held");
  env_restart(&env);
  g_autoptr(MsgActor) again = env_actor(&env, 1000);
  env_advance(&env, 60 * SECOND);
  expect(&env, again, with, "stored queued attempt-held"); /* each once */
  expect(&env, again, later, "stored queued attempt-held");
  guint64 id = env_courier(&env, again);
  g_assert_cmpuint(env_attempts(&env, again, id, 10, NULL, NULL), ==, 3);
  env_check(&env);
  env_clear(&env);
}

static void test_many_notes(void) {
  enum { N = 1000 };
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);
  guint64 seqs[N];

  env_agent(&env, alice, "a", "{'policy': <'{}'>}");
  for (guint i = 0; i < N; i++)
    seqs[i] = env_send(&env, alice, "a", "x");
  env_advance(&env, 5 * SECOND);
  for (guint i = 0; i < 10; i++) /* in slices of one batch each */
    env_advance(&env, 1000);
  for (guint i = 0; i < N; i++)
    expect(&env, alice, seqs[i], "stored queued attempt-held");
  guint64 id = env_courier(&env, alice), tokens[256];
  guint n = 0;
  for (gsize got; (got = env_attempts(&env, alice, id, 256, tokens, NULL)) > 0;)
    n += got;
  g_assert_cmpuint(n, ==, N); /* none was passed over */
  env_clear(&env);
}

/* 1, 2, 4 ... 300 s between wakes, from the beginning again after a courier was there. */
static void test_pause(void) {
  static const guint pauses[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300};
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000), courier = env_actor(&env, 1000);
  g_autoptr(MsgActor) bob = env_actor(&env, 1001);

  env_agent(&env, alice, "a", "{'policy': <'{}'>}");
  env_agent(&env, alice, "b", "{'policy': <'{}'>}");
  env_agent(&env, bob, "c", "{'policy': <'{}'>}");
  env_send(&env, alice, "a", "x");
  env_send(&env, alice, "b", "x");
  env_send(&env, bob, "c", "x");
  g_assert_cmpuint(wanted(&env, 1000), ==, 1); /* one for all agents of the uid */
  env_send(&env, bob, "c", "x");
  g_assert_cmpuint(wanted(&env, 1001), ==, 0); /* `wanted` above took it */
  for (guint i = 0; i < G_N_ELEMENTS(pauses); i++) {
    env_advance(&env, pauses[i] * SECOND - 1);
    g_assert_cmpuint(wanted(&env, 1000), ==, 0);
    env_send(&env, alice, "a", "more mail does not hurry it");
    g_assert_cmpuint(wanted(&env, 1000), ==, 0);
    env_advance(&env, 1);
    g_assert_cmpuint(wanted(&env, 1000), ==, 1);
  }
  guint64 id = env_courier(&env, courier), tokens[32];
  g_assert_cmpuint(env_attempts(&env, courier, id, 1, tokens, NULL), ==, 1);
  env_notes_clear(&env);
  env_advance(&env, 400 * SECOND);
  g_assert_cmpuint(wanted(&env, 1000), ==, 0);
  env_gone(&env, courier); /* mail still waits: at once, and from the first pause on */
  g_assert_cmpuint(wanted(&env, 1000), ==, 1);
  env_advance(&env, SECOND);
  g_assert_cmpuint(wanted(&env, 1000), ==, 1);
  env_clear(&env);
}

/* Who has read everything needs no courier any more. */
static void test_mail_is_gone(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);

  env_agent(&env, alice, "a", "{'policy': <'{}'>}");
  guint64 sent = env_send(&env, alice, "a", "x");
  MsgDelivery *d = env_take(&env, alice, "a");
  env_ack(&env, alice, d->token);
  msg_delivery_free(d);
  env_notes_clear(&env);
  env_advance(&env, 100 * SECOND);
  g_assert_cmpuint(wanted(&env, 1000), ==, 0);
  expect(&env, alice, sent, "stored queued leased acked");
  g_assert_cmpint(env.wake, >,
                  wg_clock_now(&env.engine->clock) + 1000 * SECOND); /* no timer left */
  guint64 next = env_send(&env, alice, "a", "x"); /* the pause is forgotten, too */
  g_assert_cmpuint(wanted(&env, 1000), ==, 1);
  env_ok(&env, alice, MSG_CALL_PAUSE_AGENT, g_variant_new_parsed("('a', @a{sv} {})"));
  env_advance(&env, 100 * SECOND);
  g_assert_cmpuint(wanted(&env, 1000), ==, 0); /* nothing is handed out: nobody is woken */
  expect(&env, alice, next, "stored queued");
  env_ok(&env, alice, MSG_CALL_RESUME_AGENT, g_variant_new_parsed("('a', @a{sv} {})"));
  g_assert_cmpuint(wanted(&env, 1000), ==, 1);
  env_clear(&env);
}

/* What waited when the service left wakes a courier when it starts; a policy that comes after the
 * mail does, too; and the configuration may forbid it. */
static void test_starts(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);

  env_agent(&env, alice, "a", NULL);
  guint64 sent = env_send(&env, alice, "a", "x");
  g_assert_cmpuint(wanted(&env, 1000), ==, 0);
  g_autoptr(GVariant) r =
      env_ok(&env, alice, MSG_CALL_UPDATE_AGENT, g_variant_new_parsed("('a', {'policy': <'{}'>})"));
  g_assert_cmpuint(wanted(&env, 1000), ==, 1);
  env_restart(&env);
  env_notes_clear(&env);
  env_settle(&env);
  g_assert_cmpuint(wanted(&env, 1000), ==, 1);
  env.settings.wake_couriers = FALSE;
  env_restart(&env);
  g_autoptr(MsgActor) again = env_actor(&env, 1000);
  env_notes_clear(&env);
  env_advance(&env, 4 * SECOND);
  expect(&env, again, sent, "stored queued");
  env_advance(&env, 100 * SECOND);
  g_assert_cmpuint(wanted(&env, 1000), ==, 0);
  expect(&env, again, sent, "stored queued attempt-held");
  env_clear(&env);
}

/* Mail whose next attempt is due later wakes nobody before, whether the service stays or not. */
static void test_due_later(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);
  guint64 token;

  env_agent(&env, alice, "a", "{'policy': <'{}'>}");
  guint64 sent = env_send(&env, alice, "a", "x"), id = env_courier(&env, alice);
  g_assert_cmpuint(env_attempts(&env, alice, id, 1, &token, NULL), ==, 1);
  env_report(&env, alice, token, "held", "{'retry-after': <uint64 3600000000>}");
  env_notes_clear(&env);
  env_gone(&env, alice);
  env_advance(&env, 600 * SECOND);
  env_restart(&env);
  g_autoptr(MsgActor) again = env_actor(&env, 1000);
  env_advance(&env, 2990 * SECOND);
  g_assert_cmpuint(wanted(&env, 1000), ==, 0);
  expect(&env, again, sent, "stored queued attempt-held"); /* what the courier said */
  env_advance(&env, 10 * SECOND);
  g_assert_cmpuint(wanted(&env, 1000), ==, 1);
  env_clear(&env);
}

/* A batch that is rolled back neither loses a wake nor makes one of nothing. */
static void test_rollback(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);

  env_agent(&env, alice, "a", "{'policy': <'{}'>}");
  env_fail_commits(&env, 1);
  guint64 sent = env_send(&env, alice, "a", "x");
  g_assert_cmpuint(env_commits_to_fail(&env), ==, 0);
  g_assert_cmpuint(wanted(&env, 1000), ==, 1);
  env_fail_commits(&env, 1);
  env_advance(&env, 5 * SECOND); /* the wake and the receipt that are due */
  g_assert_cmpuint(env_commits_to_fail(&env), ==, 0);
  env_advance(&env, 6 * SECOND);
  g_assert_cmpuint(wanted(&env, 1000), >=, 1);
  expect(&env, alice, sent, "stored queued attempt-held");
  /* mail that is not stored after all */
  env_fail_commits(&env, 2);
  g_autoptr(GError) error = NULL;
  MsgSend how = {.priority = 4};
  g_assert_cmpuint(env_send_full(&env, alice, "a", "y", &how, &error), ==, 0);
  env_commits_to_fail(&env);
  g_assert_nonnull(error);
  env_notes_clear(&env);
  env_advance(&env, 600 * SECOND);
  g_assert_cmpuint(wanted(&env, 1000), >=, 1);
  env_check(&env);
  env_clear(&env);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/engine/absence/no-session", test_no_session);
  g_test_add_func("/engine/absence/many-notes", test_many_notes);
  g_test_add_func("/engine/absence/pause", test_pause);
  g_test_add_func("/engine/absence/mail-is-gone", test_mail_is_gone);
  g_test_add_func("/engine/absence/starts", test_starts);
  g_test_add_func("/engine/absence/due-later", test_due_later);
  g_test_add_func("/engine/absence/rollback", test_rollback);
  return g_test_run();
}
