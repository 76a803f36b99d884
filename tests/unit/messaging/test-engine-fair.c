/* test-engine-fair.c: of one level of priority the senders take turns. */
#include "engine-fixture.h"

#define DEEP 5000 /* more than a window has room for */

/* `n` messages at once; their numbers of the pair go up by one each. */
static void send_many(Env *env, MsgActor *actor, const char *from, const char *to, guint n,
                      gboolean is_volatile) {
  EnvFlag flag = {FALSE};
  g_autofree MsgSend *items = g_new0(MsgSend, n);
  MsgSendJob job = {.items = items, .n = n};

  for (guint i = 0; i < n; i++)
    items[i] = (MsgSend){
        .to = to, .from = from, .body = "x", .size = 1, .priority = 4, .is_volatile = is_volatile};
  job.base = (MsgJob){.job = {.run = msg_run_send, .done = env_flag_done, .new_work = TRUE},
                      .actor = actor,
                      .owner = &flag};
  wg_writer_submit(env->writer, &job.base.job);
  while (!flag.done)
    g_main_context_iteration(NULL, TRUE);
  g_assert_no_error(job.base.job.error);
}

/* Receives one: "SENDER NUMBER". */
static char *next(Env *env, MsgActor *actor, const char *agent) {
  MsgDelivery *d = env_take(env, actor, agent);
  char *text = g_strdup_printf("%s %" G_GUINT64_FORMAT, d->from, d->sequence);

  msg_delivery_free(d);
  return text;
}

static void expect(Env *env, MsgActor *actor, const char *agent, const char *const *wanted) {
  for (guint i = 0; wanted[i]; i++) {
    g_autofree char *got = next(env, actor, agent);
    g_assert_cmpstr(got, ==, wanted[i]);
  }
}

static void agents(Env *env, MsgActor *actor) {
  env_agent(env, actor, "to", NULL);
  env_agent(env, actor, "a", NULL);
  env_agent(env, actor, "b", NULL);
  env_agent(env, actor, "c", NULL);
}

/* All the rest, 100 at a time: each sender's numbers go up. Counts what came of each. */
static void drain(Env *env, MsgActor *actor, guint64 last[3]) {
  for (;;) {
    g_autoptr(GPtrArray) got = env_receive(env, actor, "to", 100);
    for (guint i = 0; i < got->len; i++) {
      const MsgDelivery *d = got->pdata[i];
      g_assert_cmpuint(d->sequence, ==, last[d->from[0] - 'a'] + 1);
      last[d->from[0] - 'a']++;
    }
    if (got->len == 0)
      return;
  }
}

static void test_one_among_many(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);
  guint64 last[3] = {3, 1, 2};

  agents(&env, alice);
  for (guint i = 0; i < DEEP / 500; i++)
    send_many(&env, alice, "a", "to", 500, FALSE);
  send_many(&env, alice, "b", "to", 1, FALSE);
  send_many(&env, alice, "c", "to", 2, FALSE);
  expect(&env, alice, "to", (const char *[]){"a 1", "b 1", "c 1", "a 2", "c 2", "a 3", NULL});
  drain(&env, alice, last);
  g_assert_cmpuint(last[0], ==, DEEP);
  env_check(&env);
  env_clear(&env);
}

/* Two deep ones and one that comes and goes; nobody is starved and nothing is lost. */
static void test_deep_ones(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);
  guint64 last[3] = {0};

  agents(&env, alice);
  for (guint i = 0; i < 8; i++) {
    send_many(&env, alice, "a", "to", 400, FALSE);
    send_many(&env, alice, "b", "to", 300, FALSE);
  }
  for (guint i = 0; i < 300; i++) {
    if (i % 3 == 0)
      send_many(&env, alice, "c", "to", 1, FALSE);
    g_autofree char *got = next(&env, alice, "to");
    guint64 n = g_ascii_strtoull(got + 2, NULL, 10);
    g_assert_cmpuint(n, ==, last[got[0] - 'a'] + 1);
    last[got[0] - 'a'] = n;
  }
  g_assert_cmpuint(last[0], ==, last[1]);
  g_assert_cmpuint(last[2], ==, 100);
  send_many(&env, alice, "a", "to", 10, FALSE); /* behind what lies in the store */
  drain(&env, alice, last);
  g_assert_cmpuint(last[0], ==, 3210);
  g_assert_cmpuint(last[1], ==, 2400);
  env_check(&env);
  env_clear(&env);
}

/* What comes back keeps its place among its sender's, and what is in memory only takes turns. */
static void test_back_and_volatile(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);

  agents(&env, alice);
  send_many(&env, alice, "a", "to", 4, FALSE);
  send_many(&env, alice, "b", "to", 2, FALSE);
  MsgDelivery *d = env_take(&env, alice, "to");
  g_assert_true(env_nack(&env, alice, d->token, MSG_NACK_SILENT, 0, NULL, NULL, NULL));
  msg_delivery_free(d);
  expect(&env, alice, "to", (const char *[]){"b 1", "a 1", "b 2", "a 2", NULL});
  send_many(&env, alice, "c", "to", 2, TRUE);
  expect(&env, alice, "to", (const char *[]){"c 1", "a 3", "c 2", "a 4", NULL});
  env_clear(&env);
}

/* After a start the window begins anew: each sender's numbers still go up. */
static void test_restart(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);
  guint64 last[3] = {0};

  agents(&env, alice);
  for (guint i = 0; i < 6; i++) {
    send_many(&env, alice, "a", "to", 500, FALSE);
    send_many(&env, alice, "c", "to", 50, FALSE);
  }
  env_restart(&env);
  for (guint i = 0; i < 100; i++) {
    g_autofree char *got = next(&env, alice, "to");
    g_assert_cmpuint(g_ascii_strtoull(got + 2, NULL, 10), ==, ++last[got[0] - 'a']);
  }
  send_many(&env, alice, "b", "to", 7, FALSE);
  drain(&env, alice, last);
  g_assert_cmpuint(last[0], ==, 3000);
  g_assert_cmpuint(last[1], ==, 7);
  g_assert_cmpuint(last[2], ==, 300);
  env_check(&env);
  env_clear(&env);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/engine/fair/one-among-many", test_one_among_many);
  g_test_add_func("/engine/fair/deep-ones", test_deep_ones);
  g_test_add_func("/engine/fair/back-and-volatile", test_back_and_volatile);
  g_test_add_func("/engine/fair/restart", test_restart);
  return g_test_run();
}
