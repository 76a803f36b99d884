/* route.c: the tree of routes (alerting.h). Pure. */
#include "monitoring/alerting.h"

static gboolean match(const MonRoute *route, const MonLabels *labels, MonRouteFunc func,
                      gpointer user_data) {
  gboolean taken = FALSE;

  if (!mon_matchers_all_hold(route->matchers, labels))
    return FALSE;
  for (guint i = 0; i < route->routes->len; i++) {
    const MonRoute *child = g_ptr_array_index(route->routes, i);
    if (!match(child, labels, func, user_data))
      continue;
    taken = TRUE;
    if (!child->goes_on)
      break;
  }
  if (!taken)
    func(route, user_data);
  return TRUE;
}

void mon_route_match(const MonRoute *root, const MonLabels *labels, MonRouteFunc func,
                     gpointer user_data) {
  match(root, labels, func, user_data);
}

MonLabels *mon_route_group(const MonRoute *route, const MonLabels *labels) {
  g_autoptr(GPtrArray) pairs = NULL;

  if (route->group_by_all)
    return mon_labels_ref(labels);
  pairs = g_ptr_array_new();
  for (guint i = 0; route->group_by[i]; i++) {
    const char *value = mon_labels_get(labels, route->group_by[i]);
    if (value == NULL)
      continue;
    g_ptr_array_add(pairs, route->group_by[i]);
    g_ptr_array_add(pairs, (gpointer)value);
  }
  return mon_labels_from((const char *const *)pairs->pdata, pairs->len / 2);
}

const char *mon_route_muted(const MonRoute *route, gint64 realtime) {
  const MonInterval *first = NULL;

  for (guint i = 0; i < route->mute->len; i++) {
    const MonInterval *interval = g_ptr_array_index(route->mute, i);
    if (mon_interval_holds(interval, realtime))
      return interval->name;
  }
  for (guint i = 0; i < route->active->len; i++) {
    const MonInterval *interval = g_ptr_array_index(route->active, i);
    if (mon_interval_holds(interval, realtime))
      return NULL;
    if (first == NULL)
      first = interval;
  }
  return first ? first->name : NULL;
}

const MonRoute *mon_route_find(const MonRoute *root, const char *key) {
  if (g_str_equal(root->key, key))
    return root;
  for (guint i = 0; i < root->routes->len; i++) {
    const MonRoute *found = mon_route_find(g_ptr_array_index(root->routes, i), key);
    if (found)
      return found;
  }
  return NULL;
}
