/* test-engine-attempts.c: what a courier says of attempts, and what it may take. */
#include "engine-couriers.h"
#include "engine-faults.h"

#include <string.h>

#define MINUTE ((gint64)G_TIME_SPAN_MINUTE)
#define REFUSED(name) "org.waggle.Error." name

static guint64 send_priority(Env *env, MsgActor *actor, const char *to, guint8 priority) {
  MsgSend how = {.priority = priority};
  guint64 seq = env_send_full(env, actor, to, "x", &how, NULL);

  g_strfreev(how.recipients);
  g_assert_cmpuint(seq, !=, 0);
  return seq;
}

static void test_fields(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);

  env_agent(&env, alice, "a", "{'policy': <'{\"backends\":[]}'>}");
  env_agent(&env, alice, "b", NULL);
  guint64 id = env_courier(&env, alice);
  send_priority(&env, alice, "a", 4);
  send_priority(&env, alice, "b", 9);
  send_priority(&env, alice, "a", 7);
  send_priority(&env, alice, "a", 6);
  g_autoptr(GVariant) one =
      env_attempts_full(&env, alice, id, "{'max': <uint32 9>, 'policy': <true>}");
  g_assert_cmpuint(g_variant_n_children(one), ==, 3); /* b has no policy */
  for (guint i = 0; i < 3; i++) {
    g_autoptr(GVariant) f = env_fields(one, i);
    const char *policy = NULL, *from = NULL;
    gboolean announced = TRUE;
    g_assert_cmpuint(env_field(f, "waiting"), ==, 3);
    g_assert_cmpuint(env_field(f, "urgent"), ==, 1);
    g_assert_cmpuint(env_field(f, "attempts"), ==, 0);
    g_assert_cmpuint(env_field(f, "step"), ==, 0);
    g_assert_true(g_variant_lookup(f, "announced", "b", &announced) && !announced);
    g_assert_true(g_variant_lookup(f, "from", "&s", &from));
    g_assert_true(g_variant_lookup(f, "policy", "&s", &policy));
    g_assert_cmpstr(policy, ==, "{\"backends\":[]}");
  }
  g_autoptr(GVariant) two = env_attempts_full(&env, alice, id, "{'max': <uint32 9>}");
  g_assert_cmpuint(g_variant_n_children(two), ==, 1); /* without: of all */
  g_autoptr(GVariant) f = env_fields(two, 0);
  g_assert_false(g_variant_lookup(f, "policy", "&s", NULL));
  g_assert_cmpuint(env_field(f, "urgent"), ==, 1);
  g_autoptr(GVariant) updated = env_ok(&env, alice, MSG_CALL_UPDATE_AGENT,
                                       g_variant_new_parsed("('b', {'policy': <'{\"x-a\":1}'>})"));
  send_priority(&env, alice, "b", 0);
  g_autoptr(GVariant) three = env_attempts_full(&env, alice, id, "{'policy': <true>}");
  g_assert_cmpuint(g_variant_n_children(three), ==, 1);
  g_autoptr(GVariant) last = env_fields(three, 0);
  const char *now = NULL;
  g_assert_true(g_variant_lookup(last, "policy", "&s", &now));
  g_assert_cmpstr(now, ==, "{\"x-a\":1}");
  env_check(&env);
  env_clear(&env);
}

/* Mail that is announced stays in the queue: what lies behind the window is offered all the same,
 * agents take turns, and each message comes once. */
static void test_behind_the_window(void) {
  enum { N = 700 }; /* a window is loaded by 256 */
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);
  g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);

  env_agent(&env, alice, "a", NULL);
  env_agent(&env, alice, "b", NULL);
  for (guint i = 0; i < N; i++)
    env_send(&env, alice, "a", "x");
  guint64 last = env_send(&env, alice, "b", "x");
  env_restart(&env);
  guint64 id = env_courier(&env, alice), tokens[256], seqs[256];
  guint n = 0, with_b = 0;
  for (guint calls = 1; n < N + 1; calls++) {
    gsize got = env_attempts(&env, alice, id, 256, tokens, seqs);
    g_assert_cmpuint(got, >, 0);
    for (gsize i = 0; i < got; i++) {
      g_assert_true(g_hash_table_add(seen, (gpointer)seqs[i]));
      if (seqs[i] == last)
        with_b = calls;
      env_report(&env, alice, tokens[i], "announced", "@a{sv} {}");
    }
    n += got;
  }
  g_assert_cmpuint(with_b, ==, 2); /* not after all of the other */
  g_assert_cmpuint(env_attempts(&env, alice, id, 256, NULL, NULL), ==, 0);
  guint64 fresh = env_send(&env, alice, "a", "x");
  g_assert_cmpuint(env_attempts(&env, alice, id, 256, NULL, seqs), ==, 1);
  g_assert_cmpuint(seqs[0], ==, fresh);
  env_clear(&env);
}

/* What one batch has no time to look at is looked at in the next ones, and nobody has to ask. */
static void test_long_look(void) {
  enum { N = 300 };
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000), next = env_actor(&env, 1000);
  guint64 tokens[N], seq;

  env_agent(&env, alice, "a", NULL);
  guint64 id = env_courier(&env, alice);
  for (guint i = 0; i < N; i++)
    env_send(&env, alice, "a", "x");
  for (gsize n; (n = env_attempts(&env, alice, id, 256, tokens, NULL)) > 0;)
    while (n-- > 0)
      env_report(&env, alice, tokens[n], "announced", "@a{sv} {}");
  guint64 last = send_priority(&env, alice, "a", 0);
  env_restart(&env);
  env.engine->looks_max = 50;
  guint64 before = env.engine->batch;
  id = env_courier(&env, next);
  g_autoptr(Waiter) w =
      env_call_start(&env, next, MSG_CALL_LEASE_ATTEMPTS,
                     g_variant_new_parsed("(%t, {'wait': <uint64 10000000>})", id));
  env_wait(&env, w);
  g_autoptr(GVariant) list = g_variant_get_child_value(w->result, 0);
  g_assert_cmpuint(g_variant_n_children(list), ==, 1);
  g_variant_get_child(list, 0, "(tt&s@a{sv})", NULL, &seq, NULL, NULL);
  g_assert_cmpuint(seq, ==, last);
  g_assert_cmpuint(env.engine->batch - before, >=, 5); /* 300 by 50 */
  env_clear(&env);
}

static void test_steps(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);
  guint64 token, seq;

  env_agent(&env, alice, "a", NULL);
  guint64 sent = env_send(&env, alice, "a", "x"), id = env_courier(&env, alice);
  g_assert_cmpuint(env_attempts(&env, alice, id, 1, &token, &seq), ==, 1);
  env_refused(&env, alice, MSG_CALL_REPORT_ATTEMPT,
              g_variant_new_parsed("(%t, 'failed', {'step': <uint32 256>})", token),
              WG_ERROR_INVALID_ARGUMENT);
  env_refused(&env, alice, MSG_CALL_REPORT_ATTEMPT,
              g_variant_new_parsed("(%t, 'partial', {'continue': <true>})", token),
              WG_ERROR_INVALID_ARGUMENT);
  env_refused(
      &env, alice, MSG_CALL_REPORT_ATTEMPT,
      g_variant_new_parsed("(%t, 'held', {'continue': <true>, 'retry-after': <uint64 1>})", token),
      WG_ERROR_INVALID_ARGUMENT);
  /* it goes on: its 30 s begin anew each time */
  for (guint i = 1; i <= 3; i++) {
    env_advance(&env, 20 * G_USEC_PER_SEC);
    g_autofree char *options =
        g_strdup_printf("{'continue': <true>, 'step': <uint32 %u>, 'backend': <'tmux'>}", i);
    env_report(&env, alice, token, "failed", options);
    g_assert_cmpuint(env_attempts(&env, alice, id, 1, NULL, NULL), ==, 0);
  }
  env_report(&env, alice, token, "held", "{'step': <uint32 200>, 'retry-after': <uint64 5000000>}");
  g_autofree char *receipts = env_receipts(&env, alice, sent);
  g_assert_cmpstr(receipts, ==,
                  "stored queued attempt-failed attempt-failed attempt-failed attempt-held");
  env_restart(&env);
  g_autoptr(MsgActor) again = env_actor(&env, 1000);
  id = env_courier(&env, again);
  g_assert_cmpuint(env_attempts(&env, again, id, 1, NULL, NULL), ==, 0); /* not before its time */
  env_advance(&env, 5 * G_USEC_PER_SEC);
  g_autoptr(GVariant) list = env_attempts_full(&env, again, id, "@a{sv} {}");
  g_autoptr(GVariant) f = env_fields(list, 0);
  g_assert_cmpuint(env_field(f, "step"), ==, 200);
  g_assert_cmpuint(env_field(f, "attempts"), ==, 4);
  env_clear(&env);
}

/* Announced with a time: offered again then, if it still waits; without: never. Both outlive the
 * service. */
static void test_escalation(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);
  guint64 tokens[4], seqs[4];

  env_agent(&env, alice, "a", NULL);
  guint64 id = env_courier(&env, alice);
  for (guint i = 0; i < 4; i++)
    env_send(&env, alice, "a", "x");
  g_assert_cmpuint(env_attempts(&env, alice, id, 4, tokens, seqs), ==, 4);
  env_report(&env, alice, tokens[0], "announced", "@a{sv} {}");
  for (guint i = 1; i < 4; i++)
    env_report(&env, alice, tokens[i], "announced",
               "{'retry-after': <uint64 300000000>, 'step': <uint32 1>}");
  g_autoptr(GPtrArray) got = env_receive(&env, alice, "a", 2); /* the first two are received */
  g_assert_cmpuint(got->len, ==, 2);
  env_advance(&env, 4 * MINUTE);
  g_assert_cmpuint(env_attempts(&env, alice, id, 4, NULL, NULL), ==, 0);
  env_ack(&env, alice, ((MsgDelivery *)got->pdata[0])->token);
  env_ack(&env, alice, ((MsgDelivery *)got->pdata[1])->token);
  env_restart(&env);
  g_autoptr(MsgActor) again = env_actor(&env, 1000);
  id = env_courier(&env, again);
  g_assert_cmpuint(env_attempts(&env, again, id, 4, NULL, NULL), ==, 0);
  env_notes_clear(&env);
  env_advance(&env, MINUTE);
  g_assert_cmpuint(env_count_notes(&env, MSG_NOTE_ATTEMPTS), ==, 1); /* nobody had to ask */
  g_autoptr(GVariant) list = env_attempts_full(&env, again, id, "{'max': <uint32 4>}");
  g_assert_cmpuint(g_variant_n_children(list), ==, 2);
  for (guint i = 0; i < 2; i++) {
    g_autoptr(GVariant) f = env_fields(list, i);
    gboolean announced = FALSE;
    g_assert_cmpuint(env_field(f, "step"), ==, 1);
    g_assert_true(g_variant_lookup(f, "announced", "b", &announced) && announced);
    g_variant_get_child(list, i, "(tt&s@a{sv})", &tokens[i], &seqs[i], NULL, NULL);
    env_report(&env, again, tokens[i], "announced", "{'step': <uint32 2>}"); /* the last rung */
  }
  env_restart(&env);
  g_autoptr(MsgActor) third = env_actor(&env, 1000);
  id = env_courier(&env, third);
  env_advance(&env, 1000 * MINUTE);
  g_assert_cmpuint(env_attempts(&env, third, id, 4, NULL, NULL), ==, 0);
  /* received and given back: from the beginning, at once */
  MsgDelivery *d = env_take(&env, third, "a");
  g_assert_true(env_nack(&env, third, d->token, MSG_NACK_SILENT, 0, NULL, NULL, NULL));
  msg_delivery_free(d);
  g_autoptr(GVariant) anew = env_attempts_full(&env, third, id, "{'max': <uint32 4>}");
  g_assert_cmpuint(g_variant_n_children(anew), ==, 1);
  g_autoptr(GVariant) f = env_fields(anew, 0);
  g_assert_cmpuint(env_field(f, "step"), ==, 0);
  env_clear(&env);
}

static void test_many(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000), bob = env_actor(&env, 1001);
  guint64 t[4], seqs[4];

  env_agent(&env, alice, "a", NULL);
  guint64 id = env_courier(&env, alice);
  for (guint i = 0; i < 4; i++)
    env_send(&env, alice, "a", "x");
  g_assert_cmpuint(env_attempts(&env, alice, id, 4, t, seqs), ==, 4);
  g_autoptr(GVariant) none =
      env_ok(&env, bob, MSG_CALL_REPORT_ATTEMPTS,
             g_variant_new_parsed("([(%t, 'announced', @a{sv} {})],)", t[0])); /* not another's */
  g_autoptr(GVariant) refused = g_variant_get_child_value(none, 0);
  g_assert_cmpuint(g_variant_n_children(refused), ==, 1);
  g_autoptr(GVariant) r = env_ok(
      &env, alice, MSG_CALL_REPORT_ATTEMPTS,
      g_variant_new_parsed("([(%t, 'announced', @a{sv} {}), (%t, 'eaten', {}), (%t, 'failed', {}), "
                           "(%t, 'held', {}), (%t, 'failed', {})],)",
                           t[0], t[1], t[1], t[2], t[1]));
  g_autoptr(GVariant) list = g_variant_get_child_value(r, 0);
  g_assert_cmpuint(g_variant_n_children(list), ==, 2); /* no such result; reported already */
  const char *names[2];
  guint64 of[2];
  for (guint i = 0; i < 2; i++)
    g_variant_get_child(list, i, "(t&s&s)", &of[i], &names[i], NULL);
  g_assert_true(of[0] == t[1] && of[1] == t[1]);
  g_assert_cmpstr(names[0], ==, REFUSED("InvalidArgument"));
  g_assert_cmpstr(names[1], ==, REFUSED("LeaseExpired"));
  static const char *const receipts[] = {"stored queued announced", "stored queued attempt-failed",
                                         "stored queued attempt-held", "stored queued"};
  for (guint i = 0; i < 4; i++) {
    g_autofree char *have = env_receipts(&env, alice, seqs[i]);
    g_assert_cmpstr(have, ==, receipts[i]);
  }
  env_clear(&env);
}

/* A report that could not be written has not made the attempt's time any longer. */
static void test_renewal_rolled_back(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);
  g_autoptr(GError) error = NULL;
  guint64 token;

  env_agent(&env, alice, "a", NULL);
  guint64 sent = env_send(&env, alice, "a", "x"), id = env_courier(&env, alice);
  g_assert_cmpuint(env_attempts(&env, alice, id, 1, &token, NULL), ==, 1);
  env_advance(&env, 20 * G_USEC_PER_SEC);
  env_fail_commits(&env, 2);
  g_autoptr(GVariant) none =
      env_call(&env, alice, MSG_CALL_REPORT_ATTEMPT,
               g_variant_new_parsed("(%t, 'failed', {'continue': <true>})", token), &error);
  g_assert_true(!none && error && env_commits_to_fail(&env) == 0);
  env_advance(&env, 10 * G_USEC_PER_SEC);
  g_autofree char *receipts = env_receipts(&env, alice, sent);
  g_assert_cmpstr(receipts, ==, "stored queued attempt-failed"); /* by the time, once */
  env_check(&env);
  env_clear(&env);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/engine/attempts/fields", test_fields);
  g_test_add_func("/engine/attempts/behind-the-window", test_behind_the_window);
  g_test_add_func("/engine/attempts/long-look", test_long_look);
  g_test_add_func("/engine/attempts/steps", test_steps);
  g_test_add_func("/engine/attempts/escalation", test_escalation);
  g_test_add_func("/engine/attempts/many", test_many);
  g_test_add_func("/engine/attempts/renewal-rolled-back", test_renewal_rolled_back);
  return g_test_run();
}
