/* verb-verify.c: "waggle verify" becomes waggle-verify, which has the checks: the same words, the
 * caller's own rights, its exit status. Nothing of the checks is known here. */
#include "client/deploy.h"
#include "client/verbs.h"

#include "common/names.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

const CliOption cli_verify_options[] = {
    {"format", 0, CLI_VALUE_REQUIRED, "FORMAT", "human, json, junit, tap, nagios or openmetrics"},
    {"strict", 0, CLI_VALUE_NONE, NULL, "Exit with 2 when there are only warnings"},
    {"only", 0, CLI_VALUE_REQUIRED, "NAME|@TAG", "Only this check and what it requires"},
    {"skip", 0, CLI_VALUE_REQUIRED, "NAME|@TAG", "Not this check"},
    {"vars", 0, CLI_VALUE_REQUIRED, "FILE", "Variables of the file"},
    {"var", 0, CLI_VALUE_REQUIRED, "NAME=VALUE", "One variable"},
    {"goss", 0, CLI_VALUE_NONE, NULL, "The file is a goss file"},
    {"deadline", 0, CLI_VALUE_REQUIRED, "SPAN", "Time limit of the whole run"},
    {"parallel", 0, CLI_VALUE_REQUIRED, "N", "How many checks at a time"},
    {"root", 0, CLI_VALUE_REQUIRED, "DIRECTORY", "Look at paths below it"},
    {"baseline", 0, CLI_VALUE_REQUIRED, "FILE", "Compare with what was recorded"},
    {"record", 0, CLI_VALUE_REQUIRED, "FILE", "Only observe, and record a baseline"},
    {"context", 0, CLI_VALUE_REQUIRED, "FILE", "What a deployment knows of its units"},
    {"events", 0, CLI_VALUE_NONE, NULL, "Each result as a line of JSON"},
    {"list", 0, CLI_VALUE_NONE, NULL, "List the checks"},
    {"explain", 0, CLI_VALUE_REQUIRED, "CHECK", "Run one check and tell all about it"},
    {"check", 0, CLI_VALUE_NONE, NULL, "Only read the file and tell what is wrong with it"},
    {"types", 0, CLI_VALUE_NONE, NULL, "List types of checks and presets"},
    {NULL},
};

static void add_options(GPtrArray *argv, const Cli *cli, const CliArgs *args) {
  for (const CliOption *o = cli_verify_options; o->name; o++) {
    char **given = cli_args_all(args, o->name);
    for (guint i = 0; o->value && given[i]; i++)
      g_ptr_array_add(argv, g_strdup_printf("--%s=%s", o->name, given[i]));
    if (!o->value && cli_args_has(args, o->name))
      g_ptr_array_add(argv, g_strdup_printf("--%s", o->name));
  }
  if (cli->scope == CLI_SCOPE_USER)
    g_ptr_array_add(argv, g_strdup("--user"));
  if (cli->json != CLI_JSON_OFF && !cli_args_has(args, "format"))
    g_ptr_array_add(argv, g_strdup("--format=json"));
}

int cli_verb_verify(Cli *cli, CliArgs *args, GError **error) {
  const char *program = g_getenv(WG_ENV_VERIFY) ?: CLI_LIBEXEC_DIR "/waggle-verify";
  g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
  guint n;
  char **words = cli_args_words(args, &n);

  if (cli->host || cli->address) {
    g_set_error_literal(error, CLI_ERROR, CLI_EXIT_USAGE,
                        "verify looks at this machine with your own rights; --host and --address "
                        "have no meaning for it");
    return CLI_EXIT_USAGE;
  }
  if (n == 0 && !cli_args_has(args, "types")) {
    g_set_error_literal(error, CLI_ERROR, CLI_EXIT_USAGE,
                        "the file to verify is missing\nTry: waggle verify --help");
    return CLI_EXIT_USAGE;
  }
  g_ptr_array_add(argv, g_strdup("waggle-verify"));
  if (n > 1 && (g_str_equal(words[0], "add") || g_str_equal(words[0], "autoadd"))) {
    g_ptr_array_add(argv, g_strdup(*words++)); /* its own verbs come first */
    n--;
  }
  add_options(argv, cli, args);
  if (n > 0)
    g_ptr_array_add(argv, g_strdup("--"));
  for (guint i = 0; i < n; i++)
    g_ptr_array_add(argv, g_strdup(words[i]));
  g_ptr_array_add(argv, NULL);
  fflush(stdout);
  execv(program, (char **)argv->pdata);
  g_set_error(error, CLI_ERROR, CLI_EXIT_UNDETERMINED, "%s cannot be started: %s\n%s", program,
              g_strerror(errno), "Is the package waggle-deploy installed?");
  return CLI_EXIT_FAILURE;
}
