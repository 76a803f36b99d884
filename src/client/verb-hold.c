/* verb-hold.c: keeps messages back and lets them go again. */
#include "client/each.h"
#include "client/verbs.h"

int cli_verb_hold(Cli *cli, CliArgs *args, GError **error) {
  return cli_each_message(cli, args, "Hold", "held", cli_agent_option(args), error);
}

int cli_verb_release(Cli *cli, CliArgs *args, GError **error) {
  return cli_each_message(cli, args, "Release", "released", cli_agent_option(args), error);
}
