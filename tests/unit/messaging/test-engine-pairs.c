/* test-engine-pairs.c: the numbers that tell a receiver that nothing of a sender is missing. */
#include "engine-faults.h"

static guint64 sent_as(Env *env, MsgActor *actor, const char *from, const char *to,
                       gboolean is_volatile) {
  MsgSend how = {.priority = 4, .from = from, .is_volatile = is_volatile};
  g_autoptr(GError) error = NULL;

  env_send_full(env, actor, to, "x", &how, &error);
  g_assert_no_error(error);
  return how.sequence;
}

/* What GetMessage tells of the delivery to `agent`; 0: nothing. */
static guint64 told(Env *env, MsgActor *actor, guint64 seq, const char *agent) {
  g_autoptr(GVariant) reply =
      env_ok(env, actor, MSG_CALL_GET_MESSAGE, g_variant_new("(ta{sv})", seq, NULL));
  g_autoptr(GVariant) fields = g_variant_get_child_value(reply, 0);
  g_autoptr(GVariant) all = g_variant_lookup_value(fields, "deliveries", G_VARIANT_TYPE("aa{sv}"));
  guint64 n = 0;

  for (gsize i = 0; i < g_variant_n_children(all); i++) {
    g_autoptr(GVariant) d = g_variant_get_child_value(all, i);
    const char *name = "";
    g_variant_lookup(d, "agent", "&s", &name);
    if (g_str_equal(name, agent))
      g_variant_lookup(d, "sequence", "t", &n);
  }
  return n;
}

static void agents(Env *env, MsgActor *actor) {
  env_agent(env, actor, "a", "{'topics': <['t']>}");
  env_agent(env, actor, "b", "{'topics': <['t']>}");
  env_agent(env, actor, "s", NULL);
}

static void test_each_pair(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);

  agents(&env, alice);
  g_assert_cmpuint(sent_as(&env, alice, "s", "a", FALSE), ==, 1);
  g_assert_cmpuint(sent_as(&env, alice, "s", "b", FALSE), ==, 1);
  g_assert_cmpuint(sent_as(&env, alice, NULL, "a", FALSE), ==, 1);
  g_assert_cmpuint(sent_as(&env, alice, "s", "a", TRUE), ==, 1); /* counted by themselves */
  g_assert_cmpuint(sent_as(&env, alice, "s", "a", FALSE), ==, 2);
  MsgSend how = {.priority = 4, .from = "s", .id = "once"};
  guint64 many = env_send_full(&env, alice, "topic:t", "x", &how, NULL);
  g_strfreev(how.recipients);
  g_assert_cmpuint(how.sequence, ==, 0); /* there are several */
  g_assert_cmpuint(told(&env, alice, many, "a"), ==, 3);
  g_assert_cmpuint(told(&env, alice, many, "b"), ==, 2);
  how = (MsgSend){.priority = 4, .from = "s", .id = "once"};
  env_send_full(&env, alice, "topic:t", "x", &how, NULL); /* a duplicate takes none */
  g_assert_true(how.duplicate);
  g_assert_cmpuint(sent_as(&env, alice, "s", "a", FALSE), ==, 4);
  g_autoptr(GPtrArray) got = env_receive(&env, alice, "b", 9);
  for (guint i = 0; i < got->len; i++)
    g_assert_cmpuint(((MsgDelivery *)got->pdata[i])->sequence, ==, i + 1);
  g_assert_cmpuint(got->len, ==, 2);
  env_check(&env);
  env_clear(&env);
}

static void test_restart(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);

  agents(&env, alice);
  for (guint i = 1; i <= 3; i++)
    g_assert_cmpuint(sent_as(&env, alice, "s", "a", FALSE), ==, i);
  sent_as(&env, alice, "s", "a", TRUE);
  env_restart(&env);
  g_assert_cmpint(env_int(&env, "SELECT count(*) FROM pair WHERE key <> 0"), ==, 0);
  g_assert_cmpuint(sent_as(&env, alice, "s", "a", FALSE), ==, 4);
  g_assert_cmpuint(sent_as(&env, alice, "s", "a", TRUE), ==, 1); /* began anew with the service */
  for (guint i = 5; i <= 1100; i++)
    sent_as(&env, alice, "s", "a", FALSE);
  g_assert_cmpint(env_int(&env, "SELECT last FROM pair WHERE key <> 0"), >=, 1000);
  env_restart(&env);
  g_assert_cmpuint(sent_as(&env, alice, "s", "a", FALSE), ==, 1101);
  env_clear(&env);
}

/* The newest message of a pair goes: its number does not come again. */
static void test_purged(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);

  agents(&env, alice);
  sent_as(&env, alice, "s", "a", FALSE);
  MsgSend how = {.priority = 4, .from = "s"};
  guint64 seq = env_send_full(&env, alice, "a", "x", &how, NULL);
  g_autoptr(GPtrArray) got = env_receive(&env, alice, "a", 2);
  for (guint i = 0; i < 2; i++)
    g_assert_true(env_nack(&env, alice, ((MsgDelivery *)got->pdata[i])->token, MSG_NACK_FATAL, 0,
                           "no", NULL, NULL));
  g_autoptr(GVariant) purged =
      env_ok(&env, alice, MSG_CALL_PURGE_DEAD, g_variant_new("(ta{sv})", seq, NULL));
  env_restart(&env);
  g_assert_cmpuint(sent_as(&env, alice, "s", "a", FALSE), ==, 3);
  env_clear(&env);
}

/* Another receiver, another number; what it had is not given again. */
static void test_requeued_elsewhere(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);
  g_auto(GVariantDict) o = G_VARIANT_DICT_INIT(NULL);

  agents(&env, alice);
  sent_as(&env, alice, "s", "b", FALSE);
  MsgSend how = {.priority = 4, .from = "s"};
  guint64 seq = env_send_full(&env, alice, "a", "x", &how, NULL);
  MsgDelivery *d = env_take(&env, alice, "a");
  g_assert_true(env_nack(&env, alice, d->token, MSG_NACK_FATAL, 0, "no", NULL, NULL));
  msg_delivery_free(d);
  g_variant_dict_insert(&o, "to", "s", "b");
  g_autoptr(GVariant) moved = env_ok(&env, alice, MSG_CALL_REQUEUE_DEAD,
                                     g_variant_new("(t@a{sv})", seq, g_variant_dict_end(&o)));
  g_assert_cmpuint(told(&env, alice, seq, "b"), ==, 2);
  env_restart(&env);
  g_assert_cmpuint(told(&env, alice, seq, "b"), ==, 2);
  g_assert_cmpuint(sent_as(&env, alice, "s", "b", FALSE), ==, 3);
  g_assert_cmpuint(sent_as(&env, alice, "s", "a", FALSE), ==, 2);
  env_clear(&env);
}

/* A batch that is rolled back gives its numbers back. */
static void test_rolled_back(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);
  g_autoptr(GError) error = NULL;

  agents(&env, alice);
  g_assert_cmpuint(sent_as(&env, alice, "s", "a", FALSE), ==, 1);
  env_fail_commits(&env, 1); /* run again, alone */
  g_assert_cmpuint(sent_as(&env, alice, "s", "a", FALSE), ==, 2);
  env_fail_commits(&env, 2);
  MsgSend how = {.priority = 4, .from = "s"};
  g_assert_cmpuint(env_send_full(&env, alice, "a", "x", &how, &error), ==, 0);
  g_assert_nonnull(error);
  g_assert_cmpuint(env_commits_to_fail(&env), ==, 0);
  g_assert_cmpuint(sent_as(&env, alice, "s", "a", FALSE), ==, 3);
  env_check(&env);
  env_clear(&env);
}

/* A store of a version without numbers: its messages have none, the next one is the first. */
static void test_older_store(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);

  agents(&env, alice);
  sent_as(&env, alice, "s", "a", FALSE);
  env_stop(&env);
  env_exec(&env, "UPDATE pair SET last = (SELECT max(seq) FROM message)"); /* as the migration */
  env_start(&env);
  g_assert_cmpuint(sent_as(&env, alice, "s", "a", FALSE), ==, 1);
  env_clear(&env);
}

/* The newest messages may be lost: no number comes twice. */
static void test_salvaged(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);

  agents(&env, alice);
  for (guint i = 0; i < 3; i++)
    sent_as(&env, alice, "s", "a", FALSE);
  env_stop(&env);
  env_exec(&env, "CREATE TABLE strange(x)"); /* not our schema: what is there is taken over */
  env_start(&env);
  env_settle(&env);
  g_assert_cmpuint(sent_as(&env, alice, "s", "a", FALSE), ==, 1000004);
  g_assert_cmpuint(sent_as(&env, alice, "s", "b", FALSE), ==, 1); /* it had none */
  env_clear(&env);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/engine/pairs/each", test_each_pair);
  g_test_add_func("/engine/pairs/restart", test_restart);
  g_test_add_func("/engine/pairs/purged", test_purged);
  g_test_add_func("/engine/pairs/requeued-elsewhere", test_requeued_elsewhere);
  g_test_add_func("/engine/pairs/rolled-back", test_rolled_back);
  g_test_add_func("/engine/pairs/older-store", test_older_store);
  g_test_add_func("/engine/pairs/salvaged", test_salvaged);
  return g_test_run();
}
