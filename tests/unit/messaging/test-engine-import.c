/* test-engine-import.c: mail of an older system. */
#include "engine-faults.h"

#include <string.h>

static void import(Env *env, MsgActor *actor, const char *entries, guint64 *ret_imported,
                   guint64 *ret_duplicates, char **ret_refused) {
  g_autofree char *text = g_strdup_printf("(%s, {'file': <'queue.json'>})", entries);
  g_autoptr(GVariant) r = env_ok(env, actor, MSG_CALL_IMPORT, g_variant_new_parsed(text));
  g_autoptr(GVariant) refused = NULL;

  g_variant_get(r, "(tt@a(us))", ret_imported, ret_duplicates, &refused);
  *ret_refused = g_variant_print(refused, FALSE);
}

static const char entries[] =
    "[{'id': <'two'>, 'from': <'Old'>, 'to': <'new-agent'>, 'body': <b'second'>,"
    "  'time': <uint64 1500000002000000>, 'state': <'queued'>, 'tags': <['old']>},"
    " {'id': <'one'>, 'from': <'Old'>, 'to': <'new-agent'>, 'body': <b'first'>,"
    "  'time': <uint64 1500000001000000>, 'state': <'queued'>},"
    " {'id': <'past'>, 'from': <'Old'>, 'to': <'a'>, 'body': <b'past'>,"
    "  'time': <uint64 1500000000000000>, 'updated': <uint64 1500000009000000>,"
    "  'state': <'history'>},"
    " {'id': <'bad'>, 'from': <'Old'>, 'to': <'a'>, 'body': <b'bad'>,"
    "  'time': <uint64 1500000003000000>, 'state': <'dead'>, 'reason': <'window gone'>},"
    " {'to': <'a'>, 'body': <b'no id'>, 'time': <uint64 1500000004000000>},"
    " {'id': <'x'>, 'to': <'not a name'>, 'body': <b''>},"
    " {'id': <'y'>, 'to': <'a'>, 'body': <b''>, 'state': <'eaten'>}]";

static void test_import(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) root = env_actor(&env, 0), alice = env_actor(&env, 1000);
  guint64 n, again;
  g_autofree char *refused = NULL, *refused2 = NULL;

  env_agent(&env, root, "a", NULL);
  env_refused(&env, alice, MSG_CALL_IMPORT, g_variant_new_parsed("(@aa{sv} [], @a{sv} {})"),
              WG_ERROR_NOT_AUTHORIZED);
  env_fail_commits(&env, 1);
  import(&env, root, entries, &n, &again, &refused);
  env_commits_to_fail(&env);
  g_assert_cmpuint(n, ==, 5);
  g_assert_cmpuint(again, ==, 0);
  g_assert_nonnull(strstr(refused, "(5, "));
  g_assert_nonnull(strstr(refused, "(6, "));
  env_restart(&env);
  import(&env, root, entries, &n, &again, &refused2);
  g_assert_cmpuint(n, ==, 0);
  g_assert_cmpuint(again, ==, 5);
  g_assert_cmpint(env_int(&env, "SELECT count(*) FROM agent"), ==, 2);
  MsgDelivery *d = env_take(&env, root, "new-agent"); /* the older one first */
  g_assert_cmpstr(d->id, ==, "one");
  g_assert_cmpstr(d->from, ==, "Old");
  g_assert_true(d->imported);
  g_assert_cmpint(d->time, ==, G_GINT64_CONSTANT(1500000001000000));
  g_assert_cmpint(memcmp(d->body, "first", 5), ==, 0);
  env_ack(&env, root, d->token);
  msg_delivery_free(d);
  env_check(&env);
  env_clear(&env);
}

static void test_states(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) root = env_actor(&env, 0);
  guint64 n, again;
  g_autofree char *refused = NULL;

  import(&env, root, entries, &n, &again, &refused);
  g_autoptr(GVariant) past =
      env_ok(&env, root, MSG_CALL_FIND_MESSAGE, g_variant_new_parsed("('Old', 'past', @a{sv} {})"));
  guint64 seq;
  g_variant_get(past, "(t)", &seq);
  g_autoptr(GVariant) receipts =
      env_ok(&env, root, MSG_CALL_GET_RECEIPTS, g_variant_new("(ta{sv})", seq, NULL));
  g_autofree char *text = g_variant_print(receipts, FALSE);
  g_assert_nonnull(strstr(text, "'stored', 1500000000000000, 'imported from queue.json'"));
  g_assert_nonnull(
      strstr(text, "'acked', 1500000009000000, 'imported: delivered in the older system'"));
  g_autoptr(GVariant) dead =
      env_ok(&env, root, MSG_CALL_LIST_DEAD, g_variant_new_parsed("(@a{sv} {},)"));
  g_autofree char *dead_text = g_variant_print(dead, FALSE);
  g_assert_nonnull(strstr(dead_text, "'reason': <'window gone'>"));
  g_assert_nonnull(strstr(dead_text, "'from': <'Old'>"));
  /* history is kept as long as if it had ended now, not taken away for its age at once */
  env_advance(&env, 6 * G_TIME_SPAN_DAY);
  g_autofree char *kept = env_state(&env, root, seq, NULL);
  g_assert_cmpstr(kept, ==, "acked");
  env_advance(&env, 2 * G_TIME_SPAN_DAY);
  env_refused(&env, root, MSG_CALL_GET_MESSAGE, g_variant_new("(ta{sv})", seq, NULL),
              WG_ERROR_UNKNOWN_MESSAGE);
  g_clear_pointer(&refused, g_free);
  import(&env, root, entries, &n, &again, &refused); /* and does not come back */
  g_assert_cmpuint(n, ==, 0);
  env_check(&env);
  env_clear(&env);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/engine/import/import", test_import);
  g_test_add_func("/engine/import/states", test_states);
  return g_test_run();
}
