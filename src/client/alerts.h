/* alerts.h: what the verbs of alerts share. */
#pragma once

#include "client/cli.h"
#include "client/terminal.h"

#include <json-glib/json-glib.h>

/* Calls a method of org.waggle.Monitoring1.Alerts that answers JSON. (transfer full), NULL with the
 * error. `params` is a tuple; its floating reference is taken. */
JsonNode *cli_alerts_ask(Cli *cli, const char *method, GVariant *params, GError **error);
/* On standard error: what the service says that it cannot see or do now. */
void cli_alerts_warn(Cli *cli);
/* A member that is a text; NULL: absent. Borrowed. */
const char *cli_alerts_text(JsonObject *object, const char *name);
/* "a=b, c=d": the labels without alertname and severity. Free with g_free(). */
char *cli_alerts_labels(JsonObject *alert);
CliStyle cli_alerts_style(const char *severity);
/* "firing", "pending", "keeping", "flapping", "unknown", with "acknowledged" and "drill". Free with
 * g_free().
 */
char *cli_alerts_state(JsonObject *alert);
