/* verb-deploy-list.c: what is deployed where, and what was: list, status, history, stats. */
#include "client/deploy.h"
#include "client/dict.h"
#include "client/table.h"
#include "client/times.h"
#include "client/verbs.h"

#include <stdio.h>

const CliOption cli_deploy_history_options[] = {
    {"target", 't', CLI_VALUE_REQUIRED, "NAME", "Only this target"},
    {"state", 's', CLI_VALUE_REQUIRED, "STATE", "Only those that ended so (done, rolled-back ...)"},
    {"since", 0, CLI_VALUE_REQUIRED, "TIME", "Only those that began after it"},
    {"max", 'n', CLI_VALUE_REQUIRED, "N", "At most so many; default 100"},
    {NULL},
};

CliStyle cli_deploy_style(const char *state) {
  if (g_strcmp0(state, "done") == 0 || g_strcmp0(state, "committed") == 0)
    return CLI_STYLE_GOOD;
  if (g_strcmp0(state, "rollback-failed") == 0)
    return CLI_STYLE_BAD;
  return g_strcmp0(state, "rolled-back") == 0 || g_strcmp0(state, "aborted") == 0
             ? CLI_STYLE_WARNING
             : CLI_STYLE_NONE;
}

/* The aa{sv} that a method answered. (transfer full), NULL with an error. */
static GVariant *ask_rows(Cli *cli, const char *method, GVariant *params, GError **error) {
  g_autoptr(GVariant) reply = cli_call(cli, method, params, error);

  return reply ? g_variant_get_child_value(reply, 0) : NULL;
}

static void add_target(CliTable *table, GVariant *t, guint64 now) {
  const char *state = cli_dict_string(t, "state"), *trouble = cli_dict_string(t, "trouble");
  const char *current = cli_dict_string(t, "current"), *good = cli_dict_string(t, "good");
  gboolean frozen = cli_dict_u64(t, "frozen") > 0;
  const char *refused = cli_dict_string(t, "refused");
  const char *wrong = refused ? refused : trouble;
  gboolean edited = g_strcmp0(cli_dict_string(t, "drift"), "edited") == 0;

  cli_table_add(table, cli_dict_string(t, "name"), CLI_STYLE_BOLD);
  cli_table_add(table,
                frozen    ? "frozen"
                : state   ? state
                : refused ? "refused"
                : edited  ? "edited"
                          : "idle",
                frozen || wrong || edited ? CLI_STYLE_BAD : CLI_STYLE_NONE);
  cli_table_add(table, current, CLI_STYLE_NONE);
  cli_table_add(table, good && *good && g_strcmp0(current, good) == 0 ? "the same" : good,
                CLI_STYLE_DIM);
  cli_table_add(table, cli_dict_string(t, "domain"), CLI_STYLE_NONE);
  cli_table_add(table, wrong ? wrong : cli_dict_string(t, "root"),
                wrong ? CLI_STYLE_BAD : CLI_STYLE_NONE);
}

int cli_verb_deploy_list(Cli *cli, CliArgs *args, GError **error) {
  static const CliColumn columns[] = {{"TARGET"},    {"STATE"},  {"CURRENT", FALSE, 2},
                                      {"LAST GOOD"}, {"DOMAIN"}, {"ROOT", FALSE, 1},
                                      {NULL}};
  guint n;

  g_autoptr(GVariant) targets = ask_rows(cli, "List", g_variant_new("(a{sv})", NULL), error);
  if (!targets)
    return CLI_EXIT_FAILURE;
  if (cli_table_print_rows(cli, columns, targets, add_target, &n))
    printf("%s%u target%s.\n", n ? "\n" : "", n, n == 1 ? "" : "s");
  return CLI_EXIT_OK;
}

static void add_deployment(CliTable *table, GVariant *d, guint64 now) {
  const char *state = cli_dict_string(d, "state"), *cause = cli_dict_string(d, "cause");
  guint64 created = cli_dict_u64(d, "created"), ended = cli_dict_u64(d, "ended");
  g_autofree char *when = cli_time_relative(created, now);
  g_autofree char *took = cli_time_span((ended ? ended : now) - MIN(created, ended ? ended : now));

  cli_table_add_printf(table, CLI_STYLE_BOLD, "%" G_GUINT64_FORMAT, cli_dict_u64(d, "id"));
  cli_table_add(table, cli_dict_string(d, "target"), CLI_STYLE_NONE);
  cli_table_add(table, cli_dict_string(d, "kind"), CLI_STYLE_NONE);
  cli_table_add(table, cli_dict_string(d, "version"), CLI_STYLE_NONE);
  cli_table_add(table, state, cli_deploy_style(state));
  cli_table_add(table, when, CLI_STYLE_NONE);
  cli_table_add(table, took, CLI_STYLE_NONE);
  cli_table_add(table, cause, CLI_STYLE_NONE);
}

static int print_deployments(Cli *cli, GVariant *filter, const char *what, GError **error) {
  static const CliColumn columns[] = {{"ID", TRUE},   {"TARGET"},          {"KIND"},
                                      {"VERSION"},    {"STATE"},           {"BEGAN"},
                                      {"TOOK", TRUE}, {"CAUSE", FALSE, 1}, {NULL}};
  guint n;

  g_autoptr(GVariant) list =
      ask_rows(cli, "ListDeployments", g_variant_new("(@a{sv})", filter), error);
  if (!list)
    return CLI_EXIT_FAILURE;
  if (cli_table_print_rows(cli, columns, list, add_deployment, &n))
    printf("%s%u deployment%s%s.\n", n ? "\n" : "", n, n == 1 ? "" : "s", what);
  return CLI_EXIT_OK;
}

int cli_verb_deploy_status(Cli *cli, CliArgs *args, GError **error) {
  g_autoptr(GVariantDict) filter = g_variant_dict_new(NULL);
  const char *target = cli_args_word(args, 0);

  g_variant_dict_insert(filter, "active", "b", TRUE);
  if (target)
    g_variant_dict_insert(filter, "target", "s", target);
  return print_deployments(cli, g_variant_dict_end(filter), " under way", error);
}

int cli_verb_deploy_history(Cli *cli, CliArgs *args, GError **error) {
  g_autoptr(GVariantDict) filter = g_variant_dict_new(NULL);
  g_autoptr(GError) local = NULL;
  guint64 since, max;

  if (cli_args_has(args, "target"))
    g_variant_dict_insert(filter, "target", "s", cli_args_get(args, "target"));
  if (cli_args_has(args, "state"))
    g_variant_dict_insert(filter, "state", "s", cli_args_get(args, "state"));
  if (cli_args_time(args, "since", &since, &local))
    g_variant_dict_insert(filter, "since", "t", since);
  if (!local && cli_args_u64(args, "max", 1, 100000, &max, &local))
    g_variant_dict_insert(filter, "max", "u", (guint32)max);
  if (local) {
    g_propagate_error(error, g_steal_pointer(&local));
    return CLI_EXIT_USAGE;
  }
  return print_deployments(cli, g_variant_dict_end(filter), "", error);
}
