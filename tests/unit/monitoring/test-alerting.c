/* test-alerting.c: alerting.yaml: a file of Alertmanager's as it is, routes, inhibition, everything
 * that is wrong with a file at once, files of several directories. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "monitoring/alerting.h"

#include "common/error.h"

#include <glib/gstdio.h>
#include <string.h>

static const char whole[] =
    "global: {resolve_timeout: 5m}\n"
    "route:\n"
    "  receiver: all\n"
    "  group_by: [cluster, alertname]\n"
    "  group_wait: 10s\n"
    "  routes:\n"
    "    - matchers: ['team=\"db\"', severity=~\"critical|warning\"]\n"
    "      receiver: db\n"
    "      repeat_interval: 1h30m\n"
    "      escalate: [{after: 15m, receiver: web}, {after: 1h, receiver: all}]\n"
    "      routes:\n"
    "        - match: {service: postgres}\n"
    "          group_by: ['...']\n"
    "          group_wait: 0s\n"
    "    - matchers: [team=web]\n"
    "      continue: true\n"
    "      receiver: web\n"
    "    - matchers: ['team=~\"web|ops\"']\n"
    "      mute_time_intervals: [nights]\n"
    "receivers:\n"
    "  - name: all\n"
    "    journal:\n"
    "    dbus: {}\n"
    "  - name: db\n"
    "    rate_limit: {notifications: 3, per: 1min}\n"
    "    webhook_configs:\n"
    "      - url: http://127.0.0.1:5001/\n"
    "        send_resolved: false\n"
    "        http_config: {authorization: {credentials: abc}}\n"
    "      - url: https://example.org/hook\n"
    "        max_alerts: 5\n"
    "        rate_limit: {notifications: 9, per: 1h}\n"
    "    message: {agent: db-oncall, priority: 9}\n"
    "  - name: web\n"
    "    exec: {command: [/bin/true, -v], timeout: 3s}\n"
    "    email: {to: root}\n"
    "    alertmanager: [{url: http://127.0.0.1:9093}]\n"
    "inhibit_rules:\n"
    "  - source_matchers: [severity=critical]\n"
    "    target_matchers: [severity=~\"warning|info\"]\n"
    "    equal: [alertname, dc]\n"
    "time_intervals:\n"
    "  - name: nights\n"
    "    time_intervals:\n"
    "      - times: [{start_time: '22:00', end_time: '24:00'}]\n"
    "        weekdays: ['monday:friday', saturday]\n"
    "        days_of_month: [1, '-3:-1']\n";

static MonAlerting *parse(const char *text) {
  g_autoptr(WgProblems) problems = wg_problems_new();
  MonAlerting *alerting = mon_alerting_parse(text, strlen(text), problems);
  g_autofree char *told = wg_problems_text(problems, "alerting.yaml");

  g_assert_cmpstr(told, ==, "");
  g_assert_nonnull(alerting);
  return alerting;
}

static void on_route(const MonRoute *route, gpointer user_data) {
  g_string_append_printf(user_data, "%s>%s ", route->key, route->receiver->name);
}

static void assert_routes(const MonAlerting *alerting, const char *team, const char *severity,
                          const char *service, const char *expected) {
  g_autoptr(MonLabels) labels =
      mon_labels_new("team", team, "severity", severity, "service", service, NULL);
  g_autoptr(GString) text = g_string_new(NULL);

  mon_route_match(alerting->root, labels, on_route, text);
  g_assert_cmpstr(text->str, ==, expected);
}

static void test_routes(void) {
  g_autoptr(MonAlerting) a = parse(whole);
  const MonRoute *db, *postgres;

  assert_routes(a, "x", "critical", NULL, "{}>all ");
  assert_routes(a, "db", "info", NULL, "{}>all ");
  assert_routes(a, "db", "critical", NULL, "{}/{team=\"db\",severity=~\"critical|warning\"}>db ");
  assert_routes(a, "db", "warning", "postgres",
                "{}/{team=\"db\",severity=~\"critical|warning\"}/{service=\"postgres\"}>db ");
  assert_routes(a, "web", "info", NULL, "{}/{team=\"web\"}>web {}/{team=~\"web|ops\"}>all ");
  assert_routes(a, "ops", "info", NULL, "{}/{team=~\"web|ops\"}>all ");
  db = g_ptr_array_index(a->root->routes, 0);
  postgres = g_ptr_array_index(db->routes, 0);
  g_assert_cmpuint(db->group_wait, ==, 10 * G_USEC_PER_SEC);
  g_assert_cmpuint(db->group_interval, ==, 5 * G_TIME_SPAN_MINUTE);
  g_assert_cmpuint(db->repeat_interval, ==, 90 * G_TIME_SPAN_MINUTE);
  g_assert_cmpuint(a->root->escalations->len, ==, 0);
  g_assert_cmpuint(postgres->escalations->len, ==, 2);
  const MonEscalation *escalation = g_ptr_array_index(postgres->escalations, 1);
  g_assert_cmpuint(escalation->after, ==, G_TIME_SPAN_HOUR);
  g_assert_cmpstr(escalation->receiver->name, ==, "all");
  g_assert_true(postgres->group_by_all);
  g_assert_cmpuint(postgres->group_wait, ==, 0);
  g_assert_cmpuint(postgres->repeat_interval, ==, 90 * G_TIME_SPAN_MINUTE);
  g_assert_true(mon_route_find(a->root, postgres->key) == postgres);
}

static void test_groups(void) {
  g_autoptr(MonAlerting) a = parse(whole);
  g_autoptr(MonLabels) labels = mon_labels_new("alertname", "A", "unit", "x", NULL);
  g_autoptr(MonLabels) group = mon_route_group(a->root, labels);
  g_autofree char *text = mon_labels_text(group);

  g_assert_cmpstr(text, ==, "{alertname=\"A\"}");
}

static void test_receivers(void) {
  g_autoptr(MonAlerting) a = parse(whole);
  const MonIntegration *it = mon_alerting_integration(a, "db/webhook/0");

  g_assert_cmpint(it->kind, ==, MON_RECEIVE_WEBHOOK);
  g_assert_false(it->send_resolved);
  g_assert_cmpstr(it->auth_type, ==, "Bearer");
  g_assert_cmpstr(it->auth_text, ==, "abc");
  g_assert_cmpuint(mon_alerting_integration(a, "db/webhook/1")->max_alerts, ==, 5);
  g_assert_cmpint(mon_alerting_integration(a, "db/message/0")->priority, ==, 9);
  g_assert_cmpuint(mon_alerting_integration(a, "db/message/0")->rate_max, ==, 3);
  g_assert_cmpuint(mon_alerting_integration(a, "db/message/0")->rate_per, ==, 60 * G_USEC_PER_SEC);
  g_assert_cmpuint(mon_alerting_integration(a, "db/webhook/1")->rate_max, ==, 9);
  g_assert_cmpuint(mon_alerting_integration(a, "web/exec/0")->rate_max, ==, 0);
  g_assert_cmpuint(mon_alerting_integration(a, "web/exec/0")->timeout, ==, 3 * G_USEC_PER_SEC);
  g_assert_cmpstr(mon_alerting_integration(a, "web/email/0")->to[0], ==, "root");
  g_assert_nonnull(mon_alerting_integration(a, "web/alertmanager/0"));
  g_assert_nonnull(mon_alerting_integration(a, "all/journal/0"));
  g_assert_null(mon_alerting_integration(a, "all/journal/1"));
}

static void test_inhibits(void) {
  g_autoptr(MonAlerting) a = parse(whole);
  g_autoptr(MonLabels) critical = mon_labels_new("alertname", "A", "severity", "critical", NULL);
  g_autoptr(MonLabels) there =
      mon_labels_new("alertname", "A", "severity", "critical", "dc", "x", NULL);
  g_autoptr(MonLabels) warning = mon_labels_new("alertname", "A", "severity", "warning", NULL);
  g_autoptr(MonLabels) other = mon_labels_new("alertname", "B", "severity", "info", NULL);
  g_autoptr(GPtrArray) sources = g_ptr_array_new();
  const MonLabels *source = NULL;

  g_assert_false(mon_inhibited(a, warning, sources, NULL));
  g_ptr_array_add(sources, there);
  g_assert_false(mon_inhibited(a, warning, sources, NULL)); /* dc is there, and absent here */
  g_ptr_array_add(sources, critical);
  g_assert_true(mon_inhibited(a, warning, sources, &source)); /* absent in both: alike */
  g_assert_true(source == critical);
  g_assert_false(mon_inhibited(a, other, sources, NULL));
  g_assert_false(mon_inhibited(a, critical, sources, NULL));
}

static void test_both_sides(void) {
  g_autoptr(MonAlerting) a = parse("route: {receiver: x}\nreceivers: [{name: x}]\n"
                                   "inhibit_rules: [{source_matchers: [k=v], target_matchers: "
                                   "['k=~\"v|w\"']}]\n");
  g_autoptr(MonLabels) one = mon_labels_new("k", "v", "n", "1", NULL);
  g_autoptr(MonLabels) two = mon_labels_new("k", "v", "n", "2", NULL);
  g_autoptr(MonLabels) target = mon_labels_new("k", "w", NULL);
  g_autoptr(GPtrArray) sources = g_ptr_array_new();

  g_ptr_array_add(sources, one);
  g_ptr_array_add(sources, two);
  g_assert_false(mon_inhibited(a, one, sources, NULL));
  g_assert_true(mon_inhibited(a, target, sources, NULL)); /* is no source itself */
}

static void test_problems(void) {
  static const char bad[] = "route:\n"
                            "  receivre: all\n"
                            "  group_by: [a, a]\n"
                            "  mute_time_intervals: [x]\n"
                            "  routes:\n"
                            "    - matchers: ['a=~\"(\"', 'b']\n"
                            "      receiver: wbe\n"
                            "      group_wait: soon\n"
                            "receivers:\n"
                            "  - name: web\n"
                            "    webhook: {url: 'ftp://x'}\n"
                            "    slack_configs: []\n"
                            "    exec: {command: [true]}\n"
                            "  - name: web\n"
                            "    message:\n"
                            "    rate_limit: {notifications: 0}\n"
                            "    journal: {rate_limit: {notifications: 5, per: 2d}}\n"
                            "inhibit_rules: [{equal: [a]}]\n"
                            "time_intervals: 5\n"
                            "colour: red\n";
  static const char *const told[] = {
      "alerting.yaml:2: /route/receivre: unknown key 'receivre'; did you mean receiver?",
      "alerting.yaml:3: /route/group_by: \"a\" stands twice",
      "alerting.yaml:4: /route/mute_time_intervals: there is no time interval \"x\"",
      "alerting.yaml:6: /route/routes/0/matchers: \"(\" is no pattern",
      "alerting.yaml:7: /route/routes/0/receiver: there is no receiver \"wbe\"; did you mean web",
      "alerting.yaml:8: /route/routes/0/group_wait: ",
      "alerting.yaml:11: /receivers/0/webhook/url: \"ftp://x\" is no http or https address",
      "alerting.yaml:12: /receivers/0/slack_configs: there is no receiver of this kind here",
      "alerting.yaml:13: /receivers/0/exec/command: ",
      "alerting.yaml:14: /receivers/1/name: a receiver \"web\" was there before",
      "alerting.yaml:15: /receivers/1/message: 'agent' is missing",
      "alerting.yaml:16: /receivers/1/rate_limit/notifications: ",
      "alerting.yaml:16: /receivers/1/rate_limit: so many \"notifications\" \"per\" time",
      "alerting.yaml:17: /receivers/1/journal/rate_limit/per: ",
      "alerting.yaml:18: /inhibit_rules/0: an inhibition needs",
      "alerting.yaml:19: /time_intervals: 'time_intervals' is a list",
      "alerting.yaml:20: /colour: unknown key",
  };
  g_autoptr(WgProblems) problems = wg_problems_new();
  g_autofree char *text = NULL;

  g_assert_null(mon_alerting_parse(bad, strlen(bad), problems));
  text = wg_problems_text(problems, "alerting.yaml");
  for (guint i = 0; i < G_N_ELEMENTS(told); i++)
    if (strstr(text, told[i]) == NULL)
      g_error("\"%s\" is not in:\n%s", told[i], text);
}

static void test_push_and_wall(void) {
  static const char bad[] = "route: {receiver: a}\n"
                            "receivers:\n"
                            "  - name: a\n"
                            "    ntfy:\n"
                            "      - url: https://ntfy.sh\n"
                            "      - {url: 'https://ntfy.sh/t', tags: ['a,b'], priority: 0}\n"
                            "      - {url: 'https://ntfy.sh/t', click: here}\n"
                            "    wall: {terminals: [tty1]}\n";
  static const char *const told[] = {
      "alerting.yaml:5: /receivers/0/ntfy/0/url: the topic is missing",
      "alerting.yaml:6: /receivers/0/ntfy/1/tags: \"a,b\" is no tag",
      "alerting.yaml:6: /receivers/0/ntfy/1/priority: ",
      "alerting.yaml:7: /receivers/0/ntfy/2/click: \"here\" is no address",
      "alerting.yaml:8: /receivers/0/wall/terminals: \"tty1\" is no absolute path",
  };
  g_autoptr(MonAlerting) good =
      parse("route: {receiver: a}\nreceivers: [{name: a, wall: , ntfy: {url: 'https://ntfy.sh/t', "
            "priority: 4, tags: x, http_config: {authorization: {credentials_file: /t}}}}]\n");
  const MonIntegration *ntfy = mon_alerting_integration(good, "a/ntfy/0");
  const MonIntegration *wall = mon_alerting_integration(good, "a/wall/0");
  g_autoptr(WgProblems) problems = wg_problems_new();
  g_autofree char *text = NULL;

  g_assert_cmpint(ntfy->priority, ==, 4);
  g_assert_cmpstr(ntfy->tags[0], ==, "x");
  g_assert_cmpstr(ntfy->auth_file, ==, "/t");
  g_assert_null(wall->terminals[0]);
  g_assert_cmpuint(wall->retry_for, ==, G_TIME_SPAN_HOUR);
  g_assert_null(mon_alerting_parse(bad, strlen(bad), problems));
  text = wg_problems_text(problems, "alerting.yaml");
  for (guint i = 0; i < G_N_ELEMENTS(told); i++)
    if (strstr(text, told[i]) == NULL)
      g_error("\"%s\" is not in:\n%s", told[i], text);
}

static void test_escalations(void) {
  static const char bad[] = "route:\n"
                            "  receiver: a\n"
                            "  escalate:\n"
                            "    - {after: 10m, receiver: a}\n"
                            "    - {after: 5m, receiver: b}\n"
                            "    - {after: 1h, receiver: b}\n"
                            "    - {receiver: c}\n"
                            "    - {after: 2h, receivre: b}\n"
                            "receivers: [{name: a}, {name: b}]\n";
  static const char *const told[] = {
      "alerting.yaml:4: /route/escalate/0/receiver: \"a\" is told of it before",
      "alerting.yaml:5: /route/escalate/1/after: each escalation comes later",
      "alerting.yaml:6: /route/escalate/2/receiver: \"b\" is told of it before",
      "alerting.yaml:7: /route/escalate/3: 'after' is missing",
      "alerting.yaml:7: /route/escalate/3/receiver: there is no receiver \"c\"",
      "alerting.yaml:8: /route/escalate/4: 'receiver' is missing",
      "alerting.yaml:8: /route/escalate/4/receivre: unknown key",
  };
  g_autoptr(WgProblems) problems = wg_problems_new();
  g_autofree char *text = NULL;

  g_assert_null(mon_alerting_parse(bad, strlen(bad), problems));
  text = wg_problems_text(problems, "alerting.yaml");
  for (guint i = 0; i < G_N_ELEMENTS(told); i++)
    if (strstr(text, told[i]) == NULL)
      g_error("\"%s\" is not in:\n%s", told[i], text);
}

static void put_file(const char *dir, const char *name, const char *text) {
  g_autofree char *path = g_build_filename(dir, name, NULL);
  g_autofree char *parent = g_path_get_dirname(path);
  g_autoptr(GError) error = NULL;

  g_assert_cmpint(g_mkdir_with_parents(parent, 0700), ==, 0);
  g_file_set_contents(path, text, -1, &error);
  g_assert_no_error(error);
}

static void test_files(void) {
  g_autoptr(GError) error = NULL;
  g_autofree char *vendor = g_dir_make_tmp("waggle-alerting-XXXXXX", &error);
  g_autofree char *etc = g_dir_make_tmp("waggle-alerting-XXXXXX", &error);
  const char *const dirs[] = {vendor, etc, NULL};
  g_autoptr(MonAlerting) none = mon_alerting_load(dirs, &error);
  g_autoptr(MonAlerting) some = NULL;

  g_assert_no_error(error);
  g_assert_true(none->root->group_by_all);
  g_assert_nonnull(mon_alerting_integration(none, "local/journal/0"));
  put_file(vendor, "alerting.yaml", "route: {receiver: vendor}\nreceivers: [{name: vendor}]\n");
  put_file(etc, "alerting.yaml", "route: {receiver: etc}\nreceivers: [{name: etc}]\n");
  put_file(vendor, "alerting.d/10-a.yaml", "receivers: 5\n"); /* hidden */
  put_file(etc, "alerting.d/10-a.yaml",
           "receivers: [{name: a, journal: {}}]\nroutes: [{matchers: [team=a], receiver: a}]\n");
  some = mon_alerting_load(dirs, &error);
  g_assert_no_error(error);
  g_assert_cmpstr(some->root->receiver->name, ==, "etc");
  assert_routes(some, "a", NULL, NULL, "{}/{team=\"a\"}>a ");
  put_file(etc, "alerting.d/20-b.yaml", "routes: [{receiver: aa}]\nroute: {}\n");
  g_assert_null(mon_alerting_load(dirs, &error));
  g_assert_error(error, WG_ERROR, WG_ERROR_CONFIGURATION);
  g_assert_nonnull(strstr(error->message, "20-b.yaml:1: /routes/0/receiver: there is no receiver"));
  g_assert_nonnull(strstr(error->message, "20-b.yaml:2: /route: unknown key 'route'; did you"));
  g_autofree char *command = g_strdup_printf("rm -r %s %s", vendor, etc);
  g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/monitor/alerting/routes", test_routes);
  g_test_add_func("/monitor/alerting/groups", test_groups);
  g_test_add_func("/monitor/alerting/receivers", test_receivers);
  g_test_add_func("/monitor/alerting/inhibits", test_inhibits);
  g_test_add_func("/monitor/alerting/both-sides", test_both_sides);
  g_test_add_func("/monitor/alerting/problems", test_problems);
  g_test_add_func("/monitor/alerting/escalations", test_escalations);
  g_test_add_func("/monitor/alerting/push-and-wall", test_push_and_wall);
  g_test_add_func("/monitor/alerting/files", test_files);
  return g_test_run();
}
