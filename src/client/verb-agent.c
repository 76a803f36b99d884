/* verb-agent.c: making, changing and removing agents, pausing and resuming them. */
#include "client/agent-options.h"
#include "client/dict.h"
#include "client/each.h"
#include "client/json.h"
#include "client/verbs.h"

#include <stdio.h>

const CliOption cli_agent_remove_options[] = {
    {"force", 'f', CLI_VALUE_NONE, NULL, "Even if mail waits: it becomes dead letters"},
    {NULL},
};

const CliOption cli_agent_pause_options[] = {
    {"until", 0, CLI_VALUE_REQUIRED, "TIME", "Resume by itself then; default: never"},
    {"reason", 0, CLI_VALUE_REQUIRED, "TEXT", "Why"},
    {NULL},
};

int cli_verb_agent_register(Cli *cli, CliArgs *args, GError **error) {
  const char *name = cli_args_word(args, 0), *path;
  g_autoptr(GVariant) options = cli_agent_options_read(cli, args, error);
  gboolean created;

  if (!options)
    return CLI_EXIT_USAGE;
  g_autoptr(GVariant) reply =
      cli_call(cli, "RegisterAgent", g_variant_new("(s@a{sv})", name, options), error);
  if (!reply)
    return CLI_EXIT_FAILURE;
  g_variant_get(reply, "(&ob)", &path, &created);
  if (cli->json != CLI_JSON_OFF) {
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "name", name);
    json_object_set_string_member(object, "path", path);
    json_object_set_boolean_member(object, "created", created);
    cli_json_print_object(cli, object);
  } else
    printf("Agent %s %s.\n", name,
           created ? "registered" : "was registered already; it is up to date");
  return CLI_EXIT_OK;
}

int cli_verb_agent_update(Cli *cli, CliArgs *args, GError **error) {
  const char *name = cli_args_word(args, 0);
  g_autoptr(GVariant) options = cli_agent_options_read(cli, args, error);

  if (!options)
    return CLI_EXIT_USAGE;
  g_auto(GVariantDict) all = G_VARIANT_DICT_INIT(options);
  if (cli_args_has(args, "unset"))
    g_variant_dict_insert_value(&all, "unset", cli_args_names(args, "unset"));
  g_autoptr(GVariant) reply = cli_call(
      cli, "UpdateAgent", g_variant_new("(s@a{sv})", name, g_variant_dict_end(&all)), error);
  return reply ? CLI_EXIT_OK : CLI_EXIT_FAILURE;
}

static gboolean remove_one(Cli *cli, const char *name, gpointer options, GError **error) {
  guint64 dead;
  g_autoptr(GVariant) reply =
      cli_call(cli, "UnregisterAgent", g_variant_new("(s@a{sv})", name, options), error);

  if (!reply)
    return FALSE;
  g_variant_get(reply, "(t)", &dead);
  if (cli->json == CLI_JSON_OFF && dead)
    printf("Agent %s removed; %" G_GUINT64_FORMAT " waiting message%s.\n", name, dead,
           dead == 1 ? " became a dead letter" : "s became dead letters");
  return TRUE;
}

int cli_verb_agent_remove(Cli *cli, CliArgs *args, GError **error) {
  g_auto(GVariantDict) o = G_VARIANT_DICT_INIT(NULL);

  if (cli_args_has(args, "force"))
    g_variant_dict_insert(&o, "force", "b", TRUE);
  g_autoptr(GVariant) options = g_variant_ref_sink(g_variant_dict_end(&o));
  return cli_each(cli, args, 0, remove_one, options, error);
}

static gboolean pause_one(Cli *cli, const char *name, gpointer options, GError **error) {
  g_autoptr(GVariant) reply =
      cli_call(cli, "PauseAgent", g_variant_new("(s@a{sv})", name, options), error);

  return reply != NULL;
}

int cli_verb_agent_pause(Cli *cli, CliArgs *args, GError **error) {
  g_autoptr(GError) local = NULL;
  g_auto(GVariantDict) o = G_VARIANT_DICT_INIT(NULL);
  guint64 until;

  if (cli_args_time(args, "until", &until, &local))
    g_variant_dict_insert(&o, "until", "t", until);
  if (local) {
    g_propagate_error(error, g_steal_pointer(&local));
    return CLI_EXIT_USAGE;
  }
  if (cli_args_has(args, "reason"))
    g_variant_dict_insert(&o, "reason", "s", cli_args_get(args, "reason"));
  g_autoptr(GVariant) options = g_variant_ref_sink(g_variant_dict_end(&o));
  return cli_each(cli, args, 0, pause_one, options, error);
}

static gboolean resume_one(Cli *cli, const char *name, gpointer data, GError **error) {
  g_autoptr(GVariant) reply =
      cli_call(cli, "ResumeAgent", g_variant_new("(sa{sv})", name, NULL), error);

  return reply != NULL;
}

int cli_verb_agent_resume(Cli *cli, CliArgs *args, GError **error) {
  return cli_each(cli, args, 0, resume_one, NULL, error);
}
