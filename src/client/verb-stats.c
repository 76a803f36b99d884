/* verb-stats.c: every number that the service keeps. */
#include "client/dict.h"
#include "client/json.h"
#include "client/pager.h"
#include "client/table.h"
#include "client/times.h"
#include "client/verbs.h"

#include <stdio.h>

static const char *const counters[] = {
    "agents",     "messages",    "queued",  "scheduled",     "held",    "in-flight", "dead",
    "sent",       "received",    "acked",   "nacked",        "expired", "died",      "refused",
    "duplicates", "quarantined", "batches", "largest-batch", "clients",
};
static const char *const sizes[] = {"bytes", "store-bytes", "wal-bytes", "free-bytes"};
static const char *const latencies[] = {"latency-send", "latency-receive", "latency-ack"};

static void print_counters(const Cli *cli, GVariant *s) {
  static const CliColumn columns[] = {{"COUNTER"}, {"VALUE", TRUE}, {NULL}};
  g_autoptr(CliTable) table = cli_table_new(columns);

  for (guint i = 0; i < G_N_ELEMENTS(counters); i++) {
    g_autoptr(GVariant) value = cli_dict_value(s, counters[i], NULL);
    if (!value)
      continue;
    cli_table_add(table, counters[i], CLI_STYLE_NONE);
    cli_table_add_printf(table, CLI_STYLE_NONE, "%" G_GUINT64_FORMAT, cli_dict_u64(s, counters[i]));
  }
  for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
    g_autofree char *text = g_format_size_full(cli_dict_u64(s, sizes[i]), G_FORMAT_SIZE_IEC_UNITS);
    cli_table_add(table, sizes[i], CLI_STYLE_NONE);
    cli_table_add(table, text, CLI_STYLE_NONE);
  }
  cli_table_print(table, cli);
}

static void print_latencies(const Cli *cli, GVariant *s) {
  static const CliColumn columns[] = {{"LATENCY"},   {"P50", TRUE}, {"P90", TRUE},
                                      {"P99", TRUE}, {"MAX", TRUE}, {NULL}};
  g_autoptr(CliTable) table = cli_table_new(columns);

  for (guint i = 0; i < G_N_ELEMENTS(latencies); i++) {
    g_autoptr(GVariant) value = cli_dict_value(s, latencies[i], "at");
    gsize n = 0;
    const guint64 *usec = value ? g_variant_get_fixed_array(value, &n, sizeof *usec) : NULL;
    if (n < 4)
      continue;
    cli_table_add(table, latencies[i] + strlen("latency-"), CLI_STYLE_NONE);
    for (guint j = 0; j < 4; j++) {
      g_autofree char *text = usec[j] ? cli_time_span(usec[j]) : NULL;
      cli_table_add(table, text, CLI_STYLE_NONE);
    }
  }
  if (cli_table_rows(table))
    putchar('\n');
  cli_table_print(table, cli);
}

int cli_verb_stats(Cli *cli, CliArgs *args, GError **error) {
  g_autoptr(GVariant) reply = cli_call(cli, "GetStatistics", g_variant_new("()"), error);

  if (!reply)
    return CLI_EXIT_FAILURE;
  g_autoptr(GVariant) s = g_variant_get_child_value(reply, 0);
  if (cli->json != CLI_JSON_OFF) {
    cli_json_print(cli, cli_json_from_variant(s));
    return CLI_EXIT_OK;
  }
  cli_pager_open(cli);
  print_counters(cli, s);
  print_latencies(cli, s);
  return CLI_EXIT_OK;
}
