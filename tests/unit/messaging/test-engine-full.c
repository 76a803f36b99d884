/* test-engine-full.c: a store without room: new mail is refused, what is stored goes on. */
#include "engine-fixture.h"

typedef struct {
  MsgJob base;
  const char *sql;
} SqlJob;

static WgJobResult run_sql(WgJob *job, gpointer engine) {
  wg_store_exec(((MsgEngine *)engine)->db, ((SqlJob *)job)->sql, NULL);
  return WG_JOB_DONE;
}

static void set_pages(Env *env, const char *sql) {
  EnvFlag flag = {FALSE};
  SqlJob job = {.base = {.job = {.run = run_sql, .done = env_flag_done}, .owner = &flag},
                .sql = sql};

  wg_writer_submit(env->writer, &job.base.job);
  while (!flag.done)
    g_main_context_iteration(NULL, TRUE);
}

static void test_full(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);
  g_autofree char *body = g_strnfill(20000, 'x');
  g_autoptr(GError) error = NULL;
  guint sent = 0;

  env_agent(&env, alice, "a", NULL);
  for (; sent < 20; sent++)
    env_send(&env, alice, "a", body);
  set_pages(&env, "PRAGMA max_page_count = 200");
  for (guint64 seq; (seq = env_send_full(&env, alice, "a", body, NULL, &error)) != 0; sent++)
    g_assert_cmpuint(sent, <, 200);
  g_assert_error(error, WG_ERROR, WG_ERROR_STORE_FULL);
  env_check(&env); /* a refused message leaves nothing, in memory or in the store */
  for (guint i = 0; i < sent / 2; i++) { /* reading goes on, and makes room */
    MsgDelivery *d = env_take(&env, alice, "a");
    env_ack(&env, alice, d->token);
    msg_delivery_free(d);
  }
  env_check(&env);
  set_pages(&env, "PRAGMA max_page_count = 100000");
  while (wg_writer_state(env.writer) != WG_STORE_OK) /* it looks by itself */
    g_main_context_iteration(NULL, TRUE);
  for (guint i = 0; i < 5; i++, sent++)
    env_send(&env, alice, "a", body);
  env_restart(&env);
  g_autoptr(GPtrArray) rest = env_receive(&env, alice, "a", 256);
  g_assert_cmpuint(rest->len, ==, sent - (sent - 5) / 2);
  env_check(&env);
  env_clear(&env);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/engine/full", test_full);
  return g_test_run();
}
