/* alerting-items.c: alerting.yaml as named things (items.h): routes by their key, which says what
 * they match, receivers and time intervals by their names, inhibitions by their names or by what
 * they match. A route has the keys of those below it in their order, since the first that matches
 * takes the alert. */
#include "monitoring/alerting.h"
#include "monitoring/items.h"

static void add_route(const MonRoute *route, MonItems *into) {
  g_autoptr(JsonNode) node = route->text ? json_from_string(route->text, NULL) : NULL;
  g_autofree char *text = NULL;
  JsonArray *below = json_array_new();

  for (guint i = 0; i < route->routes->len; i++)
    json_array_add_string_element(below,
                                  ((const MonRoute *)g_ptr_array_index(route->routes, i))->key);
  if (node && JSON_NODE_HOLDS_OBJECT(node)) {
    json_object_set_array_member(json_node_get_object(node), "routes", below);
    text = wg_json_canonical(node);
  } else {
    json_array_unref(below);
  }
  mon_items_add(into, "route", route->key, NULL, text ? text : "{}");
  for (guint i = 0; i < route->routes->len; i++)
    add_route(g_ptr_array_index(route->routes, i), into);
}

static void add_inhibit(const MonInhibitRule *rule, MonItems *into) {
  g_autofree char *source = mon_matchers_text(rule->source);
  g_autofree char *target = mon_matchers_text(rule->target);
  g_autofree char *name =
      rule->name ? g_strdup(rule->name) : g_strdup_printf("%s > %s", source, target);

  mon_items_add(into, "inhibition", name, NULL, rule->text ? rule->text : "{}");
}

void mon_alerting_items(const MonAlerting *alerting, MonItems *into) {
  add_route(alerting->root, into);
  for (guint i = 0; i < alerting->receivers->len; i++) {
    const MonReceiver *receiver = g_ptr_array_index(alerting->receivers, i);
    mon_items_add(into, "receiver", receiver->name, NULL, receiver->text ? receiver->text : "{}");
  }
  for (guint i = 0; i < alerting->inhibits->len; i++)
    add_inhibit(g_ptr_array_index(alerting->inhibits, i), into);
  for (guint i = 0; i < alerting->intervals->len; i++) {
    const MonInterval *interval = g_ptr_array_index(alerting->intervals, i);
    mon_items_add(into, "time interval", interval->name, NULL,
                  interval->text ? interval->text : "{}");
  }
}
