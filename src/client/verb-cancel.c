/* verb-cancel.c: withdraws messages that nobody has taken. */
#include "client/each.h"
#include "client/verbs.h"

int cli_verb_cancel(Cli *cli, CliArgs *args, GError **error) {
  return cli_each_message(cli, args, "Cancel", "canceled", cli_agent_option(args), error);
}
