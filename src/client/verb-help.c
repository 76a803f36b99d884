/* verb-help.c: waggle help, waggle version. */
#include "client/dict.h"
#include "client/json.h"
#include "client/verbs.h"

#include <stdio.h>

int cli_verb_help(Cli *cli, CliArgs *args, GError **error) {
  guint taken;

  if (!cli_args_word(args, 0)) {
    cli_help_overview();
    return CLI_EXIT_OK;
  }
  if (!cli_args_word(args, 1) && cli_verb_is_family(cli_args_word(args, 0))) {
    cli_help_family(cli_args_word(args, 0));
    return CLI_EXIT_OK;
  }
  const CliVerb *verb = cli_verb_find(cli_args_words(args, NULL), &taken, error);
  if (!verb)
    return CLI_EXIT_USAGE;
  cli_help_verb(verb);
  return CLI_EXIT_OK;
}

/* The service's version, where it can be had: this verb succeeds without a service. */
int cli_verb_version(Cli *cli, CliArgs *args, GError **error) {
  g_autoptr(GVariant) reply = cli_call(cli, "GetStatistics", g_variant_new("()"), NULL);
  g_autoptr(GVariant) s = reply ? g_variant_get_child_value(reply, 0) : NULL;
  const char *service = s ? cli_dict_string(s, "version") : NULL;

  if (cli->json != CLI_JSON_OFF) {
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "waggle", CLI_VERSION);
    if (service)
      json_object_set_string_member(object, "waggle_messaged", service);
    else
      json_object_set_null_member(object, "waggle_messaged");
    cli_json_print_object(cli, object);
    return CLI_EXIT_OK;
  }
  printf("waggle %s\nwaggle-messaged %s\n", CLI_VERSION, service ?: "(not reachable)");
  return CLI_EXIT_OK;
}
