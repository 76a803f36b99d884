/* alerts-act.c: what people do to alerts: acknowledge one, drill a rule. */
#include "monitoring/bus-alerts.h"

#include "common/error.h"
#include "common/nearest.h"
#include "common/trace-context.h"

#include <string.h>

#define DRILL_MAX ((gint64)3600 * G_USEC_PER_SEC)

gboolean mon_alerts_acknowledge(MonAlerts *alerts, MonEntry *entry, gboolean is_on, const char *who,
                                const char *comment, GError **error) {
  MonTransition *is = entry->alert->is;
  MonSteps steps = {.n = 1, .changed = TRUE};

  if (is->state == MON_ALERT_PENDING) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_STATE,
                "the alert is pending: it does not fire yet, and nobody is told of it");
    return FALSE;
  }
  if (is->acknowledged == is_on)
    return TRUE;
  is->acknowledged = is_on;
  g_free(is->who);
  g_free(is->comment);
  is->who = g_strdup(who);
  is->comment = g_strdup(comment);
  steps.kinds[0] = is_on ? MON_TRANSITION_ACKNOWLEDGED : MON_TRANSITION_UNACKNOWLEDGED;
  mon_alerts_take(alerts, entry, &steps);
  mon_alerts_flush(alerts);
  return TRUE;
}

static const MonRule *rule_meant(MonAlerts *alerts, const char *text, GError **error) {
  g_autoptr(GPtrArray) names = g_ptr_array_new();

  for (guint i = 0; i < alerts->rules->rules->len; i++) {
    const MonRule *rule = alerts->rules->rules->pdata[i];
    if (!rule->records && (g_str_equal(rule->key, text) || g_str_equal(rule->name, text)))
      return rule;
    g_ptr_array_add(names, rule->name);
  }
  g_ptr_array_add(names, NULL);
  g_autofree char *hint = wg_nearest_hint(text, (const char *const *)names->pdata);
  g_set_error(error, WG_ERROR, WG_ERROR_NOT_FOUND, "there is no rule \"%s\"%s%s", text,
              hint != NULL ? "; " : "", hint != NULL ? hint : "");
  return NULL;
}

/* As the rule would have it of a result without labels, and marked. */
static MonLabels *drill_labels(const MonRule *rule) {
  g_autoptr(MonLabels) none = mon_labels_new(NULL, NULL);
  g_autoptr(MonLabels) named = mon_rule_labels(rule, none, 0);

  return mon_labels_with(named, "drill", "true");
}

const MonTransition *mon_alerts_drill(MonAlerts *alerts, const char *text, gint64 usec,
                                      const char *who, const char *traceparent, GError **error) {
  const MonRule *rule = rule_meant(alerts, text, error);
  MonSteps steps;

  if (rule == NULL)
    return NULL;
  if (usec < G_USEC_PER_SEC || usec > DRILL_MAX) {
    g_set_error_literal(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                        "a drill fires for a second at least and for an hour at most");
    return NULL;
  }
  g_autoptr(MonLabels) labels = drill_labels(rule);
  g_autoptr(MonAlert) alert = mon_alert_new(labels);
  MonTransition *is = alert->is;
  if (g_hash_table_contains(alerts->entries, is->fingerprint)) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_STATE, "a drill of \"%s\" is under way", text);
    return NULL;
  }
  is->is_drill = TRUE;
  is->rule = g_strconcat(MON_DRILL_RULE, rule->key, NULL);
  is->group = g_strdup(rule->group);
  is->severity = g_strdup(rule->severity);
  is->who = g_strdup(who);
  is->traceparent = wg_traceparent_same(traceparent);
  is->annotations = mon_labels_new("summary", "A drill: nothing is wrong", NULL);
  MonEntry *entry = mon_alerts_entry(alerts, NULL, g_steal_pointer(&alert));
  MonLook look = {.now = mon_alerts_now(alerts), .real = wg_time_realtime(), .holds = TRUE};
  MonRule shape = {.x = 1, .y = 1};
  entry->ends = look.now + usec;
  mon_alert_step(entry->alert, &shape, &look, &steps);
  is->active_at = look.real;
  mon_alerts_take(alerts, entry, &steps);
  mon_alerts_flush(alerts);
  mon_alerts_soon(alerts); /* arms the timer of its end */
  return is;
}
