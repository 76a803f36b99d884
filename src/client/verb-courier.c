/* verb-courier.c: the courier of this user: which agents it reaches how, and whether a policy is
 * right. */
#include "client/dict.h"
#include "client/json.h"
#include "client/pager.h"
#include "client/policy.h"
#include "client/session.h"
#include "client/table.h"
#include "client/verbs.h"

#include <stdio.h>

static void add_agent(CliTable *table, GVariant *a) {
  const char *wrong = cli_dict_string(a, "policy-error");
  g_autofree char *backends = cli_dict_join(a, "backends", ", ");

  cli_table_add(table, cli_dict_string(a, "agent"), CLI_STYLE_BOLD);
  cli_table_add_printf(table, CLI_STYLE_NONE, "%" G_GUINT64_FORMAT, cli_dict_u64(a, "waiting"));
  cli_table_add(table, cli_dict_string(a, "in-flight"), CLI_STYLE_NONE);
  cli_table_add(table, wrong && *wrong ? wrong : backends,
                wrong && *wrong ? CLI_STYLE_BAD : CLI_STYLE_NONE);
}

int cli_verb_courier_list(Cli *cli, CliArgs *args, GError **error) {
  static const CliColumn columns[] = {
      {"AGENT"}, {"WAITING", TRUE}, {"UNDER WAY"}, {"BACK-ENDS", FALSE, 1}, {NULL}};
  g_autoptr(GVariant) reply =
      cli_session_call(CLI_COURIER, "ListAgents", g_variant_new("()"), 0, error);

  if (!reply)
    return CLI_EXIT_FAILURE;
  g_autoptr(GVariant) agents = g_variant_get_child_value(reply, 0);
  if (cli->json != CLI_JSON_OFF) {
    cli_json_print(cli, cli_json_from_variant(agents));
    return CLI_EXIT_OK;
  }
  g_autoptr(CliTable) table = cli_table_new(columns);
  for (gsize i = 0; i < g_variant_n_children(agents); i++) {
    g_autoptr(GVariant) agent = g_variant_get_child_value(agents, i);
    add_agent(table, agent);
  }
  cli_pager_open(cli);
  cli_table_print(table, cli);
  guint n = cli_table_rows(table);
  if (!cli->no_legend)
    printf("%s%u agent%s with a policy.\n", n ? "\n" : "", n, n == 1 ? "" : "s");
  return CLI_EXIT_OK;
}

static int show_json(Cli *cli, const char *agent, GError **error) {
  g_autoptr(GVariant) reply =
      cli_session_call(CLI_COURIER, "Explain", g_variant_new("(s)", agent), 0, error);

  if (!reply)
    return CLI_EXIT_FAILURE;
  g_autoptr(GVariant) state = g_variant_get_child_value(reply, 0);
  cli_json_print(cli, cli_json_from_variant(state));
  return CLI_EXIT_OK;
}

int cli_verb_courier_show(Cli *cli, CliArgs *args, GError **error) {
  const char *agent = cli_args_word(args, 0);

  if (cli->json != CLI_JSON_OFF)
    return show_json(cli, agent, error);
  return cli_policy_explain(agent, /* must= */ TRUE, error) ? CLI_EXIT_OK : CLI_EXIT_FAILURE;
}

int cli_verb_courier_check(Cli *cli, CliArgs *args, GError **error) {
  g_autofree char *json = cli_policy_read(cli_args_word(args, 0), error);

  if (!json)
    return CLI_EXIT_USAGE;
  g_autoptr(GVariant) reply =
      cli_session_call(CLI_COURIER, "CheckPolicy", g_variant_new("(s)", json), 0, error);
  if (!reply)
    return CLI_EXIT_FAILURE;
  g_autoptr(GVariant) problems = g_variant_get_child_value(reply, 0);
  JsonArray *rows = json_array_new();
  for (gsize i = 0; i < g_variant_n_children(problems); i++) {
    const char *where, *what;
    g_variant_get_child(problems, i, "(&s&s)", &where, &what);
    JsonObject *row = json_object_new();
    json_object_set_string_member(row, "where", where);
    json_object_set_string_member(row, "problem", what);
    json_array_add_object_element(rows, row);
    if (cli->json == CLI_JSON_OFF)
      printf("%s: %s\n", *where ? where : "/", what);
  }
  gboolean fine = json_array_get_length(rows) == 0;
  if (cli->json == CLI_JSON_OFF) {
    json_array_unref(rows);
    if (fine && !cli->no_legend)
      printf("%s is a policy that the courier takes.\n", cli_args_word(args, 0));
  } else {
    JsonNode *node = json_node_alloc();
    cli_json_print(cli, json_node_init_array(node, rows));
    json_array_unref(rows);
  }
  return fine ? CLI_EXIT_OK : CLI_EXIT_FAILURE;
}
