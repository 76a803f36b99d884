/* receive-local.c: the two ways that cannot fail: the journal, a line an alert, and a signal on
 * D-Bus with the JSON of Alertmanager's webhook. */
#include "monitoring/receive-private.h"

#include "common/log.h"
#include "common/names.h"
#include "common/trace-context.h"

static int level_of(const MonTransition *alert) {
  if (alert->resolved_at != 0)
    return LOG_NOTICE;
  if (g_strcmp0(alert->severity, "critical") == 0)
    return LOG_ERR;
  return g_strcmp0(alert->severity, "info") == 0 ? LOG_NOTICE : LOG_WARNING;
}

static guint add_pair(const char **fields, guint n, const char *name, const char *value) {
  if (value == NULL)
    return n;
  fields[n] = name;
  fields[n + 1] = value;
  return n + 2;
}

static void log_alert(const MonNotice *notice, const MonTransition *alert) {
  g_autofree char *line = mon_payload_line(alert);
  const char *unit = mon_labels_get(alert->labels, "unit");
  const char *what_to_do = mon_labels_get(alert->annotations, "what_to_do");
  WgTraceIds ids = wg_trace_ids(alert->traceparent);
  const char *fields[18] = {WG_FIELD_ALERT,      alert->fingerprint,
                            WG_FIELD_RULE,       alert->rule ? alert->rule : "",
                            WG_FIELD_RECEIVER,   notice->integration,
                            WG_FIELD_DEDUP,      notice->dedup,
                            WG_FIELD_WHAT_TO_DO, what_to_do ? what_to_do : ""};
  guint n = 10;

  n = add_pair(fields, n, WG_FIELD_UNIT, unit);
  n = add_pair(fields, n, WG_FIELD_TRACE_ID, *ids.trace ? ids.trace : NULL);
  add_pair(fields, n, WG_FIELD_SPAN_ID, *ids.span ? ids.span : NULL);

  if (alert->resolved_at != 0)
    wg_log(LOG_NOTICE, WG_MSG_ALERT_RESOLVED, fields, "%s", line);
  else
    wg_log(level_of(alert), WG_MSG_ALERT_FIRING, fields, "%s", line);
}

/* One line: that is what the bound is for. */
static void log_summary(const MonNotice *notice) {
  g_autofree char *line = mon_payload_suppressed(notice);
  int level = LOG_NOTICE;

  for (guint i = 0; i < notice->alerts->len; i++)
    level = MIN(level, level_of(g_ptr_array_index(notice->alerts, i)));
  wg_log(level, WG_MSG_ALERTS_SUPPRESSED,
         WG_FIELDS(WG_FIELD_RECEIVER, notice->integration, WG_FIELD_DEDUP, notice->dedup), "%s",
         line);
}

void mon_receive_journal(MonReceivers *receivers, const MonIntegration *integration,
                         const MonNotice *notice, MonAttempt *attempt) {
  if (notice->suppressed > 0)
    log_summary(notice);
  for (guint i = 0; i < notice->alerts->len && notice->suppressed == 0; i++)
    log_alert(notice, g_ptr_array_index(notice->alerts, i));
  mon_attempt_end(attempt, MON_TOLD, NULL);
}

void mon_receive_dbus(MonReceivers *receivers, const MonIntegration *integration,
                      const MonNotice *notice, MonAttempt *attempt) {
  g_autofree char *json = mon_payload_webhook(notice, 0);

  wg_calls_signal(receivers->daemon->calls, WG_PATH_MONITORING, WG_IFACE_MONITORING_NOTIFY,
                  "Notified",
                  g_variant_new("(ssss)", notice->receiver,
                                notice->n_firing > 0 ? "firing" : "resolved", notice->dedup, json));
  mon_attempt_end(attempt, MON_TOLD, NULL);
}
