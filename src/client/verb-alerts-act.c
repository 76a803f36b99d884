/* verb-alerts-act.c: what people do with alerts and rules: ack, unack, test, drill. */
#include "client/alerts.h"
#include "client/deploy.h"
#include "client/dict.h"
#include "client/json.h"
#include "client/times.h"
#include "client/verbs.h"

#include "common/names.h"

#include <glob.h>
#include <stdio.h>

const CliOption cli_alerts_ack_options[] = {
    {"comment", 'c', CLI_VALUE_REQUIRED, "TEXT", "What you do about it"},
    {NULL},
};
const CliOption cli_alerts_test_options[] = {
    {"tests", 't', CLI_VALUE_REQUIRED, "FILE", "Tests as promtool's are written"},
    {NULL},
};
const CliOption cli_alerts_backtest_options[] = {
    {"since", 0, CLI_VALUE_REQUIRED, "TIME", "From then on; default a day ago"},
    {"until", 0, CLI_VALUE_REQUIRED, "TIME", "Up to then; default now"},
    {"step", 0, CLI_VALUE_REQUIRED, "SPAN", "How far evaluations lie apart; default 30s"},
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
    cli_options_add_trace(&options);
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
  cli_options_add_trace(&options);
  if (cli_args_has(args, "for"))
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
    const char *other = cli_alerts_text(problem, "file");
    printf("%s:%d: %s: %s\n", other && *other ? other : file,
           (int)json_object_get_int_member(problem, "line"), cli_alerts_text(problem, "pointer"),
           cli_alerts_text(problem, "text"));
  }
}

static void print_failures(JsonArray *failures) {
  for (guint i = 0; i < json_array_get_length(failures); i++) {
    JsonObject *failure = json_array_get_object_element(failures, i);
    printf("FAILED %s\n  expected: %s\n  got: %s\n", cli_alerts_text(failure, "at"),
           cli_alerts_text(failure, "expected"), cli_alerts_text(failure, "got"));
  }
}

/* `tests`: their file, or NULL. Takes `outcome`. */
static int print_outcome(Cli *cli, const char *file, const char *tests, JsonNode *outcome) {
  JsonObject *object = json_node_get_object(outcome);
  gboolean ok = json_object_get_boolean_member(object, "ok");

  if (cli->json != CLI_JSON_OFF) {
    cli_json_print(cli, cli_json_told(outcome));
    return ok ? CLI_EXIT_OK : CLI_EXIT_FAILURE;
  }
  print_problems(file ? file : "rules", json_object_get_array_member(object, "problems"));
  if (tests)
    print_problems(tests, json_object_get_array_member(object, "test-problems"));
  print_failures(json_object_get_array_member(object, "failures"));
  printf("%s: %d rules, %d tests\n", ok ? "good" : "refused",
         (int)json_object_get_int_member(object, "rules"),
         (int)json_object_get_int_member(object, "tests"));
  json_node_unref(outcome);
  return ok ? CLI_EXIT_OK : CLI_EXIT_FAILURE;
}

/* `rules` (a{ss}, floating) NULL: none besides the file's. */
static JsonNode *try_out(Cli *cli, int fd, const char *tests, GVariant *rules, GError **error) {
  GVariantBuilder options;

  g_variant_builder_init(&options, G_VARIANT_TYPE_VARDICT);
  if (tests)
    g_variant_builder_add(&options, "{sv}", "tests", g_variant_new_string(tests));
  if (rules)
    g_variant_builder_add(&options, "{sv}", "rules", rules);
  return cli_alerts_ask(cli, "Test", g_variant_new("(ha{sv})", fd, &options), error);
}

/* What a call can carry; NULL with the error. */
static char *read_text(const char *file, GError **error) {
  g_autoptr(GError) wrong = NULL;
  g_autofree char *text = NULL;
  gsize n;

  if (!g_file_get_contents(file, &text, &n, &wrong))
    g_set_error_literal(error, CLI_ERROR, CLI_EXIT_BAD_FILE, wrong->message);
  else if (!g_utf8_validate_len(text, n, NULL))
    g_set_error(error, CLI_ERROR, CLI_EXIT_BAD_FILE, "%s is not UTF-8", file);
  else
    return g_steal_pointer(&text);
  return NULL;
}

/* The files that a pattern of rule_files stands for, beside the tests. */
static gboolean add_files(GVariantBuilder *rules, const char *tests, const char *pattern,
                          const char *given, GError **error) {
  g_autofree char *beside = g_path_get_dirname(tests);
  g_autofree char *directory = g_canonicalize_filename(beside, NULL);
  g_autofree char *whole = g_canonicalize_filename(pattern, directory);
  g_autofree char *own = given ? g_canonicalize_filename(given, NULL) : NULL;
  glob_t found = {0};
  gboolean ok = glob(whole, 0, NULL, &found) == 0;

  if (!ok)
    g_set_error(error, CLI_ERROR, CLI_EXIT_BAD_FILE, "%s: rule_files: there is no file %s", tests,
                pattern);
  for (gsize i = 0; ok && i < found.gl_pathc; i++) {
    g_autofree char *path = g_canonicalize_filename(found.gl_pathv[i], NULL);
    if (g_strcmp0(path, own) == 0)
      continue;
    g_autofree char *text = read_text(path, error);
    ok = text != NULL;
    if (ok)
      g_variant_builder_add(rules, "{ss}", found.gl_pathv[i], text);
  }
  globfree(&found);
  return ok;
}

/* `files` as the service found them in the tests; (floating), NULL with the error. */
static GVariant *rule_files(CliArgs *args, JsonArray *files, GError **error) {
  GVariantBuilder rules;

  g_variant_builder_init(&rules, G_VARIANT_TYPE("a{ss}"));
  for (guint i = 0; i < json_array_get_length(files); i++)
    if (!add_files(&rules, cli_args_get(args, "tests"), json_array_get_string_element(files, i),
                   cli_args_word(args, 0), error)) {
      g_variant_builder_clear(&rules);
      return NULL;
    }
  return g_variant_builder_end(&rules);
}

static int rules_fd(Cli *cli, const char *file, GError **error) {
  static const char none[] = "groups: []";
  g_autofree char *base = NULL;
  int fd = -1;

  if (!file)
    return cli_sealed(cli, none, sizeof none - 1, error);
  return cli_deploy_manifest(cli, file, &fd, &base, error) ? fd : -1;
}

int cli_verb_alerts_test(Cli *cli, CliArgs *args, GError **error) {
  const char *file = cli_args_word(args, 0);
  g_autofree char *tests = NULL;

  if (!file && !cli_args_has(args, "tests")) {
    g_set_error(error, CLI_ERROR, CLI_EXIT_USAGE, "a rule file is needed, or tests (--tests=)");
    return CLI_EXIT_USAGE;
  }
  if (cli_args_has(args, "tests") && !(tests = read_text(cli_args_get(args, "tests"), error)))
    return CLI_EXIT_BAD_FILE;
  int fd = rules_fd(cli, file, error);
  JsonNode *outcome = fd >= 0 ? try_out(cli, fd, tests, NULL, error) : NULL;
  if (!outcome)
    return CLI_EXIT_FAILURE;
  JsonArray *files = json_object_get_array_member(json_node_get_object(outcome), "rule-files");
  if (json_array_get_length(files) > 0) {
    GVariant *rules = rule_files(args, files, error);
    json_node_unref(outcome);
    outcome = rules ? try_out(cli, fd, tests, rules, error) : NULL;
  }
  return outcome ? print_outcome(cli, file, cli_args_get(args, "tests"), outcome)
                 : CLI_EXIT_FAILURE;
}

/* ---- backtest ---- */
static gboolean backtest_options(CliArgs *args, GVariantBuilder *options, GError **error) {
  guint64 since = 0, until = 0, step = 0;

  if ((!cli_args_time(args, "since", &since, error) && *error) ||
      (!cli_args_time(args, "until", &until, error) && *error) ||
      (!cli_args_usec(args, "step", &step, error) && *error))
    return FALSE;
  g_variant_builder_init(options, G_VARIANT_TYPE_VARDICT);
  if (since)
    g_variant_builder_add(options, "{sv}", "since", g_variant_new_uint64(since));
  if (until)
    g_variant_builder_add(options, "{sv}", "until", g_variant_new_uint64(until));
  if (cli_args_has(args, "step"))
    g_variant_builder_add(options, "{sv}", "step", g_variant_new_uint64(step));
  return TRUE;
}

static void print_backtest(JsonObject *object) {
  JsonArray *transitions = json_object_get_array_member(object, "transitions");
  JsonArray *errors = json_object_get_array_member(object, "errors");

  for (guint i = 0; i < json_array_get_length(transitions); i++) {
    JsonObject *one = json_array_get_object_element(transitions, i);
    g_autofree char *time =
        cli_time_full((guint64)json_object_get_int_member_with_default(one, "time", 0));
    g_autofree char *labels = cli_alerts_labels(one);
    printf("%s  %s %s %s\n", time,
           cli_alerts_text(json_object_get_object_member(one, "labels"), "alertname"),
           cli_alerts_text(one, "kind"), labels);
  }
  for (guint i = 0; i < json_array_get_length(errors); i++)
    printf("FAILED %s\n", json_array_get_string_element(errors, i));
  printf("%d alerts would have fired; %d rules on %d samples\n",
         (int)json_object_get_int_member(object, "fired"),
         (int)json_object_get_int_member(object, "rules"),
         (int)json_object_get_int_member(object, "samples"));
}

int cli_verb_alerts_backtest(Cli *cli, CliArgs *args, GError **error) {
  g_autofree char *base = NULL;
  GVariantBuilder options;
  int fd = -1;

  if (!backtest_options(args, &options, error))
    return CLI_EXIT_USAGE;
  g_autoptr(GVariant) given = g_variant_ref_sink(g_variant_builder_end(&options));
  if (!cli_deploy_manifest(cli, cli_args_word(args, 0), &fd, &base, error))
    return CLI_EXIT_FAILURE;
  JsonNode *outcome = try_out(cli, fd, NULL, NULL, error); /* names each problem by file and line */
  if (!outcome)
    return CLI_EXIT_FAILURE;
  if (!json_object_get_boolean_member(json_node_get_object(outcome), "ok"))
    return print_outcome(cli, cli_args_word(args, 0), NULL, outcome);
  json_node_unref(outcome);
  outcome = cli_alerts_ask(cli, "Backtest", g_variant_new("(h@a{sv})", fd, given), error);
  if (!outcome)
    return CLI_EXIT_FAILURE;
  if (cli->json != CLI_JSON_OFF) {
    cli_json_print(cli, cli_json_told(outcome));
    return CLI_EXIT_OK;
  }
  print_backtest(json_node_get_object(outcome));
  json_node_unref(outcome);
  return CLI_EXIT_OK;
}
