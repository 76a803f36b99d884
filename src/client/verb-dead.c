/* verb-dead.c: dead letters: list, show, requeue, purge. Nothing is purged unless it is named or
 * --all is said. */
#include "client/each.h"
#include "client/json.h"
#include "client/listing.h"
#include "client/receipts.h"
#include "client/show.h"
#include "client/terminal.h"
#include "client/verbs.h"

#include <stdio.h>

const CliOption cli_dead_requeue_options[] = {
    {"agent", 0, CLI_VALUE_REQUIRED, "AGENT", "Only the delivery to this agent"},
    {"to", 0, CLI_VALUE_REQUIRED, "AGENT", "Queue it for another agent instead"},
    {NULL},
};

const CliOption cli_dead_purge_options[] = {
    {"all", 0, CLI_VALUE_NONE, NULL, "All dead letters, or all that --agent and --before leave"},
    {"agent", 0, CLI_VALUE_REQUIRED, "AGENT", "Only the dead letters of this agent"},
    {"before", 0, CLI_VALUE_REQUIRED, "TIME", "Only those that died before this time"},
    {NULL},
};

int cli_verb_dead_list(Cli *cli, CliArgs *args, GError **error) {
  return cli_list_print(cli, "ListDead", args, error);
}

static gboolean show_one(Cli *cli, const char *word, gpointer data, GError **error) {
  gboolean *first = data, is_first = *first;

  *first = FALSE;
  return cli_show_message(cli, word, TRUE, is_first, error);
}

int cli_verb_dead_show(Cli *cli, CliArgs *args, GError **error) {
  gboolean first = TRUE;

  return cli_each(cli, args, 0, show_one, &first, error);
}

int cli_verb_dead_requeue(Cli *cli, CliArgs *args, GError **error) {
  g_autoptr(GVariant) agent = g_variant_ref_sink(cli_agent_option(args));
  g_auto(GVariantDict) o = G_VARIANT_DICT_INIT(agent);

  if (cli_args_has(args, "to"))
    g_variant_dict_insert(&o, "to", "s", cli_args_get(args, "to"));
  return cli_each_message(cli, args, "RequeueDead", "requeued", g_variant_dict_end(&o), error);
}

static int purge_all(Cli *cli, GVariant *options, GError **error) {
  guint32 n;
  g_autoptr(GVariant) reply =
      cli_call(cli, "PurgeDead", g_variant_new("(t@a{sv})", G_GUINT64_CONSTANT(0), options), error);

  if (!reply)
    return CLI_EXIT_FAILURE;
  g_variant_get(reply, "(u)", &n);
  if (cli->json != CLI_JSON_OFF) {
    JsonObject *object = json_object_new();
    json_object_set_int_member(object, "purged", n);
    cli_json_print_object(cli, object);
  } else
    printf("%u dead letter%s purged.\n", n, n == 1 ? "" : "s");
  return CLI_EXIT_OK;
}

int cli_verb_dead_purge(Cli *cli, CliArgs *args, GError **error) {
  gboolean all = cli_args_has(args, "all"), named = cli_args_word(args, 0) != NULL;
  g_autoptr(GVariant) agent = g_variant_ref_sink(cli_agent_option(args));
  g_auto(GVariantDict) o = G_VARIANT_DICT_INIT(agent);
  g_autoptr(GError) local = NULL;
  guint64 before;

  if (all == named) {
    g_set_error(error, CLI_ERROR, CLI_EXIT_USAGE,
                all ? "give message numbers or --all, not both"
                    : "which ones? Give message numbers, or --all (--agent, --before)");
    return CLI_EXIT_USAGE;
  }
  if (cli_args_time(args, "before", &before, &local))
    g_variant_dict_insert(&o, "before", "t", before);
  if (local) {
    g_propagate_error(error, g_steal_pointer(&local));
    return CLI_EXIT_USAGE;
  }
  if (all)
    return purge_all(cli, g_variant_dict_end(&o), error);
  return cli_each_message(cli, args, "PurgeDead", "purged", g_variant_dict_end(&o), error);
}
