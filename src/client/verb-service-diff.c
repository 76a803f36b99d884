/* verb-service-diff.c: what a reload of the monitor would change, before it is done: service diff
 * and alerts diff. The exit status is that of diff: 0 nothing, 1 something, anything else is
 * trouble. */
#include "client/deploy.h"
#include "client/pager.h"
#include "client/service.h"
#include "client/terminal.h"
#include "client/verbs.h"

#include "common/names.h"

#include <stdio.h>

static const char *text_of(JsonObject *object, const char *name) {
  return json_object_get_string_member_with_default(object, name, NULL);
}

static void print_value(CliStyle style, char sign, const char *place, const char *value) {
  g_autofree char *line = value ? cli_text_one_line(value) : NULL;

  if (line)
    printf("    %s%c %s: %s%s\n", cli_style(style), sign, place, line, cli_style_end(style));
}

static void print_change(JsonObject *change) {
  const char *kind = text_of(change, "change"), *from = text_of(change, "from");
  gboolean is_added = g_strcmp0(kind, "added") == 0, is_removed = g_strcmp0(kind, "removed") == 0;
  g_autofree char *name = cli_text_one_line(text_of(change, "name"));
  JsonArray *details = json_object_get_array_member(change, "details");

  printf("%c %s %s%s%s\n",
         is_added     ? '+'
         : is_removed ? '-'
                      : '~',
         text_of(change, "what"), name, from ? "  " : "", from ? from : "");
  for (guint i = 0; i < json_array_get_length(details); i++) {
    JsonObject *detail = json_array_get_object_element(details, i);
    const char *place = text_of(detail, "place");
    print_value(CLI_STYLE_BAD, '-', place, text_of(detail, "before"));
    print_value(CLI_STYLE_GOOD, '+', place, text_of(detail, "after"));
  }
}

/* 1 is for differences: what has no number of its own is files that are refused. */
static void mark(GError *error) {
  if (error && error->domain == CLI_ERROR && error->code == CLI_EXIT_FAILURE)
    error->code = CLI_EXIT_BAD_FILE;
}

static JsonNode *ask(Cli *cli, const char *what, GError **error) {
  g_autoptr(GError) wrong = NULL;
  GVariantBuilder options;

  g_variant_builder_init(&options, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add(&options, "{sv}", "what", g_variant_new_string(what));
  g_autoptr(GVariant) reply = cli_call_interface(cli, WG_IFACE_MONITORING, "Diff",
                                                 g_variant_new("(a{sv})", &options), &wrong);
  g_autoptr(JsonNode) node = reply ? cli_service_json(reply, 0, &wrong) : NULL;
  if (node && JSON_NODE_HOLDS_ARRAY(node))
    return g_steal_pointer(&node);
  if (wrong == NULL)
    wrong = g_error_new(CLI_ERROR, CLI_EXIT_BAD_FILE, "the answer of the service is no list");
  mark(wrong);
  g_propagate_error(error, g_steal_pointer(&wrong));
  return NULL;
}

static int diff(Cli *cli, const char *what, GError **error) {
  JsonNode *node = ask(cli, what, error);
  JsonArray *changes = node ? json_node_get_array(node) : NULL;
  guint n = changes ? json_array_get_length(changes) : 0;

  if (node == NULL)
    return CLI_EXIT_BAD_FILE;
  if (cli->json != CLI_JSON_OFF) {
    cli_json_print(cli, cli_json_told(node));
    return n > 0 ? CLI_EXIT_FAILURE : CLI_EXIT_OK;
  }
  cli_pager_open(cli);
  for (guint i = 0; i < n; i++)
    print_change(json_array_get_object_element(changes, i));
  json_node_unref(node);
  return n > 0 ? CLI_EXIT_FAILURE : CLI_EXIT_OK;
}

int cli_verb_service_diff(Cli *cli, CliArgs *args, GError **error) {
  return diff(cli, "services", error);
}

int cli_verb_alerts_diff(Cli *cli, CliArgs *args, GError **error) {
  return diff(cli, "alerts", error);
}
