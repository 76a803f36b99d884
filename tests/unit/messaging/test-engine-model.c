/* test-engine-model.c: thousands of random operations, compared with a simple model.
 *
 * The model knows of each message where it must be: waiting, held, leased or ended. Operations are
 * hit by batches that fail at their commit, and by restarts. No acknowledged message may be lost,
 * none delivered that is not waiting, no operation half done; counts are those of the rows. The
 * seed is printed, and taken from the environment variable MODEL_SEED. */
#include "engine-faults.h"

#include <stdlib.h>

#define AGENTS 4
#define OPERATIONS 2000
#define MAX_DELIVERIES 10

typedef enum { WAITING, HELD, LEASED, ENDED, DEAD } Where;

typedef struct {
  guint64 seq, token;
  guint agent, failed, connection;
  Where where;
  gboolean is_volatile, detached, crashed;
  gint64 expires, until; /* BOOTTIME, 0: none */
} Model;

typedef struct {
  Env env;
  GRand *rand;
  GArray *all; /* of Model */
  MsgActor *actor[2];
  guint n_failed, n_done;
} World;

static Model *model_of(World *w, guint64 seq) {
  for (guint i = 0; i < w->all->len; i++) {
    Model *m = &g_array_index(w->all, Model, i);
    if (m->seq == seq)
      return m;
  }
  g_assert_not_reached();
}

/* Some message in `where`; NULL: there is none. */
static Model *some(World *w, Where where) {
  guint n = 0, pick;

  for (guint i = 0; i < w->all->len; i++)
    n += g_array_index(w->all, Model, i).where == where;
  if (n == 0)
    return NULL;
  pick = g_rand_int_range(w->rand, 0, (gint)n);
  for (guint i = 0;; i++)
    if (g_array_index(w->all, Model, i).where == where && pick-- == 0)
      return &g_array_index(w->all, Model, i);
}

static const char *name_of(guint agent) {
  static const char *const names[AGENTS] = {"a", "b", "c", "d"};
  return names[agent];
}

/* A lease has ended without an ack. */
static void returned(World *w, Model *m, guint counts) {
  m->where = WAITING;
  m->token = 0;
  m->failed += counts;
  if (m->failed >= MAX_DELIVERIES)
    m->where = DEAD;
  else if (m->expires && m->expires <= w->env.clock.boottime)
    m->where = ENDED;
}

static void pass_time(World *w) {
  gint64 now = w->env.clock.boottime;

  for (guint i = 0; i < w->all->len; i++) {
    Model *m = &g_array_index(w->all, Model, i);
    if (m->where == LEASED && m->until <= now)
      returned(w, m, TRUE);
    if ((m->where == WAITING || m->where == HELD) && m->expires && m->expires <= now)
      m->where = ENDED;
  }
}

/* ---- operations ---- */
static void op_send(World *w) {
  Model m = {.agent = (guint)g_rand_int_range(w->rand, 0, AGENTS)};
  g_autoptr(GError) error = NULL;
  MsgSend how = {.priority = (guint8)g_rand_int_range(w->rand, 0, 10)};
  g_autofree char *body = g_strnfill((gsize)g_rand_int_range(w->rand, 0, 6000), 'x');

  how.is_volatile = m.is_volatile = g_rand_int_range(w->rand, 0, 8) == 0;
  how.hold = g_rand_int_range(w->rand, 0, 10) == 0;
  if (g_rand_int_range(w->rand, 0, 4) == 0)
    how.delay = (guint64)g_rand_int_range(w->rand, 1, 20) * G_USEC_PER_SEC;
  if (g_rand_int_range(w->rand, 0, 10) == 0)
    how.ttl = (guint64)g_rand_int_range(w->rand, 1, 60) * G_USEC_PER_SEC;
  how.key = g_rand_int_range(w->rand, 0, 3) == 0 ? "k" : NULL;
  m.seq = env_send_full(&w->env, w->actor[0], name_of(m.agent), body, &how, &error);
  w->n_failed += error != NULL;
  if (error)
    return;
  g_assert_cmpuint(m.seq, !=, 0);
  m.where = how.hold ? HELD : WAITING;
  m.expires = how.ttl ? w->env.clock.boottime + (gint64)how.ttl : 0;
  g_array_append_val(w->all, m);
}

static void op_receive(World *w) {
  guint agent = (guint)g_rand_int_range(w->rand, 0, AGENTS), connection = g_rand_boolean(w->rand);
  gboolean detach = g_rand_int_range(w->rand, 0, 4) == 0;
  guint64 lease = (guint64)g_rand_int_range(w->rand, 1, 30) * G_USEC_PER_SEC;
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) got =
      env_receive_full(&w->env, w->actor[connection], name_of(agent),
                       (guint)g_rand_int_range(w->rand, 1, 5), lease, detach, &error);

  w->n_failed += error != NULL;
  g_assert_true(!error || got->len == 0);
  for (guint i = 0; i < got->len; i++) {
    MsgDelivery *d = got->pdata[i];
    Model *m = model_of(w, d->seq);
    g_assert_cmpint(m->where, ==, WAITING);
    g_assert_cmpuint(m->agent, ==, agent);
    m->where = LEASED;
    m->token = d->token;
    m->until = w->env.clock.boottime + (gint64)lease;
    m->detached = detach;
    m->connection = connection;
  }
}

static void op_end(World *w) {
  Model *m = some(w, LEASED);
  MsgLeaseVerb verb = g_rand_int_range(w->rand, 0, 8) == 0   ? MSG_LEASE_TERMINATE
                      : g_rand_int_range(w->rand, 0, 8) == 0 ? MSG_LEASE_DETACH
                                                             : MSG_LEASE_ACK;
  if (!m)
    return;
  g_autoptr(GError) error = NULL;
  guint64 token = m->token;
  if (!env_lease(&w->env, w->actor[0], verb, token, &error)) {
    g_assert_false(g_error_matches(error, WG_ERROR, WG_ERROR_LEASE_EXPIRED));
    w->n_failed++;
    return;
  }
  if (verb == MSG_LEASE_DETACH) {
    m->detached = TRUE;
    return;
  }
  m->where = verb == MSG_LEASE_ACK ? ENDED : DEAD;
  g_assert_false(env_lease(&w->env, w->actor[0], MSG_LEASE_ACK, token, NULL));
}

static void op_nack(World *w) {
  Model *m = some(w, LEASED);
  MsgNackMode mode = (MsgNackMode)g_rand_int_range(w->rand, 0, 4);
  guint64 delay = g_rand_boolean(w->rand) ? G_MAXUINT64 : 0;
  g_autoptr(GError) error = NULL;

  if (!m)
    return;
  if (!env_nack(&w->env, w->actor[1], m->token, mode, delay, "why", NULL, &error)) {
    w->n_failed++;
    return;
  }
  gboolean again = mode == MSG_NACK_CRASH && m->crashed;
  m->crashed = m->crashed || mode == MSG_NACK_CRASH;
  if (mode == MSG_NACK_FATAL || again)
    m->where = DEAD;
  else
    returned(w, m, mode == MSG_NACK_FAIL ? 1 : mode == MSG_NACK_CRASH ? 2 : 0);
}

static void op_advance(World *w) {
  env_commits_to_fail(&w->env); /* a tick that fails is another test's */
  env_advance(&w->env, g_rand_int_range(w->rand, 0, 10) * G_USEC_PER_SEC);
  pass_time(w);
}

static void op_gone(World *w) {
  guint which = g_rand_boolean(w->rand);

  env_commits_to_fail(&w->env);
  env_gone(&w->env, w->actor[which]);
  for (guint i = 0; i < w->all->len; i++) {
    Model *m = &g_array_index(w->all, Model, i);
    if (m->where == LEASED && !m->detached && m->connection == which)
      returned(w, m, TRUE);
  }
  msg_actor_unref(w->actor[which]);
  w->actor[which] = env_actor(&w->env, 1000);
}

static void op_verb(World *w, Where from, MsgCallKind kind, Where to) {
  Model *m = some(w, from);
  g_autoptr(GError) error = NULL;

  if (!m)
    return;
  g_autoptr(GVariant) r =
      env_call(&w->env, w->actor[0], kind,
               g_variant_new("(t@a{sv})", m->seq, g_variant_new_parsed("@a{sv} {}")), &error);
  if (!r) {
    g_assert_false(g_error_matches(error, WG_ERROR, WG_ERROR_INVALID_STATE));
    w->n_failed++;
    return;
  }
  m->where = to;
  if (kind != MSG_CALL_REQUEUE_DEAD)
    return;
  m->failed = 0;
  m->crashed = FALSE;
  m->expires = 0;
}

static void op_restart(World *w) {
  env_commits_to_fail(&w->env);
  env_restart(&w->env);
  for (guint i = 0; i < w->all->len; i++) {
    Model *m = &g_array_index(w->all, Model, i);
    if (m->is_volatile)
      m->where = ENDED;
    else if (m->where == LEASED && !m->detached)
      returned(w, m, FALSE);
  }
  env_settle(&w->env);
  pass_time(w);
}

static void step(World *w) {
  guint what = (guint)g_rand_int_range(w->rand, 0, 1000);

  if (g_rand_int_range(w->rand, 0, 5) == 0)
    env_fail_commits(&w->env, (guint)g_rand_int_range(w->rand, 1, 4));
  if (what < 300)
    op_send(w);
  else if (what < 550)
    op_receive(w);
  else if (what < 700)
    op_end(w);
  else if (what < 800)
    op_nack(w);
  else if (what < 860)
    op_advance(w);
  else if (what < 880)
    op_gone(w);
  else if (what < 900)
    op_verb(w, WAITING, MSG_CALL_CANCEL, ENDED);
  else if (what < 930)
    op_verb(w, WAITING, MSG_CALL_HOLD, HELD);
  else if (what < 960)
    op_verb(w, HELD, MSG_CALL_RELEASE, WAITING);
  else if (what < 980)
    op_verb(w, DEAD, MSG_CALL_REQUEUE_DEAD, WAITING);
  else if (what < 990)
    op_verb(w, DEAD, MSG_CALL_PURGE_DEAD, ENDED);
  else
    op_restart(w);
  env_commits_to_fail(&w->env);
}

/* Everything that must still be there is delivered, once. */
static void drain(World *w) {
  guint left = 0, rounds = 0;

  for (Model *m; (m = some(w, HELD));)
    op_verb(w, HELD, MSG_CALL_RELEASE, WAITING);
  for (guint i = 0; i < w->all->len; i++) {
    Where where = g_array_index(w->all, Model, i).where;
    left += where == WAITING || where == LEASED;
  }
  while (left > 0) {
    g_assert_cmpuint(rounds++, <, 2000);
    env_advance(&w->env, 30 * G_USEC_PER_SEC);
    pass_time(w);
    left = 0;
    for (guint a = 0; a < AGENTS; a++) {
      g_autoptr(GPtrArray) got = env_receive(&w->env, w->actor[0], name_of(a), 256);
      for (guint i = 0; i < got->len; i++) {
        MsgDelivery *d = got->pdata[i];
        Model *m = model_of(w, d->seq);
        g_assert_cmpint(m->where, ==, WAITING);
        env_ack(&w->env, w->actor[0], d->token);
        m->where = ENDED;
        w->n_done++;
      }
    }
    for (guint i = 0; i < w->all->len; i++) {
      Where where = g_array_index(w->all, Model, i).where;
      left += where == WAITING || where == LEASED;
    }
  }
}

static void test_model(void) {
  World w = {0};
  const char *given = g_getenv("MODEL_SEED");
  guint32 seed =
      given ? (guint32)strtoul(given, NULL, 10) : (guint32)g_test_rand_int_range(0, G_MAXINT);

  g_test_message("MODEL_SEED=%u", seed);
  env_init(&w.env);
  w.rand = g_rand_new_with_seed(seed);
  w.all = g_array_new(FALSE, TRUE, sizeof(Model));
  for (guint i = 0; i < 2; i++)
    w.actor[i] = env_actor(&w.env, 1000);
  for (guint i = 0; i < AGENTS; i++)
    env_agent(&w.env, w.actor[0], name_of(i), NULL);
  for (guint i = 0; i < OPERATIONS; i++) {
    step(&w);
    if (i % 100 == 0)
      env_check(&w.env);
  }
  drain(&w);
  env_check(&w.env);
  g_assert_cmpuint(w.n_failed, >, 0);
  g_assert_cmpuint(w.n_done, >, 0);
  for (guint i = 0; i < 2; i++)
    msg_actor_unref(w.actor[i]);
  g_array_unref(w.all);
  g_rand_free(w.rand);
  env_clear(&w.env);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/engine/model", test_model);
  return g_test_run();
}
