/* alert-record.c: an alert as its row of the store has it: its last transition, and the times at
 * which it went on and out, so that what flaps is known after a restart, too. Pure. */
#include "monitoring/alert-state.h"

#include <json-glib/json-glib.h>
#include <string.h>

/* A transition's text is an object with members: what is added goes before its end. */
char *mon_alert_record(const MonAlert *alert) {
  g_autofree char *text = mon_transition_text(alert->is);
  g_autoptr(GString) record = g_string_new_len(text, (gssize)strlen(text) - 1);

  if (alert->n_flips == 0)
    return g_steal_pointer(&text);
  g_string_append(record, ",\"flips\":[");
  for (guint i = 0; i < alert->n_flips; i++)
    g_string_append_printf(record, "%s%" G_GINT64_FORMAT, i > 0 ? "," : "", alert->flips[i]);
  g_string_append(record, "]}");
  return g_strdup(record->str);
}

static void read_flips(MonAlert *alert, const char *record) {
  g_autoptr(JsonNode) node = json_from_string(record, NULL);
  JsonNode *member = json_object_get_member(json_node_get_object(node), "flips");
  JsonArray *flips = member && JSON_NODE_HOLDS_ARRAY(member) ? json_node_get_array(member) : NULL;
  guint n = flips ? json_array_get_length(flips) : 0;

  for (guint i = n > MON_FLIPS_MAX ? n - MON_FLIPS_MAX : 0; i < n; i++)
    alert->flips[alert->n_flips++] = json_array_get_int_element(flips, i);
}

MonAlert *mon_alert_from_record(const char *record, GError **error) {
  MonTransition *is = mon_transition_from_text(record, error);

  if (is == NULL)
    return NULL;
  MonAlert *alert = g_new0(MonAlert, 1);
  alert->is = is;
  read_flips(alert, record);
  return alert;
}
