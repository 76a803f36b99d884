/* bus-alerts.h: what the files of org.waggle.Monitoring1.Alerts share. The tables are in
 * bus-alerts.c; a handler is where its subject is. */
#pragma once

#include "monitoring/alerts-private.h"
#include "monitoring/bus.h"

#include <json-glib/json-glib.h>

extern const MonInterface mon_interface_alerts, mon_interface_alert;

/* The alert that a caller means: a fingerprint, or its beginning, or an alertname that one alone
 * has. NULL with the error. */
MonEntry *mon_alerts_meant(MonAlerts *alerts, const char *text, GError **error);
/* What List and Show tell of an alert: its transition, with the alerts that follow from it and
 * where its rule stands. (transfer full) */
JsonNode *mon_alert_shown(MonAlerts *alerts, const MonEntry *entry);
/* Ends the call with the text of `node`, which is taken. */
void mon_call_answer_json(MonCall *call, JsonNode *node);

/* alerts-act.c */
gboolean mon_alerts_acknowledge(MonAlerts *alerts, MonEntry *entry, gboolean is_on, const char *who,
                                const char *comment, GError **error);
/* An alert of `rule`'s shape that is none: told end to end, in the trace `traceparent` (NULL:
 * none), and over after `usec`. */
const MonTransition *mon_alerts_drill(MonAlerts *alerts, const char *rule, gint64 usec,
                                      const char *who, const char *traceparent, GError **error);
/* {ok, problems: [...], rules, tests: [{...}]}: a rule file, tried out with its tests (NULL: only
 * read). (transfer full) */
JsonNode *mon_rules_try(const char *rules, gsize size, const char *tests, GVariant *more);

/* bus-alerts-act.c, bus-alerts-history.c */
void mon_handle_alerts_acknowledge(MonCall *call);
void mon_handle_alerts_unacknowledge(MonCall *call);
void mon_handle_alerts_drill(MonCall *call);
void mon_handle_alerts_test(MonCall *call);
void mon_handle_alerts_history(MonCall *call);

/* The rules that a caller handed over: a sealed memfd. NULL with the error; ends with a zero. */
char *mon_call_document(MonCall *call, gsize *ret_size, GError **error);

/* bus-alerts-backtest.c */
void mon_handle_alerts_backtest(MonCall *call);

/* bus-alert.c: the objects. */
void mon_alert_object_changed(MonDaemon *daemon, const MonTransition *transition);
