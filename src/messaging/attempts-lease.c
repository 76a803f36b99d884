/* attempts-lease.c: LeaseAttempts, which gives a courier the mail that it may tell of.
 *
 * Agents take turns, so that one with much mail does not keep a courier from the others; what an
 * answer has of one agent stands together. Where there is nothing the call is parked. */
#include "messaging/courier.h"

#include <string.h>

#define OFFER_MAX 256
#define OFFER_BYTES (4 * 1024 * 1024)
#define WAIT_MAX (20 * G_USEC_PER_SEC)
#define LEASE_DEFAULT (60 * G_USEC_PER_SEC)
#define LEASE_MAX (10 * G_TIME_SPAN_MINUTE)

typedef struct {
  guint64 max, lease, wait;
  gboolean body, policy;
  MsgCourier *courier;
} Terms;

static gboolean terms_of(MsgEngine *e, MsgCallJob *job, Terms *t, GError **error) {
  guint64 id, wait = 0;
  guint32 max = 1;
  g_autoptr(GVariant) options = NULL;

  g_variant_get(job->args, "(t@a{sv})", &id, &options);
  *t = (Terms){.lease = LEASE_DEFAULT};
  g_variant_lookup(options, "max", "u", &max);
  g_variant_lookup(options, "wait", "t", &wait);
  g_variant_lookup(options, "lease", "t", &t->lease);
  g_variant_lookup(options, "body", "b", &t->body);
  g_variant_lookup(options, "policy", "b", &t->policy);
  t->max = CLAMP(max, 1, OFFER_MAX);
  t->lease = CLAMP(t->lease, G_USEC_PER_SEC, (guint64)LEASE_MAX);
  t->wait = MIN(wait, (guint64)WAIT_MAX);
  t->courier = g_hash_table_lookup(e->couriers, &id);
  if (t->courier && t->courier->actor->caller == job->base.actor->caller)
    return TRUE;
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
              "This connection has no courier %" G_GUINT64_FORMAT "; RegisterCourier gives one",
              id);
  return FALSE;
}

/* An answer that is being made. */
typedef struct {
  const Terms *terms;
  GVariantBuilder list;
  guint n;
  gsize bytes;
} Answer;

static gboolean is_full(const Answer *a) {
  return a->n == a->terms->max || a->bytes >= OFFER_BYTES;
}

static void put_count(GVariantBuilder *d, const char *key, guint64 n) {
  msg_field_put(d, key, g_variant_new_uint32((guint32)MIN(n, G_MAXUINT32)));
}

static void add_state(const MsgAgent *agent, const MsgLive *live, GVariantBuilder *d) {
  gboolean announced = (live->flags & MSG_LIVE_ANNOUNCED) != 0;

  put_count(d, "attempts", live->attempts);
  put_count(d, "step", live->step);
  msg_field_put(d, "announced", g_variant_new_boolean(announced));
  put_count(d, "waiting", agent->counts.queued);
  put_count(d, "urgent", agent->counts.urgent);
  msg_field_put(d, "last-seen", g_variant_new_uint64((guint64)agent->counts.last_seen));
}

/* What the sender, the agent's owner and the body add to an answer, and something for the rest. */
static gsize weight(const MsgMessage *m, const char *policy, gboolean body) {
  return 512 + m->head_size + (policy ? strlen(policy) : 0) + (body ? m->size : 0);
}

static void add_attempt(MsgEngine *e, Answer *answer, MsgAgent *agent, MsgLive *live) {
  const Terms *t = answer->terms;
  gboolean body = t->body && live->size <= MSG_INLINE_MAX;
  g_autoptr(MsgMessage) m = msg_message_load(e, msg_place_seq(live->place), body, NULL);
  const char *policy = t->policy ? agent->policy : NULL;

  if (!m) {
    if (!e->failed)
      msg_live_corrupt(e, agent, live);
    return;
  }
  MsgAttempt *a = msg_attempt_new(e, agent, live->place, t->courier, e->now + (gint64)t->lease);
  GVariantBuilder *d = &answer->list;
  g_variant_builder_open(d, G_VARIANT_TYPE("(ttsa{sv})"));
  g_variant_builder_add_value(d, g_variant_new_uint64(a->token));
  g_variant_builder_add_value(d, g_variant_new_uint64(m->seq));
  g_variant_builder_add_value(d, g_variant_new_string(agent->name));
  g_variant_builder_open(d, G_VARIANT_TYPE_VARDICT);
  msg_message_fields(e, m, d);
  add_state(agent, live, d);
  if (policy)
    msg_field_put(d, "policy", g_variant_new_string(policy));
  if (body && m->body)
    msg_field_put(d, "body", g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, m->body, m->size, 1));
  g_variant_builder_close(d);
  g_variant_builder_close(d);
  answer->bytes += weight(m, policy, body);
  answer->n++;
}

static gboolean takes(const MsgCourier *courier, gboolean policy, const MsgAgent *agent) {
  return !agent->removed && agent->uid == courier->actor->uid && !agent->receivers.head &&
         (!policy || agent->policy);
}

/* How many attempts the job got. */
static guint fill(MsgEngine *e, MsgCallJob *job, const Terms *t) {
  MsgCourier *courier = t->courier;
  Answer answer = {.terms = t};
  guint start = courier->turn, of = e->agents->len;

  g_variant_builder_init(&answer.list, G_VARIANT_TYPE("a(ttsa{sv})"));
  for (guint i = 0; i < of && !is_full(&answer) && !e->failed; i++) {
    guint at = (start + i) % of;
    MsgAgent *agent = e->agents->pdata[at];
    if (!agent || !takes(courier, t->policy, agent))
      continue;
    for (MsgLive *live; !is_full(&answer) && (live = msg_attempt_candidate(e, agent));)
      add_attempt(e, &answer, agent, live);
    courier->turn = at + 1;
  }
  g_clear_pointer(&job->result, g_variant_unref);
  job->result = g_variant_ref_sink(g_variant_new("(a(ttsa{sv})b)", &answer.list, is_full(&answer)));
  courier->told = FALSE;
  courier->policy = t->policy;
  return answer.n;
}

void msg_attempts_unpark(MsgEngine *e, MsgCallJob *job) {
  MsgClient *client = msg_client_get(e, job->base.actor->caller, FALSE);

  g_queue_remove(e->attempt_jobs, job);
  msg_timer_remove(e, job->timer);
  g_clear_pointer(&job->timer, g_free);
  job->state = NULL;
  if (client && g_queue_remove(&client->parked, job))
    msg_client_check(e, client);
}

WgJobResult msg_call_lease_attempts(MsgEngine *e, MsgCallJob *job) {
  Terms terms;

  if (!terms_of(e, job, &terms, &job->base.job.error))
    return WG_JOB_DONE;
  if (fill(e, job, &terms) > 0 || terms.wait == 0 || e->draining || e->failed)
    return WG_JOB_DONE;
  MsgTimer *timer = g_new0(MsgTimer, 1);
  timer->kind = MSG_TIMER_CALL;
  timer->what = job;
  msg_timer_add(e, timer, e->now + (gint64)terms.wait);
  job->timer = timer;
  job->about = terms.courier->id;
  job->state = terms.courier;
  g_queue_push_tail(e->attempt_jobs, job);
  g_queue_push_tail(&msg_client_get(e, job->base.actor->caller, TRUE)->parked, job);
  return WG_JOB_PARKED;
}

MsgCallJob *msg_attempts_parked(MsgEngine *e, const MsgAgent *agent) {
  for (GList *l = e->attempt_jobs->head; l; l = l->next) {
    const MsgCourier *courier = ((MsgCallJob *)l->data)->state;
    if (takes(courier, courier->policy, agent))
      return l->data;
  }
  return NULL;
}

void msg_attempts_finish(MsgEngine *e, MsgCallJob *job) {
  msg_attempts_unpark(e, job);
  wg_writer_complete(e->writer, &job->base.job);
}

void msg_attempts_answer(MsgEngine *e, MsgCallJob *job) {
  Terms terms;
  g_autoptr(GError) error = NULL;

  if (terms_of(e, job, &terms, &error))
    fill(e, job, &terms);
  msg_attempts_finish(e, job);
}
