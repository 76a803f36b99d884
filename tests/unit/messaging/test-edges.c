/* test-edges.c: who may send to whom, and how long a line of answers may become. */
#include "engine-fixture.h"

#include <glib/gstdio.h>
#include <string.h>

/* Rules of a file in a directory of its own; NULL with `error`. */
static MsgEdges *rules_of(const char *text, GError **error) {
  g_autofree char *dir = g_dir_make_tmp("waggle-edges-XXXXXX", NULL);
  g_autofree char *path = g_build_filename(dir, "edges.conf", NULL);
  const char *dirs[] = {dir, NULL};

  if (text)
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
  MsgEdges *edges = msg_edges_load(dirs, error);
  g_unlink(path);
  g_rmdir(dir);
  return edges;
}

static char *roles[] = {"worker", NULL}, *topics[] = {"news", NULL};
static const MsgEdgeEnd plain = {.name = "alone", .uid = 7}, nobody = {.name = "", .uid = 1000},
                        worker = {.name = "w1", .uid = 1000, .roles = roles, .topics = topics};

static gboolean allows(const char *text, const MsgEdgeEnd *from, const MsgEdgeEnd *to,
                       const char *address) {
  g_autoptr(GError) error = NULL;
  g_autoptr(MsgEdges) edges = rules_of(text, &error);
  g_autofree char *why = NULL;

  g_assert_no_error(error);
  gboolean allowed = msg_edges_allow(edges, from, to, address, &why);
  g_assert_true(allowed == (why == NULL));
  return allowed;
}

static void test_rules(void) {
  g_assert_true(allows(NULL, &plain, &worker, "w1"));
  g_assert_true(allows("# nothing\n\n ; said\n", &plain, &worker, "w1"));
  g_assert_true(allows("allow alone -> w*", &plain, &worker, "w1"));
  g_assert_false(allows("allow alone -> w*", &worker, &plain, "alone")); /* one way */
  g_assert_true(allows("allow alone <-> w?", &worker, &plain, "alone"));
  g_assert_true(allows("allow role:work* -> uid:7", &worker, &plain, "alone"));
  g_assert_false(allows("allow role:x -> *", &worker, &plain, "alone"));
  g_assert_true(allows("allow * -> topic:news", &nobody, &worker, "w1"));
  g_assert_true(allows("allow uid:1000 -> *", &nobody, &plain, "alone"));
  g_assert_true(allows("allow uid:1000 -> *", &worker, &plain, "alone")); /* its agents, too */
  g_assert_false(allows("allow ?* -> *", &nobody, &plain, "alone"));      /* no agent, no name */
  g_assert_false(allows("deny * -> @all\nallow * -> *", &plain, &worker, "@all"));
  g_assert_true(allows("deny * -> @all\nallow * -> *", &plain, &worker, "w1"));
  g_assert_true(allows("allow alone -> w1\ndeny * -> *", &plain, &worker, "w1")); /* the first */
  g_assert_true(allows("\tallow   uid:root ->\t*\r\n", &(MsgEdgeEnd){.name = ""}, &plain, "x"));
}

static void test_refused_files(void) {
  static const char *const bad[] = {"allow a b",
                                    "allow a -> b c",
                                    "permit a -> b",
                                    "allow a => b",
                                    "allow @all -> b",
                                    "allow a <-> @all",
                                    "allow uid:-1 -> b",
                                    "allow role: -> b",
                                    "allow a/b -> c",
                                    "allow uid:no~one -> b",
                                    "allow",
                                    "deny a ->",
                                    "ok\nallow a -> b\n",
                                    "allow a -> b # no",
                                    "allow uid: -> a"};

  for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
    g_autoptr(GError) error = NULL;
    g_assert_null(rules_of(bad[i], &error));
    g_assert_error(error, WG_ERROR, WG_ERROR_CONFIGURATION);
    g_assert_nonnull(strstr(error->message, "edges.conf:1: "));
  }
}

static gboolean sends(Env *env, MsgActor *actor, const char *from, const char *to,
                      const char *wanted) {
  MsgSend how = {.priority = 4, .from = from};
  g_autoptr(GError) error = NULL;
  gboolean sent = env_send_full(env, actor, to, "x", &how, &error) != 0;

  g_strfreev(how.recipients);
  if (!sent) {
    g_assert_error(error, WG_ERROR, WG_ERROR_NOT_AUTHORIZED);
    g_assert_nonnull(strstr(error->message, wanted));
  }
  return sent;
}

static void test_engine(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);
  g_autoptr(MsgEdges) rules =
      rules_of("deny lead -> w2\nallow lead -> role:worker\nallow * -> topic:news", NULL);
  g_auto(GVariantDict) o = G_VARIANT_DICT_INIT(NULL);

  env_agent(&env, alice, "lead", NULL);
  env_agent(&env, alice, "w1", "{'roles': <['worker']>, 'topics': <['news']>}");
  env_agent(&env, alice, "w2", "{'roles': <['worker']>}");
  g_assert_true(sends(&env, alice, "w1", "lead", NULL)); /* no rules */
  env_stop(&env);
  env.settings.edges = rules;
  env_start(&env);
  g_assert_true(sends(&env, alice, "lead", "w1", NULL));
  g_assert_false(sends(&env, alice, "lead", "w2", "edges.conf, line 1"));
  g_assert_false(sends(&env, alice, "w1", "lead", "no rule of /"));
  g_assert_true(sends(&env, alice, "w1", "w1", NULL)); /* itself */
  for (guint i = 0; i < 4; i++)                        /* in turn among those that may be sent to */
    g_assert_true(sends(&env, alice, "lead", "role:worker", NULL));
  g_assert_true(sends(&env, alice, NULL, "topic:news", NULL));
  g_assert_false(sends(&env, alice, NULL, "@all", "Uid 1000"));
  g_autoptr(GPtrArray) none = env_receive(&env, alice, "w2", 1);
  g_assert_cmpuint(none->len, ==, 0);
  /* a dead letter is no way around */
  MsgDelivery *d = env_take(&env, alice, "w1");
  g_assert_true(env_nack(&env, alice, d->token, MSG_NACK_FATAL, 0, "no", NULL, NULL));
  g_variant_dict_insert(&o, "to", "s", "w2");
  env_refused(&env, alice, MSG_CALL_REQUEUE_DEAD,
              g_variant_new("(t@a{sv})", d->seq, g_variant_dict_end(&o)), WG_ERROR_NOT_AUTHORIZED);
  msg_delivery_free(d);
  env_check(&env);
  env_clear(&env);
}

static void test_hops(void) {
  Env env;
  env_init(&env);
  g_autoptr(MsgActor) alice = env_actor(&env, 1000);
  g_autoptr(GError) error = NULL;

  env_agent(&env, alice, "a", NULL);
  env_stop(&env);
  env.settings.max_hops = 3;
  env_start(&env);
  env_send(&env, alice, "a", "x");
  guint64 first = env_send(&env, alice, "a", "x"), last = first;
  for (guint i = 1; i <= 3; i++) {
    MsgSend how = {.priority = 4, .in_reply_to = last};
    last = env_send_full(&env, alice, "a", "x", &how, &error);
    g_assert_no_error(error);
    if (i == 2)
      env_restart(&env);
  }
  MsgSend how = {.priority = 4, .in_reply_to = last};
  g_assert_cmpuint(env_send_full(&env, alice, "a", "x", &how, &error), ==, 0);
  g_assert_error(error, WG_ERROR, WG_ERROR_LIMITS_EXCEEDED);
  g_assert_nonnull(strstr(error->message, "began with message 2,"));
  g_autoptr(GPtrArray) got = env_receive(&env, alice, "a", 9);
  g_assert_cmpuint(got->len, ==, 5);
  for (guint i = 1; i < got->len; i++) {
    const MsgDelivery *d = got->pdata[i];
    g_assert_cmpuint(d->hops, ==, i - 1);
    g_assert_cmpuint(d->chain, ==, i > 1 ? first : 0);
  }
  env_clear(&env);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/edges/rules", test_rules);
  g_test_add_func("/edges/refused-files", test_refused_files);
  g_test_add_func("/edges/engine", test_engine);
  g_test_add_func("/edges/hops", test_hops);
  return g_test_run();
}
