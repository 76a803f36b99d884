/* engine-mail.c: sending, receiving and leases for the tests; see engine-fixture.h. */
#include "engine-fixture.h"

#include <string.h>

/* ---- mail ---- */
typedef struct {
  MsgSendJob job;
  EnvFlag flag;
} SendCall;

guint64 env_send_full(Env *env, MsgActor *actor, const char *to, const char *body, MsgSend *how,
                      GError **error) {
  EnvFlag flag = {FALSE};
  MsgSendJob job = {.n = 1};

  if (how)
    job.one = *how;
  job.one.to = to;
  job.one.body = body;
  job.one.size = strlen(body);
  if (!how)
    job.one.priority = 4;
  job.items = &job.one;
  job.base = (MsgJob){.job = {.run = msg_run_send, .done = env_flag_done, .new_work = TRUE},
                      .actor = actor,
                      .owner = &flag};
  wg_writer_submit(env->writer, &job.base.job);
  while (!flag.done)
    g_main_context_iteration(NULL, TRUE);
  if (how) {
    how->seq = job.one.seq;
    how->sequence = job.one.sequence;
    how->state = job.one.state;
    how->duplicate = job.one.duplicate;
    how->recipients = g_steal_pointer(&job.one.recipients);
  }
  g_strfreev(job.one.recipients);
  if (!job.base.job.error)
    return job.one.seq;
  g_propagate_error(error, job.base.job.error);
  return 0;
}

guint64 env_send(Env *env, MsgActor *actor, const char *to, const char *body) {
  g_autoptr(GError) error = NULL;
  guint64 seq = env_send_full(env, actor, to, body, NULL, &error);

  g_assert_no_error(error);
  g_assert_cmpuint(seq, !=, 0);
  return seq;
}

typedef struct {
  MsgReceiveJob job;
  char *agent;
  Waiter *waiter;
} ReceiveCall;

static void receive_done(WgJob *job) {
  ReceiveCall *call = (ReceiveCall *)job;

  call->waiter->done = TRUE;
  call->waiter->error = g_steal_pointer(&job->error);
  call->waiter->deliveries = g_steal_pointer(&call->job.deliveries);
  call->waiter->more = call->job.more;
  msg_actor_unref(call->job.base.actor);
  g_free(call->agent);
  g_free(call);
}

static Waiter *receive_start(Env *env, MsgActor *actor, const char *agent, guint max, guint64 wait,
                             guint64 lease, gboolean detach) {
  ReceiveCall *call = g_new0(ReceiveCall, 1);
  Waiter *waiter = call->waiter = g_new0(Waiter, 1);

  call->agent = g_strdup(agent);
  call->job = (MsgReceiveJob){.base = {.job = {.run = msg_run_receive, .done = receive_done},
                                       .actor = msg_actor_ref(actor),
                                       .admin = actor->uid == 0},
                              .agent = call->agent,
                              .max = max,
                              .wait = wait,
                              .lease = lease,
                              .detach = detach,
                              .max_bytes = 4 * 1024 * 1024};
  wg_writer_submit(env->writer, &call->job.base.job);
  return waiter;
}

Waiter *env_receive_start(Env *env, MsgActor *actor, const char *agent, guint max, guint64 wait) {
  Waiter *waiter = receive_start(env, actor, agent, max, wait, 0, FALSE);

  env_barrier(env);
  return waiter;
}

GPtrArray *env_receive_full(Env *env, MsgActor *actor, const char *agent, guint max, guint64 lease,
                            gboolean detach, GError **error) {
  g_autoptr(Waiter) w = receive_start(env, actor, agent, max, 0, lease, detach);

  env_wait(env, w);
  if (w->error)
    g_propagate_error(error, g_steal_pointer(&w->error));
  else if (w->deliveries)
    return g_steal_pointer(&w->deliveries);
  return g_ptr_array_new_with_free_func((GDestroyNotify)msg_delivery_free);
}

GPtrArray *env_receive(Env *env, MsgActor *actor, const char *agent, guint max) {
  g_autoptr(GError) error = NULL;
  GPtrArray *d = env_receive_full(env, actor, agent, max, 0, FALSE, &error);

  g_assert_no_error(error);
  return d;
}

MsgDelivery *env_take(Env *env, MsgActor *actor, const char *agent) {
  g_autoptr(GPtrArray) d = env_receive(env, actor, agent, 1);

  g_assert_cmpuint(d->len, ==, 1);
  return g_ptr_array_steal_index(d, 0);
}

static gboolean lease_call(Env *env, MsgActor *actor, MsgLeaseJob *job, guint64 token,
                           GError **error) {
  EnvFlag flag = {FALSE};

  job->one = token;
  job->tokens = &job->one;
  job->n = 1;
  job->base = (MsgJob){.job = {.run = msg_run_lease, .done = env_flag_done},
                       .actor = actor,
                       .admin = actor->uid == 0,
                       .owner = &flag};
  wg_writer_submit(env->writer, &job->base.job);
  while (!flag.done)
    g_main_context_iteration(NULL, TRUE);
  if (!job->base.job.error)
    return TRUE;
  g_propagate_error(error, job->base.job.error);
  return FALSE;
}

gboolean env_lease(Env *env, MsgActor *actor, MsgLeaseVerb verb, guint64 token, GError **error) {
  MsgLeaseJob job = {.verb = verb, .delay = G_MAXUINT64, .mode = MSG_NACK_FAIL};

  return lease_call(env, actor, &job, token, error);
}

gboolean env_nack(Env *env, MsgActor *actor, guint64 token, MsgNackMode mode, guint64 delay,
                  const char *reason, MsgState *ret_state, GError **error) {
  MsgLeaseJob job = {.verb = MSG_LEASE_NACK, .delay = delay, .mode = mode, .reason = reason};
  gboolean ok = lease_call(env, actor, &job, token, error);

  if (ret_state)
    *ret_state = job.state;
  return ok;
}
