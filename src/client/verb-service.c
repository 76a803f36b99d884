/* verb-service.c: services of the registry: found, looked at, watched. What the service answers is
 * JSON already; people get tables of it. */
#include "client/poll.h"
#include "client/service.h"
#include "client/table.h"
#include "client/times.h"
#include "client/verbs.h"

#include "common/names.h"

#include <stdio.h>
#include <string.h>

const CliOption cli_service_list_options[] = {
    {"tag", 0, CLI_VALUE_REQUIRED, "TAG", "Only with this tag; may be given again"},
    {"capability", 0, CLI_VALUE_REQUIRED, "NAME", "Only with this capability; may be given again"},
    {"state", 0, CLI_VALUE_REQUIRED, "STATE", "Only in one of these states"},
    {"all", 'a', CLI_VALUE_NONE, NULL, "Whatever their state"},
    {NULL},
};

const CliOption cli_service_watch_options[] = {
    {"from", 0, CLI_VALUE_REQUIRED, "REVISION", "Go on after this revision"},
    {NULL},
};

GVariant *cli_service_call(Cli *cli, const char *method, GVariant *params, GError **error) {
  return cli_call_interface(cli, WG_IFACE_MONITORING_REGISTRY, method, params, error);
}

JsonNode *cli_service_json(GVariant *reply, guint at, GError **error) {
  const char *text;

  g_variant_get_child(reply, at, "&s", &text);
  JsonNode *node = json_from_string(text, error);
  return node ? node : json_node_new(JSON_NODE_NULL);
}

static void add_names(GVariantBuilder *builder, const CliArgs *args, const char *option,
                      const char *key) {
  GVariant *names = cli_args_names(args, option);

  if (names)
    g_variant_builder_add(builder, "{sv}", key, names);
}

static GVariant *filter(const CliArgs *args) {
  GVariantBuilder builder;

  g_variant_builder_init(&builder, G_VARIANT_TYPE_VARDICT);
  add_names(&builder, args, "tag", "tags");
  add_names(&builder, args, "capability", "capabilities");
  add_names(&builder, args, "state", "states");
  if (cli_args_has(args, "all"))
    g_variant_builder_add(&builder, "{sv}", "all", g_variant_new_boolean(TRUE));
  return g_variant_builder_end(&builder);
}

static const char *text_of(JsonObject *object, const char *name) {
  return json_object_get_string_member_with_default(object, name, "");
}

static CliStyle style_of(const char *state) {
  return strcmp(state, "healthy") == 0 || strcmp(state, "up") == 0       ? CLI_STYLE_GOOD
         : strcmp(state, "unhealthy") == 0 || strcmp(state, "down") == 0 ? CLI_STYLE_BAD
                                                                         : CLI_STYLE_NONE;
}

static char *joined(JsonObject *object, const char *name) {
  JsonArray *array = json_object_get_array_member(object, name);
  g_autoptr(GString) text = g_string_new(NULL);

  for (guint i = 0; array && i < json_array_get_length(array); i++)
    g_string_append_printf(text, "%s%s", i ? " " : "", json_array_get_string_element(array, i));
  return g_string_free(g_steal_pointer(&text), FALSE);
}

static char *addresses(JsonObject *object) {
  JsonArray *array = json_object_get_array_member(object, "endpoints");
  g_autoptr(GString) text = g_string_new(NULL);

  for (guint i = 0; array && i < json_array_get_length(array); i++)
    g_string_append_printf(text, "%s%s", i ? " " : "",
                           text_of(json_array_get_object_element(array, i), "address"));
  return g_string_free(g_steal_pointer(&text), FALSE);
}

static void print_services(const Cli *cli, JsonArray *services) {
  static const CliColumn columns[] = {{"SERVICE", FALSE, 1},
                                      {"STATE", FALSE, 0},
                                      {"TAGS", FALSE, 3},
                                      {"CAPABILITIES", FALSE, 3},
                                      {"ADDRESS", FALSE, 2},
                                      {"REASON", FALSE, 4},
                                      {NULL}};
  g_autoptr(CliTable) table = cli_table_new(columns);

  for (guint i = 0; i < json_array_get_length(services); i++) {
    JsonObject *s = json_array_get_object_element(services, i);
    g_autofree char *tags = joined(s, "tags"), *abilities = joined(s, "capabilities");
    g_autofree char *address = addresses(s);
    cli_table_add(table, text_of(s, "name"), CLI_STYLE_BOLD);
    cli_table_add(table, text_of(s, "state"), style_of(text_of(s, "state")));
    cli_table_add(table, tags, CLI_STYLE_NONE);
    cli_table_add(table, abilities, CLI_STYLE_NONE);
    cli_table_add(table, address, CLI_STYLE_NONE);
    cli_table_add(table, text_of(s, "reason"), CLI_STYLE_NONE);
  }
  cli_table_print(table, cli);
}

static int tell_list(Cli *cli, GVariant *reply, GError **error) {
  g_autoptr(JsonNode) node = cli_service_json(reply, 1, error);

  if (!JSON_NODE_HOLDS_ARRAY(node))
    return CLI_EXIT_FAILURE;
  JsonArray *services = json_node_get_array(node);
  guint n = json_array_get_length(services);
  if (cli->json)
    cli_json_print(cli, cli_json_told(g_steal_pointer(&node)));
  else
    print_services(cli, services);
  return n > 0 ? CLI_EXIT_OK : CLI_EXIT_NOT_FOUND;
}

int cli_verb_service_list(Cli *cli, CliArgs *args, GError **error) {
  g_autoptr(GVariant) reply =
      cli_service_call(cli, "List", g_variant_new("(@a{sv})", filter(args)), error);

  if (!reply)
    return CLI_EXIT_FAILURE;
  int status = tell_list(cli, reply, error);
  return status == CLI_EXIT_NOT_FOUND ? CLI_EXIT_OK : status; /* an empty list is one */
}

int cli_verb_service_find(Cli *cli, CliArgs *args, GError **error) {
  g_autoptr(GVariant) reply = cli_service_call(
      cli, "Find", g_variant_new("(s@a{sv})", cli_args_word(args, 0), filter(args)), error);

  return reply ? tell_list(cli, reply, error) : CLI_EXIT_FAILURE;
}

/* ---- one service ---- */
static void print_line(const char *name, const char *text) {
  g_autofree char *safe = cli_text_one_line(text);

  if (*safe)
    printf("%12s: %s\n", name, safe);
}

/* "new disks, until 2026-11-22 10:00:00 UTC" */
static void print_maintenance(JsonObject *s) {
  JsonObject *m = json_object_get_object_member(s, "maintenance");
  gint64 until = json_object_get_int_member_with_default(m, "until", 0);
  const char *reason = text_of(m, "reason");
  g_autofree char *time = until > 0 ? cli_time_full((guint64)until) : NULL;
  g_autofree char *text = g_strconcat(*reason ? reason : "without a reason", ", ",
                                      time ? "until " : "until it is ended", time, NULL);

  print_line("Maintenance", text);
}

static void print_probes(const Cli *cli, JsonArray *probes) {
  static const CliColumn columns[] = {{"PROBE", FALSE, 1},
                                      {"TYPE", FALSE, 0},
                                      {"KIND", FALSE, 0},
                                      {"STATE", FALSE, 0},
                                      {"LAST", FALSE, 0},
                                      {"SAID", FALSE, 4},
                                      {NULL}};
  g_autoptr(CliTable) table = cli_table_new(columns);

  for (guint i = 0; i < json_array_get_length(probes); i++) {
    JsonObject *p = json_array_get_object_element(probes, i);
    cli_table_add(table, text_of(p, "name"), CLI_STYLE_BOLD);
    cli_table_add(table, text_of(p, "type"), CLI_STYLE_NONE);
    cli_table_add(table, text_of(p, "kind"), CLI_STYLE_NONE);
    cli_table_add(table, text_of(p, "state"), style_of(text_of(p, "state")));
    cli_table_add(table, text_of(p, "verdict"), CLI_STYLE_NONE);
    cli_table_add(table, *text_of(p, "held") ? text_of(p, "held") : text_of(p, "text"),
                  CLI_STYLE_NONE);
  }
  if (cli_table_rows(table) > 0)
    printf("\n");
  cli_table_print(table, cli);
}

static void print_service(const Cli *cli, JsonObject *s) {
  g_autofree char *tags = joined(s, "tags"), *abilities = joined(s, "capabilities");
  g_autofree char *address = addresses(s);

  print_line("Service", text_of(s, "name"));
  print_line("State", text_of(s, "state"));
  print_line("Reason", text_of(s, "reason"));
  print_line("From", *text_of(s, "from") ? text_of(s, "from") : "a call");
  print_line("Unit", text_of(s, "unit"));
  print_line("Owner", text_of(s, "owner"));
  print_line("Tags", tags);
  print_line("Capabilities", abilities);
  print_line("Addresses", address);
  if (json_object_has_member(s, "maintenance"))
    print_maintenance(s);
  print_probes(cli, json_object_get_array_member(s, "probes"));
}

int cli_verb_service_show(Cli *cli, CliArgs *args, GError **error) {
  guint n;
  char **names = cli_args_words(args, &n);

  for (guint i = 0; i < n; i++) {
    g_autoptr(GVariant) reply =
        cli_service_call(cli, "Show", g_variant_new("(s)", names[i]), error);
    g_autoptr(JsonNode) node = reply ? cli_service_json(reply, 0, error) : NULL;
    if (!node || !JSON_NODE_HOLDS_OBJECT(node))
      return CLI_EXIT_FAILURE;
    if (cli->json)
      cli_json_print(cli, cli_json_told(g_steal_pointer(&node)));
    else
      print_service(cli, json_node_get_object(node));
  }
  return CLI_EXIT_OK;
}

/* ---- changes ---- */
static void print_change(const Cli *cli, JsonNode *node) {
  JsonObject *change = json_node_get_object(node);

  if (cli->json) { /* a line each, whatever the mode */
    const Cli lines = {.json = CLI_JSON_SHORT};
    cli_json_print(&lines, cli_json_told(json_node_ref(node)));
  } else {
    g_autofree char *time = cli_time_full((guint64)json_object_get_int_member(change, "time"));
    printf("%s  %" G_GINT64_FORMAT "  %s  %s  %s\n", time,
           json_object_get_int_member(change, "revision"), text_of(change, "service"),
           text_of(change, "what"), text_of(change, "state"));
  }
  fflush(stdout);
}

/* Until the program is ended; a restart of the service loses nothing, for the revision is kept. */
int cli_verb_service_watch(Cli *cli, CliArgs *args, GError **error) {
  g_autoptr(GError) wrong = NULL;
  guint64 from = 0;

  if (!cli_args_u64(args, "from", 0, G_MAXINT64, &from, &wrong)) {
    if (wrong) {
      g_propagate_error(error, g_steal_pointer(&wrong));
      return CLI_EXIT_USAGE;
    }
    g_autoptr(GVariant) list = cli_service_call(
        cli, "List", g_variant_new("(@a{sv})", g_variant_new("a{sv}", NULL)), error);
    if (!list)
      return CLI_EXIT_FAILURE;
    g_variant_get_child(list, 0, "t", &from);
  }
  for (;;) {
    g_autoptr(GVariant) reply = cli_call_interface_again(
        cli, WG_IFACE_MONITORING_REGISTRY, "Watch",
        g_variant_new("(t@a{sv})", from, g_variant_new("a{sv}", NULL)), error);
    g_autoptr(JsonNode) node = reply ? cli_service_json(reply, 1, error) : NULL;
    if (!node || !JSON_NODE_HOLDS_ARRAY(node))
      return CLI_EXIT_FAILURE;
    g_variant_get_child(reply, 0, "t", &from);
    JsonArray *changes = json_node_get_array(node);
    for (guint i = 0; i < json_array_get_length(changes); i++)
      print_change(cli, json_array_get_element(changes, i));
  }
}
