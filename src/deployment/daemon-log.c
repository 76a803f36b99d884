/* daemon-log.c: what administrators read in the journal: each end, each return to the old release,
 * each wait for a person. Values of a manifest or of what was observed are not in these lines but
 * for the failure's one sentence. */
#include "deployment/daemon.h"

#include "common/log.h"
#include "common/names.h"
#include "common/trace-context.h"

typedef struct {
  int level;
  const char *id, *text;
} Line;

static const Line lines[_DPL_STATE_MAX] = {
    [DPL_STATE_VALIDATED] = {LOG_INFO, WG_MSG_DEPLOYMENT_STARTED, "has started"},
    [DPL_STATE_VERIFIED] = {LOG_NOTICE, WG_MSG_DEPLOYMENT_WAITS,
                            "is verified and waits to be confirmed"},
    [DPL_STATE_COMMITTED] = {LOG_INFO, WG_MSG_DEPLOYMENT_COMMITTED, "is committed"},
    [DPL_STATE_ROLLING_BACK] = {LOG_WARNING, WG_MSG_DEPLOYMENT_ROLLS_BACK, "is rolled back"},
    [DPL_STATE_ABORTED] = {LOG_WARNING, WG_MSG_DEPLOYMENT_ABORTED,
                           "has ended before anything was changed"},
    [DPL_STATE_ROLLED_BACK] = {LOG_ERR, WG_MSG_DEPLOYMENT_ROLLED_BACK,
                               "has failed; the release before serves again"},
    [DPL_STATE_ROLLBACK_FAILED] = {LOG_CRIT, WG_MSG_ROLLBACK_FAILED,
                                   "has failed, and so has the way back; look at it now"},
};

static const char *why(const DplRecord *r) {
  if (dpl_states[r->state].is_end && r->failure != NULL)
    return r->failure;
  return r->cause;
}

void dpl_log_state(const DplRecord *r, DplState from) {
  const Line *line = &lines[r->state];
  g_autofree char *id = g_strdup_printf("%" G_GUINT64_FORMAT, r->id);
  const char *cause = why(r);
  WgTraceIds ids = wg_trace_ids(r->traceparent);

  if (line->id == NULL || (r->state == DPL_STATE_VERIFIED && r->confirm_until == 0))
    return;
  wg_log(line->level, line->id,
         WG_FIELDS(WG_FIELD_DEPLOYMENT, id, WG_FIELD_TARGET, r->target, WG_FIELD_RELEASE,
                   r->to != NULL ? r->to : "", WG_FIELD_ERROR, cause != NULL ? cause : "",
                   WG_TRACE_FIELDS(ids)),
         "Deployment %s of %s %s to %s %s%s%s", id, r->name != NULL ? r->name : "a release",
         r->version != NULL ? r->version : "", r->target, line->text, cause != NULL ? ": " : "",
         cause != NULL ? cause : "");
}

void dpl_log_poison(const DplRecord *r, gint64 until) {
  g_autofree char *id = g_strdup_printf("%" G_GUINT64_FORMAT, r->id);
  g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(until / G_USEC_PER_SEC);
  g_autofree char *text = time != NULL ? g_date_time_format_iso8601(time) : NULL;
  WgTraceIds ids = wg_trace_ids(r->traceparent);

  if (until > 0 && r->state != DPL_STATE_DONE)
    wg_log(LOG_WARNING, WG_MSG_RELEASE_POISONED,
           WG_FIELDS(WG_FIELD_DEPLOYMENT, id, WG_FIELD_TARGET, r->target, WG_TRACE_FIELDS(ids)),
           "The release %s is refused until %s", r->digest, text != NULL ? text : "later");
}

void dpl_log_recovered(guint n) {
  g_autofree char *count = g_strdup_printf("%u", n);

  if (n > 0)
    wg_log(LOG_NOTICE, WG_MSG_DEPLOYMENT_RECOVERED, WG_FIELDS(WG_FIELD_COUNT, count),
           "%u deployment%s cut off and %s finished or undone", n, n == 1 ? " was" : "s were",
           n == 1 ? "is" : "are");
}

void dpl_log_targets(DplDaemon *daemon, GPtrArray *refused) {
  for (guint i = 0; i < refused->len; i++)
    if (daemon->refused == NULL ||
        !g_ptr_array_find_with_equal_func(daemon->refused, refused->pdata[i], g_str_equal, NULL))
      wg_log(LOG_ERR, WG_MSG_TARGET_REFUSED, WG_FIELDS(WG_FIELD_ERROR, refused->pdata[i]),
             "Nothing is deployed there: %s", (char *)refused->pdata[i]);
  g_clear_pointer(&daemon->refused, g_ptr_array_unref);
  daemon->refused = g_ptr_array_ref(refused);
}
