/* alerts.c: what the verbs of alerts share, see alerts.h. */
#include "client/alerts.h"

#include "common/names.h"

JsonNode *cli_alerts_ask(Cli *cli, const char *method, GVariant *params, GError **error) {
  g_autoptr(GVariant) reply =
      cli_call_interface(cli, WG_IFACE_MONITORING_ALERTS, method, params, error);
  const char *text;

  if (!reply)
    return NULL;
  g_variant_get_child(reply, 0, "&s", &text);
  return json_from_string(text, error);
}

void cli_alerts_warn(Cli *cli) {
  g_autoptr(GVariant) reply =
      cli_call_interface(cli, WG_IFACE_PROPERTIES, "Get",
                         g_variant_new("(ss)", WG_IFACE_MONITORING, "Degraded"), NULL);
  g_autoptr(GVariant) value = NULL;

  if (!reply)
    return;
  g_variant_get(reply, "(v)", &value);
  for (gsize i = 0;
       g_variant_is_of_type(value, G_VARIANT_TYPE_STRING_ARRAY) && i < g_variant_n_children(value);
       i++) {
    const char *text;
    g_variant_get_child(value, i, "&s", &text);
    g_autofree char *line = cli_text_one_line(text);
    g_printerr("Not all is known: %s\n", line);
  }
}

const char *cli_alerts_text(JsonObject *object, const char *name) {
  JsonNode *node = json_object_get_member(object, name);

  return node && JSON_NODE_HOLDS_VALUE(node) ? json_node_get_string(node) : NULL;
}

char *cli_alerts_labels(JsonObject *alert) {
  JsonObject *labels = json_object_get_object_member(alert, "labels");
  GString *text = g_string_new(NULL);
  JsonObjectIter iter;
  const char *name;
  JsonNode *value;

  json_object_iter_init_ordered(&iter, labels);
  while (json_object_iter_next_ordered(&iter, &name, &value))
    if (!g_str_equal(name, "alertname") && !g_str_equal(name, "severity"))
      g_string_append_printf(text, "%s%s=%s", text->len ? ", " : "", name,
                             json_node_get_string(value));
  return g_string_free(text, FALSE);
}

CliStyle cli_alerts_style(const char *severity) {
  if (g_strcmp0(severity, "critical") == 0)
    return CLI_STYLE_BAD;
  return g_strcmp0(severity, "warning") == 0 ? CLI_STYLE_WARNING : CLI_STYLE_NONE;
}

static gboolean is_set(JsonObject *alert, const char *name) {
  return json_object_get_boolean_member_with_default(alert, name, FALSE);
}

char *cli_alerts_state(JsonObject *alert) {
  const char *state = cli_alerts_text(alert, "state");

  if (is_set(alert, "flapping") && g_strcmp0(state, "unknown") != 0)
    state = "flapping";

  return g_strconcat(state, is_set(alert, "acknowledged") ? ", acknowledged" : "",
                     is_set(alert, "drill") ? ", drill" : "", NULL);
}
