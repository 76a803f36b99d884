/* verb-alerts.c: alerts as they stand: list, show, rules, history. */
#include "client/alerts.h"
#include "client/json.h"
#include "client/pager.h"
#include "client/table.h"
#include "client/times.h"
#include "client/verbs.h"

#include <stdio.h>

const CliOption cli_alerts_list_options[] = {
    {"state", 's', CLI_VALUE_REQUIRED, "STATE",
     "Only those: pending, firing, keeping, flapping, unknown"},
    {"matcher", 'm', CLI_VALUE_REQUIRED, "MATCHER", "Only those with such labels: unit=~\"a.*\""},
    {NULL},
};
const CliOption cli_alerts_history_options[] = {
    {"since", 0, CLI_VALUE_REQUIRED, "TIME", "Only what happened after it"},
    {"max", 'n', CLI_VALUE_REQUIRED, "N", "At most so many; default 100"},
    {NULL},
};

static void add_alert(CliTable *table, JsonObject *alert, guint64 now) {
  JsonObject *labels = json_object_get_object_member(alert, "labels");
  const char *severity = cli_alerts_text(alert, "severity"),
             *cause = cli_alerts_text(alert, "cause");
  g_autofree char *state = cli_alerts_state(alert), *rest = cli_alerts_labels(alert);
  g_autofree char *since = cli_time_relative(
      (guint64)json_object_get_int_member_with_default(alert, "active-at", 0), now);
  g_autofree char *id = g_strndup(cli_alerts_text(alert, "fingerprint"), 8);

  cli_table_add(table, id, CLI_STYLE_DIM);
  cli_table_add(table, cli_alerts_text(labels, "alertname"), CLI_STYLE_BOLD);
  cli_table_add(table, severity, cli_alerts_style(severity));
  cli_table_add(table, state, CLI_STYLE_NONE);
  cli_table_add(table, since, CLI_STYLE_NONE);
  if (cause)
    cli_table_add_printf(table, CLI_STYLE_DIM, "%s (follows from %.8s)", rest, cause);
  else
    cli_table_add(table, rest, CLI_STYLE_NONE);
}

int cli_verb_alerts_list(Cli *cli, CliArgs *args, GError **error) {
  static const CliColumn columns[] = {
      {"ID"}, {"ALERT"}, {"SEVERITY"}, {"STATE"}, {"SINCE"}, {"LABELS", FALSE, 1}, {NULL}};
  GVariantBuilder options;
  guint64 now = (guint64)g_get_real_time();

  g_variant_builder_init(&options, G_VARIANT_TYPE_VARDICT);
  if (cli_args_has(args, "state"))
    g_variant_builder_add(&options, "{sv}", "states", cli_args_names(args, "state"));
  if (cli_args_has(args, "matcher"))
    g_variant_builder_add(
        &options, "{sv}", "matchers",
        g_variant_new_strv((const char *const *)cli_args_all(args, "matcher"), -1));
  JsonNode *alerts = cli_alerts_ask(cli, "List", g_variant_new("(a{sv})", &options), error);
  if (!alerts)
    return CLI_EXIT_FAILURE;
  cli_alerts_warn(cli);
  if (cli->json != CLI_JSON_OFF) {
    cli_json_print(cli, cli_json_told(alerts));
    return CLI_EXIT_OK;
  }
  g_autoptr(CliTable) table = cli_table_new(columns);
  JsonArray *array = json_node_get_array(alerts);
  for (guint i = 0; i < json_array_get_length(array); i++)
    add_alert(table, json_array_get_object_element(array, i), now);
  json_node_unref(alerts);
  cli_pager_open(cli);
  cli_table_print(table, cli);
  guint n = cli_table_rows(table);
  if (!cli->no_legend)
    printf("%s%u alert%s.\n", n ? "\n" : "", n, n == 1 ? "" : "s");
  return CLI_EXIT_OK;
}

static void print_pairs(const char *heading, JsonObject *pairs) {
  JsonObjectIter iter;
  const char *name;
  JsonNode *value;

  json_object_iter_init_ordered(&iter, pairs);
  while (json_object_iter_next_ordered(&iter, &name, &value)) {
    g_autofree char *text = cli_text_one_line(json_node_get_string(value));
    printf("%14s  %s: %s\n", heading, name, text);
    heading = "";
  }
}

static void print_time(const char *heading, JsonObject *alert, const char *name) {
  gint64 usec = json_object_get_int_member_with_default(alert, name, 0);
  g_autofree char *text = usec > 0 ? cli_time_full((guint64)usec) : NULL;

  if (text)
    printf("%14s  %s\n", heading, text);
}

static void print_text(const char *heading, JsonObject *alert, const char *name) {
  const char *given = cli_alerts_text(alert, name);
  g_autofree char *text = given ? cli_text_one_line(given) : NULL;

  if (text)
    printf("%14s  %s\n", heading, text);
}

static void print_alert(JsonObject *alert) {
  g_autofree char *state = cli_alerts_state(alert);

  print_text("Alert", alert, "fingerprint");
  printf("%14s  %s\n", "State", state);
  print_text("Severity", alert, "severity");
  print_pairs("Labels", json_object_get_object_member(alert, "labels"));
  print_pairs("Texts", json_object_get_object_member(alert, "annotations"));
  print_time("Holds since", alert, "active-at");
  print_time("Fired", alert, "fired-at");
  print_text("Looked after", alert, "who");
  print_text("Comment", alert, "comment");
  print_text("Release", alert, "release");
  print_text("Trace", alert, "traceparent");
  print_text("Follows from", alert, "cause");
  print_text("Rule", alert, "rule");
  print_text("Expression", alert, "expr");
  print_text("File", alert, "file");
}

int cli_verb_alerts_show(Cli *cli, CliArgs *args, GError **error) {
  JsonNode *alert =
      cli_alerts_ask(cli, "Show", g_variant_new("(s)", cli_args_word(args, 0)), error);

  if (!alert)
    return CLI_EXIT_FAILURE;
  if (cli->json != CLI_JSON_OFF) {
    cli_json_print(cli, cli_json_told(alert));
    return CLI_EXIT_OK;
  }
  print_alert(json_node_get_object(alert));
  json_node_unref(alert);
  return CLI_EXIT_OK;
}

static void add_rule(CliTable *table, JsonObject *rule) {
  const char *trouble = cli_alerts_text(rule, "error"),
             *severity = cli_alerts_text(rule, "severity");
  gboolean blind = json_object_get_boolean_member_with_default(rule, "no-data", FALSE);

  cli_table_add(table, cli_alerts_text(rule, "rule"), CLI_STYLE_BOLD);
  cli_table_add(table, severity, CLI_STYLE_NONE);
  cli_table_add_printf(table, CLI_STYLE_NONE, "%d",
                       (int)json_object_get_int_member_with_default(rule, "alerts", 0));
  cli_table_add(table,
                trouble ? trouble
                : blind ? "no data"
                        : "ok",
                trouble ? CLI_STYLE_BAD : CLI_STYLE_NONE);
  cli_table_add(table, cli_alerts_text(rule, "expr"), CLI_STYLE_NONE);
}

int cli_verb_alerts_rules(Cli *cli, CliArgs *args, GError **error) {
  static const CliColumn columns[] = {{"RULE"},  {"SEVERITY"},       {"ALERTS", TRUE},
                                      {"STATE"}, {"EXPR", FALSE, 1}, {NULL}};
  JsonNode *rules = cli_alerts_ask(cli, "ListRules", g_variant_new("(a{sv})", NULL), error);

  if (!rules)
    return CLI_EXIT_FAILURE;
  if (cli->json != CLI_JSON_OFF) {
    cli_json_print(cli, cli_json_told(rules));
    return CLI_EXIT_OK;
  }
  g_autoptr(CliTable) table = cli_table_new(columns);
  JsonArray *array = json_node_get_array(rules);
  for (guint i = 0; i < json_array_get_length(array); i++)
    add_rule(table, json_array_get_object_element(array, i));
  json_node_unref(rules);
  cli_pager_open(cli);
  cli_table_print(table, cli);
  return CLI_EXIT_OK;
}

static gboolean history_options(CliArgs *args, GVariantBuilder *options, GError **error) {
  guint64 since = 0, max = 0;

  if (!cli_args_time(args, "since", &since, error) && *error)
    return FALSE;
  if (!cli_args_u64(args, "max", 1, 10000, &max, error) && *error)
    return FALSE;
  g_variant_builder_init(options, G_VARIANT_TYPE_VARDICT);
  if (cli_args_word(args, 0))
    g_variant_builder_add(options, "{sv}", "alert", g_variant_new_string(cli_args_word(args, 0)));
  if (since)
    g_variant_builder_add(options, "{sv}", "since", g_variant_new_uint64(since));
  if (max)
    g_variant_builder_add(options, "{sv}", "limit", g_variant_new_uint32((guint32)max));
  return TRUE;
}

int cli_verb_alerts_history(Cli *cli, CliArgs *args, GError **error) {
  static const CliColumn columns[] = {{"TIME"}, {"ID"}, {"ALERT"}, {"BECAME"}, {"LABELS", FALSE, 1},
                                      {NULL}};
  GVariantBuilder options;

  if (!history_options(args, &options, error))
    return CLI_EXIT_USAGE;
  JsonNode *history = cli_alerts_ask(cli, "History", g_variant_new("(a{sv})", &options), error);
  if (!history)
    return CLI_EXIT_FAILURE;
  if (cli->json != CLI_JSON_OFF) {
    cli_json_print(cli, cli_json_told(history));
    return CLI_EXIT_OK;
  }
  g_autoptr(CliTable) table = cli_table_new(columns);
  JsonArray *array = json_node_get_array(history);
  for (guint i = 0; i < json_array_get_length(array); i++) {
    JsonObject *one = json_array_get_object_element(array, i);
    g_autofree char *time =
        cli_time_precise((guint64)json_object_get_int_member_with_default(one, "time", 0));
    g_autofree char *labels = cli_alerts_labels(one);
    g_autofree char *id = g_strndup(cli_alerts_text(one, "fingerprint"), 8);
    cli_table_add(table, time, CLI_STYLE_NONE);
    cli_table_add(table, id, CLI_STYLE_DIM);
    cli_table_add(table, cli_alerts_text(json_object_get_object_member(one, "labels"), "alertname"),
                  CLI_STYLE_BOLD);
    cli_table_add(table, cli_alerts_text(one, "kind"), CLI_STYLE_NONE);
    cli_table_add(table, labels, CLI_STYLE_NONE);
  }
  json_node_unref(history);
  cli_pager_open(cli);
  cli_table_print(table, cli);
  return CLI_EXIT_OK;
}
