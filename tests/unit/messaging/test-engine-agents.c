/* test-engine-agents.c: registering, changing, pausing and removing agents. */
#include "engine-fixture.h"

#include <string.h>

static void test_register(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000), bob = env_actor(&env, 1001),
                      root = env_actor(&env, 0);
  gboolean created;
  const char *name;

  g_autoptr(GVariant) first =
      env_ok(&env, alice, MSG_CALL_REGISTER_AGENT,
             g_variant_new_parsed("('builder', {'description': <'d'>, 'roles': <['build']>})"));
  g_variant_get(first, "(&sb)", &name, &created);
  g_assert_cmpstr(name, ==, "builder");
  g_assert_true(created);
  g_autoptr(GVariant) again =
      env_ok(&env, alice, MSG_CALL_REGISTER_AGENT,
             g_variant_new_parsed("('builder', {'metadata': <{'k': 'v'}>})"));
  g_variant_get(again, "(&sb)", &name, &created);
  g_assert_false(created);
  env_refused(&env, bob, MSG_CALL_REGISTER_AGENT, g_variant_new_parsed("('builder', @a{sv} {})"),
              WG_ERROR_AGENT_EXISTS);
  env_refused(&env, bob, MSG_CALL_REGISTER_AGENT,
              g_variant_new_parsed("('other', {'uid': <uint32 1000>})"), WG_ERROR_NOT_AUTHORIZED);
  g_autoptr(GVariant) given = env_ok(&env, root, MSG_CALL_REGISTER_AGENT,
                                     g_variant_new_parsed("('other', {'uid': <uint32 1000>})"));
  /* the options of both calls are there, also after a restart; private ones only for the owner */
  for (guint i = 0; i < 2; i++) {
    g_autoptr(GVariant) a =
        env_ok(&env, alice, MSG_CALL_GET_AGENT, g_variant_new("(s)", "builder"));
    g_autofree char *text = g_variant_print(a, FALSE);
    g_assert_nonnull(strstr(text, "'description': <'d'>"));
    g_assert_nonnull(strstr(text, "'roles': <['build']>"));
    g_assert_nonnull(strstr(text, "'metadata': <{'k': 'v'}>"));
    g_autoptr(GVariant) b = env_ok(&env, bob, MSG_CALL_GET_AGENT, g_variant_new("(s)", "builder"));
    g_autofree char *other = g_variant_print(b, FALSE);
    g_assert_null(strstr(other, "metadata"));
    env_restart(&env);
  }
  env_refused(&env, alice, MSG_CALL_GET_AGENT, g_variant_new("(s)", "bilder"),
              WG_ERROR_UNKNOWN_AGENT);
  env_clear(&env);
}

static void test_refusals(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);
  static const struct {
    const char *args;
    WgErrorCode code;
  } bad[] = {
      {"('', @a{sv} {})", WG_ERROR_INVALID_NAME},
      {"('-x', @a{sv} {})", WG_ERROR_INVALID_NAME},
      {"('a/b', @a{sv} {})", WG_ERROR_INVALID_NAME},
      {"('a', {'roles': <['a:b']>})", WG_ERROR_INVALID_NAME},
      {"('a', {'rate': <-1.0>})", WG_ERROR_INVALID_ARGUMENT},
      {"('a', {'rate': <uint64 1>})", WG_ERROR_INVALID_ARGUMENT},
      {"('a', {'balance': <'random'>})", WG_ERROR_INVALID_ARGUMENT},
      {"('a', {'backoff': <[uint64 1, 99999999999999]>})", WG_ERROR_INVALID_ARGUMENT},
      {"('a', {'unset': <['rolls']>})", WG_ERROR_INVALID_ARGUMENT},
  };

  for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
    env_refused(&env, alice, MSG_CALL_REGISTER_AGENT, g_variant_new_parsed(bad[i].args),
                bad[i].code);
  g_autofree char *longer = g_strnfill(65, 'a'), *longest = g_strnfill(1025, 'd');
  env_refused(&env, alice, MSG_CALL_REGISTER_AGENT, g_variant_new("(sa{sv})", longer, NULL),
              WG_ERROR_INVALID_NAME);
  env_refused(&env, alice, MSG_CALL_REGISTER_AGENT,
              g_variant_new_parsed("('a', {'description': <%s>})", longest),
              WG_ERROR_INVALID_ARGUMENT);
  env_clear(&env);
}

static void test_limits(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);

  for (guint i = 0; i < 100; i++) {
    g_autofree char *name = g_strdup_printf("a%u", i);
    env_agent(&env, alice, name, NULL);
  }
  env_refused(&env, alice, MSG_CALL_REGISTER_AGENT, g_variant_new_parsed("('more', @a{sv} {})"),
              WG_ERROR_LIMITS_EXCEEDED);
  g_autoptr(GVariant) gone =
      env_ok(&env, alice, MSG_CALL_UNREGISTER_AGENT, g_variant_new_parsed("('a0', @a{sv} {})"));
  env_agent(&env, alice, "more", NULL);
  env_clear(&env);
}

static void test_pause(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000), bob = env_actor(&env, 1001);
  gint64 until = env.clock.realtime + 60 * G_USEC_PER_SEC;

  env_agent(&env, alice, "a", NULL);
  env_refused(&env, bob, MSG_CALL_PAUSE_AGENT, g_variant_new("(sa{sv})", "a", NULL),
              WG_ERROR_NOT_AUTHORIZED);
  env_refused(&env, alice, MSG_CALL_PAUSE_AGENT,
              g_variant_new_parsed("('a', {'until': <uint64 5>})"), WG_ERROR_INVALID_ARGUMENT);
  g_autoptr(GVariant) p =
      env_ok(&env, alice, MSG_CALL_PAUSE_AGENT,
             g_variant_new_parsed("('a', {'until': <%t>, 'reason': <'r'>})", (guint64)until));
  env_send(&env, bob, "a", "x");
  g_autoptr(GPtrArray) none = env_receive(&env, alice, "a", 1);
  g_assert_cmpuint(none->len, ==, 0);
  env_restart(&env);
  g_autoptr(Waiter) w = env_receive_start(&env, alice, "a", 1, 120 * G_USEC_PER_SEC);
  env_advance(&env, 59 * G_USEC_PER_SEC);
  g_assert_false(w->done);
  env_advance(&env, 2 * G_USEC_PER_SEC); /* the pause lapses, and who waits gets the mail */
  env_wait(&env, w);
  g_assert_cmpuint(w->deliveries->len, ==, 1);
  env_restart(&env);
  g_assert_cmpint(env_int(&env, "SELECT paused FROM agent"), ==, 0);
  env_clear(&env);
}

static void test_remove(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000), bob = env_actor(&env, 1001);
  guint64 dead;

  env_agent(&env, alice, "a", NULL);
  guint64 seq = env_send(&env, bob, "a", "x");
  for (guint i = 0; i < 700; i++)
    env_send(&env, bob, "a", "x");
  MsgDelivery *d = env_take(&env, alice, "a");
  env_refused(&env, alice, MSG_CALL_UNREGISTER_AGENT, g_variant_new("(sa{sv})", "a", NULL),
              WG_ERROR_AGENT_BUSY);
  g_autoptr(GVariant) r = env_ok(&env, alice, MSG_CALL_UNREGISTER_AGENT,
                                 g_variant_new_parsed("('a', {'force': <true>})"));
  g_variant_get(r, "(t)", &dead);
  g_assert_cmpuint(dead, ==, 701);
  env_agent(&env, bob, "a", NULL); /* the name is free at once, and it is another agent */
  env_restart(&env);               /* what is left goes on afterwards */
  env_settle(&env);
  g_assert_cmpint(env_int(&env, "SELECT count(*) FROM dead"), ==, 701);
  g_assert_cmpint(env_int(&env, "SELECT count(*) FROM live"), ==, 0);
  g_autofree char *state = env_state(&env, bob, seq, NULL);
  g_assert_cmpstr(state, ==, "dead");
  g_autoptr(GError) error = NULL;
  g_assert_false(env_lease(&env, alice, MSG_LEASE_ACK, d->token, &error));
  g_assert_error(error, WG_ERROR, WG_ERROR_LEASE_EXPIRED);
  g_autoptr(GPtrArray) none = env_receive(&env, bob, "a", 1);
  g_assert_cmpuint(none->len, ==, 0);
  msg_delivery_free(d);
  env_check(&env);
  env_clear(&env);
}

static void test_damaged_row(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);

  env_agent(&env, alice, "a", "{'description': <'hello'>}");
  env_agent(&env, alice, "b", "{'description': <'hello'>}");
  env_send(&env, alice, "a", "x");
  env_stop(&env);
  env_exec(&env,
           "UPDATE agent SET info = replace(info, x'68656c6c6f', x'68656c6c70') WHERE id = 1");
  env_start(&env);
  g_assert_cmpint(env_int(&env, "SELECT count(*) FROM quarantine WHERE source = 'agent'"), ==, 1);
  MsgDelivery *d = env_take(&env, alice, "a"); /* its mail is there */
  msg_delivery_free(d);
  g_autoptr(GVariant) b = env_ok(&env, alice, MSG_CALL_GET_AGENT, g_variant_new("(s)", "b"));
  g_autofree char *text = g_variant_print(b, FALSE);
  g_assert_nonnull(strstr(text, "hello"));
  env_restart(&env);
  g_assert_cmpint(env_int(&env, "SELECT count(*) FROM quarantine"), ==, 1);
  env_clear(&env);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/engine/agents/register", test_register);
  g_test_add_func("/engine/agents/refusals", test_refusals);
  g_test_add_func("/engine/agents/limits", test_limits);
  g_test_add_func("/engine/agents/pause", test_pause);
  g_test_add_func("/engine/agents/remove", test_remove);
  g_test_add_func("/engine/agents/damaged-row", test_damaged_row);
  return g_test_run();
}
