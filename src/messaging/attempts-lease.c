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

static void agent_clear(gpointer data) {
  MsgOfferAgent *agent = data;

  g_free(agent->name);
  g_free(agent->policy);
}

static void offer_clear(gpointer data) {
  msg_delivery_free(((MsgOffer *)data)->delivery);
}

static MsgOffers *offers_new(void) {
  MsgOffers *offers = g_new0(MsgOffers, 1);

  offers->agents = g_array_new(FALSE, FALSE, sizeof(MsgOfferAgent));
  offers->offers = g_array_new(FALSE, FALSE, sizeof(MsgOffer));
  g_array_set_clear_func(offers->agents, agent_clear);
  g_array_set_clear_func(offers->offers, offer_clear);
  return offers;
}

void msg_offers_free(MsgOffers *offers) {
  g_array_unref(offers->agents);
  g_array_unref(offers->offers);
  g_free(offers);
}

static gboolean is_full(const MsgOffers *offers, const Terms *t) {
  return offers->offers->len == t->max || offers->bytes >= OFFER_BYTES;
}

/* What the sender, the agent's owner and the body add to an answer, and something for the rest. */
static gsize weight(const MsgMessage *m, const char *policy, gboolean body) {
  return 512 + m->head_size + (policy ? strlen(policy) : 0) + (body ? m->size : 0);
}

static void add_agent(MsgOffers *offers, const Terms *t, const MsgAgent *agent) {
  const MsgOfferAgent a = {.name = g_strdup(agent->name),
                           .policy = t->policy ? g_strdup(agent->policy) : NULL,
                           .waiting = (guint32)MIN(agent->counts.queued, G_MAXUINT32),
                           .urgent = (guint32)MIN(agent->counts.urgent, G_MAXUINT32),
                           .last_seen = agent->counts.last_seen};

  g_array_append_val(offers->agents, a);
}

static void add_attempt(MsgEngine *e, MsgOffers *offers, const Terms *t, MsgAgent *agent,
                        MsgLive *live) {
  gboolean body = t->body && live->size <= MSG_INLINE_MAX;
  g_autoptr(MsgMessage) m = msg_message_load(e, msg_place_seq(live->place), body, NULL);

  if (!m) {
    if (!e->failed)
      msg_live_corrupt(e, agent, live);
    return;
  }
  MsgAttempt *a = msg_attempt_new(e, agent, live->place, t->courier, e->now + (gint64)t->lease);
  const MsgOffer offer = {.delivery = msg_delivery_make(e, m, live, agent->name, !body),
                          .attempts = live->attempts,
                          .step = live->step,
                          .announced = (live->flags & MSG_LIVE_ANNOUNCED) != 0};
  offer.delivery->token = a->token;
  offer.delivery->expires = m->expires ? wg_clock_to_realtime(&e->clock, m->expires) : 0;
  g_array_append_val(offers->offers, offer);
  g_array_index(offers->agents, MsgOfferAgent, offers->agents->len - 1).n++;
  offers->bytes += weight(m, t->policy ? agent->policy : NULL, body);
}

static gboolean takes(const MsgCourier *courier, gboolean policy, const MsgAgent *agent) {
  return !agent->removed && agent->uid == courier->actor->uid && !agent->receivers.head &&
         (!policy || agent->policy);
}

/* How many attempts the job got. */
static guint fill(MsgEngine *e, MsgCallJob *job, const Terms *t) {
  MsgCourier *courier = t->courier;
  MsgOffers *offers = offers_new();
  guint start = courier->turn, of = e->agents->len;

  for (guint i = 0; i < of && !is_full(offers, t) && !e->failed; i++) {
    guint at = (start + i) % of;
    MsgAgent *agent = e->agents->pdata[at];
    if (!agent || !takes(courier, t->policy, agent))
      continue;
    MsgLive *live = msg_attempt_candidate(e, agent);
    if (live)
      add_agent(offers, t, agent);
    for (; live; live = is_full(offers, t) ? NULL : msg_attempt_candidate(e, agent))
      add_attempt(e, offers, t, agent, live);
    courier->turn = at + 1;
  }
  offers->more = is_full(offers, t);
  g_clear_pointer(&job->offers, msg_offers_free);
  job->offers = offers;
  courier->told = FALSE;
  courier->policy = t->policy;
  return offers->offers->len;
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
