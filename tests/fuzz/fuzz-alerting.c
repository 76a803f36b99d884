/* fuzz-alerting.c: any bytes as alerting.yaml. It is refused with at least one problem; or every
 * alert has a route with a receiver, a group, and an answer to whether it is muted or inhibited. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "monitoring/alerting.h"
#include "monitoring/items.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
  const MonLabels *labels;
  guint n;
} Walk;

static void on_route(const MonRoute *route, gpointer user_data) {
  Walk *walk = user_data;
  g_autoptr(MonLabels) group = mon_route_group(route, walk->labels);

  walk->n++;
  g_assert_nonnull(group);
  g_assert_nonnull(route->receiver);
  g_assert_cmpuint(route->group_interval, >, 0);
  (void)mon_route_muted(route, 1700000000 * G_TIME_SPAN_SECOND);
  (void)mon_route_muted(route, G_MAXINT64);
  for (guint i = 0; i < route->receiver->integrations->len; i++) {
    const MonIntegration *it = g_ptr_array_index(route->receiver->integrations, i);
    g_assert_nonnull(it->key);
    g_assert_true(it->kind != MON_RECEIVE_EXEC || it->command[0] != NULL);
    g_assert_true(it->kind != MON_RECEIVE_EMAIL || it->to[0] != NULL);
    g_assert_true(it->kind != MON_RECEIVE_WEBHOOK || it->url != NULL);
  }
}

static void look_at(const MonAlerting *alerting) {
  g_autoptr(MonLabels) a = mon_labels_new("alertname", "A", "severity", "critical", NULL);
  g_autoptr(MonLabels) b = mon_labels_new("alertname", "A", "team", "web", NULL);
  g_autoptr(GPtrArray) sources = g_ptr_array_new();
  Walk walk = {a, 0};

  mon_route_match(alerting->root, a, on_route, &walk);
  walk.labels = b;
  mon_route_match(alerting->root, b, on_route, &walk);
  g_assert_cmpuint(walk.n, >=, 2);
  g_ptr_array_add(sources, a);
  g_ptr_array_add(sources, b);
  (void)mon_inhibited(alerting, a, sources, NULL);
  (void)mon_inhibited(alerting, b, sources, NULL);
  g_autoptr(MonItems) items = mon_items_new(), none = mon_items_new();
  mon_alerting_items(alerting, items);
  g_autofree char *same = mon_items_diff(items, items), *all = mon_items_diff(none, items);
  g_assert_cmpstr(same, ==, "[]");
  g_assert_cmpstr(all, !=, "[]"); /* there is a root */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  g_autoptr(WgProblems) problems = wg_problems_new();
  g_autoptr(MonAlerting) alerting = mon_alerting_parse((const char *)data, size, problems);

  g_assert_true((alerting == NULL) == wg_problems_refuse(problems));
  for (guint i = 0; i < wg_problems_n(problems); i++) {
    const WgProblem *p = wg_problems_at(problems, i);
    g_assert_true(*p->text && g_utf8_validate(p->text, -1, NULL));
  }
  if (alerting)
    look_at(alerting);
  return 0;
}
