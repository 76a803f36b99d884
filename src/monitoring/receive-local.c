/* receive-local.c: the two ways that cannot fail: the journal, a line an alert, and a signal on
 * D-Bus with the JSON of Alertmanager's webhook. */
#include "monitoring/receive-private.h"

#include "common/log.h"
#include "common/names.h"

static int level_of(const MonTransition *alert) {
  if (alert->resolved_at != 0)
    return LOG_NOTICE;
  if (g_strcmp0(alert->severity, "critical") == 0)
    return LOG_ERR;
  return g_strcmp0(alert->severity, "info") == 0 ? LOG_NOTICE : LOG_WARNING;
}

static void log_alert(const MonNotice *notice, const MonTransition *alert) {
  g_autofree char *line = mon_payload_line(alert);
  const char *unit = mon_labels_get(alert->labels, "unit");
  const char *what_to_do = mon_labels_get(alert->annotations, "what_to_do");
  const char *const fields[] = {WG_FIELD_ALERT,
                                alert->fingerprint,
                                WG_FIELD_RULE,
                                alert->rule ? alert->rule : "",
                                WG_FIELD_RECEIVER,
                                notice->integration,
                                WG_FIELD_DEDUP,
                                notice->dedup,
                                WG_FIELD_WHAT_TO_DO,
                                what_to_do ? what_to_do : "",
                                unit ? WG_FIELD_UNIT : NULL,
                                unit,
                                NULL};

  if (alert->resolved_at != 0)
    wg_log(LOG_NOTICE, WG_MSG_ALERT_RESOLVED, fields, "%s", line);
  else
    wg_log(level_of(alert), WG_MSG_ALERT_FIRING, fields, "%s", line);
}

void mon_receive_journal(MonReceivers *receivers, const MonIntegration *integration,
                         const MonNotice *notice, MonAttempt *attempt) {
  for (guint i = 0; i < notice->alerts->len; i++)
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
