/* verb-reply.c: an answer goes where the message asks for it (reply-to), else to its sender, and
 * names the message it answers. */
#include "client/dict.h"
#include "client/ids.h"
#include "client/send-options.h"
#include "client/verbs.h"

/* Who answers: --from, $WAGGLE_AGENT, else the addressee, where that is one agent. */
static void default_from(GVariant *message, GVariantDict *options) {
  const char *to = cli_dict_string(message, "to");

  if (!g_variant_dict_contains(options, "from") && to && !strchr(to, ':') && *to != '@')
    g_variant_dict_insert(options, "from", "s", to);
}

int cli_verb_reply(Cli *cli, CliArgs *args, GError **error) {
  g_auto(GVariantDict) options = G_VARIANT_DICT_INIT(NULL);
  g_auto(GVariantDict) no_body = G_VARIANT_DICT_INIT(NULL);
  guint64 number;

  if (!cli_message_parse(cli_args_word(args, 0), &number, error) ||
      !cli_send_options_read(args, &options, error))
    return CLI_EXIT_USAGE;
  g_variant_dict_insert(&no_body, "no-body", "b", TRUE);
  g_autoptr(GVariant) reply = cli_call(
      cli, "GetMessage", g_variant_new("(t@a{sv})", number, g_variant_dict_end(&no_body)), error);
  if (!reply)
    return CLI_EXIT_FAILURE;
  g_autoptr(GVariant) message = g_variant_get_child_value(reply, 0);
  const char *to = cli_dict_string(message, "reply-to") ?: cli_dict_string(message, "from");
  if (!to || g_str_has_prefix(to, "uid:")) {
    g_set_error(error, CLI_ERROR, CLI_EXIT_CONFLICT,
                "message %s has nobody to answer to: it was sent by %s, which is no agent; "
                "use: waggle send AGENT --in-reply-to=%s",
                cli_args_word(args, 0), to ?: "nobody", cli_args_word(args, 0));
    return CLI_EXIT_CONFLICT;
  }
  default_from(message, &options);
  g_variant_dict_insert(&options, "in-reply-to", "t", number);
  return cli_send_message(cli, args, to, 1, &options, error);
}
