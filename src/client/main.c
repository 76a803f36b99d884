/* main.c: the command line "waggle": reads the global options, finds the verb, runs it and turns
 * its error into one line on stderr and an exit status. It must print nothing on stdout that the
 * verb did not ask for. */
#include "client/args.h"
#include "client/cli.h"
#include "client/deploy.h"
#include "client/pager.h"
#include "client/polkit-agent.h"
#include "client/verbs.h"
#include "common/names.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static gboolean set_json(Cli *cli, const char *mode, GError **error) {
  if (g_str_equal(mode, "short"))
    cli->json = CLI_JSON_SHORT;
  else if (g_str_equal(mode, "pretty"))
    cli->json = CLI_JSON_PRETTY;
  else if (g_str_equal(mode, "off"))
    cli->json = CLI_JSON_OFF;
  else {
    g_set_error(error, CLI_ERROR, CLI_EXIT_USAGE, "--json=%s: can be short, pretty or off", mode);
    return FALSE;
  }
  return TRUE;
}

/* Called for the words before the verb and for those after it. */
static gboolean take_global(Cli *cli, const CliArgs *args, GError **error) {
  const char *json = cli_args_get(args, "json");
  const char *address = cli_args_get(args, "address"), *host = cli_args_get(args, "host");
  gboolean system = cli_args_has(args, "system"), user = cli_args_has(args, "user");

  if (system && user) {
    g_set_error(error, CLI_ERROR, CLI_EXIT_USAGE, "--system and --user exclude each other");
    return FALSE;
  }
  if (system || user)
    cli->scope = system ? CLI_SCOPE_SYSTEM : CLI_SCOPE_USER;
  if (address) {
    g_free(cli->address);
    cli->address = g_strdup(address);
  }
  if (host) {
    g_free(cli->host);
    cli->host = g_strdup(host);
  }
  if (cli->host && (cli->address || cli->scope == CLI_SCOPE_USER)) {
    g_set_error(error, CLI_ERROR, CLI_EXIT_USAGE,
                "--host reaches the system's service of another host; it does not go together with "
                "--user or --address");
    return FALSE;
  }
  cli->no_pager |= cli_args_has(args, "no-pager");
  cli->no_legend |= cli_args_has(args, "no-legend");
  return !json || set_json(cli, json, error);
}

/* Whose verbs end with the statuses of verification and deployment (deploy.h). */
static gboolean is_deployment(const char *word) {
  return g_str_equal(word, "verify") || g_str_equal(word, "deploy") || g_str_equal(word, "audit");
}

/* Whose verbs ask the monitoring service. */
static gboolean is_monitoring(const char *word) {
  static const char *const words[] = {"alerts", "metrics", "service", "top", "why", NULL};

  return g_strv_contains(words, word);
}

static int usage(const CliVerb *verb, GError **error) {
  g_set_error(error, CLI_ERROR, CLI_EXIT_USAGE, "usage: waggle %s%s%s%s\nTry: waggle %s --help",
              verb->name, verb->options ? " [OPTIONS...]" : "", *verb->words ? " " : "",
              verb->words, verb->name);
  return CLI_EXIT_USAGE;
}

/* What the environment adds to messages goes over D-Bus, too. */
static gboolean check_environment(GError **error) {
  static const char *const names[] = {WG_ENV_AGENT, WG_ENV_TRACEPARENT};

  for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
    const char *value = g_getenv(names[i]);
    g_autofree char *what = g_strconcat("$", names[i], NULL);
    if (value && !cli_check_text(what, value, error))
      return FALSE;
  }
  return TRUE;
}

static int run_verb(Cli *cli, const CliVerb *verb, char **words, GError **error) {
  const CliOption *tables[4] = {NULL};
  guint n = 0, given;

  for (; verb->options && verb->options[n]; n++)
    tables[n] = verb->options[n];
  tables[n] = cli_global_options;
  g_autoptr(CliArgs) args = cli_args_parse(tables, words, FALSE, error);
  if (!args)
    return CLI_EXIT_USAGE;
  if (cli_args_has(args, "help")) {
    cli_help_verb(verb);
    return CLI_EXIT_OK;
  }
  if (!take_global(cli, args, error))
    return CLI_EXIT_USAGE;
  cli_args_words(args, &given);
  if (given < verb->min || given > verb->max)
    return usage(verb, error);
  if (!cli_args_check_text(args, verb->words, error) || !check_environment(error))
    return CLI_EXIT_USAGE;
  return verb->run(cli, args, error);
}

/* "waggle agent --help": of all verbs of that kind, not of the one that "waggle agent" is short
 * for. */
static gboolean wants_family(const CliArgs *args, char **words) {
  if (!words[0] || !cli_verb_is_family(words[0]) || (words[1] && words[1][0] != '-'))
    return FALSE;
  return cli_args_has(args, "help") || g_strv_contains((const char *const *)words, "--help") ||
         g_strv_contains((const char *const *)words, "-h");
}

/* Programs take status 2 of their hooks for an order, so a slip in such a command must not end with
 * it, wherever on the command line it is. */
static gboolean is_hook(char **argv) {
  gboolean first = TRUE;

  for (; *argv; argv++) {
    if (g_str_equal(*argv, "hook") && (first || g_strcmp0(argv[1], "drain") == 0))
      return TRUE;
    first = first && **argv == '-';
  }
  return FALSE;
}

static int run(Cli *cli, char **argv, GError **error) {
  static const CliOption *const global[] = {cli_global_options, NULL};
  static char *status[] = {"status", NULL};
  g_autoptr(CliArgs) args = cli_args_parse(global, argv, TRUE, error);
  guint n, taken;

  if (!args || !take_global(cli, args, error))
    return CLI_EXIT_USAGE;
  char **words = cli_args_words(args, &n);
  if (cli_args_has(args, "help") && n == 0) {
    cli_help_overview();
    return CLI_EXIT_OK;
  }
  if (cli_args_has(args, "version"))
    return cli_verb_version(cli, args, error);
  if (n == 0)
    words = status;
  if (is_deployment(words[0]))
    cli->service = CLI_DEPLOYMENT;
  else if (is_monitoring(words[0]))
    cli->service = CLI_MONITORING;
  if (wants_family(args, words)) {
    cli_help_family(words[0]);
    return CLI_EXIT_OK;
  }
  const CliVerb *verb = cli_verb_find(words, &taken, error);
  if (!verb)
    return CLI_EXIT_USAGE;
  if (cli_args_has(args, "help")) {
    cli_help_verb(verb);
    return CLI_EXIT_OK;
  }
  return run_verb(cli, verb, words + taken, error);
}

/* What was printed only counts when it arrived: a full disk behind ">" is a failure. What was done
 * is done all the same. */
static void tell_unwritten(const Cli *cli, int err, GError **error) {
  if (cli->is_done)
    fprintf(stderr, "waggle: it is done, but the output cannot be written: %s\n", g_strerror(err));
  else
    g_set_error(error, CLI_ERROR, CLI_EXIT_FAILURE, "cannot write the output: %s", g_strerror(err));
}

int main(int argc, char **argv) {
  g_autoptr(GError) error = NULL;
  Cli cli = {.fds = g_array_new(FALSE, FALSE, sizeof(int))};

  setlocale(LC_ALL, "");
  int status = run(&cli, argv + 1, &error);
  if ((fflush(stdout) != 0 || ferror(stdout)) && !cli_pager_is_open() && !error &&
      status == CLI_EXIT_OK)
    tell_unwritten(&cli, errno, &error);
  cli_pager_close();
  cli_polkit_agent_close();
  cli_clear(&cli);
  if (error) {
    fprintf(stderr, "waggle: %s\n", error->message);
    /* a code of another domain is no status of ours */
    int failed = error->domain == CLI_ERROR ? error->code : CLI_EXIT_FAILURE;
    if (failed == CLI_EXIT_USAGE && is_hook(argv + 1))
      return CLI_EXIT_FAILURE;
    return cli.service == CLI_DEPLOYMENT ? cli_deploy_status(failed) : failed;
  }
  return status;
}
