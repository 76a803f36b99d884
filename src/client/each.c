/* each.c: see each.h. */
#include "client/each.h"

#include "client/ids.h"
#include "client/json.h"
#include "client/terminal.h"
#include "client/verbs.h"

#include <stdio.h>

const CliOption cli_one_agent_options[] = {
    {"agent", 0, CLI_VALUE_REQUIRED, "AGENT", "Only the delivery to this agent"},
    {NULL},
};

int cli_each(Cli *cli, const CliArgs *args, guint first, CliEachFunc func, gpointer data,
             GError **error) {
  g_autoptr(GError) all = NULL;

  for (guint i = first; cli_args_word(args, i); i++) {
    GError *local = NULL;
    if (func(cli, cli_args_word(args, i), data, &local))
      continue;
    if (!all) {
      all = local;
      continue;
    }
    g_autofree char *text = g_strdup_printf("%s\nwaggle: %s", all->message, local->message);
    g_free(all->message);
    all->message = g_steal_pointer(&text);
    g_error_free(local);
  }
  if (!all)
    return CLI_EXIT_OK;
  g_propagate_error(error, g_steal_pointer(&all));
  return CLI_EXIT_FAILURE;
}

typedef struct {
  const char *method, *done;
  GVariant *options;
} MessageCall;

static gboolean call_message(Cli *cli, const char *word, gpointer data, GError **error) {
  const MessageCall *call = data;
  guint64 message;
  guint32 n;

  if (!cli_message_parse(word, &message, error))
    return FALSE;
  g_autoptr(GVariant) reply =
      cli_call(cli, call->method, g_variant_new("(t@a{sv})", message, call->options), error);
  if (!reply)
    return FALSE;
  g_variant_get(reply, "(u)", &n);
  if (cli->json != CLI_JSON_OFF) {
    JsonObject *object = json_object_new();
    cli_json_add_message(object, "message", message);
    json_object_set_int_member(object, call->done, n);
    cli_json_print_object(cli, object);
  } else if (cli_is_terminal() && n)
    printf("Message %s %s (%u deliver%s).\n", word, call->done, n, n == 1 ? "y" : "ies");
  else if (cli_is_terminal())
    printf("Message %s: nothing had to be %s.\n", word, call->done);
  return TRUE;
}

int cli_each_message(Cli *cli, const CliArgs *args, const char *method, const char *done,
                     GVariant *options, GError **error) {
  g_autoptr(GVariant) held = g_variant_ref_sink(options);
  MessageCall call = {method, done, held};

  return cli_each(cli, args, 0, call_message, &call, error);
}

GVariant *cli_agent_option(const CliArgs *args) {
  g_auto(GVariantDict) o = G_VARIANT_DICT_INIT(NULL);

  if (cli_args_has(args, "agent"))
    g_variant_dict_insert(&o, "agent", "s", cli_args_get(args, "agent"));
  return g_variant_dict_end(&o);
}
