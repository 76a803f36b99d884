/* attempts-report.c: what came of attempts: ReportAttempt, ReportAttempts, and time that ran out.
 *
 * Each report leaves a receipt. What it says of the next attempt (its step, when) is written with
 * the delivery, so that a restart of this service changes neither. */
#include "messaging/courier.h"

#define RETRY_MAX (30 * G_TIME_SPAN_DAY)
#define STEP_MAX G_MAXUINT8

typedef struct {
  MsgState event; /* ANNOUNCED, ATTEMPT_HELD or ATTEMPT_FAILED */
  gboolean partial, continues, has_step;
  guint32 step;
  guint64 retry; /* us, 0: the back-off, with ANNOUNCED never */
  char *cause;
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
  char cause[] = "the courier did not report in time";
  const Report r = {.event = MSG_EVENT_ATTEMPT_FAILED, .cause = cause};

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

/* One look at each option: reports are many. The bus layer has checked keys and types; borrows
 * texts. */
static void read_options(GVariant *options, Report *r, const char **ret_cause,
                         const char **ret_backend) {
  GVariantIter iter;
  const char *key;
  GVariant *value;

  g_variant_iter_init(&iter, options);
  while (g_variant_iter_next(&iter, "{&sv}", &key, &value)) {
    if (g_str_equal(key, "cause"))
      *ret_cause = g_variant_get_string(value, NULL);
    else if (g_str_equal(key, "backend"))
      *ret_backend = g_variant_get_string(value, NULL);
    else if (g_str_equal(key, "retry-after"))
      r->retry = g_variant_get_uint64(value);
    else if (g_str_equal(key, "continue"))
      r->continues = g_variant_get_boolean(value);
    else if (g_str_equal(key, "step")) {
      r->has_step = TRUE;
      r->step = g_variant_get_uint32(value);
    }
    g_variant_unref(value);
  }
}

/* FALSE: error set. The cause is the caller's to free. */
static gboolean read_report(const char *result, GVariant *options, Report *r, GError **error) {
  const char *cause = NULL, *backend = NULL;

  *r = (Report){0};
  read_options(options, r, &cause, &backend);
  if (!read_result(result, r, error))
    return FALSE;
  if (r->step > STEP_MAX)
    return refuse(error, "option 'step' is a number from 0 to 255");
  if (r->continues && r->partial)
    return refuse(error, "after 'partial' there is no further attempt, so option 'continue' cannot "
                         "be given with it");
  if (r->continues && r->retry > 0)
    return refuse(error, "an attempt goes on (option 'continue') or is made again later (option "
                         "'retry-after'), not both");
  g_autofree char *text =
      g_strdup_printf("%s%s%s%s", r->partial ? "partial: " : "", backend ? backend : "",
                      backend && cause ? ": " : "", cause ? cause : "");
  r->cause = *text ? g_steal_pointer(&text) : NULL;
  return TRUE;
}

static gboolean report_one(MsgEngine *e, MsgCallJob *job, guint64 token, const char *result,
                           GVariant *options, GError **error) {
  Report r;

  if (!read_report(result, options, &r, error))
    return FALSE;
  g_autofree char *cause G_GNUC_UNUSED = r.cause;
  MsgAttempt *a = msg_attempt_find(e, job, token, error);
  if (!a)
    return FALSE;
  take_report(e, a, &r, job->base.actor);
  return TRUE;
}

WgJobResult msg_call_report_attempt(MsgEngine *e, MsgCallJob *job) {
  guint64 token;
  const char *result;
  g_autoptr(GVariant) options = NULL;

  g_variant_get(job->args, "(t&s@a{sv})", &token, &result, &options);
  if (report_one(e, job, token, result, options, &job->base.job.error))
    job->result = g_variant_ref_sink(g_variant_new("()"));
  return WG_JOB_DONE;
}

WgJobResult msg_call_report_attempts(MsgEngine *e, MsgCallJob *job) {
  g_autoptr(GVariant) list = g_variant_get_child_value(job->args, 0);
  gsize n = g_variant_n_children(list);
  GVariantBuilder refused;

  if (n > MSG_ATTEMPTS_MAX) {
    refuse(&job->base.job.error, "ReportAttempts takes at most 4096 reports a call");
    return WG_JOB_DONE;
  }
  g_variant_builder_init(&refused, G_VARIANT_TYPE("a(tss)"));
  for (gsize i = 0; i < n && !e->failed; i++) {
    guint64 token;
    const char *result;
    g_autoptr(GVariant) entry = g_variant_get_child_value(list, i), options = NULL;
    g_autoptr(GError) error = NULL;
    g_variant_get(entry, "(t&s@a{sv})", &token, &result, &options);
    if (!report_one(e, job, token, result, options, &error))
      msg_attempt_refuse(&refused, token, error);
  }
  job->result = g_variant_ref_sink(g_variant_new("(a(tss))", &refused));
  return WG_JOB_DONE;
}
