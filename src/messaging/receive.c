/* receive.c: Receive, and giving ready mail to those who wait for it.
 *
 * A Receive that finds nothing is parked until mail comes or its time is over; parked ones of an
 * agent are served in their order, then its subscriptions in turn. Dispatching happens at the end
 * of each batch for the agents that got mail in it, so a message can be stored and leased by one
 * commit. */
#include "messaging/engine-private.h"

#define COMMITS_MAX 4 /* more there are when syncs fail */

void msg_commit_note(MsgEngine *e) {
  const MsgCommit commit = {wg_writer_batch(e->writer), e->last_seq};
  guint n = e->commits->len;

  if (commit.seq == (n > 0 ? g_array_index(e->commits, MsgCommit, n - 1).seq : e->seq_on_disk))
    return;
  if (n == COMMITS_MAX)
    g_array_set_size(e->commits, COMMITS_MAX - 1); /* it is told by the one after it */
  g_array_append_val(e->commits, commit);
}

static guint64 seq_on_disk(MsgEngine *e) {
  guint64 on_disk = e->commits->len > 0 ? wg_writer_on_disk(e->writer) : 0;
  guint n = 0;

  while (n < e->commits->len && g_array_index(e->commits, MsgCommit, n).batch <= on_disk)
    e->seq_on_disk = g_array_index(e->commits, MsgCommit, n++).seq;
  if (n > 0)
    g_array_remove_range(e->commits, 0, n);
  return e->seq_on_disk;
}

/* A lease that is bound to a connection ends with the machine at the latest: who gets it need not
 * wait until it is on the disk. But the mail must be there before anybody sees it. */
static gboolean is_fresh(MsgEngine *e, const MsgDelivery *d) {
  return !d->is_volatile && d->seq > seq_on_disk(e);
}

static gboolean take_for(MsgEngine *e, MsgAgent *agent, MsgReceiveJob *j) {
  MsgLeaseTerms terms = {
      .actor = j->base.actor, .lease = j->lease, .detach = j->detach, .no_body = j->no_body};
  gboolean fresh = FALSE;
  guint64 bytes = 0;
  guint large = 0;

  while ((j->deliveries ? j->deliveries->len : 0) < j->max && !e->failed) {
    MsgLive *live = msg_ready_peek(e, agent);
    if (!live)
      break;
    if (bytes > 0 && j->max_bytes && bytes + live->size > j->max_bytes) {
      j->more = TRUE;
      break;
    }
    gboolean is_large = live->size > MSG_INLINE_MAX && !j->no_body;
    if (is_large && large == 16) { /* fds of one D-Bus message */
      j->more = TRUE;
      break;
    }
    MsgDelivery *d = msg_lease_take(e, agent, live, &terms);
    if (!d)
      continue;
    fresh = fresh || is_fresh(e, d);
    bytes += d->size;
    large += is_large;
    if (!j->deliveries)
      j->deliveries = g_ptr_array_new_with_free_func((GDestroyNotify)msg_delivery_free);
    g_ptr_array_add(j->deliveries, d);
  }
  if (!j->deliveries)
    return FALSE;
  j->base.job.early = !fresh && !j->detach;
  j->more = j->more || msg_ready_peek(e, agent) != NULL;
  return TRUE;
}

static void park(MsgEngine *e, MsgAgent *agent, MsgReceiveJob *j) {
  MsgClient *client = msg_client_get(e, j->base.actor->caller, TRUE);
  MsgTimer *timer = g_new0(MsgTimer, 1);

  timer->kind = MSG_TIMER_RECEIVE;
  timer->what = j;
  msg_timer_add(e, timer, e->now + (gint64)j->wait);
  j->timer = timer;
  j->was_parked = TRUE;
  j->queue = agent;
  j->link.data = j;
  g_queue_push_tail_link(&agent->receivers, &j->link);
  g_queue_push_tail(&client->parked, j);
}

static void unpark(MsgEngine *e, MsgReceiveJob *j) {
  MsgAgent *agent = j->queue;
  MsgClient *client = msg_client_get(e, j->base.actor->caller, FALSE);

  msg_timer_remove(e, j->timer);
  g_clear_pointer(&j->timer, g_free);
  g_queue_unlink(&agent->receivers, &j->link);
  j->queue = NULL;
  if (client && g_queue_remove(&client->parked, j))
    msg_client_check(e, client);
}

void msg_receive_finish(MsgEngine *e, MsgReceiveJob *j) {
  unpark(e, j);
  wg_writer_complete(e->writer, &j->base.job);
}

void msg_receive_unpark_batch(MsgEngine *e, guint64 batch) {
  for (guint i = 0; i < e->agents->len; i++) {
    MsgAgent *agent = e->agents->pdata[i];
    for (GList *l = agent ? agent->receivers.head : NULL, *next; l; l = next) {
      next = l->next;
      if (((MsgReceiveJob *)l->data)->base.job.batch == batch)
        unpark(e, l->data);
    }
  }
}

static void push_note(MsgEngine *e, MsgSubscription *s, MsgDelivery *d) {
  MsgNote *note =
      is_fresh(e, d) ? msg_note_add(e, MSG_NOTE_PUSH) : msg_note_add_early(e, MSG_NOTE_PUSH);

  note->caller = s->caller;
  note->subscription = s->id;
  note->delivery = d;
}

/* The next subscription that may get a message; it goes to the end of its turn. */
static MsgSubscription *next_subscription(MsgEngine *e, MsgAgent *agent) {
  for (guint i = 0; i < agent->subscriptions.length; i++) {
    MsgSubscription *s = agent->subscriptions.head->data;
    MsgClient *client = msg_client_get(e, s->caller, FALSE);
    g_queue_unlink(&agent->subscriptions, &s->link);
    g_queue_push_tail_link(&agent->subscriptions, &s->link);
    if (s->credits > 0 && client && !client->push_blocked && !msg_pressure_holds(e, client))
      return s;
  }
  return NULL;
}

void msg_dispatch(MsgEngine *e, MsgAgent *agent) {
  while (agent->receivers.head && !e->failed && msg_ready_peek(e, agent)) {
    MsgReceiveJob *j = agent->receivers.head->data;
    if (take_for(e, agent, j))
      msg_receive_finish(e, j);
  }
  while (agent->subscriptions.head && !e->failed) {
    MsgLive *live = msg_ready_peek(e, agent);
    MsgSubscription *s = live ? next_subscription(e, agent) : NULL;
    if (!s)
      break;
    MsgLeaseTerms terms = {.actor = s->actor, .lease = s->lease, .no_body = s->no_body};
    MsgDelivery *d = msg_lease_take(e, agent, live, &terms);
    if (!d)
      continue;
    msg_subscription_change(e, s);
    s->credits--;
    agent->counts.last_seen = e->now_real;
    push_note(e, s, d);
  }
  if (!e->failed && !agent->receivers.head)
    msg_courier_offer(e, agent);
}

WgJobResult msg_run_receive(WgJob *job, gpointer engine) {
  MsgReceiveJob *j = (MsgReceiveJob *)job;
  MsgEngine *e = engine;
  MsgAgent *agent;

  g_clear_pointer(&j->deliveries, g_ptr_array_unref); /* the job may be run a second time */
  j->more = FALSE;
  if (!(agent = msg_agent_find(e, j->agent, &job->error)) ||
      !msg_agent_may(e, agent, j->base.actor, j->base.admin, &job->error))
    return WG_JOB_DONE;
  agent->counts.last_seen = e->now_real;
  if (take_for(e, agent, j)) {
    msg_agent_dirty(e, agent);
    return WG_JOB_DONE;
  }
  if (j->wait == 0 || e->draining || e->failed)
    return WG_JOB_DONE;
  park(e, agent, j);
  return WG_JOB_PARKED;
}
