/* verb-deploy-figures.c: what the deployments of a machine add up to (stats), and the releases that
 * are refused because they failed (poisoned, forgive). */
#include "client/deploy.h"
#include "client/dict.h"
#include "client/json.h"
#include "client/pager.h"
#include "client/table.h"
#include "client/times.h"
#include "client/verbs.h"

#include <stdio.h>

const CliOption cli_deploy_stats_options[] = {
    {"since", 0, CLI_VALUE_REQUIRED, "TIME", "Only deployments that began after it"},
    {NULL},
};

static const char *const counts[] = {"deployments",     "done",      "aborted", "rolled-back",
                                     "rollback-failed", "rollbacks", "open"};

static void add_span(CliTable *table, guint64 usec, guint64 n) {
  g_autofree char *text = n > 0 ? cli_time_span(usec) : NULL;

  cli_table_add(table, text, CLI_STYLE_NONE);
}

/* A row of (count, mean, median, 95th percentile). */
static void add_phase(CliTable *table, const char *name, GVariant *value) {
  guint64 n, mean, p50, p95;

  g_variant_get(value, "(tttt)", &n, &mean, &p50, &p95);
  if (n == 0)
    return;
  cli_table_add(table, name, CLI_STYLE_NONE);
  cli_table_add_printf(table, CLI_STYLE_NONE, "%" G_GUINT64_FORMAT, n);
  add_span(table, mean, n);
  add_span(table, p50, n);
  add_span(table, p95, n);
}

static void print_counts(const Cli *cli, GVariant *figures) {
  static const CliColumn columns[] = {{"COUNTER"}, {"VALUE", TRUE}, {NULL}};
  g_autoptr(CliTable) table = cli_table_new(columns);

  for (guint i = 0; i < G_N_ELEMENTS(counts); i++) {
    cli_table_add(table, counts[i], CLI_STYLE_NONE);
    cli_table_add_printf(table, CLI_STYLE_NONE, "%" G_GUINT64_FORMAT,
                         cli_dict_u64(figures, counts[i]));
  }
  if (cli_dict_u64(figures, "deployments") > 0) {
    cli_table_add(table, "success-rate", CLI_STYLE_NONE);
    cli_table_add_printf(table, CLI_STYLE_NONE, "%.1f%%",
                         100 * cli_dict_double(figures, "success-rate"));
  }
  cli_table_print(table, cli);
}

static void print_phases(const Cli *cli, GVariant *figures) {
  static const CliColumn columns[] = {{"PHASE"},     {"TIMES", TRUE}, {"MEAN", TRUE},
                                      {"P50", TRUE}, {"P95", TRUE},   {NULL}};
  static const char *const whole[] = {"downtime", "recovery"};
  g_autoptr(CliTable) table = cli_table_new(columns);
  g_autoptr(GVariant) phases = cli_dict_value(figures, "phases", "a{s(tttt)}");

  for (gsize i = 0; phases && i < g_variant_n_children(phases); i++) {
    g_autoptr(GVariant) value = NULL;
    const char *name;
    g_variant_get_child(phases, i, "{&s@(tttt)}", &name, &value);
    add_phase(table, name, value);
  }
  for (guint i = 0; i < G_N_ELEMENTS(whole); i++) {
    g_autoptr(GVariant) value = cli_dict_value(figures, whole[i], "(tttt)");
    if (value)
      add_phase(table, whole[i], value);
  }
  if (cli_table_rows(table) > 0)
    putchar('\n');
  cli_table_print(table, cli);
}

static void print_targets(const Cli *cli, GVariant *figures) {
  static const CliColumn columns[] = {{"TARGET"}, {"DEPLOYMENTS", TRUE}, {"FAILED", TRUE}, {NULL}};
  g_autoptr(GVariant) targets = cli_dict_value(figures, "targets", "a{s(tt)}");
  g_autoptr(CliTable) table = cli_table_new(columns);

  for (gsize i = 0; targets && i < g_variant_n_children(targets); i++) {
    guint64 all, failed;
    const char *name;
    g_variant_get_child(targets, i, "{&s(tt)}", &name, &all, &failed);
    cli_table_add(table, name, CLI_STYLE_BOLD);
    cli_table_add_printf(table, CLI_STYLE_NONE, "%" G_GUINT64_FORMAT, all);
    cli_table_add_printf(table, failed > 0 ? CLI_STYLE_WARNING : CLI_STYLE_NONE,
                         "%" G_GUINT64_FORMAT, failed);
  }
  if (cli_table_rows(table) > 0)
    putchar('\n');
  cli_table_print(table, cli);
}

int cli_verb_deploy_stats(Cli *cli, CliArgs *args, GError **error) {
  g_autoptr(GVariantDict) options = g_variant_dict_new(NULL);
  g_autoptr(GError) local = NULL;
  guint64 since;

  if (cli_args_word(args, 0))
    g_variant_dict_insert(options, "target", "s", cli_args_word(args, 0));
  if (cli_args_time(args, "since", &since, &local))
    g_variant_dict_insert(options, "since", "t", since);
  if (local) {
    g_propagate_error(error, g_steal_pointer(&local));
    return CLI_EXIT_USAGE;
  }
  g_autoptr(GVariant) reply =
      cli_call(cli, "Stats", g_variant_new("(@a{sv})", g_variant_dict_end(options)), error);
  if (!reply)
    return CLI_EXIT_FAILURE;
  g_autoptr(GVariant) figures = g_variant_get_child_value(reply, 0);
  if (cli->json != CLI_JSON_OFF) {
    cli_json_print(cli, cli_json_from_variant(figures));
    return CLI_EXIT_OK;
  }
  cli_pager_open(cli);
  print_counts(cli, figures);
  print_phases(cli, figures);
  print_targets(cli, figures);
  return CLI_EXIT_OK;
}

/* ---- releases that are refused ---- */
static void add_poisoned(CliTable *table, GVariant *one, guint64 now) {
  g_autofree char *since = cli_time_relative(cli_dict_u64(one, "since"), now);
  g_autofree char *until = cli_time_relative(cli_dict_u64(one, "until"), now);

  cli_table_add(table, cli_dict_string(one, "digest"), CLI_STYLE_BOLD);
  cli_table_add(table, cli_dict_string(one, "target"), CLI_STYLE_NONE);
  cli_table_add_printf(table, CLI_STYLE_NONE, "%" G_GUINT64_FORMAT,
                       cli_dict_u64(one, "deployment"));
  cli_table_add(table, since, CLI_STYLE_NONE);
  cli_table_add(table, until, CLI_STYLE_NONE);
  cli_table_add(table, cli_dict_string(one, "failure"), CLI_STYLE_NONE);
}

int cli_verb_deploy_poisoned(Cli *cli, CliArgs *args, GError **error) {
  static const CliColumn columns[] = {
      {"DIGEST", FALSE, 2}, {"TARGET"},        {"ID", TRUE}, {"FAILED"},
      {"REFUSED"},          {"WHY", FALSE, 1}, {NULL}};
  guint n;

  g_autoptr(GVariant) reply = cli_call(cli, "ListPoisoned", g_variant_new("()"), error);
  if (!reply)
    return CLI_EXIT_FAILURE;
  g_autoptr(GVariant) list = g_variant_get_child_value(reply, 0);
  if (cli_table_print_rows(cli, columns, list, add_poisoned, &n))
    printf(
        "%s%u release%s refused. \"waggle deploy run --force\" or \"waggle deploy forgive DIGEST\" "
        "overrides it.\n",
        n ? "\n" : "", n, n == 1 ? " is" : "s are");
  return CLI_EXIT_OK;
}

/* The one digest of the refused releases that begins with `word`; NULL with an error. */
static char *whole_digest(Cli *cli, const char *word, GError **error) {
  g_autoptr(GVariant) reply = cli_call(cli, "ListPoisoned", g_variant_new("()"), error);
  g_autofree char *found = NULL;

  if (!reply)
    return NULL;
  g_autoptr(GVariant) list = g_variant_get_child_value(reply, 0);
  for (gsize i = 0; i < g_variant_n_children(list); i++) {
    g_autoptr(GVariant) one = g_variant_get_child_value(list, i);
    const char *digest = cli_dict_string(one, "digest");
    if (!digest || !g_str_has_prefix(digest, word))
      continue;
    if (found) {
      g_set_error(error, CLI_ERROR, CLI_EXIT_USAGE,
                  "more than one digest begins with \"%s\"; give more of it", word);
      return NULL;
    }
    found = g_strdup(digest);
  }
  return found ? g_steal_pointer(&found) : g_strdup(word); /* the service says that it is unknown */
}

int cli_verb_deploy_forgive(Cli *cli, CliArgs *args, GError **error) {
  g_autofree char *digest = whole_digest(cli, cli_args_word(args, 0), error);
  if (!digest)
    return CLI_EXIT_FAILURE;
  g_autoptr(GVariant) reply = cli_call(cli, "Forgive", g_variant_new("(s)", digest), error);
  if (!reply)
    return CLI_EXIT_FAILURE;
  if (cli->json == CLI_JSON_OFF && !cli->no_legend)
    printf("The release %s can be deployed again.\n", digest);
  return CLI_EXIT_OK;
}
