/* receipts.c: see receipts.h. */
#include "client/receipts.h"

#include "client/table.h"
#include "client/times.h"

#include <stdio.h>

GVariant *cli_receipts_get(Cli *cli, guint64 message, const char *agent, GError **error) {
  g_auto(GVariantDict) o = G_VARIANT_DICT_INIT(NULL);

  if (agent)
    g_variant_dict_insert(&o, "agent", "s", agent);
  g_autoptr(GVariant) reply = cli_call(
      cli, "GetReceipts", g_variant_new("(t@a{sv})", message, g_variant_dict_end(&o)), error);
  return reply ? g_variant_get_child_value(reply, 0) : NULL;
}

void cli_receipts_print(const Cli *cli, GVariant *receipts) {
  static const CliColumn columns[] = {{"TIME"},         {"AGENT", FALSE, 1}, {"STATE"},
                                      {"BY", FALSE, 2}, {"CAUSE", FALSE, 3}, {NULL}};
  g_autoptr(CliTable) table = cli_table_new(columns);

  for (gsize i = 0; i < g_variant_n_children(receipts); i++) {
    const char *agent, *state, *cause, *actor;
    guint64 t;
    g_variant_get_child(receipts, i, "(&s&st&s&s)", &agent, &state, &t, &cause, &actor);
    g_autofree char *when = cli_time_precise(t);
    cli_table_add(table, when, CLI_STYLE_NONE);
    cli_table_add(table, agent, CLI_STYLE_NONE);
    cli_table_add(table, state, cli_state_style(state));
    cli_table_add(table, actor, CLI_STYLE_NONE);
    cli_table_add(table, cause, CLI_STYLE_NONE);
  }
  cli_table_print(table, cli);
}
