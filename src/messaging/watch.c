/* watch.c: Watch and Unwatch: events pushed as they are recorded.
 *
 * A watch sees what its caller may see: events of its agents and of messages it sent. It is memory
 * only and ends with the connection. */
#include "messaging/engine-private.h"

#define WATCHES_MAX 64 /* of one connection */

static void watch_free(MsgEngine *e, MsgWatch *w) {
  MsgClient *client = msg_client_get(e, w->actor->caller, FALSE);

  if (client)
    g_queue_remove(&client->watches, w);
  g_hash_table_remove(e->watches, &w->id);
  msg_actor_unref(w->actor);
  g_free(w);
}

WgJobResult msg_call_watch(MsgEngine *e, MsgCallJob *job) {
  GError **error = &job->base.job.error;
  g_autoptr(GVariant) options = g_variant_get_child_value(job->args, 0);
  const char *name = NULL;
  MsgAgent *agent = NULL;

  g_variant_lookup(options, "agent", "&s", &name);
  if (name && !(agent = msg_agent_find(e, name, error)))
    return WG_JOB_DONE;
  MsgClient *client = msg_client_get(e, job->base.actor->caller, TRUE);
  if (client->watches.length >= WATCHES_MAX) {
    g_set_error(error, WG_ERROR, WG_ERROR_LIMITS_EXCEEDED,
                "This connection has %u watches, which is all it may have; Unwatch some",
                client->watches.length);
    return WG_JOB_DONE;
  }
  MsgWatch *w = g_new0(MsgWatch, 1);
  w->actor = msg_actor_ref(job->base.actor);
  w->admin = job->base.admin || job->base.actor->uid == 0;
  w->id = ++e->last_id;
  w->agent = agent;
  g_variant_lookup(options, "final", "b", &w->final);
  w->made = e->batch;
  g_hash_table_insert(e->watches, g_memdup2(&w->id, sizeof w->id), w);
  g_queue_push_tail(&client->watches, w);
  job->result = g_variant_ref_sink(g_variant_new("(t)", w->id));
  return WG_JOB_DONE;
}

WgJobResult msg_call_unwatch(MsgEngine *e, MsgCallJob *job) {
  guint64 id;

  g_variant_get(job->args, "(t)", &id);
  MsgWatch *w = g_hash_table_lookup(e->watches, &id);
  if (!w || w->actor->caller != job->base.actor->caller) {
    g_set_error(&job->base.job.error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                "This connection has no watch %" G_GUINT64_FORMAT "; Watch gives one", id);
    return WG_JOB_DONE;
  }
  MsgClient *client = msg_client_get(e, w->actor->caller, FALSE);
  watch_free(e, w);
  if (client)
    msg_client_check(e, client);
  job->result = g_variant_ref_sink(g_variant_new("()"));
  return WG_JOB_DONE;
}

static gboolean sees(MsgEngine *e, const MsgWatch *w, const MsgAgent *agent, const MsgLive *live,
                     MsgState state) {
  if (w->agent && w->agent != agent)
    return FALSE;
  if (w->final && !msg_state_is_final(state) && state != MSG_EVENT_REPLIED)
    return FALSE;
  if (w->admin || w->actor->uid == agent->uid)
    return TRUE;
  const MsgSender *sender = msg_sender_by_id(e, live->sender);
  return sender && sender->uid == w->actor->uid;
}

static char *actor_text(const MsgActor *actor) {
  if (!actor)
    return g_strdup("waggle-messaged");
  return g_strdup_printf("uid:%u pid:%d%s%s", actor->uid, (int)actor->pid,
                         actor->unit ? " unit:" : "", actor->unit ? actor->unit : "");
}

void msg_watches_tell(MsgEngine *e, MsgAgent *agent, const MsgLive *live, MsgState state,
                      const MsgActor *actor, const char *cause) {
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init(&iter, e->watches);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    const MsgWatch *w = value;
    if (!sees(e, w, agent, live, state))
      continue;
    MsgNote *note = msg_note_add(e, MSG_NOTE_EVENT);
    note->caller = w->actor->caller;
    note->subscription = w->id;
    note->seq = msg_place_seq(live->place);
    note->name = g_strdup(agent->name);
    note->state = state;
    note->time = e->now_real;
    note->cause = g_strdup(cause);
    note->actor_text = actor_text(actor);
  }
}

void msg_watch_gone(MsgEngine *e, MsgClient *client) {
  while (client->watches.head)
    watch_free(e, client->watches.head->data);
}

void msg_watches_rollback(MsgEngine *e) {
  g_autoptr(GList) all = g_hash_table_get_values(e->watches);

  for (GList *l = all; l; l = l->next)
    if (((MsgWatch *)l->data)->made == e->batch)
      watch_free(e, l->data);
}

void msg_watches_free(MsgEngine *e) {
  g_autoptr(GList) all = g_hash_table_get_values(e->watches);

  for (GList *l = all; l; l = l->next)
    watch_free(e, l->data);
}
