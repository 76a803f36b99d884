/* test-rules.c: rule files: read, refused with all that is wrong; the shipped ones are of series
 * that there are, and their tests hold. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "monitoring/board.h"
#include "monitoring/bus-alerts.h"

#include <string.h>

static const char *shipped;

static const char whole[] = "groups:\n"
                            "- name: g\n"
                            "  interval: 30s\n"
                            "  rules:\n"
                            "  - record: a:b\n"
                            "    expr: sum(x)\n"
                            "  - alert: A\n"
                            "    expr: a:b > 1\n"
                            "    for: 1h30m\n"
                            "    keep_firing_for: 5m\n"
                            "    resolve_expr: a:b < 0.5\n"
                            "    no-data: keep\n"
                            "    x-of-y: {x: 3, y: 5}\n"
                            "    flapping: {changes: 4, within: 10m}\n"
                            "    limit: 10\n"
                            "    severity: critical\n"
                            "    labels: {team: '{{ $labels.unit }}'}\n"
                            "    annotations: {summary: 'at {{ $value }}'}\n"
                            "    what-to-do: look\n"
                            "  - {alert: A, expr: x, flapping: false}\n";

static void test_whole(void) {
  g_autoptr(MonRules) rules = mon_rules_new();
  g_autoptr(WgProblems) problems = wg_problems_new();

  g_assert_true(mon_rules_read(rules, whole, strlen(whole), "f", G_USEC_PER_SEC, problems));
  g_assert_cmpuint(rules->rules->len, ==, 3);
  const MonRule *rule = rules->rules->pdata[1];
  g_assert_cmpstr(rule->key, ==, "g/A");
  g_assert_cmpint(rule->hold, ==, (gint64)5400 * G_USEC_PER_SEC);
  g_assert_cmpint(rule->keep, ==, (gint64)300 * G_USEC_PER_SEC);
  g_assert_cmpint(rule->interval, ==, (gint64)30 * G_USEC_PER_SEC);
  g_assert_nonnull(rule->resolve);
  g_assert_cmpint(rule->no_data, ==, MON_NO_DATA_KEEP);
  g_assert_cmpuint(rule->x, ==, 3);
  g_assert_cmpuint(rule->flap_changes, ==, 4);
  g_assert_cmpuint(rule->limit, ==, 10);
  g_assert_cmpuint(rule->line, ==, 7);
  g_autoptr(MonLabels) result = mon_labels_new("unit", "u", NULL);
  g_autoptr(MonLabels) labels = mon_rule_labels(rule, result, 2);
  g_autofree char *text = mon_labels_text(labels);
  g_assert_cmpstr(text, ==, "{alertname=\"A\",severity=\"critical\",team=\"u\",unit=\"u\"}");
  g_assert_cmpstr(((MonRule *)rules->rules->pdata[2])->key, ==, "g/A#2");
  g_assert_cmpuint(((MonRule *)rules->rules->pdata[2])->flap_changes, ==, 0);
}

static void test_refused(void) {
  static const char text[] = "groups:\n"
                             "- nam: g\n"
                             "  rules:\n"
                             "  - alert: A\n"
                             "    expr: x >\n"
                             "    for: 5 minutes\n"
                             "    labels: {alertname: B, '0a': c}\n"
                             "    annotations: {summary: '{{ $valeu }}'}\n"
                             "    no-data: never\n"
                             "    x-of-y: {x: 6, y: 5}\n"
                             "    resolve_exp: y\n"
                             "  - {record: 'a-b', expr: x, for: 5m}\n";
  static const char *const parts[] = {
      "f:2: /groups/0/nam:",
      "did you mean name?",
      "f:5:",
      "column 4",
      "f:6:",
      "5m, 1h30m",
      "alertname is the rule's own",
      "\"0a\" is no name",
      "f:8:",
      "$valeu",
      "f:9:",
      "f:10:",
      "did you mean resolve_expr?",
      "/groups/0/rules/1/record",
  };
  g_autoptr(MonRules) rules = mon_rules_new();
  g_autoptr(WgProblems) problems = wg_problems_new();

  g_assert_false(mon_rules_read(rules, text, strlen(text), "f", G_USEC_PER_SEC, problems));
  g_assert_cmpuint(rules->rules->len, ==, 0);
  g_autofree char *all = wg_problems_text(problems, "f");
  for (guint i = 0; i < G_N_ELEMENTS(parts); i++) {
    if (strstr(all, parts[i]) == NULL)
      g_test_message("%s not in\n%s", parts[i], all);
    g_assert_nonnull(strstr(all, parts[i]));
  }
}

static void check_names(const MonExpr *expr) {
  for (const char *const *name = expr != NULL ? mon_expr_names(expr) : NULL;
       name != NULL && *name != NULL; name++) {
    if (mon_metric(*name) == NULL)
      g_test_message("no metric is called %s", *name);
    g_assert_nonnull(mon_metric(*name));
  }
}

static void test_shipped(void) {
  g_autoptr(MonRules) rules = mon_rules_new();
  g_autoptr(WgProblems) problems = wg_problems_new();
  g_autofree char *text = NULL;
  gsize size;

  g_assert_true(g_file_get_contents(shipped, &text, &size, NULL));
  gboolean good = mon_rules_read(rules, text, size, shipped, 10 * G_USEC_PER_SEC, problems);
  g_autofree char *all = wg_problems_text(problems, "waggle.yaml");
  g_test_message("%s", all);
  g_assert_true(good);
  g_assert_cmpuint(rules->rules->len, >=, 20);
  for (guint i = 0; i < rules->rules->len; i++) {
    const MonRule *rule = rules->rules->pdata[i];
    check_names(rule->expr);
    check_names(rule->resolve);
    g_assert_true(*rule->severity);
  }
}

/* What people would see of them, on series made up. */
static void test_shipped_alerts(void) {
  static const char tests[] =
      "evaluation_interval: 10s\n"
      "tests:\n"
      "- interval: 10s\n"
      "  input_series:\n"
      "  - {series: 'waggle_unit_state{unit=\"a\",type=\"service\",state=\"failed\"}', values: '0 "
      "1 1 0'}\n"
      "  - {series: 'waggle_host_filesystem_size_bytes{mountpoint=\"/\"}', values: '100x100'}\n"
      "  - {series: 'waggle_host_filesystem_available_bytes{mountpoint=\"/\"}', values: '50x5 4x30 "
      "6x30 9x30'}\n"
      "  alert_rule_test:\n"
      "  - {eval_time: 0s, alertname: UnitFailed}\n"
      "  - eval_time: 10s\n"
      "    alertname: UnitFailed\n"
      "    exp_alerts:\n"
      "    - exp_labels: {unit: a, type: service, state: failed, severity: critical}\n"
      "      exp_annotations:\n"
      "        summary: a has failed\n"
      "        what_to_do: systemctl status a and journalctl -u a tell why; waggle why a puts it "
      "on "
      "one screen\n"
      "  - {eval_time: 30s, alertname: UnitFailed}\n"
      "  - {eval_time: 100s, alertname: DiskFull}\n"
      "  - eval_time: 120s\n"
      "    alertname: DiskFull\n"
      "    exp_alerts: [{exp_labels: {mountpoint: /, severity: critical}, exp_annotations: "
      "{summary: "
      "/ has 4% left}}]\n"
      "  - eval_time: 500s\n" /* 6 % are no 5 %, and no 8 % */
      "    alertname: DiskFull\n"
      "    exp_alerts: [{exp_labels: {mountpoint: /, severity: critical}, exp_annotations: "
      "{summary: "
      "/ has 4% left}}]\n"
      "  - {eval_time: 800s, alertname: DiskFull}\n";
  g_autofree char *text = NULL;
  gsize size;

  g_assert_true(g_file_get_contents(shipped, &text, &size, NULL));
  g_autoptr(JsonNode) outcome = mon_rules_try(text, size, tests, NULL);
  g_autofree char *json = json_to_string(outcome, FALSE);
  g_test_message("%s", json);
  g_assert_true(json_object_get_boolean_member(json_node_get_object(outcome), "ok"));
  g_assert_cmpint(json_object_get_int_member(json_node_get_object(outcome), "tests"), ==, 7);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  shipped = argv[1];
  g_test_add_func("/monitor/rules/whole", test_whole);
  g_test_add_func("/monitor/rules/refused", test_refused);
  g_test_add_func("/monitor/rules/shipped", test_shipped);
  g_test_add_func("/monitor/rules/shipped-alerts", test_shipped_alerts);
  return g_test_run();
}
