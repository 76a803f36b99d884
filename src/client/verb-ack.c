/* verb-ack.c: reports messages as handled. All tokens go in one call; the ones that are refused
 * (most often because the lease ran out) are named one by one. */
#include "client/ids.h"
#include "client/terminal.h"
#include "client/verbs.h"

#include <stdio.h>

static gboolean parse_tokens(const CliArgs *args, GVariant **ret, GError **error) {
  g_auto(GVariantBuilder) builder;

  g_variant_builder_init(&builder, G_VARIANT_TYPE("at"));
  for (guint i = 0; cli_args_word(args, i); i++) {
    guint64 token;
    if (!cli_token_parse(cli_args_word(args, i), &token, error))
      return FALSE;
    g_variant_builder_add(&builder, "t", token);
  }
  *ret = g_variant_builder_end(&builder);
  return TRUE;
}

static void set_refused(GVariant *refused, GError **error) {
  g_autoptr(GString) text = g_string_new(NULL);
  CliExit status = CLI_EXIT_FAILURE;

  for (gsize i = 0; i < g_variant_n_children(refused); i++) {
    const char *name, *reason;
    guint64 token;
    g_variant_get_child(refused, i, "(t&s&s)", &token, &name, &reason);
    g_autofree char *printed = cli_token_format(token);
    g_string_append_printf(text, "%s%s: not acked: %s", i ? "\nwaggle: " : "", printed, reason);
    if (i == 0)
      status = cli_exit_from_bus_error(name);
  }
  g_set_error_literal(error, CLI_ERROR, (int)status, text->str);
}

int cli_verb_ack(Cli *cli, CliArgs *args, GError **error) {
  GVariant *tokens = NULL;
  guint n;

  cli_args_words(args, &n);
  if (!parse_tokens(args, &tokens, error))
    return CLI_EXIT_USAGE;
  g_autoptr(GVariant) reply =
      cli_call(cli, "AckMany", g_variant_new("(@ata{sv})", tokens, NULL), error);
  if (!reply)
    return CLI_EXIT_FAILURE;
  g_autoptr(GVariant) refused = g_variant_get_child_value(reply, 0);
  if (g_variant_n_children(refused) == 0) {
    if (cli->json == CLI_JSON_OFF && cli_is_terminal())
      printf("%u message%s acked.\n", n, n == 1 ? "" : "s");
    return CLI_EXIT_OK;
  }
  set_refused(refused, error);
  return CLI_EXIT_FAILURE;
}
