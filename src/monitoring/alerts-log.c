/* alerts-log.c: what administrators read in the journal of rules and alerts. */
#include "monitoring/alerts-private.h"

#include "common/log.h"

/* Whom an alert is told is the notifier's; this is for whoever looks for the way of one. */
void mon_alerts_log(const MonTransition *t) {
  g_autofree char *labels = mon_labels_text(t->labels);

  wg_log(LOG_DEBUG, NULL, WG_FIELDS(WG_FIELD_ALERT, t->fingerprint, WG_FIELD_RULE, t->rule),
         "Stored: %s is %s", labels, mon_transition_kind_name(t->kind));
}

void mon_alerts_log_rule(const MonLive *live) {
  if (live->error != NULL)
    wg_log(LOG_WARNING, WG_MSG_RULE_FAILED, WG_FIELDS(WG_FIELD_RULE, live->rule->key),
           "The rule %s (%s:%u) cannot be judged: %s", live->rule->key, live->rule->file,
           live->rule->line, live->error);
  else
    wg_log(LOG_INFO, WG_MSG_RULE_BACK, WG_FIELDS(WG_FIELD_RULE, live->rule->key),
           "The rule %s is judged again", live->rule->key);
}

void mon_alerts_log_write(const char *why) {
  static WgLogRate rate = {.interval_usec = 60 * G_USEC_PER_SEC, .burst = 1};
  guint suppressed;

  if (wg_log_rate_ok(&rate, &suppressed))
    wg_log(LOG_ERR, WG_MSG_ALERTS_UNSTORED, NULL,
           "Alerts cannot be stored, so nobody is told of them until they can: %s", why);
}
