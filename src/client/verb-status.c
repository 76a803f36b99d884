/* verb-status.c: what runs, what waits and what is wrong, on one screen.
 *
 * The sentences under "Attention" are the point of it: each names the command that helps. */
#include "client/connection.h"
#include "client/dict.h"
#include "client/fields.h"
#include "client/json.h"
#include "client/verbs.h"

#include <stdio.h>

static int print_json(Cli *cli, GVariant *s) {
  JsonObject *object = json_object_new();

  json_object_set_string_member(object, "connection", cli->bus->description);
  cli_json_add_dict(object, s);
  cli_json_print_object(cli, object);
  return CLI_EXIT_OK;
}

static void attention(guint *n, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void attention(guint *n, const char *format, ...) {
  va_list list;

  va_start(list, format);
  g_autofree char *text = g_strdup_vprintf(format, list);
  va_end(list);
  cli_field_styled((*n)++ == 0 ? "Attention" : "", text, CLI_STYLE_WARNING);
}

static void print_problems(GVariant *s) {
  g_autofree const char **degraded = NULL;
  guint64 dead = cli_dict_u64(s, "dead"), held = cli_dict_u64(s, "held");
  guint64 quarantined = cli_dict_u64(s, "quarantined");
  guint n = 0;

  g_variant_lookup(s, "degraded", "^a&s", &degraded);
  for (guint i = 0; degraded && degraded[i]; i++)
    attention(&n, "degraded: %s", degraded[i]);
  if (quarantined)
    attention(&n,
              "%" G_GUINT64_FORMAT " damaged records were set aside; see: waggle fsck --dry-run",
              quarantined);
  if (dead)
    attention(&n, "%" G_GUINT64_FORMAT " dead letter%s; see: waggle dead list", dead,
              dead == 1 ? "" : "s");
  if (held)
    attention(&n, "%" G_GUINT64_FORMAT " message%s held; see: waggle list --state=held", held,
              held == 1 ? " is" : "s are");
  if (cli_dict_u64(s, "agents") == 0)
    attention(&n, "no agents yet; make one: waggle agent register NAME");
}

int cli_verb_status(Cli *cli, CliArgs *args, GError **error) {
  g_autoptr(GVariant) reply = cli_call(cli, "GetStatistics", g_variant_new("()"), error);

  if (!reply)
    return CLI_EXIT_FAILURE;
  g_autoptr(GVariant) s = g_variant_get_child_value(reply, 0);
  if (cli->json != CLI_JSON_OFF)
    return print_json(cli, s);
  g_autofree const char **degraded = NULL;
  g_variant_lookup(s, "degraded", "^a&s", &degraded);
  gboolean healthy = !degraded || !degraded[0];
  printf("%s●%s waggle-messaged %s\n", cli_style(healthy ? CLI_STYLE_GOOD : CLI_STYLE_BAD),
         cli_style_end(CLI_STYLE_GOOD), cli_dict_string(s, "version") ?: "");
  cli_field("Connection", cli->bus->description);
  cli_field("Scope", cli_dict_string(s, "scope"));
  cli_field_time("Running since", cli_dict_u64(s, "started"));
  g_autofree char *bytes =
      g_format_size_full(cli_dict_u64(s, "store-bytes"), G_FORMAT_SIZE_IEC_UNITS);
  g_autofree char *free =
      g_format_size_full(cli_dict_u64(s, "free-bytes"), G_FORMAT_SIZE_IEC_UNITS);
  cli_field_printf("Store", "%s, %s used, %s free", cli_dict_string(s, "store-state") ?: "unknown",
                   bytes, free);
  cli_field_printf("Agents", "%" G_GUINT64_FORMAT, cli_dict_u64(s, "agents"));
  if (cli_dict_u64(s, "edges") > 0)
    cli_field_printf("Edges", "%" G_GUINT64_FORMAT " rules of edges.conf say who may send to whom",
                     cli_dict_u64(s, "edges"));
  cli_field_printf("Waiting", "%" G_GUINT64_FORMAT " queued, %" G_GUINT64_FORMAT " scheduled",
                   cli_dict_u64(s, "queued"), cli_dict_u64(s, "scheduled"));
  cli_field_printf("In flight", "%" G_GUINT64_FORMAT, cli_dict_u64(s, "in-flight"));
  cli_field_printf("Handled",
                   "%" G_GUINT64_FORMAT " acked, %" G_GUINT64_FORMAT " nacked since start",
                   cli_dict_u64(s, "acked"), cli_dict_u64(s, "nacked"));
  print_problems(s);
  return CLI_EXIT_OK;
}
