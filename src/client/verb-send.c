/* verb-send.c: waggle send. */
#include "client/ids.h"
#include "client/send-options.h"
#include "client/verbs.h"

int cli_verb_send(Cli *cli, CliArgs *args, GError **error) {
  g_auto(GVariantDict) options = G_VARIANT_DICT_INIT(NULL);
  const char *answered = cli_args_get(args, "in-reply-to");
  guint64 message;

  if (!cli_send_options_read(args, &options, error))
    return CLI_EXIT_USAGE;
  if (answered && !cli_message_parse(answered, &message, error))
    return CLI_EXIT_USAGE;
  if (answered)
    g_variant_dict_insert(&options, "in-reply-to", "t", message);
  return cli_send_message(cli, args, cli_args_word(args, 0), 1, &options, error);
}
