/* verb-agent-list.c: agents in a table, and one agent with everything. */
#include "client/agent-options.h"
#include "client/dict.h"
#include "client/fields.h"
#include "client/json.h"
#include "client/pager.h"
#include "client/policy.h"
#include "client/table.h"
#include "client/times.h"
#include "client/verbs.h"

#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

const CliOption cli_agent_list_options[] = {
    {"role", 0, CLI_VALUE_REQUIRED, "ROLE", "Only agents of this role"},
    {"topic", 0, CLI_VALUE_REQUIRED, "TOPIC", "Only agents of this topic"},
    {"tag", 0, CLI_VALUE_REQUIRED, "TAG", "Only agents with this tag"},
    {"capability", 0, CLI_VALUE_REQUIRED, "NAME", "Only agents that are able to do this"},
    {"owner", 0, CLI_VALUE_REQUIRED, "USER", "Only agents of this user"},
    {NULL},
};

/* Another host's users are not ours: there the number is all that is known. */
static char *owner_name(const Cli *cli, guint64 uid) {
  const struct passwd *entry = cli->host ? NULL : getpwuid((uid_t)uid);

  return entry ? g_strdup(entry->pw_name) : g_strdup_printf("%" G_GUINT64_FORMAT, uid);
}

static void add_row(const Cli *cli, CliTable *table, GVariant *a, guint64 now) {
  static const char *const counts[] = {"queued", "in-flight", "dead"};
  g_autofree char *owner = owner_name(cli, cli_dict_u64(a, "uid"));
  g_autofree char *seen = cli_time_relative(cli_dict_u64(a, "last-seen"), now);
  g_autofree char *roles = cli_dict_join(a, "roles", ",");
  gboolean paused = cli_dict_bool(a, "paused");

  cli_table_add(table, cli_dict_string(a, "name"), CLI_STYLE_BOLD);
  cli_table_add(table,
                paused                         ? "paused"
                : cli_dict_u64(a, "receivers") ? "listening"
                                               : "away",
                paused                         ? CLI_STYLE_WARNING
                : cli_dict_u64(a, "receivers") ? CLI_STYLE_GOOD
                                               : CLI_STYLE_NONE);
  for (guint i = 0; i < G_N_ELEMENTS(counts); i++) {
    guint64 n = cli_dict_u64(a, counts[i]);
    cli_table_add_printf(table, i == 2 && n ? CLI_STYLE_BAD : CLI_STYLE_NONE, "%" G_GUINT64_FORMAT,
                         n);
  }
  cli_table_add(table, cli_dict_u64(a, "last-seen") ? seen : "never", CLI_STYLE_NONE);
  cli_table_add(table, owner, CLI_STYLE_NONE);
  cli_table_add(table, roles, CLI_STYLE_NONE);
  cli_table_add(table, cli_dict_string(a, "description"), CLI_STYLE_NONE);
}

static GVariant *filter(const Cli *cli, const CliArgs *args, GError **error) {
  static const char *const texts[] = {"role", "topic", "tag", "capability"};
  g_auto(GVariantDict) o = G_VARIANT_DICT_INIT(NULL);
  g_autoptr(GError) local = NULL;
  guint32 uid;

  for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
    if (cli_args_has(args, texts[i]))
      g_variant_dict_insert(&o, texts[i], "s", cli_args_get(args, texts[i]));
  if (cli_args_word(args, 0))
    g_variant_dict_insert(&o, "name", "s", cli_args_word(args, 0));
  if (cli_owner_read(cli, args, &uid, &local))
    g_variant_dict_insert(&o, "uid", "u", uid);
  if (local) {
    g_propagate_error(error, g_steal_pointer(&local));
    return NULL;
  }
  return g_variant_dict_end(&o);
}

static gint by_name(gconstpointer a, gconstpointer b) {
  return g_strcmp0(cli_dict_string(*(GVariant *const *)a, "name"),
                   cli_dict_string(*(GVariant *const *)b, "name"));
}

static GVariant *sorted(GVariant *agents) {
  g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func((GDestroyNotify)g_variant_unref);

  for (gsize i = 0; i < g_variant_n_children(agents); i++)
    g_ptr_array_add(list, g_variant_get_child_value(agents, i));
  g_ptr_array_sort(list, by_name);
  return g_variant_ref_sink(
      g_variant_new_array(G_VARIANT_TYPE_VARDICT, (GVariant *const *)list->pdata, list->len));
}

int cli_verb_agent_list(Cli *cli, CliArgs *args, GError **error) {
  static const CliColumn columns[] = {{"AGENT", FALSE, 1},
                                      {"STATE"},
                                      {"QUEUED", TRUE},
                                      {"BUSY", TRUE},
                                      {"DEAD", TRUE},
                                      {"SEEN"},
                                      {"OWNER", FALSE, 1},
                                      {"ROLES", FALSE, 2},
                                      {"DESCRIPTION", FALSE, 3},
                                      {NULL}};
  GVariant *wanted = filter(cli, args, error);

  if (!wanted)
    return CLI_EXIT_USAGE;
  g_autoptr(GVariant) reply = cli_call(cli, "ListAgents", g_variant_new("(@a{sv})", wanted), error);
  if (!reply)
    return CLI_EXIT_FAILURE;
  g_autoptr(GVariant) unsorted = g_variant_get_child_value(reply, 0);
  g_autoptr(GVariant) agents = sorted(unsorted);
  if (cli->json != CLI_JSON_OFF) {
    cli_json_print(cli, cli_json_from_variant(agents));
    return CLI_EXIT_OK;
  }
  g_autoptr(CliTable) table = cli_table_new(columns);
  guint64 now = (guint64)g_get_real_time();
  for (gsize i = 0; i < g_variant_n_children(agents); i++) {
    g_autoptr(GVariant) agent = g_variant_get_child_value(agents, i);
    add_row(cli, table, agent, now);
  }
  cli_pager_open(cli);
  cli_table_print(table, cli);
  guint n = cli_table_rows(table);
  if (!cli->no_legend && n)
    printf("\n%u agent%s.\n", n, n == 1 ? "" : "s");
  else if (!cli->no_legend)
    printf("No agents%s.\n",
           cli_args_word(args, 0) ? " match" : "; make one: waggle agent register NAME");
  return CLI_EXIT_OK;
}

static void print_backoff(GVariant *a) {
  g_autoptr(GVariant) value = cli_dict_value(a, "backoff", "at");
  g_autoptr(GString) text = g_string_new(NULL);
  gsize n = 0;
  const guint64 *usec = value ? g_variant_get_fixed_array(value, &n, sizeof *usec) : NULL;

  for (gsize i = 0; i < n; i++) {
    g_autofree char *span = cli_time_span(usec[i]);
    g_string_append_printf(text, "%s%s", i ? ", " : "", span);
  }
  cli_field("Pauses", text->str);
}

static void print_limits(GVariant *a) {
  g_autofree char *lease = cli_time_span(cli_dict_u64(a, "lease"));
  g_autofree char *bytes =
      g_format_size_full(cli_dict_u64(a, "max-bytes"), G_FORMAT_SIZE_IEC_UNITS);
  double rate = cli_dict_double(a, "rate");

  cli_field("Lease", lease);
  cli_field_printf(
      "Limits", "%" G_GUINT64_FORMAT " messages, %s, %" G_GUINT64_FORMAT " deliveries of a message",
      cli_dict_u64(a, "max-messages"), bytes, cli_dict_u64(a, "max-deliveries"));
  print_backoff(a);
  if (rate > 0)
    cli_field_printf("Rate", "%g a second, bursts of %" G_GUINT64_FORMAT, rate,
                     cli_dict_u64(a, "burst"));
}

static void print_agent(const Cli *cli, GVariant *a) {
  static const char *const lists[][2] = {
      {"Roles", "roles"}, {"Topics", "topics"}, {"Tags", "tags"}, {"Can", "capabilities"}};
  g_autofree char *owner = owner_name(cli, cli_dict_u64(a, "uid"));
  guint64 until = cli_dict_u64(a, "paused-until");

  printf("%s%s%s\n", cli_style(CLI_STYLE_BOLD), cli_dict_string(a, "name"),
         cli_style_end(CLI_STYLE_BOLD));
  cli_field("Description", cli_dict_string(a, "description"));
  cli_field_printf("Owner", "%s (uid %" G_GUINT64_FORMAT ")", owner, cli_dict_u64(a, "uid"));
  if (cli_dict_bool(a, "paused")) {
    g_autofree char *end = until ? cli_time_full(until) : g_strdup("it is resumed");
    const char *reason = cli_dict_string(a, "pause-reason");
    g_autofree char *text =
        g_strdup_printf("until %s%s%s", end, reason && *reason ? ": " : "", reason ?: "");
    cli_field_styled("Paused", text, CLI_STYLE_WARNING);
  }
  for (guint i = 0; i < G_N_ELEMENTS(lists); i++) {
    g_autofree char *text = cli_dict_join(a, lists[i][1], ", ");
    cli_field(lists[i][0], text);
  }
  cli_field_printf(
      "Waiting",
      "%" G_GUINT64_FORMAT " queued, %" G_GUINT64_FORMAT " scheduled, %" G_GUINT64_FORMAT " held",
      cli_dict_u64(a, "queued"), cli_dict_u64(a, "scheduled"), cli_dict_u64(a, "held"));
  cli_field_printf("In flight", "%" G_GUINT64_FORMAT, cli_dict_u64(a, "in-flight"));
  cli_field_printf("Dead", "%" G_GUINT64_FORMAT, cli_dict_u64(a, "dead"));
  cli_field_printf("Receivers", "%" G_GUINT64_FORMAT, cli_dict_u64(a, "receivers"));
  cli_field_time("Last seen", cli_dict_u64(a, "last-seen"));
  cli_field_time("Registered", cli_dict_u64(a, "created"));
  print_limits(a);
  g_autoptr(GVariant) metadata = cli_dict_value(a, "metadata", "a{ss}");
  for (gsize i = 0; metadata && i < g_variant_n_children(metadata); i++) {
    const char *key, *value;
    g_variant_get_child(metadata, i, "{&s&s}", &key, &value);
    cli_field_printf(i == 0 ? "Metadata" : "", "%s=%s", key, value);
  }
  const char *policy = cli_dict_string(a, "policy");
  cli_field("Policy", policy);
  if (policy && *policy && cli_dict_u64(a, "uid") == getuid())
    cli_policy_explain(cli_dict_string(a, "name"), /* must= */ FALSE, NULL);
}

int cli_verb_agent_show(Cli *cli, CliArgs *args, GError **error) {
  for (guint i = 0; cli_args_word(args, i); i++) {
    g_autoptr(GVariant) reply =
        cli_call(cli, "GetAgent", g_variant_new("(s)", cli_args_word(args, i)), error);
    if (!reply)
      return CLI_EXIT_FAILURE;
    g_autoptr(GVariant) agent = g_variant_get_child_value(reply, 0);
    if (cli->json != CLI_JSON_OFF) {
      cli_json_print(cli, cli_json_from_variant(agent));
      continue;
    }
    cli_pager_open(cli);
    if (i)
      putchar('\n');
    print_agent(cli, agent);
  }
  return CLI_EXIT_OK;
}
