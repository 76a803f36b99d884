/* verb-nack.c: gives messages back: unhandled (silent), failed, killing (crash) or hopeless
 * (fatal). */
#include "client/each.h"
#include "client/ids.h"
#include "client/json.h"
#include "client/terminal.h"
#include "client/verbs.h"

#include <stdio.h>

const CliOption cli_nack_options[] = {
    {"mode", 'm', CLI_VALUE_REQUIRED, "MODE",
     "fail (default), silent (not counted), crash (counts twice) or fatal"},
    {"delay", 0, CLI_VALUE_REQUIRED, "SPAN", "Hand it out again after this time"},
    {"reason", 'r', CLI_VALUE_REQUIRED, "TEXT", "Why; kept in the message's history"},
    {NULL},
};

static gboolean nack_one(Cli *cli, const char *word, gpointer data, GError **error) {
  GVariant *options = data;
  const char *state;
  guint64 token;

  if (!cli_token_parse(word, &token, error))
    return FALSE;
  g_autofree char *name = cli_token_format(token); /* however it was typed */
  g_autoptr(GVariant) reply =
      cli_call(cli, "Nack", g_variant_new("(t@a{sv})", token, options), error);
  if (!reply) {
    g_prefix_error(error, "%s: ", name);
    return FALSE;
  }
  g_variant_get(reply, "(&s)", &state);
  if (cli->json != CLI_JSON_OFF) {
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "token", name);
    json_object_set_string_member(object, "state", state);
    cli_json_print_object(cli, object);
  } else if (cli_is_terminal())
    printf("%s: the message is %s.\n", name, state);
  return TRUE;
}

int cli_verb_nack(Cli *cli, CliArgs *args, GError **error) {
  static const char *const modes[] = {"fail", "silent", "crash", "fatal", NULL};
  const char *mode = cli_args_get(args, "mode");
  g_auto(GVariantDict) o = G_VARIANT_DICT_INIT(NULL);
  g_autoptr(GError) local = NULL;
  guint64 delay;

  if (mode && !g_strv_contains(modes, mode)) {
    g_set_error(error, CLI_ERROR, CLI_EXIT_USAGE, "--mode=%s: can be fail, silent, crash or fatal",
                mode);
    return CLI_EXIT_USAGE;
  }
  if (mode)
    g_variant_dict_insert(&o, "mode", "s", mode);
  if (cli_args_has(args, "reason"))
    g_variant_dict_insert(&o, "reason", "s", cli_args_get(args, "reason"));
  if (cli_args_usec(args, "delay", &delay, &local))
    g_variant_dict_insert(&o, "delay", "t", delay);
  if (local) {
    g_propagate_error(error, g_steal_pointer(&local));
    return CLI_EXIT_USAGE;
  }
  g_autoptr(GVariant) options = g_variant_ref_sink(g_variant_dict_end(&o));
  return cli_each(cli, args, 0, nack_one, options, error);
}
