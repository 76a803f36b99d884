/* courier.c: couriers register, and mail that nobody waits for is offered to them.
 *
 * A courier only ever sees mail of agents of its own uid. Where none is connected nothing happens
 * but that mail of an agent with a policy gets the receipt "attempt-held: no session", once. */
#include "messaging/courier.h"

#include <string.h>

#define OFFER_MAX 256
#define WAIT_MAX (20 * G_USEC_PER_SEC)
#define LEASE_DEFAULT (60 * G_USEC_PER_SEC)
#define LEASE_MAX (10 * G_TIME_SPAN_MINUTE)

void msg_courier_init(MsgEngine *e) {
  e->couriers = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
  e->attempts = g_hash_table_new(g_int64_hash, g_int64_equal);
  e->attempts_by_place = g_hash_table_new(g_int64_hash, g_int64_equal);
  e->attempts_ended = g_ptr_array_new_with_free_func(g_free);
  e->attempt_jobs = g_queue_new();
}

static void courier_free(MsgEngine *e, MsgCourier *c) {
  MsgClient *client = msg_client_get(e, c->actor->caller, FALSE);

  if (client)
    g_queue_remove(&client->couriers, c);
  g_hash_table_remove(e->couriers, &c->id);
  msg_actor_unref(c->actor);
  g_free(c->name);
  g_free(c);
}

void msg_courier_free(MsgEngine *e) {
  if (!e->couriers)
    return;
  g_autoptr(GList) couriers = g_hash_table_get_values(e->couriers);
  g_autoptr(GList) attempts = g_hash_table_get_values(e->attempts_by_place);

  for (GList *l = couriers; l; l = l->next)
    courier_free(e, l->data);
  g_list_foreach(attempts, (GFunc)(void (*)(void))g_free, NULL);
  g_hash_table_unref(e->couriers);
  g_hash_table_unref(e->attempts);
  g_hash_table_unref(e->attempts_by_place);
  g_ptr_array_unref(e->attempts_ended);
  g_queue_free(e->attempt_jobs);
}

static MsgCourier *courier_named(MsgEngine *e, uid_t uid, const char *name) {
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init(&iter, e->couriers);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    MsgCourier *c = value;
    if (c->actor->uid == uid && g_str_equal(c->name, name))
      return c;
  }
  return NULL;
}

WgJobResult msg_call_register_courier(MsgEngine *e, MsgCallJob *job) {
  GError **error = &job->base.job.error;
  g_autoptr(GVariant) options = g_variant_get_child_value(job->args, 0);
  const char *name = "courier";
  MsgActor *actor = job->base.actor;

  g_variant_lookup(options, "name", "&s", &name);
  if (!msg_name_ok(name)) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_NAME, "'%.80s' is no courier's name", name);
    return WG_JOB_DONE;
  }
  MsgCourier *c = courier_named(e, actor->uid, name);
  if (c && c->actor->caller != actor->caller) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_STATE,
                "Uid %u has a courier '%s' already (pid %d); there is one of a name at a time",
                actor->uid, name, (int)c->actor->pid);
    return WG_JOB_DONE;
  }
  if (!c) {
    c = g_new0(MsgCourier, 1);
    c->id = ++e->last_id;
    c->actor = msg_actor_ref(actor);
    c->name = g_strdup(name);
    c->made = e->batch;
    g_hash_table_insert(e->couriers, g_memdup2(&c->id, sizeof c->id), c);
    g_queue_push_tail(&msg_client_get(e, actor->caller, TRUE)->couriers, c);
    for (guint i = 0; i < e->agents->len; i++) { /* what waits already is looked at */
      MsgAgent *agent = e->agents->pdata[i];
      if (!agent || agent->removed || agent->uid != actor->uid)
        continue;
      memset(agent->offered, 0, sizeof agent->offered);
      msg_touch(e, agent);
    }
  }
  job->result = g_variant_ref_sink(g_variant_new("(t)", c->id));
  return WG_JOB_DONE;
}

/* ---- LeaseAttempts ---- */
typedef struct {
  guint64 max, lease;
  gboolean body;
  MsgCourier *courier;
} Terms;

static gboolean terms_of(MsgEngine *e, MsgCallJob *job, Terms *t, guint64 *ret_wait,
                         GError **error) {
  guint64 id, wait = 0;
  guint32 max = 1;
  g_autoptr(GVariant) options = NULL;

  g_variant_get(job->args, "(t@a{sv})", &id, &options);
  *t = (Terms){.lease = LEASE_DEFAULT};
  g_variant_lookup(options, "max", "u", &max);
  g_variant_lookup(options, "wait", "t", &wait);
  g_variant_lookup(options, "lease", "t", &t->lease);
  g_variant_lookup(options, "body", "b", &t->body);
  t->max = CLAMP(max, 1, OFFER_MAX);
  t->lease = CLAMP(t->lease, G_USEC_PER_SEC, (guint64)LEASE_MAX);
  *ret_wait = MIN(wait, (guint64)WAIT_MAX);
  t->courier = g_hash_table_lookup(e->couriers, &id);
  if (t->courier && t->courier->actor->caller == job->base.actor->caller)
    return TRUE;
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
              "This connection has no courier %" G_GUINT64_FORMAT "; RegisterCourier gives one",
              id);
  return FALSE;
}

static void add_attempt(MsgEngine *e, const Terms *t, MsgAgent *agent, const MsgLive *live,
                        GVariantBuilder *list) {
  gboolean body = t->body && live->size <= MSG_INLINE_MAX;
  g_autoptr(MsgMessage) m = msg_message_load(e, msg_place_seq(live->place), body, NULL);

  if (!m)
    return; /* a receiver will find it damaged */
  MsgAttempt *a = msg_attempt_new(e, agent, live->place, t->courier, e->now + (gint64)t->lease);
  g_auto(GVariantDict) d = G_VARIANT_DICT_INIT(NULL);
  msg_message_fields(e, m, &d);
  if (body && m->body)
    g_variant_dict_insert_value(
        &d, "body", g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, m->body, m->size, 1));
  g_variant_builder_add(list, "(tts@a{sv})", a->token, m->seq, agent->name, g_variant_dict_end(&d));
}

/* How many attempts the job got. */
static guint fill(MsgEngine *e, MsgCallJob *job, const Terms *t) {
  GVariantBuilder list;
  guint n = 0;

  g_variant_builder_init(&list, G_VARIANT_TYPE("a(ttsa{sv})"));
  for (guint i = 0; i < e->agents->len && n < t->max; i++) {
    MsgAgent *agent = e->agents->pdata[i];
    if (!agent || agent->removed || agent->uid != t->courier->actor->uid || agent->receivers.head)
      continue;
    for (MsgLive *live; n < t->max && (live = msg_attempt_candidate(e, agent)); n++)
      add_attempt(e, t, agent, live, &list);
  }
  g_clear_pointer(&job->result, g_variant_unref);
  job->result = g_variant_ref_sink(g_variant_new("(a(ttsa{sv})b)", &list, n == t->max));
  t->courier->told = FALSE;
  return n;
}

static void unpark(MsgEngine *e, MsgCallJob *job) {
  MsgClient *client = msg_client_get(e, job->base.actor->caller, FALSE);

  g_queue_remove(e->attempt_jobs, job);
  msg_timer_remove(e, job->timer);
  g_clear_pointer(&job->timer, g_free);
  if (client && g_queue_remove(&client->parked, job))
    msg_client_check(e, client);
}

WgJobResult msg_call_lease_attempts(MsgEngine *e, MsgCallJob *job) {
  guint64 wait;
  Terms terms;

  if (!terms_of(e, job, &terms, &wait, &job->base.job.error))
    return WG_JOB_DONE;
  if (fill(e, job, &terms) > 0 || wait == 0 || e->draining || e->failed)
    return WG_JOB_DONE;
  MsgTimer *timer = g_new0(MsgTimer, 1);
  timer->kind = MSG_TIMER_CALL;
  timer->what = job;
  msg_timer_add(e, timer, e->now + (gint64)wait);
  job->timer = timer;
  job->about = terms.courier->id;
  g_queue_push_tail(e->attempt_jobs, job);
  g_queue_push_tail(&msg_client_get(e, job->base.actor->caller, TRUE)->parked, job);
  return WG_JOB_PARKED;
}

void msg_attempts_finish(MsgEngine *e, MsgCallJob *job) {
  unpark(e, job);
  wg_writer_complete(e->writer, &job->base.job);
}

/* ---- offering ---- */
/* A courier of this uid that waits in LeaseAttempts; NULL: none. */
static MsgCallJob *waiting_job(MsgEngine *e, uid_t uid) {
  for (GList *l = e->attempt_jobs->head; l; l = l->next)
    if (((MsgCallJob *)l->data)->base.actor->uid == uid)
      return l->data;
  return NULL;
}

static void tell_couriers(MsgEngine *e, MsgAgent *agent) {
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init(&iter, e->couriers);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    MsgCourier *c = value;
    if (c->actor->uid != agent->uid || c->told || !msg_attempt_waits(e, agent))
      continue;
    c->told = TRUE;
    MsgNote *note = msg_note_add(e, MSG_NOTE_ATTEMPTS);
    note->caller = c->actor->caller;
    note->subscription = c->id;
    note->n = 1;
  }
}

static gboolean has_courier(MsgEngine *e, uid_t uid) {
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init(&iter, e->couriers);
  while (g_hash_table_iter_next(&iter, NULL, &value))
    if (((MsgCourier *)value)->actor->uid == uid)
      return TRUE;
  return FALSE;
}

static void note_no_session(MsgEngine *e, MsgAgent *agent) {
  MsgLive *live;

  for (guint i = 0; i < OFFER_MAX && (live = msg_attempt_candidate(e, agent)) && !e->failed; i++) {
    if (live->flags & MSG_LIVE_NO_SESSION)
      continue;
    live->flags |= MSG_LIVE_NO_SESSION;
    msg_live_note(e, agent, live, MSG_EVENT_ATTEMPT_HELD, NULL, "no session");
  }
}

void msg_courier_offer(MsgEngine *e, MsgAgent *agent) {
  if (g_hash_table_size(e->couriers) == 0 || !has_courier(e, agent->uid)) {
    if (G_UNLIKELY(agent->has_policy))
      note_no_session(e, agent);
    return;
  }
  for (MsgCallJob *job; (job = waiting_job(e, agent->uid)) && msg_attempt_waits(e, agent);) {
    guint64 wait;
    Terms terms;
    g_autoptr(GError) error = NULL;
    if (terms_of(e, job, &terms, &wait, &error))
      fill(e, job, &terms);
    msg_attempts_finish(e, job);
  }
  tell_couriers(e, agent);
}

void msg_courier_gone(MsgEngine *e, MsgClient *client) {
  while (client->couriers.head) {
    MsgCourier *c = client->couriers.head->data;
    msg_attempts_of_gone(e, c);
    courier_free(e, c);
  }
}

void msg_attempts_unpark_batch(MsgEngine *e, guint64 batch) {
  g_autoptr(GList) jobs = g_list_copy(e->attempt_jobs->head);
  g_autoptr(GList) couriers = g_hash_table_get_values(e->couriers);

  for (GList *l = jobs; l; l = l->next)
    if (((MsgCallJob *)l->data)->base.job.batch == batch)
      unpark(e, l->data);
  msg_attempts_undo(e);
  for (GList *l = couriers; l; l = l->next) {
    MsgCourier *c = l->data;
    c->told = FALSE;
    if (c->made == e->batch)
      courier_free(e, c);
  }
}
