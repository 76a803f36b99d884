/* verb-alerts-act.c: what people do with alerts and rules: ack, unack, test, drill. */
#include "client/alerts.h"
#include "client/deploy.h"
#include "client/json.h"
#include "client/verbs.h"

#include "common/names.h"

#include <stdio.h>

const CliOption cli_alerts_ack_options[] = {
    {"comment", 'c', CLI_VALUE_REQUIRED, "TEXT", "What you do about it"},
    {NULL},
};
const CliOption cli_alerts_test_options[] = {
    {"tests", 't', CLI_VALUE_REQUIRED, "FILE", "Tests as promtool's are written"},
    {NULL},
};
const CliOption cli_alerts_drill_options[] = {
    {"for", 0, CLI_VALUE_REQUIRED, "SPAN", "How long it fires; default 1min"},
    {NULL},
};

static int acknowledge(Cli *cli, CliArgs *args, const char *method, GError **error) {
  guint n;
  char **alerts = cli_args_words(args, &n);

  for (guint i = 0; i < n; i++) {
    GVariantBuilder options;
    g_variant_builder_init(&options, G_VARIANT_TYPE_VARDICT);
    if (cli_args_has(args, "comment"))
      g_variant_builder_add(&options, "{sv}", "comment",
                            g_variant_new_string(cli_args_get(args, "comment")));
    g_autoptr(GVariant) reply =
        cli_call_interface(cli, WG_IFACE_MONITORING_ALERTS, method,
                           g_variant_new("(sa{sv})", alerts[i], &options), error);
    if (!reply)
      return CLI_EXIT_FAILURE;
  }
  return CLI_EXIT_OK;
}

int cli_verb_alerts_ack(Cli *cli, CliArgs *args, GError **error) {
  return acknowledge(cli, args, "Acknowledge", error);
}

int cli_verb_alerts_unack(Cli *cli, CliArgs *args, GError **error) {
  return acknowledge(cli, args, "Unacknowledge", error);
}

int cli_verb_alerts_drill(Cli *cli, CliArgs *args, GError **error) {
  GVariantBuilder options;
  guint64 span = 0;
  const char *fingerprint;

  if (!cli_args_usec(args, "for", &span, error) && *error)
    return CLI_EXIT_USAGE;
  g_variant_builder_init(&options, G_VARIANT_TYPE_VARDICT);
  if (span)
    g_variant_builder_add(&options, "{sv}", "duration", g_variant_new_uint64(span));
  g_autoptr(GVariant) reply =
      cli_call_interface(cli, WG_IFACE_MONITORING_ALERTS, "Drill",
                         g_variant_new("(sa{sv})", cli_args_word(args, 0), &options), error);
  if (!reply)
    return CLI_EXIT_FAILURE;
  g_variant_get_child(reply, 0, "&s", &fingerprint);
  printf("%s\n", fingerprint);
  return CLI_EXIT_OK;
}

/* ---- test ---- */
static void print_problems(const char *file, JsonArray *problems) {
  for (guint i = 0; i < json_array_get_length(problems); i++) {
    JsonObject *problem = json_array_get_object_element(problems, i);
    printf("%s:%d: %s: %s\n", file, (int)json_object_get_int_member(problem, "line"),
           cli_alerts_text(problem, "pointer"), cli_alerts_text(problem, "text"));
  }
}

static void print_failures(JsonArray *failures) {
  for (guint i = 0; i < json_array_get_length(failures); i++) {
    JsonObject *failure = json_array_get_object_element(failures, i);
    printf("FAILED %s\n  expected: %s\n  got: %s\n", cli_alerts_text(failure, "at"),
           cli_alerts_text(failure, "expected"), cli_alerts_text(failure, "got"));
  }
}

static int print_outcome(Cli *cli, CliArgs *args, JsonNode *outcome) {
  JsonObject *object = json_node_get_object(outcome);
  gboolean ok = json_object_get_boolean_member(object, "ok");

  if (cli->json != CLI_JSON_OFF) {
    cli_json_print(cli, outcome);
    return ok ? CLI_EXIT_OK : CLI_EXIT_FAILURE;
  }
  print_problems(cli_args_word(args, 0), json_object_get_array_member(object, "problems"));
  if (cli_args_has(args, "tests"))
    print_problems(cli_args_get(args, "tests"),
                   json_object_get_array_member(object, "test-problems"));
  print_failures(json_object_get_array_member(object, "failures"));
  printf("%s: %d rules, %d tests\n", ok ? "good" : "refused",
         (int)json_object_get_int_member(object, "rules"),
         (int)json_object_get_int_member(object, "tests"));
  json_node_unref(outcome);
  return ok ? CLI_EXIT_OK : CLI_EXIT_FAILURE;
}

int cli_verb_alerts_test(Cli *cli, CliArgs *args, GError **error) {
  g_autofree char *base = NULL, *tests = NULL;
  GVariantBuilder options;
  int fd = -1;

  if (cli_args_has(args, "tests") &&
      !g_file_get_contents(cli_args_get(args, "tests"), &tests, NULL, error))
    return CLI_EXIT_FAILURE;
  if (!cli_deploy_manifest(cli, cli_args_word(args, 0), &fd, &base, error))
    return CLI_EXIT_FAILURE;
  g_variant_builder_init(&options, G_VARIANT_TYPE_VARDICT);
  if (tests)
    g_variant_builder_add(&options, "{sv}", "tests", g_variant_new_string(tests));
  JsonNode *outcome = cli_alerts_ask(cli, "Test", g_variant_new("(ha{sv})", fd, &options), error);
  return outcome ? print_outcome(cli, args, outcome) : CLI_EXIT_FAILURE;
}
