/* verb-deploy-plan.c: what would happen: validate and plan. Nothing is changed by either. */
#include "client/deploy.h"
#include "client/json.h"
#include "client/pager.h"
#include "client/terminal.h"
#include "client/times.h"
#include "client/verbs.h"

#include <stdio.h>

static JsonNode *problem_node(guint line, const char *pointer, gboolean warning, const char *text) {
  JsonObject *object = json_object_new();
  JsonNode *node = json_node_alloc();

  json_object_set_int_member(object, "line", line);
  json_object_set_string_member(object, "pointer", pointer);
  json_object_set_boolean_member(object, "warning", warning);
  json_object_set_string_member(object, "text", text);
  json_node_take_object(node, object);
  return node;
}

static void print_problem(const char *file, guint line, const char *pointer, gboolean warning,
                          const char *text) {
  CliStyle style = warning ? CLI_STYLE_WARNING : CLI_STYLE_BAD;

  if (line > 0)
    printf("%s:%u: ", file, line);
  else
    printf("%s: ", file);
  printf("%s%s%s%s%s%s\n", cli_style(style), warning ? "warning: " : "", cli_style_end(style),
         pointer, *pointer ? ": " : "", text);
}

int cli_verb_deploy_validate(Cli *cli, CliArgs *args, GError **error) {
  const char *file = cli_args_word(args, 0), *pointer, *text;
  g_autofree char *base = NULL;
  gboolean warning;
  guint line;
  int fd;

  if (!cli_deploy_manifest(cli, file, &fd, &base, error))
    return CLI_EXIT_USAGE;
  g_autoptr(GVariant) reply = cli_call(
      cli, "Validate", g_variant_new("(hs@a{sv})", fd, base, g_variant_new("a{sv}", NULL)), error);
  if (!reply)
    return CLI_EXIT_FAILURE;
  g_autoptr(GVariant) problems = g_variant_get_child_value(reply, 0);
  JsonArray *rows = json_array_new();
  gboolean good = TRUE;
  for (gsize i = 0; i < g_variant_n_children(problems); i++) {
    g_variant_get_child(problems, i, "(u&sb&s)", &line, &pointer, &warning, &text);
    good &= warning;
    json_array_add_element(rows, problem_node(line, pointer, warning, text));
    if (cli->json == CLI_JSON_OFF)
      print_problem(file, line, pointer, warning, text);
  }
  if (cli->json != CLI_JSON_OFF) {
    JsonNode *node = json_node_alloc();
    json_node_init_array(node, rows);
    cli_json_print(cli, node);
  } else if (good && !cli->no_legend) {
    printf("%s is a manifest that can be deployed.\n", file);
  }
  json_array_unref(rows);
  return good ? CLI_EXIT_OK : CLI_EXIT_BAD_FILE;
}

static const char *text_of(JsonObject *object, const char *key) {
  return object ? json_object_get_string_member_with_default(object, key, "") : "";
}

static gint64 number_of(JsonObject *object, const char *key) {
  return object ? json_object_get_int_member_with_default(object, key, 0) : 0;
}

static JsonObject *object_of(JsonObject *object, const char *key) {
  return object && json_object_has_member(object, key) ? json_object_get_object_member(object, key)
                                                       : NULL;
}

static JsonArray *array_of(JsonObject *object, const char *key) {
  return object && json_object_has_member(object, key) ? json_object_get_array_member(object, key)
                                                       : NULL;
}

static void heading(const char *text) {
  printf("\n%s%s%s\n", cli_style(CLI_STYLE_BOLD), text, cli_style_end(CLI_STYLE_BOLD));
}

static void print_files(JsonObject *files, const char *key, const char *count, char mark,
                        CliStyle style) {
  JsonArray *list = array_of(files, key);
  gint64 n = number_of(files, count);
  guint shown = list ? json_array_get_length(list) : 0;

  for (guint i = 0; i < shown; i++) {
    JsonObject *one = json_array_get_object_element(list, i);
    g_autofree char *path = cli_text_one_line(text_of(one, "path"));
    printf("  %s%c %s%s\n", cli_style(style), mark, path, cli_style_end(style));
  }
  if (n > (gint64)shown)
    printf("  %c and %" G_GINT64_FORMAT " more\n", mark, n - shown);
}

static void print_lines(const char *title, JsonArray *texts, const char *prefix, CliStyle style) {
  if (!texts || json_array_get_length(texts) == 0)
    return;
  heading(title);
  for (guint i = 0; i < json_array_get_length(texts); i++) {
    g_autofree char *line = cli_text_one_line(json_array_get_string_element(texts, i));
    printf("  %s%s%s%s\n", cli_style(style), prefix, line, cli_style_end(style));
  }
}

static CliStyle diff_style(const char *line) {
  return *line == '+' ? CLI_STYLE_GOOD : *line == '-' ? CLI_STYLE_BAD : CLI_STYLE_NONE;
}

static void print_units(JsonObject *plan) {
  JsonArray *units = array_of(plan, "units");

  if (!units || json_array_get_length(units) == 0)
    return;
  heading("Unit files");
  for (guint i = 0; i < json_array_get_length(units); i++) {
    JsonObject *one = json_array_get_object_element(units, i);
    JsonArray *diff = array_of(one, "diff");
    printf("  %s: %s (%s)\n", text_of(one, "unit"), text_of(one, "change"), text_of(one, "how"));
    for (guint d = 0; diff && d < json_array_get_length(diff); d++) {
      g_autofree char *line = cli_text_one_line(json_array_get_string_element(diff, d));
      printf("    %s%s%s\n", cli_style(diff_style(line)), line, cli_style_end(diff_style(line)));
    }
  }
}

/* What happens beside the release: to units of others, and to what its services can reach. */
static void print_dependents(JsonObject *plan) {
  JsonArray *dependents = array_of(plan, "dependents"), *exposure = array_of(plan, "exposure");

  for (guint i = 0; dependents && i < json_array_get_length(dependents); i++) {
    JsonObject *one = json_array_get_object_element(dependents, i);
    if (i == 0)
      heading("Units of others that stop and start with them");
    printf("  %s (depends on %s)\n", text_of(one, "unit"), text_of(one, "of"));
  }
  for (guint i = 0; exposure && i < json_array_get_length(exposure); i++) {
    JsonObject *one = json_array_get_object_element(exposure, i);
    double after = (double)number_of(one, "after") / 10;
    double before = (double)number_of(one, "before") / 10;
    gboolean known = json_object_has_member(one, "before");
    g_autofree char *then = known ? g_strdup_printf(", %.1f before", before) : g_strdup("");
    CliStyle style = known && after > before ? CLI_STYLE_WARNING : CLI_STYLE_NONE;
    if (i == 0)
      heading("Exposure (10 is worst)");
    printf("  %s%s: %.1f%s%s\n", cli_style(style), text_of(one, "unit"), after, then,
           cli_style_end(style));
  }
}

static void print_commands(JsonObject *plan) {
  JsonArray *hooks = array_of(plan, "hooks"), *checks = array_of(plan, "checks");
  guint n = checks ? json_array_get_length(checks) : 0;

  for (guint i = 0; hooks && i < json_array_get_length(hooks); i++) {
    JsonObject *one = json_array_get_object_element(hooks, i);
    JsonArray *argv = array_of(one, "command");
    if (i == 0)
      heading("Hooks");
    printf("  %s:", text_of(one, "point"));
    for (guint a = 0; argv && a < json_array_get_length(argv); a++)
      printf(" %s", json_array_get_string_element(argv, a));
    printf("\n");
  }
  if (n > 0)
    heading("Checks");
  for (guint i = 0; i < n; i++) {
    JsonObject *one = json_array_get_object_element(checks, i);
    printf("  %s (%s, %s)\n", text_of(one, "name"), text_of(one, "type"), text_of(one, "level"));
  }
}

static void print_span(const char *what, JsonObject *from, const char *key) {
  g_autofree char *span = cli_time_span((guint64)number_of(from, key));

  if (number_of(from, key) > 0)
    printf("  %-11s %s\n", what, span);
}

static void print_times(JsonObject *plan) {
  JsonObject *expected = object_of(plan, "expected"), *budgets = object_of(plan, "budgets");

  heading("Time");
  if (number_of(expected, "samples") > 0) {
    printf("  expected, from %" G_GINT64_FORMAT " earlier deployment%s:\n",
           number_of(expected, "samples"), number_of(expected, "samples") == 1 ? "" : "s");
    print_span("  deploy", expected, "deploy");
    print_span("  verify", expected, "verify");
    print_span("  downtime", expected, "downtime");
  }
  printf("  at most:\n");
  print_span("  deploy", budgets, "deploy");
  print_span("  verify", budgets, "verify");
  print_span("  roll back", budgets, "rollback");
  print_span("  confirm", budgets, "confirm");
}

static void print_plan(JsonObject *plan) {
  JsonObject *release = object_of(plan, "release"), *files = object_of(plan, "files");
  JsonObject *restarts = object_of(plan, "restarts");
  const char *current = text_of(plan, "current");

  printf("%s %s to %s (%s)\n", text_of(plan, "name"), text_of(plan, "version"),
         text_of(plan, "target"), text_of(plan, "root"));
  printf("  release    %s\n  instead of %s\n  manifest   %s\n", text_of(release, "digest"),
         *current ? current : "nothing: the first one there", text_of(plan, "manifest-hash"));
  heading("Files");
  print_files(files, "added", "n-added", '+', CLI_STYLE_GOOD);
  print_files(files, "changed", "n-changed", '~', CLI_STYLE_WARNING);
  print_files(files, "removed", "n-removed", '-', CLI_STYLE_BAD);
  printf("  %" G_GINT64_FORMAT " unchanged\n", number_of(files, "n-unchanged"));
  print_units(plan);
  print_lines("Units, in this order", array_of(restarts, "order"), "", CLI_STYLE_NONE);
  print_lines("Units that stop for good", array_of(restarts, "stop"), "", CLI_STYLE_WARNING);
  print_lines("Backed up first", array_of(plan, "backup"), "", CLI_STYLE_NONE);
  print_dependents(plan);
  print_commands(plan);
  print_times(plan);
  print_lines("It would be refused", array_of(plan, "reasons-against"), "", CLI_STYLE_BAD);
}

/* One object, or one a target. */
static guint n_plans(JsonNode *node) {
  return JSON_NODE_HOLDS_ARRAY(node) ? json_array_get_length(json_node_get_array(node)) : 1;
}

static JsonObject *plan_at(JsonNode *node, guint i) {
  return JSON_NODE_HOLDS_ARRAY(node) ? json_array_get_object_element(json_node_get_array(node), i)
                                     : json_node_get_object(node);
}

/* How many would be refused. */
static guint against(JsonNode *node) {
  guint n = 0;

  for (guint i = 0; i < n_plans(node); i++) {
    JsonArray *reasons = array_of(plan_at(node, i), "reasons-against");
    n += reasons && json_array_get_length(reasons) > 0;
  }
  return n;
}

static void print_plans(JsonNode *node) {
  for (guint i = 0; i < n_plans(node); i++) {
    if (i > 0)
      printf("\n");
    print_plan(plan_at(node, i));
  }
}

int cli_verb_deploy_plan(Cli *cli, CliArgs *args, GError **error) {
  g_autoptr(GVariantDict) options = g_variant_dict_new(NULL);
  g_autofree char *base = NULL;
  int fd;

  if (!cli_deploy_targets(args, options, error) ||
      !cli_deploy_manifest(cli, cli_args_word(args, 0), &fd, &base, error))
    return CLI_EXIT_USAGE;
  g_autoptr(JsonNode) plan = cli_deploy_json(
      cli, "Plan", g_variant_new("(hs@a{sv})", fd, base, g_variant_dict_end(options)), error);
  if (!plan) {
    cli_deploy_blame(cli, fd, base, *error);
    return CLI_EXIT_FAILURE;
  }
  int status = against(plan) > 0 ? CLI_EXIT_FAILURE : CLI_EXIT_OK;
  if (cli->json != CLI_JSON_OFF) {
    cli_json_print(cli, g_steal_pointer(&plan));
    return status;
  }
  cli_pager_open(cli);
  print_plans(plan);
  return status;
}
