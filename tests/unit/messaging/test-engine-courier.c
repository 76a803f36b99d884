/* test-engine-courier.c: delivery attempts. */
#include "engine-couriers.h"
#include "engine-faults.h"

#include <string.h>

static void report(Env *env, MsgActor *actor, guint64 token, const char *result) {
  env_report(env, actor, token, result, "{'backend': <'tmux'>, 'cause': <'why'>}");
}

static void test_results(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000), bob = env_actor(&env, 1001);
  guint64 token[8], seq[8];

  env_agent(&env, alice, "a", NULL);
  env_agent(&env, bob, "b", NULL);
  for (guint i = 0; i < 4; i++)
    env_send(&env, bob, "a", "x");
  env_send(&env, bob, "b", "x"); /* never seen by a courier of another uid */
  guint64 id = env_courier(&env, alice);
  g_assert_cmpuint(env_count_notes(&env, MSG_NOTE_ATTEMPTS), ==, 1);
  g_assert_cmpuint(env_attempts(&env, alice, id, 8, token, seq), ==, 4);
  g_assert_cmpuint(env_attempts(&env, alice, id, 8, NULL, NULL), ==, 0); /* each once */
  report(&env, alice, token[0], "announced");
  report(&env, alice, token[1], "failed");
  report(&env, alice, token[2], "held");
  report(&env, alice, token[3], "partial");
  env_refused(&env, alice, MSG_CALL_REPORT_ATTEMPT,
              g_variant_new_parsed("(%t, 'failed', @a{sv} {})", token[0]), WG_ERROR_LEASE_EXPIRED);
  env_refused(&env, alice, MSG_CALL_REPORT_ATTEMPT,
              g_variant_new_parsed("(%t, 'eaten', @a{sv} {})", token[0]),
              WG_ERROR_INVALID_ARGUMENT);
  g_autofree char *one = env_receipts(&env, alice, seq[0]),
                  *two = env_receipts(&env, alice, seq[1]),
                  *three = env_receipts(&env, alice, seq[2]);
  g_assert_cmpstr(one, ==, "stored queued announced");
  g_assert_cmpstr(two, ==, "stored queued attempt-failed");
  g_assert_cmpstr(three, ==, "stored queued attempt-held");
  env_advance(&env, 4 * G_USEC_PER_SEC);
  g_assert_cmpuint(env_attempts(&env, alice, id, 8, NULL, NULL), ==, 0);
  env_advance(&env, 2 * G_USEC_PER_SEC); /* their back-off; announced and partial stay quiet */
  guint64 again[8];
  g_assert_cmpuint(env_attempts(&env, alice, id, 8, token, again), ==, 2);
  g_assert_true(again[0] == seq[1] && again[1] == seq[2]);
  g_autoptr(GPtrArray) got = env_receive(&env, alice, "a", 10); /* all were in the queue */
  g_assert_cmpuint(got->len, ==, 4);
  report(&env, alice, token[0], "announced"); /* too late to matter, and no error */
  env_check(&env);
  env_clear(&env);
}

/* Each offer looks at all couriers: one uid cannot make that long for everybody. */
static void test_limit(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000), bob = env_actor(&env, 1001);

  for (guint i = 0; i < 16; i++) {
    g_autofree char *name = g_strdup_printf("({'name': <'c%u'>},)", i);
    g_autoptr(GVariant) r =
        env_ok(&env, alice, MSG_CALL_REGISTER_COURIER, g_variant_new_parsed(name));
  }
  env_refused(&env, alice, MSG_CALL_REGISTER_COURIER,
              g_variant_new_parsed("({'name': <'one-more'>},)"), WG_ERROR_LIMITS_EXCEEDED);
  g_autoptr(GVariant) again =
      env_ok(&env, alice, MSG_CALL_REGISTER_COURIER, g_variant_new_parsed("({'name': <'c3'>},)"));
  env_courier(&env, bob);
  env_gone(&env, alice);
  env_courier(&env, alice);
  env_check(&env);
  env_clear(&env);
}

static void test_waiting(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000), other = env_actor(&env, 1000);
  gboolean more;

  env_agent(&env, alice, "a", NULL);
  guint64 id = env_courier(&env, alice);
  env_refused(&env, other, MSG_CALL_REGISTER_COURIER, g_variant_new_parsed("({'name': <'c'>},)"),
              WG_ERROR_INVALID_STATE);
  g_assert_cmpuint(env_courier(&env, alice), ==, id);
  g_autoptr(Waiter) w =
      env_call_start(&env, alice, MSG_CALL_LEASE_ATTEMPTS,
                     g_variant_new_parsed("(%t, {'wait': <uint64 10000000>})", id));
  env_fail_commits(&env, 1);
  guint64 seq = env_send(&env, alice, "a", "x");
  env_commits_to_fail(&env);
  env_wait(&env, w);
  g_assert_no_error(w->error);
  g_autoptr(GVariant) list = g_variant_get_child_value(w->result, 0);
  g_assert_cmpuint(g_variant_n_children(list), ==, 1);
  g_autoptr(Waiter) empty =
      env_call_start(&env, alice, MSG_CALL_LEASE_ATTEMPTS,
                     g_variant_new_parsed("(%t, {'wait': <uint64 10000000>})", id));
  env_advance(&env, 11 * G_USEC_PER_SEC);
  env_wait(&env, empty);
  g_variant_get_child(empty->result, 1, "b", &more);
  g_assert_false(more);
  /* a courier that does not report, and one that goes */
  env_advance(&env, 60 * G_USEC_PER_SEC);
  g_autofree char *receipts = env_receipts(&env, alice, seq);
  g_assert_cmpstr(receipts, ==, "stored queued attempt-failed");
  env_advance(&env, 6 * G_USEC_PER_SEC); /* the back-off */
  g_assert_cmpuint(env_attempts(&env, alice, id, 1, NULL, NULL), ==, 1);
  env_gone(&env, alice);
  guint64 next = env_courier(&env, other);
  g_assert_cmpuint(env_attempts(&env, other, next, 1, NULL, NULL), ==, 1);
  env_clear(&env);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/engine/courier/results", test_results);
  g_test_add_func("/engine/courier/limit", test_limit);
  g_test_add_func("/engine/courier/waiting", test_waiting);
  return g_test_run();
}
