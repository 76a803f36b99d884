/* verb-show.c: stored messages, whole, with the state of each delivery. */
#include "client/body.h"
#include "client/dict.h"
#include "client/each.h"
#include "client/ids.h"
#include "client/json.h"
#include "client/message.h"
#include "client/pager.h"
#include "client/receipts.h"
#include "client/show.h"
#include "client/table.h"
#include "client/times.h"
#include "client/verbs.h"

#include <stdio.h>

static void print_deliveries(const Cli *cli, GVariant *deliveries) {
  static const CliColumn columns[] = {
      {"AGENT", FALSE, 1}, {"STATE"}, {"SEQUENCE", TRUE},   {"TAKEN", TRUE},
      {"FAILED", TRUE},    {"DUE"},   {"REASON", FALSE, 3}, {NULL}};
  g_autoptr(CliTable) table = cli_table_new(columns);
  guint64 now = (guint64)g_get_real_time();

  for (gsize i = 0; i < g_variant_n_children(deliveries); i++) {
    g_autoptr(GVariant) d = g_variant_get_child_value(deliveries, i);
    const char *state = cli_dict_string(d, "state");
    guint64 due = cli_dict_u64(d, "due");
    g_autofree char *when = due > now ? cli_time_relative(due, now) : NULL;
    cli_table_add(table, cli_dict_string(d, "agent"), CLI_STYLE_NONE);
    cli_table_add(table, state, cli_state_style(state));
    guint64 n = cli_dict_u64(d, "sequence");
    g_autofree char *sequence = n ? g_strdup_printf("%" G_GUINT64_FORMAT, n) : NULL;
    cli_table_add(table, sequence, CLI_STYLE_NONE);
    cli_table_add_printf(table, CLI_STYLE_NONE, "%" G_GUINT64_FORMAT, cli_dict_u64(d, "acquired"));
    cli_table_add_printf(table, CLI_STYLE_NONE, "%" G_GUINT64_FORMAT, cli_dict_u64(d, "failed"));
    cli_table_add(table, when, CLI_STYLE_NONE);
    cli_table_add(table, cli_dict_string(d, "reason"), CLI_STYLE_NONE);
  }
  if (cli_table_rows(table))
    putchar('\n');
  cli_table_print(table, cli);
}

static JsonNode *receipts_json(GVariant *receipts) {
  JsonArray *array = json_array_new();

  for (gsize i = 0; i < g_variant_n_children(receipts); i++) {
    const char *agent, *state, *cause, *actor;
    JsonObject *object = json_object_new();
    guint64 t;
    g_variant_get_child(receipts, i, "(&s&st&s&s)", &agent, &state, &t, &cause, &actor);
    json_object_set_string_member(object, "agent", agent);
    json_object_set_string_member(object, "state", state);
    cli_json_add_time(object, "time", t);
    json_object_set_string_member(object, "cause", cause);
    json_object_set_string_member(object, "actor", actor);
    json_array_add_object_element(array, object);
  }
  JsonNode *node = json_node_new(JSON_NODE_ARRAY);
  json_node_take_array(node, array);
  return node;
}

/* The members that the message's own fields do not repeat. */
static GVariant *without(GVariant *dict, const char *const *keys) {
  g_auto(GVariantDict) d = G_VARIANT_DICT_INIT(dict);

  for (guint i = 0; keys[i]; i++)
    g_variant_dict_remove(&d, keys[i]);
  GVariant *rest = g_variant_ref_sink(g_variant_dict_end(&d));
  g_variant_get_data(rest); /* in one piece, as what comes from the bus is */
  return rest;
}

gboolean cli_show_message(Cli *cli, const char *word, gboolean history, gboolean first,
                          GError **error) {
  static const char *const own[] = {"message", "from", "body", NULL};
  CliMessage m = {0};

  if (!cli_message_parse(word, &m.number, error))
    return FALSE;
  g_autoptr(GVariant) reply =
      cli_call(cli, "GetMessage", g_variant_new("(ta{sv})", m.number, NULL), error);
  if (!reply)
    return FALSE;
  g_autoptr(GVariant) whole = g_variant_get_child_value(reply, 0);
  g_autoptr(GVariant) inline_body = cli_dict_value(whole, "body", "ay");
  g_autoptr(GVariant) fields = without(whole, own);
  g_autoptr(GBytes) body = cli_body_of(cli, whole, inline_body, error);
  g_autoptr(GVariant) receipts = NULL;
  if (!body || (history && !(receipts = cli_receipts_get(cli, m.number, NULL, error))))
    return FALSE;
  m.from = cli_dict_string(whole, "from");
  m.fields = fields;
  m.body = body;
  if (cli->json != CLI_JSON_OFF) {
    JsonObject *object = cli_message_json(&m);
    if (receipts)
      json_object_set_member(object, "receipts", receipts_json(receipts));
    cli_json_print_object(cli, object);
    return TRUE;
  }
  cli_pager_open(cli); /* not before the answer is there: Ctrl-C is the pager's from here on */
  if (!first)
    putchar('\n');
  cli_message_print(&m);
  g_autoptr(GVariant) deliveries = cli_dict_value(whole, "deliveries", "aa{sv}");
  if (deliveries)
    print_deliveries(cli, deliveries);
  if (receipts) {
    putchar('\n');
    cli_receipts_print(cli, receipts);
  }
  return TRUE;
}

static gboolean show_one(Cli *cli, const char *word, gpointer data, GError **error) {
  gboolean *first = data, is_first = *first;

  *first = FALSE;
  return cli_show_message(cli, word, FALSE, is_first, error);
}

int cli_verb_show(Cli *cli, CliArgs *args, GError **error) {
  gboolean first = TRUE;

  return cli_each(cli, args, 0, show_one, &first, error);
}
