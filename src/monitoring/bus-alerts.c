/* bus-alerts.c: org.waggle.Monitoring1.Alerts: its tables, List, Show and ListRules. */
#include "monitoring/bus-alerts.h"
#include "monitoring/matchers.h"

#include "common/error.h"
#include "common/names.h"
#include "common/nearest.h"

#include <string.h>

void mon_call_answer_json(MonCall *call, JsonNode *node) {
  g_autofree char *text = json_to_string(node, FALSE);

  json_node_unref(node);
  wg_call_answer(call, g_variant_new("(s)", text));
}

static MonAlerts *alerts_of(MonCall *call) {
  return ((MonDaemon *)call->owner)->alerts;
}

static gboolean is_kept(const MonEntry *entry) {
  return entry->alert->is->state != MON_ALERT_INACTIVE;
}

static GError *nobody(MonAlerts *alerts, const char *text, guint n) {
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  GHashTableIter iter;
  gpointer value;

  if (n > 1)
    return g_error_new(WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                       "\"%s\" is %u alerts; name one by its fingerprint (\"waggle alerts list\")",
                       text, n);
  g_hash_table_iter_init(&iter, alerts->entries);
  while (g_hash_table_iter_next(&iter, NULL, &value))
    g_ptr_array_add(names,
                    (gpointer)mon_labels_get(((MonEntry *)value)->alert->is->labels, "alertname"));
  g_ptr_array_add(names, NULL);
  g_autofree char *hint = wg_nearest_hint(text, (const char *const *)names->pdata);
  return g_error_new(WG_ERROR, WG_ERROR_NOT_FOUND,
                     "there is no alert \"%s\" that is pending or firing%s%s", text,
                     hint != NULL ? "; " : "", hint != NULL ? hint : "");
}

MonEntry *mon_alerts_meant(MonAlerts *alerts, const char *text, GError **error) {
  MonEntry *found = g_hash_table_lookup(alerts->entries, text);
  GHashTableIter iter;
  gpointer value;
  guint n = 0;

  if (found != NULL && is_kept(found))
    return found;
  g_hash_table_iter_init(&iter, alerts->entries);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    MonEntry *entry = value;
    const MonTransition *is = entry->alert->is;
    gboolean by_id = strlen(text) >= 4 && g_str_has_prefix(is->fingerprint, text);
    if (!is_kept(entry) ||
        (!by_id && g_strcmp0(mon_labels_get(is->labels, "alertname"), text) != 0))
      continue;
    found = entry;
    n++;
  }
  if (n == 1)
    return found;
  g_propagate_error(error, nobody(alerts, text, n));
  return NULL;
}

JsonNode *mon_alert_shown(MonAlerts *alerts, const MonEntry *entry) {
  const MonTransition *is = entry->alert->is;
  g_autofree char *text = mon_transition_text(is);
  JsonNode *node = json_from_string(text, NULL);
  JsonObject *object = json_node_get_object(node);
  JsonArray *follow = json_array_new();
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init(&iter, alerts->entries);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    const MonTransition *other = ((MonEntry *)value)->alert->is;
    if (g_strcmp0(other->cause, is->fingerprint) == 0 && other->state != MON_ALERT_INACTIVE)
      json_array_add_string_element(follow, other->fingerprint);
  }
  json_object_set_array_member(object, "dependants", follow);
  if (entry->live != NULL) {
    json_object_set_string_member(object, "file", entry->live->rule->file);
    json_object_set_int_member(object, "line", entry->live->rule->line);
    json_object_set_string_member(object, "expr", mon_expr_source(entry->live->rule->expr));
  }
  return node;
}

/* ---- List ---- */
static gboolean is_wanted(const MonTransition *is, const char *const *states, GPtrArray *matchers) {

  if (is->state == MON_ALERT_INACTIVE)
    return FALSE;
  if (states != NULL && *states != NULL && !g_strv_contains(states, mon_alert_shown_state(is)) &&
      (is->unknown_at != 0 || !g_strv_contains(states, mon_alert_state_name(is->state))))
    return FALSE;
  for (guint i = 0; i < matchers->len; i++)
    if (!mon_matchers_all_hold(matchers->pdata[i], is->labels))
      return FALSE;
  return TRUE;
}

static gboolean are_states(const char *const *states, GError **error) {
  static const char *const known[] = {"pending", "firing", "keeping", "flapping", "unknown", NULL};

  for (guint i = 0; states != NULL && states[i] != NULL; i++)
    if (!g_strv_contains(known, states[i])) {
      g_autofree char *all = g_strjoinv(", ", (char **)known);
      g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "an alert has no state \"%s\": %s",
                  states[i], all);
      return FALSE;
    }
  return TRUE;
}

/* (element-type GPtrArray): each text of the option; NULL with the error. */
static GPtrArray *read_matchers(GVariant *options, GError **error) {
  g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func((GDestroyNotify)g_ptr_array_unref);
  g_autofree const char **texts = NULL;

  g_variant_lookup(options, "matchers", "^a&s", &texts);
  for (guint i = 0; texts != NULL && texts[i] != NULL; i++) {
    GPtrArray *matchers = mon_matchers_parse(texts[i], error);
    if (matchers == NULL)
      return NULL;
    g_ptr_array_add(all, matchers);
  }
  return g_steal_pointer(&all);
}

static int by_time(gconstpointer a, gconstpointer b) {
  const MonTransition *x = (*(MonEntry *const *)a)->alert->is;
  const MonTransition *y = (*(MonEntry *const *)b)->alert->is;

  return x->active_at != y->active_at
             ? (x->active_at > y->active_at) - (x->active_at < y->active_at)
             : strcmp(x->fingerprint, y->fingerprint);
}

static void handle_list(MonCall *call) {
  MonAlerts *alerts = alerts_of(call);
  g_autofree const char **states = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) matchers = read_matchers(call->options, &error);
  g_autoptr(GPtrArray) found = g_ptr_array_new();
  GHashTableIter iter;
  gpointer value;

  g_variant_lookup(call->options, "states", "^a&s", &states);
  if (matchers == NULL || !are_states(states, &error)) {
    wg_call_fail(call, error);
    return;
  }
  g_hash_table_iter_init(&iter, alerts->entries);
  while (g_hash_table_iter_next(&iter, NULL, &value))
    if (is_wanted(((MonEntry *)value)->alert->is, states, matchers))
      g_ptr_array_add(found, value);
  g_ptr_array_sort(found, by_time);
  JsonArray *array = json_array_new();
  for (guint i = 0; i < found->len; i++)
    json_array_add_element(array, mon_alert_shown(alerts, found->pdata[i]));
  JsonNode *node = json_node_new(JSON_NODE_ARRAY);
  json_node_take_array(node, array);
  mon_call_answer_json(call, node);
}

static void handle_show(MonCall *call) {
  const char *text;
  g_autoptr(GError) error = NULL;

  g_variant_get_child(call->args, 0, "&s", &text);
  MonEntry *entry = mon_alerts_meant(alerts_of(call), text, &error);
  if (entry != NULL)
    mon_call_answer_json(call, mon_alert_shown(alerts_of(call), entry));
  else
    wg_call_fail(call, error);
}

/* ---- ListRules ---- */
static JsonObject *rule_shown(const MonLive *live) {
  const MonRule *rule = live->rule;
  JsonObject *object = json_object_new();

  json_object_set_string_member(object, "rule", rule->key);
  json_object_set_string_member(object, rule->records ? "record" : "alert", rule->name);
  json_object_set_string_member(object, "expr", mon_expr_source(rule->expr));
  json_object_set_string_member(object, "file", rule->file);
  json_object_set_int_member(object, "line", rule->line);
  json_object_set_int_member(object, "interval", rule->interval);
  json_object_set_int_member(object, "alerts", live->n_alerts);
  json_object_set_int_member(object, "evaluated", live->evaluated);
  json_object_set_int_member(object, "took", live->took);
  json_object_set_boolean_member(object, "no-data", live->no_data);
  if (live->error != NULL)
    json_object_set_string_member(object, "error", live->error);
  if (!rule->records) {
    json_object_set_string_member(object, "severity", rule->severity);
    json_object_set_int_member(object, "for", rule->hold);
    json_object_set_int_member(object, "keep-firing-for", rule->keep);
    json_object_set_string_member(object, "no-data-policy", mon_no_data_name(rule->no_data));
  }
  return object;
}

static void handle_rules(MonCall *call) {
  MonAlerts *alerts = alerts_of(call);
  JsonArray *array = json_array_new();
  JsonNode *node = json_node_new(JSON_NODE_ARRAY);

  for (guint i = 0; i < alerts->live->len; i++)
    json_array_add_object_element(array, rule_shown(alerts->live->pdata[i]));
  json_node_take_array(node, array);
  mon_call_answer_json(call, node);
}

/* ---- tables ---- */
static const WgOption list_options[] = {{"states", "as"}, {"matchers", "as"}, {NULL}};
static const WgOption comment_options[] = {{"comment", "s"}, {"traceparent", "s"}, {NULL}};
static const WgOption drill_options[] = {{"duration", "t"}, {"traceparent", "s"}, {NULL}};
static const WgOption test_options[] = {{"tests", "s"}, {"rules", "a{ss}"}, {NULL}};
static const WgOption backtest_options[] = {{"since", "t"}, {"until", "t"}, {"step", "t"}, {NULL}};
static const WgOption history_options[] = {{"alert", "s"}, {"since", "t"}, {"limit", "u"}, {NULL}};

#define ROW(member, handler, action, options)                                                      \
  { WG_IFACE_MONITORING_ALERTS, member, handler, action, options }

static const MonMethod methods[] = {
    ROW("List", handle_list, NULL, list_options),
    ROW("Show", handle_show, NULL, NULL),
    ROW("ListRules", handle_rules, NULL, mon_options_none),
    ROW("History", mon_handle_alerts_history, NULL, history_options),
    ROW("Acknowledge", mon_handle_alerts_acknowledge, MON_ACTION_ACKNOWLEDGE, comment_options),
    ROW("Unacknowledge", mon_handle_alerts_unacknowledge, MON_ACTION_ACKNOWLEDGE, comment_options),
    ROW("Test", mon_handle_alerts_test, NULL, test_options),
    ROW("Backtest", mon_handle_alerts_backtest, NULL, backtest_options),
    ROW("Drill", mon_handle_alerts_drill, MON_ACTION_MANAGE, drill_options),
    {NULL},
};

static const sd_bus_vtable vtable[] = {
    SD_BUS_VTABLE_START(0),
    MON_METHOD("List", MON_ARGS("a{sv}", options), MON_RESULT("s", alerts), mon_method_call,
               MON_OPEN),
    MON_METHOD("Show", MON_ARGS("s", alert), MON_RESULT("s", json), mon_method_call, MON_OPEN),
    MON_METHOD("ListRules", MON_ARGS("a{sv}", options), MON_RESULT("s", rules), mon_method_call,
               MON_OPEN),
    MON_METHOD("History", MON_ARGS("a{sv}", options), MON_RESULT("s", transitions), mon_method_call,
               MON_OPEN),
    MON_METHOD("Acknowledge", MON_ARGS("s", alert, "a{sv}", options), SD_BUS_NO_RESULT,
               mon_method_call, MON_OPEN),
    MON_METHOD("Unacknowledge", MON_ARGS("s", alert, "a{sv}", options), SD_BUS_NO_RESULT,
               mon_method_call, MON_OPEN),
    MON_METHOD("Test", MON_ARGS("h", rules, "a{sv}", options), MON_RESULT("s", outcome),
               mon_method_call, MON_OPEN),
    MON_METHOD("Backtest", MON_ARGS("h", rules, "a{sv}", options), MON_RESULT("s", outcome),
               mon_method_call, MON_OPEN),
    MON_METHOD("Drill", MON_ARGS("s", rule, "a{sv}", options), MON_RESULT("s", fingerprint),
               mon_method_call, MON_OPEN),
    SD_BUS_SIGNAL_WITH_ARGS("Transition",
                            MON_ARGS("t", seq, "s", kind, "s", fingerprint, "s", json), 0),
    SD_BUS_VTABLE_END,
};

const MonInterface mon_interface_alerts = {
    WG_PATH_MONITORING, WG_IFACE_MONITORING_ALERTS, vtable, methods, NULL, NULL,
};
