/* attempts-take.c: TakeAttempts, by which a courier receives what it was only to tell of.
 *
 * From then on it is a lease like any other of this connection, and Ack, Nack, Touch and Terminate
 * end it. One that cannot be taken is refused and its attempt has ended: what still waits is
 * offered again when it may be. */
#include "messaging/courier.h"

#define STEP_MAX G_MAXUINT8

typedef struct {
  MsgLeaseTerms lease;
  gboolean has_step;
  guint32 step;
} Terms;

/* Why the delivery cannot be received now. TRUE: it can. */
static gboolean may_take(MsgEngine *e, MsgAgent *agent, const MsgLive *live, guint64 seq,
                         GError **error) {
  if (!live || live->state != MSG_STATE_QUEUED)
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_STATE,
                "Message %" G_GUINT64_FORMAT " no longer waits for agent '%s': %s", seq,
                agent->name,
                !live                             ? "it is done, or dead"
                : live->state == MSG_STATE_LEASED ? "somebody else has received it"
                                                  : msg_state_name(live->state));
  else if (msg_agent_is_paused(e, agent))
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_STATE,
                "Agent '%s' is paused: its mail is not handed out; it is offered again afterwards",
                agent->name);
  else if (!msg_ready_is_turn(e, live))
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_STATE,
                "An older message of its ordering key comes before message %" G_GUINT64_FORMAT
                "; it is offered again when that is done",
                seq);
  else
    return TRUE;
  return FALSE;
}

/* The lease's token; 0 with `error`. */
static guint64 take_one(MsgEngine *e, MsgCallJob *job, const Terms *t, guint64 token,
                        GError **error) {
  MsgAttempt *a = msg_attempt_find(e, job, token, error);

  if (!a)
    return 0;
  MsgAgent *agent = a->agent;
  guint64 seq = msg_place_seq(a->place);
  MsgLive *live = msg_live_get(e, a->place);
  if (e->failed || !may_take(e, agent, live, seq, error)) {
    msg_attempt_again(e, a);
    return 0;
  }
  msg_attempt_end(e, a);
  if (t->has_step)
    live->step = (guint8)t->step;
  MsgDelivery *d = msg_lease_take(e, agent, live, &t->lease);
  guint64 taken = d ? d->token : 0;
  msg_delivery_free(d);
  if (!taken && !e->failed)
    g_set_error(error, WG_ERROR, WG_ERROR_STORE_DAMAGED,
                "Message %" G_GUINT64_FORMAT " is damaged in the store; it is a dead letter now",
                seq);
  return taken;
}

WgJobResult msg_call_take_attempts(MsgEngine *e, MsgCallJob *job) {
  GError **error = &job->base.job.error;
  g_autoptr(GVariant) list = g_variant_get_child_value(job->args, 0),
                      options = g_variant_get_child_value(job->args, 1);
  Terms t = {.lease = {.actor = job->base.actor, .no_body = TRUE}};
  gsize n;
  const guint64 *tokens = g_variant_get_fixed_array(list, &n, sizeof *tokens);
  GVariantBuilder taken, refused;

  g_variant_lookup(options, "lease", "t", &t.lease.lease);
  t.has_step = g_variant_lookup(options, "step", "u", &t.step);
  if (n > MSG_ATTEMPTS_MAX || t.step > STEP_MAX) {
    g_set_error_literal(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                        n > MSG_ATTEMPTS_MAX ? "TakeAttempts takes at most 4096 attempts a call"
                                             : "option 'step' is a number from 0 to 255");
    return WG_JOB_DONE;
  }
  g_variant_builder_init(&taken, G_VARIANT_TYPE("a(tt)"));
  g_variant_builder_init(&refused, G_VARIANT_TYPE("a(tss)"));
  for (gsize i = 0; i < n && !e->failed; i++) {
    g_autoptr(GError) why = NULL;
    guint64 lease = take_one(e, job, &t, tokens[i], &why);
    if (lease)
      g_variant_builder_add(&taken, "(tt)", tokens[i], lease);
    else if (why)
      msg_attempt_refuse(&refused, tokens[i], why);
  }
  job->result = g_variant_ref_sink(g_variant_new("(a(tt)a(tss))", &taken, &refused));
  return WG_JOB_DONE;
}
