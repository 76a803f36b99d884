/* alerting-route.c: the tree of routes and the inhibitions of alerting.yaml. */
#include "monitoring/alerting-private.h"
#include "monitoring/items.h"

#include <string.h>

static const char group_all[] = "...";

void mon_route_free(MonRoute *route) {
  if (route == NULL)
    return;
  g_free(route->key);
  g_free(route->text);
  g_ptr_array_unref(route->matchers);
  g_strfreev(route->group_by);
  g_ptr_array_unref(route->mute);
  g_ptr_array_unref(route->active);
  g_ptr_array_unref(route->escalations);
  g_ptr_array_unref(route->routes);
  g_free(route);
}

static void add_matcher(WgReader *reader, const char *key, GPtrArray *into, const char *name,
                        MonMatchOp op, const char *value) {
  g_autoptr(GError) error = NULL;
  MonMatcher *matcher = mon_matcher_new(name, op, value, &error);

  if (matcher)
    g_ptr_array_add(into, matcher);
  else
    wg_reader_problem(reader, key, "%s", error->message);
}

/* The older notation: {name: value}. */
static void old_matchers(WgReader *reader, const char *key, MonMatchOp op, GPtrArray *into) {
  WgReader *object = wg_reader_object(reader, key);
  g_autofree const char **names = object ? wg_reader_keys(object) : NULL;

  for (guint i = 0; names && names[i]; i++) {
    const char *value = wg_reader_text(object, names[i], NULL);
    if (value)
      add_matcher(object, names[i], into, names[i], op, value);
  }
  if (object)
    wg_reader_end(object);
}

GPtrArray *mon_loader_matchers(WgReader *reader, const char *matchers, const char *match,
                               const char *match_re) {
  GPtrArray *all = g_ptr_array_new_with_free_func((GDestroyNotify)mon_matcher_free);
  g_auto(GStrv) texts = wg_reader_texts(reader, matchers);

  for (guint i = 0; texts[i]; i++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) some = mon_matchers_parse(texts[i], &error);
    if (some)
      g_ptr_array_extend_and_steal(all, g_steal_pointer(&some));
    else
      wg_reader_problem(reader, matchers, "%s", error->message);
  }
  old_matchers(reader, match, MON_MATCH_EQUAL, all);
  old_matchers(reader, match_re, MON_MATCH_LIKE, all);
  return all;
}

static MonLink *add_link(MonLoader *loader, WgReader *reader, const char *key, MonLinkKind kind,
                         MonRoute *route, const char *name) {
  MonLink *link = g_new0(MonLink, 1);

  link->kind = kind;
  link->route = route;
  link->name = g_strdup(name);
  link->pointer = g_strdup_printf("%s/%s", wg_reader_pointer(reader), key);
  link->line = wg_doc_line(loader->doc, link->pointer);
  link->problems = loader->problems;
  g_ptr_array_add(loader->links, link);
  return link;
}

static void add_links(MonLoader *loader, WgReader *reader, const char *key, MonLinkKind kind,
                      MonRoute *route) {
  g_auto(GStrv) names = wg_reader_texts(reader, key);

  for (guint i = 0; names[i]; i++)
    add_link(loader, reader, key, kind, route, names[i]);
}

static MonEscalation *read_escalation(MonLoader *loader, WgReader *reader, MonRoute *route,
                                      guint64 before) {
  MonEscalation *escalation = g_new0(MonEscalation, 1);
  const char *name = wg_reader_need(reader, "receiver");

  escalation->after = wg_reader_usec(reader, "after", G_USEC_PER_SEC / 10, 30 * G_TIME_SPAN_DAY, 0);
  if (!wg_reader_has(reader, "after"))
    wg_reader_problem(reader, NULL, "'after' is missing: how long nobody has acknowledged it");
  else if (escalation->after > 0 && escalation->after <= before)
    wg_reader_problem(reader, "after", "each escalation comes later than the one before it");
  if (name)
    add_link(loader, reader, "receiver", MON_LINK_ESCALATION, route, name)->escalation = escalation;
  return escalation;
}

/* A route below that says nothing has those of the one above. */
static void read_escalations(MonLoader *loader, WgReader *reader, MonRoute *route) {
  guint64 before = 0;

  if (!wg_reader_has(reader, "escalate") && route->parent) {
    route->escalations = g_ptr_array_ref(route->parent->escalations);
    return;
  }
  route->escalations = g_ptr_array_new_with_free_func(g_free);
  for (guint i = 0; i < wg_reader_length(reader, "escalate"); i++) {
    WgReader *one = wg_reader_element(reader, "escalate", i);
    MonEscalation *escalation = read_escalation(loader, one, route, before);
    before = escalation->after;
    g_ptr_array_add(route->escalations, escalation);
    wg_reader_end(one);
  }
}

static int compare_texts(gconstpointer a, gconstpointer b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void read_group_by(WgReader *reader, MonRoute *route) {
  g_auto(GStrv) names = wg_reader_texts(reader, "group_by");
  guint n = g_strv_length(names);

  if (!wg_reader_has(reader, "group_by") && route->parent) {
    route->group_by = g_strdupv(route->parent->group_by);
    route->group_by_all = route->parent->group_by_all;
    return;
  }
  for (guint i = 0; i < n; i++) {
    route->group_by_all = route->group_by_all || g_str_equal(names[i], group_all);
    if (g_strv_contains((const char *const *)names + i + 1, names[i]))
      wg_reader_problem(reader, "group_by", "\"%s\" stands twice", names[i]);
  }
  if (route->group_by_all && n > 1)
    wg_reader_problem(reader, "group_by", "\"...\" groups by all labels, so it stands alone");
  qsort(names, n, sizeof *names, compare_texts);
  route->group_by = g_steal_pointer(&names);
}

static void read_times(WgReader *reader, MonRoute *route) {
  const MonRoute *p = route->parent;

  route->group_wait = wg_reader_usec(reader, "group_wait", 0, 7 * G_TIME_SPAN_DAY,
                                     p ? p->group_wait : 30 * G_USEC_PER_SEC);
  route->group_interval =
      wg_reader_usec(reader, "group_interval", G_USEC_PER_SEC / 10, 7 * G_TIME_SPAN_DAY,
                     p ? p->group_interval : 5 * G_TIME_SPAN_MINUTE);
  route->repeat_interval =
      wg_reader_usec(reader, "repeat_interval", G_USEC_PER_SEC / 10, 366 * G_TIME_SPAN_DAY,
                     p ? p->repeat_interval : 4 * G_TIME_SPAN_HOUR);
}

static void read_root(WgReader *reader, const MonRoute *route) {
  if (route->matchers->len > 0)
    wg_reader_problem(reader, NULL, "the root of the routes takes every alert: no matchers");
  if (route->goes_on)
    wg_reader_problem(reader, "continue", "the root of the routes has no siblings to go on to");
  if (wg_reader_has(reader, "mute_time_intervals") ||
      wg_reader_has(reader, "active_time_intervals"))
    wg_reader_problem(reader, NULL,
                      "the root of the routes is never muted; put the times into a route below");
}

static gboolean has_route(const MonRoute *parent, const char *key) {
  for (guint i = 0; i < parent->routes->len; i++)
    if (g_str_equal(((const MonRoute *)g_ptr_array_index(parent->routes, i))->key, key))
      return TRUE;
  return FALSE;
}

/* Alertmanager's, but for siblings with the same matchers: each has groups of its own, so that all
 * of their receivers are told. */
static char *route_key(const MonRoute *route) {
  g_autofree char *own = mon_matchers_text(route->matchers);
  g_autofree char *plain = NULL;
  char *key;

  if (route->parent == NULL)
    return g_strdup("{}");
  plain = g_strdup_printf("%s/%s", route->parent->key, own);
  key = g_strdup(plain);
  for (guint n = 2; has_route(route->parent, key); n++) {
    g_free(key);
    key = g_strdup_printf("%s#%u", plain, n);
  }
  return key;
}

MonRoute *mon_loader_route(MonLoader *loader, WgReader *reader, MonRoute *parent, guint depth) {
  MonRoute *route = g_new0(MonRoute, 1);
  const char *receiver = wg_reader_text(reader, "receiver", NULL);

  route->parent = parent;
  route->text = mon_item_text(loader->doc, wg_reader_pointer(reader), "routes");
  route->matchers = mon_loader_matchers(reader, "matchers", "match", "match_re");
  route->key = route_key(route);
  route->goes_on = wg_reader_bool(reader, "continue", FALSE);
  route->mute = g_ptr_array_new();
  route->active = g_ptr_array_new();
  route->routes = g_ptr_array_new_with_free_func((GDestroyNotify)mon_route_free);
  read_group_by(reader, route);
  read_times(reader, route);
  if (receiver)
    add_link(loader, reader, "receiver", MON_LINK_RECEIVER, route, receiver);
  else if (parent == NULL)
    wg_reader_problem(reader, NULL, "the root of the routes needs a receiver");
  read_escalations(loader, reader, route);
  add_links(loader, reader, "mute_time_intervals", MON_LINK_MUTE, route);
  add_links(loader, reader, "active_time_intervals", MON_LINK_ACTIVE, route);
  if (parent == NULL)
    read_root(reader, route);
  if (++loader->n_routes > MON_ALERTING_ROUTES_MAX || depth > MON_ALERTING_DEPTH_MAX) {
    wg_reader_know(reader, "routes");
    wg_reader_problem(reader, NULL, "more than %d routes, or more than %d below each other",
                      MON_ALERTING_ROUTES_MAX, MON_ALERTING_DEPTH_MAX);
    return route;
  }
  for (guint i = 0; i < wg_reader_length(reader, "routes"); i++) {
    WgReader *child = wg_reader_element(reader, "routes", i);
    g_ptr_array_add(route->routes, mon_loader_route(loader, child, route, depth + 1));
    wg_reader_end(child);
  }
  return route;
}

void mon_loader_inhibits(MonLoader *loader, WgReader *top) {
  for (guint i = 0; i < wg_reader_length(top, "inhibit_rules"); i++) {
    WgReader *reader = wg_reader_element(top, "inhibit_rules", i);
    MonInhibitRule *rule = g_new0(MonInhibitRule, 1);
    rule->text = mon_item_text(loader->doc, wg_reader_pointer(reader), NULL);
    rule->name = g_strdup(wg_reader_text(reader, "name", NULL));
    rule->source =
        mon_loader_matchers(reader, "source_matchers", "source_match", "source_match_re");
    rule->target =
        mon_loader_matchers(reader, "target_matchers", "target_match", "target_match_re");
    rule->equal = wg_reader_texts(reader, "equal");
    if (rule->source->len == 0 || rule->target->len == 0)
      wg_reader_problem(reader, NULL,
                        "an inhibition needs source_matchers and target_matchers; without "
                        "it would silence everything");
    g_ptr_array_add(loader->alerting->inhibits, rule);
    wg_reader_end(reader);
  }
}
