/* attempts-report.c: what came of attempts: ReportAttempt, ReportAttempts, and time that ran out.
 *
 * Each report leaves a receipt. What it says of the next attempt (its step, when) is written with
 * the delivery, so that a restart of this service changes neither. */
#include "messaging/courier.h"

#include <string.h>

#define RETRY_MAX (30 * G_TIME_SPAN_DAY)
#define STEP_MAX G_MAXUINT8

typedef struct {
  MsgState event; /* ANNOUNCED, ATTEMPT_HELD or ATTEMPT_FAILED */
  gboolean partial, continues, has_step;
  guint32 step;
  guint64 retry;     /* us, 0: the back-off, with ANNOUNCED never */
  const char *cause; /* NULL: none */
} Report;

static gint64 attempt_backoff(const MsgEngine *e, guint attempts) {
  guint shift = MIN(MAX(attempts, 1) - 1, 20);
  guint64 first = e->settings.attempt_backoff_first, max = e->settings.attempt_backoff_max;

  return (gint64)MIN(first > max >> shift ? max : first << shift, (guint64)RETRY_MAX);
}

/* When it is offered again, by this report. */
static gint64 next_time(const MsgEngine *e, const MsgLive *live, const Report *r) {
  if (r->retry > 0)
    return e->now + (gint64)MIN(r->retry, (guint64)RETRY_MAX);
  return r->event == MSG_EVENT_ANNOUNCED ? 0 : e->now + attempt_backoff(e, live->attempts);
}

static void take_over(MsgEngine *e, MsgLive *live, const Report *r) {
  live->attempts += live->attempts < G_MAXUINT16;
  if (r->has_step)
    live->step = (guint8)r->step;
  if (r->event == MSG_EVENT_ANNOUNCED)
    live->flags |= MSG_LIVE_ANNOUNCED;
  if (r->partial)
    live->flags |= MSG_LIVE_NO_ATTEMPT;
  else if (!r->continues)
    live->next_attempt = next_time(e, live, r);
}

static void take_report(MsgEngine *e, MsgAttempt *a, const Report *r, const MsgActor *actor) {
  MsgLive *live = msg_live_get(e, a->place);
  MsgAgent *agent = a->agent;

  if (r->continues && live)
    msg_attempt_renew(e, a);
  else
    msg_attempt_end(e, a);
  if (!live)
    return; /* it ended meanwhile: there is nobody to tell any more */
  MsgLease *lease = live->state == MSG_STATE_LEASED ? msg_lease_of(e, live) : NULL;
  if (lease)
    msg_lease_changed(e, lease);
  take_over(e, live, r);
  if (live->state == MSG_STATE_QUEUED && !r->continues && !r->partial && live->next_attempt)
    msg_attempt_new(e, agent, live->place, NULL, live->next_attempt);
  msg_live_note(e, agent, live, r->event, actor, r->cause);
}

void msg_attempt_timeout(MsgEngine *e, gpointer attempt) {
  MsgAttempt *a = attempt;
  const Report r = {.event = MSG_EVENT_ATTEMPT_FAILED,
                    .cause = "the courier did not report in time"};

  if (a->token)
    take_report(e, a, &r, NULL);
  else
    msg_attempt_again(e, a);
}

static gboolean refuse(GError **error, const char *text) {
  g_set_error_literal(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, text);
  return FALSE;
}

static gboolean read_result(const char *result, Report *r, GError **error) {
  r->partial = g_str_equal(result, "partial");
  if (g_str_equal(result, "announced"))
    r->event = MSG_EVENT_ANNOUNCED;
  else if (g_str_equal(result, "held"))
    r->event = MSG_EVENT_ATTEMPT_HELD;
  else if (r->partial || g_str_equal(result, "failed"))
    r->event = MSG_EVENT_ATTEMPT_FAILED;
  else
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                "'%.40s' is no result: announced, failed, held or partial", result);
  return r->event != MSG_STATE_NONE;
}

/* FALSE: error set. */
static gboolean read_report(const MsgReport *given, Report *r, GError **error) {
  *r = (Report){.continues = given->continues,
                .has_step = given->has_step,
                .step = given->step,
                .retry = given->retry_after};
  if (!read_result(given->result, r, error))
    return FALSE;
  if (r->step > STEP_MAX)
    return refuse(error, "option 'step' is a number from 0 to 255");
  if (r->continues && r->partial)
    return refuse(error, "after 'partial' there is no further attempt, so option 'continue' cannot "
                         "be given with it");
  if (r->continues && r->retry > 0)
    return refuse(error, "an attempt goes on (option 'continue') or is made again later (option "
                         "'retry-after'), not both");
  return TRUE;
}

/* Mostly the courier's own text, as it came; else one of the parts, which `*ret_made` keeps. */
static const char *cause_of(const MsgReport *given, gboolean partial, char **ret_made) {
  const char *backend = given->backend, *cause = given->cause;

  if (partial || backend)
    cause = *ret_made = g_strconcat(partial ? "partial: " : "", backend ? backend : "",
                                    backend && cause ? ": " : "", cause ? cause : "", NULL);
  return cause && *cause ? cause : NULL;
}

/* A back-end beyond the table, and one that was not told, counts as "other". */
static void count(MsgEngine *e, const char *backend, const Report *r) {
  MsgDeliveries *d = e->stat.deliveries;
  MsgDeliveries *last = d + G_N_ELEMENTS(e->stat.deliveries) - 1;
  const char *name = backend && *backend && strlen(backend) < sizeof d->backend ? backend : "other";

  while (d < last && *d->backend && strcmp(d->backend, name) != 0)
    d++;
  if (d == last)
    name = "other";
  if (!*d->backend)
    g_strlcpy(d->backend, name, sizeof d->backend);
  d->announced += r->event == MSG_EVENT_ANNOUNCED;
  d->held += r->event == MSG_EVENT_ATTEMPT_HELD;
  d->partial += r->partial;
  d->failed += r->event == MSG_EVENT_ATTEMPT_FAILED && !r->partial;
}

static gboolean report_one(MsgEngine *e, MsgCallJob *job, const MsgReport *given, GError **error) {
  g_autofree char *made = NULL;
  Report r;

  if (!read_report(given, &r, error))
    return FALSE;
  r.cause = cause_of(given, r.partial, &made);
  MsgAttempt *a = msg_attempt_find(e, job, given->token, error);
  if (!a)
    return FALSE;
  count(e, given->backend, &r);
  take_report(e, a, &r, job->base.actor);
  return TRUE;
}

WgJobResult msg_call_report_attempt(MsgEngine *e, MsgCallJob *job) {
  if (report_one(e, job, &g_array_index(job->reports, MsgReport, 0), &job->base.job.error))
    job->result = g_variant_ref_sink(g_variant_new("()"));
  return WG_JOB_DONE;
}

WgJobResult msg_call_report_attempts(MsgEngine *e, MsgCallJob *job) {
  GVariantBuilder refused;

  if (job->reports->len > MSG_ATTEMPTS_MAX) {
    refuse(&job->base.job.error, "ReportAttempts takes at most 4096 reports a call");
    return WG_JOB_DONE;
  }
  g_variant_builder_init(&refused, G_VARIANT_TYPE("a(tss)"));
  for (guint i = 0; i < job->reports->len && !e->failed; i++) {
    const MsgReport *given = &g_array_index(job->reports, MsgReport, i);
    g_autoptr(GError) error = NULL;
    if (!report_one(e, job, given, &error))
      msg_attempt_refuse(&refused, given->token, error);
  }
  job->result = g_variant_ref_sink(g_variant_new("(a(tss))", &refused));
  return WG_JOB_DONE;
}
