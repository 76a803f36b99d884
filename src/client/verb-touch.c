/* verb-touch.c: asks for more time to handle messages. */
#include "client/each.h"
#include "client/ids.h"
#include "client/json.h"
#include "client/terminal.h"
#include "client/times.h"
#include "client/verbs.h"

#include <stdio.h>

const CliOption cli_touch_options[] = {
    {"lease", 0, CLI_VALUE_REQUIRED, "SPAN", "How much from now on; default: the agent's lease"},
    {NULL},
};

static gboolean touch_one(Cli *cli, const char *word, gpointer data, GError **error) {
  GVariant *options = data;
  guint64 token, until;

  if (!cli_token_parse(word, &token, error))
    return FALSE;
  g_autofree char *name = cli_token_format(token); /* however it was typed */
  g_autoptr(GVariant) reply =
      cli_call(cli, "Touch", g_variant_new("(t@a{sv})", token, options), error);
  if (!reply) {
    g_prefix_error(error, "%s: ", name);
    return FALSE;
  }
  g_variant_get(reply, "(t)", &until);
  if (cli->json != CLI_JSON_OFF) {
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "token", name);
    cli_json_add_time(object, "until", until);
    cli_json_print_object(cli, object);
  } else if (cli_is_terminal()) {
    g_autofree char *text = cli_time_relative(until, (guint64)g_get_real_time());
    printf("%s: the lease ends %s.\n", name, text);
  }
  return TRUE;
}

int cli_verb_touch(Cli *cli, CliArgs *args, GError **error) {
  g_auto(GVariantDict) o = G_VARIANT_DICT_INIT(NULL);
  g_autoptr(GError) local = NULL;
  guint64 lease;

  if (cli_args_usec(args, "lease", &lease, &local))
    g_variant_dict_insert(&o, "lease", "t", lease);
  if (local) {
    g_propagate_error(error, g_steal_pointer(&local));
    return CLI_EXIT_USAGE;
  }
  g_autoptr(GVariant) options = g_variant_ref_sink(g_variant_dict_end(&o));
  return cli_each(cli, args, 0, touch_one, options, error);
}
