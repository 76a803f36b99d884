/* verb-why.c: what ails a unit, on one screen. */
#include "client/json.h"
#include "client/pager.h"
#include "client/terminal.h"
#include "client/times.h"
#include "client/top.h"
#include "client/verbs.h"

#include <stdio.h>
#include <string.h>

JsonNode *cli_monitor_ask(Cli *cli, const char *method, GVariant *params, GError **error) {
  g_autoptr(GVariant) reply = cli_call(cli, method, params, error);
  const char *text;

  if (!reply)
    return NULL;
  g_variant_get_child(reply, 0, "&s", &text);
  return json_from_string(text, error);
}

static void print_field(const char *name, const char *text) {
  g_autofree char *safe = text ? cli_text_one_line(text) : NULL;

  if (safe && *safe)
    printf("%12s: %s\n", name, safe);
}

static void print_bytes(JsonObject *o, const char *name, const char *member) {
  if (!json_object_has_member(o, member))
    return;
  g_autofree char *text = g_format_size_full((guint64)json_object_get_double_member(o, member),
                                             G_FORMAT_SIZE_IEC_UNITS);
  print_field(name, text);
}

static const char *text_of(JsonObject *o, const char *member) {
  return json_object_get_string_member_with_default(o, member, NULL);
}

static void print_findings(JsonObject *o) {
  JsonArray *findings = json_object_get_array_member(o, "findings");

  for (guint i = 0; i < json_array_get_length(findings); i++) {
    JsonObject *one = json_array_get_object_element(findings, i);
    const char *severity = text_of(one, "severity");
    CliStyle style = strcmp(severity, "critical") == 0  ? CLI_STYLE_BAD
                     : strcmp(severity, "warning") == 0 ? CLI_STYLE_WARNING
                                                        : CLI_STYLE_NONE;
    g_autofree char *safe = cli_text_one_line(text_of(one, "text"));
    printf("  %s%s%s\n", cli_style(style), safe, cli_style_end(style));
  }
}

static void print_alerts(JsonObject *o) {
  JsonArray *alerts =
      json_object_has_member(o, "alerts") ? json_object_get_array_member(o, "alerts") : NULL;

  for (guint i = 0; alerts && i < json_array_get_length(alerts); i++) {
    JsonObject *one = json_array_get_object_element(alerts, i);
    const char *summary = text_of(one, "summary");
    g_autofree char *line =
        g_strdup_printf("%s (%s)%s%s", text_of(one, "alert"), text_of(one, "state"),
                        summary ? ": " : "", summary ? summary : "");
    print_field("Alert", line);
  }
}

static void print_journal(JsonObject *o) {
  guint64 now = (guint64)g_get_real_time();

  if (!json_object_has_member(o, "journal")) {
    g_autofree char *why =
        cli_text_one_line(text_of(o, "journal_unread") ? text_of(o, "journal_unread")
                                                       : "the service did not say why");
    printf("\nThe journal was not read: %s\n", why);
    return;
  }
  JsonArray *lines = json_object_get_array_member(o, "journal");
  if (json_array_get_length(lines) > 0)
    printf("\nErrors in the journal, newest first:\n");
  for (guint i = 0; i < json_array_get_length(lines); i++) {
    JsonObject *one = json_array_get_object_element(lines, i);
    g_autofree char *when =
        cli_time_relative((guint64)json_object_get_int_member(one, "time_usec"), now);
    g_autofree char *text = cli_text_one_line(text_of(one, "text") ? text_of(one, "text") : "");
    printf("  %s%s%s  %s\n", cli_style(CLI_STYLE_DIM), when, cli_style_end(CLI_STYLE_DIM), text);
  }
}

int cli_verb_why(Cli *cli, CliArgs *args, GError **error) {
  g_autoptr(JsonNode) node =
      cli_monitor_ask(cli, "Why", g_variant_new("(sa{sv})", cli_args_word(args, 0), NULL), error);

  if (!node)
    return CLI_EXIT_FAILURE;
  if (cli->json != CLI_JSON_OFF) {
    cli_json_print(cli, cli_json_told(g_steal_pointer(&node)));
    return CLI_EXIT_OK;
  }
  JsonObject *o = json_node_get_object(node);
  cli_pager_open(cli);
  printf("%s%s%s\n", cli_style(CLI_STYLE_BOLD), text_of(o, "unit"), cli_style_end(CLI_STYLE_BOLD));
  print_findings(o);
  putchar('\n');
  print_field("State", text_of(o, "state"));
  print_field("Slice", text_of(o, "slice"));
  print_field("Release", text_of(o, "release"));
  print_field("Deployment", text_of(o, "deployment"));
  print_bytes(o, "Memory", "memory");
  print_bytes(o, "MemoryMax", "memory_max");
  print_alerts(o);
  print_journal(o);
  return CLI_EXIT_OK;
}
