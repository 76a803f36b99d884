/* subscribe.c: Subscribe, AddCredits, Unsubscribe: mail pushed to a connection while it has
 * credits. */
#include "messaging/engine-private.h"

#define CREDITS_MAX 10000

static MsgSubscription *subscription_find(MsgEngine *e, const MsgCallJob *job, guint64 id,
                                          GError **error) {
  MsgSubscription *s = g_hash_table_lookup(e->subscriptions, &id);

  if (s && s->caller == job->base.actor->caller)
    return s;
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
              "This connection has no subscription %" G_GUINT64_FORMAT "; Subscribe gives one", id);
  return NULL;
}

WgJobResult msg_call_subscribe(MsgEngine *e, MsgCallJob *job) {
  const char *name;
  guint credits;
  g_autoptr(GVariant) options = NULL;
  GError **error = &job->base.job.error;
  MsgAgent *agent;

  g_variant_get(job->args, "(&su@a{sv})", &name, &credits, &options);
  if (!(agent = msg_agent_find(e, name, error)) ||
      !msg_agent_may(e, agent, job->base.actor, job->base.admin, error))
    return WG_JOB_DONE;
  MsgSubscription *s = g_new0(MsgSubscription, 1);
  s->id = ++e->last_id;
  s->caller = job->base.actor->caller;
  s->actor = msg_actor_ref(job->base.actor);
  s->agent = agent;
  s->made = s->batch = e->batch;
  s->credits = MIN(credits, CREDITS_MAX);
  s->link.data = s;
  g_variant_lookup(options, "lease", "t", &s->lease);
  g_variant_lookup(options, "no-body", "b", &s->no_body);
  g_hash_table_insert(e->subscriptions, g_memdup2(&s->id, 8), s);
  g_queue_push_tail_link(&agent->subscriptions, &s->link);
  g_queue_push_tail(&msg_client_get(e, s->caller, TRUE)->subscriptions, s);
  agent->counts.last_seen = e->now_real;
  msg_agent_dirty(e, agent);
  msg_touch(e, agent);
  job->result = g_variant_ref_sink(g_variant_new("(t)", s->id));
  return WG_JOB_DONE;
}

WgJobResult msg_call_add_credits(MsgEngine *e, MsgCallJob *job) {
  guint64 id;
  guint credits;

  g_variant_get(job->args, "(tu)", &id, &credits);
  MsgSubscription *s = subscription_find(e, job, id, &job->base.job.error);
  if (!s)
    return WG_JOB_DONE;
  msg_subscription_change(e, s);
  s->credits = MIN((guint64)s->credits + credits, CREDITS_MAX);
  msg_touch(e, s->agent);
  job->base.job.early = TRUE;
  job->result = g_variant_ref_sink(g_variant_new("()"));
  return WG_JOB_DONE;
}

WgJobResult msg_call_unsubscribe(MsgEngine *e, MsgCallJob *job) {
  guint64 id;

  g_variant_get(job->args, "(t)", &id);
  MsgSubscription *s = subscription_find(e, job, id, &job->base.job.error);
  if (!s)
    return WG_JOB_DONE;
  msg_subscription_free(e, s);
  job->result = g_variant_ref_sink(g_variant_new("()"));
  return WG_JOB_DONE;
}

void msg_subscription_free(MsgEngine *e, MsgSubscription *s) {
  MsgClient *client = msg_client_get(e, s->caller, FALSE);

  g_queue_unlink(&s->agent->subscriptions, &s->link);
  if (client)
    g_queue_remove(&client->subscriptions, s);
  g_hash_table_remove(e->subscriptions, &s->id);
  msg_actor_unref(s->actor);
  g_free(s);
}

void msg_subscription_change(MsgEngine *e, MsgSubscription *s) {
  if (s->batch == e->batch)
    return;
  s->batch = e->batch;
  s->credits_before = s->credits;
}

/* The jobs of the batch run again: what they made or changed must not be there twice. */
void msg_subscriptions_rollback(MsgEngine *e) {
  g_autoptr(GList) all = g_hash_table_get_values(e->subscriptions);

  for (GList *l = all; l; l = l->next) {
    MsgSubscription *s = l->data;
    if (s->made == e->batch)
      msg_subscription_free(e, s);
    else if (s->batch == e->batch)
      s->credits = s->credits_before;
  }
}

WgJobResult msg_run_block_push(WgJob *job, gpointer engine) {
  MsgClient *client = msg_client_get(engine, ((MsgJob *)job)->actor->caller, FALSE);

  if (client)
    client->push_blocked = TRUE;
  return WG_JOB_DONE;
}

WgJobResult msg_run_resume_push(WgJob *job, gpointer engine) {
  MsgEngine *e = engine;
  MsgClient *client = msg_client_get(e, ((MsgJob *)job)->actor->caller, FALSE);

  if (!client)
    return WG_JOB_DONE;
  client->push_blocked = FALSE;
  for (GList *l = client->subscriptions.head; l; l = l->next)
    msg_touch(e, ((MsgSubscription *)l->data)->agent);
  return WG_JOB_DONE;
}
