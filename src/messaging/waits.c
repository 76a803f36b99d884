/* waits.c: Wait, which answers when a message has a receipt.
 *
 * A Wait that cannot be answered yet is parked under its message's number. A receipt only marks the
 * message; at the end of the batch, when all rows are written, those who wait for a marked one are
 * looked at. On the hot path nobody waits or watches, and a receipt costs two tests. */
#include "messaging/engine-private.h"

typedef struct {
  guint64 seq;
  MsgState state;
  MsgAgent *agent; /* NULL: any */
  guint count;
} Wait;

/* How far the message is: TRUE when `wait` can be answered. */
static gboolean wait_look(MsgEngine *e, const Wait *wait, const MsgMessage *m,
                          gboolean *ret_reached, MsgState *ret_state) {
  guint reached = 0, ended = 0, want = wait->count, of = 0;

  *ret_state = MSG_STATE_NONE;
  for (guint i = 0; i < m->n_recipients; i++) {
    guint64 place = msg_place(m->recipients[i], MSG_LEVELS - 1 - m->priority, m->seq);
    if (wait->agent && wait->agent->id != m->recipients[i])
      continue;
    of++;
    MsgLive *live = msg_live_get(e, place);
    g_autoptr(MsgLive) done = live ? NULL : msg_done_get(e, place);
    const MsgLive *l = live ? live : done;
    if (!l)
      continue;
    gboolean has = l->state == wait->state;
    g_autoptr(GArray) events = msg_history_parse(l->history, l->history_size);
    for (guint k = 0; k < events->len && !has; k++)
      has = g_array_index(events, MsgEvent, k).state == wait->state;
    reached += has;
    /* an acked message may still be replied to, every other end is one */
    ended += !has && msg_state_is_final(l->state) &&
             !(l->state == MSG_STATE_ACKED && wait->state == MSG_EVENT_REPLIED);
    if (!has || *ret_state == MSG_STATE_NONE)
      *ret_state = has ? wait->state : l->state;
  }
  want = want ? MIN(want, MAX(of, 1)) : of;
  *ret_reached = reached >= want;
  if (*ret_reached)
    *ret_state = wait->state;
  return *ret_reached || of - ended < want;
}

static void wait_answer(MsgCallJob *job, gboolean reached, MsgState state) {
  g_clear_pointer(&job->result, g_variant_unref);
  job->result = g_variant_ref_sink(g_variant_new("(bs)", reached, msg_state_name(state)));
}

static void wait_unpark(MsgEngine *e, MsgCallJob *job) {
  GQueue *queue = g_hash_table_lookup(e->waits, &job->about);
  MsgClient *client = msg_client_get(e, job->base.actor->caller, FALSE);

  if (queue && g_queue_remove(queue, job) && queue->length == 0)
    g_hash_table_remove(e->waits, &job->about);
  msg_timer_remove(e, job->timer);
  g_clear_pointer(&job->timer, g_free);
  g_clear_pointer(&job->state, g_free);
  if (client && g_queue_remove(&client->parked, job))
    msg_client_check(e, client);
}

static void wait_finish(MsgEngine *e, MsgCallJob *job, gboolean reached, MsgState state) {
  wait_answer(job, reached, state);
  wait_unpark(e, job);
  wg_writer_complete(e->writer, &job->base.job);
}

void msg_call_finish(MsgEngine *e, MsgCallJob *job) {
  if (job->kind == MSG_CALL_LEASE_ATTEMPTS) {
    msg_attempts_finish(e, job);
    return;
  }
  if (job->kind != MSG_CALL_WAIT) {
    msg_slices_finish(e, job);
    return;
  }
  gboolean reached = FALSE;
  MsgState state = MSG_STATE_NONE;
  g_autoptr(MsgMessage) m = msg_message_load(e, job->about, FALSE, NULL);
  if (m)
    wait_look(e, job->state, m, &reached, &state);
  wait_finish(e, job, reached, state);
}

static void free_queue(gpointer queue) {
  g_queue_free(queue);
}

void msg_waits_init(MsgEngine *e) {
  e->waits = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, free_queue);
}

static void wait_park(MsgEngine *e, MsgCallJob *job, const Wait *wait, guint64 timeout) {
  MsgClient *client = msg_client_get(e, job->base.actor->caller, TRUE);
  GQueue *queue = g_hash_table_lookup(e->waits, &wait->seq);
  MsgTimer *timer = g_new0(MsgTimer, 1);

  if (!queue)
    g_hash_table_insert(e->waits, g_memdup2(&wait->seq, 8), queue = g_queue_new());
  g_queue_push_tail(queue, job);
  g_queue_push_tail(&client->parked, job);
  job->about = wait->seq;
  job->state = g_memdup2(wait, sizeof *wait);
  timer->kind = MSG_TIMER_CALL;
  timer->what = job;
  job->timer = timer;
  msg_timer_add(e, timer, e->now + (gint64)timeout);
}

#define WAIT_MAX (20 * G_USEC_PER_SEC)

WgJobResult msg_call_wait(MsgEngine *e, MsgCallJob *job) {
  GError **error = &job->base.job.error;
  const char *state_name, *agent_name = NULL;
  guint64 timeout = WAIT_MAX;
  g_autoptr(GVariant) options = NULL;
  Wait wait = {0};

  g_variant_get(job->args, "(t&s@a{sv})", &wait.seq, &state_name, &options);
  g_variant_lookup(options, "timeout", "t", &timeout);
  g_variant_lookup(options, "agent", "&s", &agent_name);
  g_variant_lookup(options, "count", "u", &wait.count);
  wait.state = msg_state_from_name(state_name);
  if (wait.state == MSG_STATE_NONE) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                "'%s' is no state; known are stored, scheduled, held, released, queued, announced, "
                "leased, nacked, acked, replied, overdue, dead, requeued, expired, canceled, "
                "attempt-failed, attempt-held",
                state_name);
    return WG_JOB_DONE;
  }
  g_autoptr(MsgMessage) m = msg_message_for(e, &job->base, wait.seq, FALSE, error);
  if (!m || (agent_name && !(wait.agent = msg_agent_find(e, agent_name, error))))
    return WG_JOB_DONE;
  if (wait.agent && !msg_message_place(m, wait.agent->id)) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                "Message %" G_GUINT64_FORMAT " was not sent to agent '%s'", wait.seq, agent_name);
    return WG_JOB_DONE;
  }
  gboolean reached;
  MsgState state;
  if (wait_look(e, &wait, m, &reached, &state) || timeout == 0 || e->draining) {
    wait_answer(job, reached, state);
    return WG_JOB_DONE;
  }
  wait_park(e, job, &wait, MIN(timeout, WAIT_MAX));
  return WG_JOB_PARKED;
}

void msg_waits_unpark_batch(MsgEngine *e, guint64 batch) {
  GHashTableIter iter;
  gpointer queue;
  g_autoptr(GPtrArray) gone = g_ptr_array_new();

  g_hash_table_iter_init(&iter, e->waits);
  while (g_hash_table_iter_next(&iter, NULL, &queue))
    for (GList *l = ((GQueue *)queue)->head; l; l = l->next)
      if (((MsgCallJob *)l->data)->base.job.batch == batch)
        g_ptr_array_add(gone, l->data);
  for (guint i = 0; i < gone->len; i++)
    wait_unpark(e, gone->pdata[i]);
}

/* Waits are looked at when the batch is complete, since rows are written after their receipts. */
static void waits_mark(MsgEngine *e, guint64 seq) {
  if (g_hash_table_contains(e->waits, &seq))
    g_array_append_val(e->waits_touched, seq);
}

void msg_waits_run(MsgEngine *e) {
  for (guint i = 0; i < e->waits_touched->len && !e->failed; i++) {
    guint64 seq = g_array_index(e->waits_touched, guint64, i);
    GQueue *queue = g_hash_table_lookup(e->waits, &seq);
    g_autoptr(MsgMessage) m = queue ? msg_message_load(e, seq, FALSE, NULL) : NULL;
    g_autoptr(GList) jobs = m ? g_list_copy(queue->head) : NULL;
    for (GList *l = jobs; l; l = l->next) {
      MsgCallJob *job = l->data;
      gboolean reached;
      MsgState state;
      if (wait_look(e, job->state, m, &reached, &state))
        wait_finish(e, job, reached, state);
    }
  }
  g_array_set_size(e->waits_touched, 0);
}

void msg_event_happened(MsgEngine *e, MsgAgent *agent, const MsgLive *live, MsgState state,
                        const MsgActor *actor, const char *cause) {
  guint64 seq = msg_place_seq(live->place);

  if (g_hash_table_size(e->waits) > 0)
    waits_mark(e, seq);
  if (g_hash_table_size(e->watches) > 0)
    msg_watches_tell(e, agent, live, state, actor, cause);
}
