/* listing.c: see listing.h. */
#include "client/listing.h"

#include "client/dict.h"
#include "client/ids.h"
#include "client/json.h"
#include "client/pager.h"
#include "client/table.h"
#include "client/times.h"
#include "client/verbs.h"

#include <stdio.h>

#define PAGE 1000
#define DEFAULT_LIMIT 100

const CliOption cli_filter_options[] = {
    {"state", 0, CLI_VALUE_REQUIRED, "STATE", "Only messages in this state, like queued or acked"},
    {"from", 0, CLI_VALUE_REQUIRED, "AGENT", "Only messages of this sender"},
    {"tag", 0, CLI_VALUE_REQUIRED, "TAG", "Only messages with this tag"},
    {"subject", 0, CLI_VALUE_REQUIRED, "TEXT", "Only messages with this subject"},
    {"sequence", 0, CLI_VALUE_REQUIRED, "N", "Only the one with this number of its sender"},
    {"since", 'S', CLI_VALUE_REQUIRED, "TIME", "Only messages sent at or after this time"},
    {"until", 'U', CLI_VALUE_REQUIRED, "TIME", "Only messages sent before this time"},
    {"limit", 'n', CLI_VALUE_REQUIRED, "N", "At most this many; default 100, 0: all"},
    {"oldest-first", 0, CLI_VALUE_NONE, NULL, "Start with the oldest"},
    {NULL},
};

static GVariant *read_filter(const CliArgs *args, gboolean newest_first, GError **error) {
  static const char *const texts[][2] = {
      {"state", "state"}, {"from", "sender"}, {"tag", "tag"}, {"subject", "subject"}};
  static const char *const times[] = {"since", "until"};
  g_auto(GVariantDict) o = G_VARIANT_DICT_INIT(NULL);
  g_autoptr(GError) local = NULL;
  guint64 t, sequence;

  for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
    if (cli_args_has(args, texts[i][0]))
      g_variant_dict_insert(&o, texts[i][1], "s", cli_args_get(args, texts[i][0]));
  for (guint i = 0; i < G_N_ELEMENTS(times) && !local; i++)
    if (cli_args_time(args, times[i], &t, &local))
      g_variant_dict_insert(&o, times[i], "t", t);
  if (!local && cli_args_u64(args, "sequence", 1, G_MAXINT64, &sequence, &local))
    g_variant_dict_insert(&o, "sequence", "t", sequence);
  if (local) {
    g_propagate_error(error, g_steal_pointer(&local));
    return NULL;
  }
  if (cli_args_word(args, 0))
    g_variant_dict_insert(&o, "agent", "s", cli_args_word(args, 0));
  g_variant_dict_insert(&o, "reverse", "b", newest_first);
  return g_variant_ref_sink(g_variant_dict_end(&o));
}

static GVariant *list_page(Cli *cli, const char *method, GVariant *filter, guint32 n,
                           guint64 cursor, GError **error) {
  g_auto(GVariantDict) o = G_VARIANT_DICT_INIT(filter);

  g_variant_dict_insert(&o, "limit", "u", n);
  g_variant_dict_insert(&o, "cursor", "t", cursor);
  return cli_call(cli, method, g_variant_new("(@a{sv})", g_variant_dict_end(&o)), error);
}

gboolean cli_list_entries(Cli *cli, const char *method, const CliArgs *args, guint64 limit,
                          gboolean newest_first, CliEntryFunc func, gpointer data,
                          gboolean *ret_more, GError **error) {
  g_autoptr(GVariant) filter = read_filter(args, newest_first, error);
  guint64 cursor = 0, before, seen = 0;
  gboolean more = TRUE;

  if (!filter)
    return FALSE;
  while (more && (limit == 0 || seen < limit)) {
    guint32 n = (guint32)(limit ? MIN(limit - seen, PAGE) : PAGE);
    g_autoptr(GVariant) reply = list_page(cli, method, filter, n, cursor, error);
    if (!reply)
      return FALSE;
    g_autoptr(GVariant) entries = g_variant_get_child_value(reply, 0);
    before = cursor;
    g_variant_get_child(reply, 1, "t", &cursor);
    g_variant_get_child(reply, 2, "b", &more);
    gsize got = g_variant_n_children(entries);
    for (gsize i = 0; i < got; i++) {
      g_autoptr(GVariant) entry = g_variant_get_child_value(entries, i);
      if (!func(cli, entry, data, error))
        return FALSE;
    }
    seen += got;
    if (cursor == before) /* a page may fit nothing, and others follow */
      break;
  }
  *ret_more = more;
  return TRUE;
}

typedef struct {
  CliTable *table;
  JsonArray *array;
  guint64 now;
  gboolean dead;
} Output;

static void add_row(Output *out, GVariant *e) {
  const char *state = cli_dict_string(e, "state");
  g_autofree char *number = cli_message_format(cli_dict_u64(e, "message"));
  g_autofree char *age = cli_time_relative(cli_dict_u64(e, "time"), out->now);
  const char *subject = cli_dict_string(e, "subject");

  cli_table_add(out->table, number, CLI_STYLE_NONE);
  cli_table_add(out->table, cli_dict_string(e, "agent") ?: cli_dict_string(e, "to"),
                CLI_STYLE_NONE);
  cli_table_add(out->table, cli_dict_string(e, "from"), CLI_STYLE_NONE);
  if (out->dead)
    cli_table_add(out->table, cli_dict_string(e, "reason"), CLI_STYLE_BAD);
  else
    cli_table_add(out->table, state, cli_state_style(state));
  cli_table_add(out->table, age, CLI_STYLE_NONE);
  cli_table_add(out->table, subject && *subject ? subject : cli_dict_string(e, "excerpt"),
                CLI_STYLE_NONE);
}

static gboolean take_entry(Cli *cli, GVariant *entry, gpointer data, GError **error) {
  Output *out = data;

  if (out->array)
    json_array_add_element(out->array, cli_json_from_variant(entry));
  else
    add_row(out, entry);
  return TRUE;
}

static void print_table(Cli *cli, const CliTable *table, gboolean dead, gboolean more) {
  guint n = cli_table_rows(table);

  cli_pager_open(cli);
  cli_table_print(table, cli);
  if (cli->no_legend)
    return;
  if (n == 0)
    printf(dead ? "No dead letters.\n" : "No messages.\n");
  else
    printf("\n%u %s%s%s\n", n, dead ? "dead letter" : "message", n == 1 ? "" : "s",
           more ? "; there are more, see them with --limit=0." : ".");
}

int cli_list_print(Cli *cli, const char *method, const CliArgs *args, GError **error) {
  static const CliColumn columns[] = {{"MESSAGE", TRUE},
                                      {"AGENT", FALSE, 1},
                                      {"FROM", FALSE, 1},
                                      {"STATE"},
                                      {"SENT"},
                                      {"SUBJECT", FALSE, 3},
                                      {NULL}},
                         dead_columns[] = {{"MESSAGE", TRUE},
                                           {"AGENT", FALSE, 1},
                                           {"FROM", FALSE, 1},
                                           {"REASON", FALSE, 2},
                                           {"SENT"},
                                           {"SUBJECT", FALSE, 3},
                                           {NULL}};
  gboolean dead = g_str_equal(method, "ListDead"), json = cli->json != CLI_JSON_OFF, more = FALSE;
  g_autoptr(CliTable) table = cli_table_new(dead ? dead_columns : columns);
  g_autoptr(JsonArray) array = json ? json_array_new() : NULL;
  Output out = {table, array, (guint64)g_get_real_time(), dead};
  g_autoptr(GError) local = NULL;
  guint64 limit = DEFAULT_LIMIT;

  cli_args_u64(args, "limit", 0, G_MAXINT64, &limit, &local);
  if (local || !cli_list_entries(cli, method, args, limit, !cli_args_has(args, "oldest-first"),
                                 take_entry, &out, &more, &local)) {
    g_propagate_error(error, g_steal_pointer(&local));
    return CLI_EXIT_FAILURE;
  }
  if (!json) {
    print_table(cli, table, dead, more);
    return CLI_EXIT_OK;
  }
  JsonNode *node = json_node_new(JSON_NODE_ARRAY);
  json_node_set_array(node, array);
  cli_json_print(cli, node);
  return CLI_EXIT_OK;
}
