/* verb-wait.c: waits until a message has a receipt. */
#include "client/ids.h"
#include "client/json.h"
#include "client/poll.h"
#include "client/terminal.h"
#include "client/verbs.h"

#include <stdio.h>

const CliOption cli_wait_options[] = {
    {"state", 's', CLI_VALUE_REQUIRED, "STATE", "Which receipt, like leased or acked (default)"},
    {"timeout", 0, CLI_VALUE_REQUIRED, "SPAN", "How long to wait; default: for ever"},
    {"agent", 0, CLI_VALUE_REQUIRED, "AGENT", "Only the delivery to this agent"},
    {"count", 0, CLI_VALUE_REQUIRED, "N", "How many deliveries are enough; default: all"},
    {NULL},
};

int cli_verb_wait(Cli *cli, CliArgs *args, GError **error) {
  const char *wanted = cli_args_get(args, "state") ?: "acked";
  guint64 message, timeout = G_MAXUINT64, count = 0;
  g_autoptr(GError) local = NULL;
  g_autofree char *state = NULL;
  gboolean reached;

  if (!cli_message_parse(cli_args_word(args, 0), &message, error))
    return CLI_EXIT_USAGE;
  if (cli_args_usec(args, "timeout", &timeout, &local) || !local)
    cli_args_u64(args, "count", 1, G_MAXUINT32, &count, &local);
  if (local) {
    g_propagate_error(error, g_steal_pointer(&local));
    return CLI_EXIT_USAGE;
  }
  if (!cli_wait_state(cli, message, wanted, cli_args_get(args, "agent"), (guint32)count, timeout,
                      &reached, &state, error))
    return CLI_EXIT_FAILURE;
  if (cli->json != CLI_JSON_OFF) {
    JsonObject *object = json_object_new();
    cli_json_add_message(object, "message", message);
    json_object_set_boolean_member(object, "reached", reached);
    json_object_set_string_member(object, "state", state);
    cli_json_print_object(cli, object);
  } else if (reached && cli_is_terminal())
    printf("Message %s is %s.\n", cli_args_word(args, 0), state);
  return cli_wait_report(cli, message, wanted, reached, state, error);
}
