/* verb-deploy-show.c: one deployment, whole: what happened to it and why. */
#include "client/deploy.h"
#include "client/json.h"
#include "client/pager.h"
#include "client/terminal.h"
#include "client/times.h"
#include "client/verbs.h"

#include <stdio.h>

static const char *text_of(JsonObject *object, const char *key) {
  return json_object_get_string_member_with_default(object, key, "");
}

static gint64 number_of(JsonObject *object, const char *key) {
  return json_object_get_int_member_with_default(object, key, 0);
}

static void line(JsonObject *object, const char *title, const char *key) {
  g_autofree char *safe = cli_text_one_line(text_of(object, key));

  if (*safe)
    printf("%13s: %s\n", title, safe);
}

static void time_line(JsonObject *object, const char *title, const char *key) {
  g_autofree char *time = cli_time_full((guint64)number_of(object, key));

  if (number_of(object, key) > 0)
    printf("%13s: %s\n", title, time);
}

static void print_transitions(JsonObject *shown) {
  JsonArray *list = json_object_has_member(shown, "transitions")
                        ? json_object_get_array_member(shown, "transitions")
                        : NULL;

  printf("\n%sWhat happened%s\n", cli_style(CLI_STYLE_BOLD), cli_style_end(CLI_STYLE_BOLD));
  for (guint i = 0; list && i < json_array_get_length(list); i++) {
    JsonObject *one = json_array_get_object_element(list, i);
    const char *to = text_of(one, "to");
    CliStyle style = cli_deploy_style(to);
    g_autofree char *at = cli_time_precise((guint64)number_of(one, "time"));
    /* how long it was in a state is told where it left it */
    JsonObject *next =
        i + 1 < json_array_get_length(list) ? json_array_get_object_element(list, i + 1) : NULL;
    gint64 usec = next ? number_of(next, "took") : 0;
    g_autofree char *took = usec > 0 ? cli_time_span((guint64)usec) : g_strdup("");
    g_autofree char *cause = cli_text_one_line(text_of(one, "cause"));
    g_autofree char *line = g_strdup_printf("  %s  %s%-15s%s %-7s %s", at, cli_style(style), to,
                                            cli_style_end(style), took, cause);
    printf("%s\n", g_strchomp(line));
  }
}

static void print_results(JsonObject *shown) {
  JsonObject *results = json_object_has_member(shown, "results") &&
                                JSON_NODE_HOLDS_OBJECT(json_object_get_member(shown, "results"))
                            ? json_object_get_object_member(shown, "results")
                            : NULL;
  JsonArray *checks = results && json_object_has_member(results, "checks")
                          ? json_object_get_array_member(results, "checks")
                          : NULL;

  if (!checks)
    return;
  printf("\n%sChecks%s\n", cli_style(CLI_STYLE_BOLD), cli_style_end(CLI_STYLE_BOLD));
  for (guint i = 0; i < json_array_get_length(checks); i++) {
    JsonObject *one = json_array_get_object_element(checks, i);
    const char *verdict = text_of(one, "verdict");
    CliStyle style = g_str_equal(verdict, "pass") ? CLI_STYLE_GOOD
                     : g_str_equal(verdict, "fail") || g_str_equal(verdict, "error")
                         ? CLI_STYLE_BAD
                         : CLI_STYLE_WARNING;
    g_autofree char *why = cli_text_one_line(text_of(one, "text"));
    printf("  %s%-5s%s %s%s%s\n", cli_style(style), verdict, cli_style_end(style),
           text_of(one, "name"), *why && !g_str_equal(verdict, "pass") ? ": " : "",
           g_str_equal(verdict, "pass") ? "" : why);
  }
}

static void print_shown(JsonObject *shown) {
  const char *state = text_of(shown, "state");

  printf("%s%s %s%s at %s\n", cli_style(CLI_STYLE_BOLD), text_of(shown, "name"),
         text_of(shown, "version"), cli_style_end(CLI_STYLE_BOLD), text_of(shown, "target"));
  printf("%13s: %s%s%s\n", "State", cli_style(cli_deploy_style(state)), state,
         cli_style_end(cli_deploy_style(state)));
  line(shown, "Cause", "cause");
  line(shown, "Failure", "failure");
  line(shown, "Kind", "kind");
  line(shown, "From", "from");
  line(shown, "To", "to");
  line(shown, "Root", "root");
  line(shown, "Asked for by", "who");
  line(shown, "Reason", "reason");
  time_line(shown, "Began", "created");
  time_line(shown, "Ended", "ended");
  line(shown, "Verdict", "verdict");
  line(shown, "Trace", "traceparent");
  print_transitions(shown);
  print_results(shown);
}

int cli_verb_deploy_show(Cli *cli, CliArgs *args, GError **error) {
  guint64 id;

  if (!cli_deploy_id(cli_args_word(args, 0), &id, error))
    return CLI_EXIT_USAGE;
  g_autoptr(JsonNode) shown = cli_deploy_json(cli, "Show", g_variant_new("(t)", id), error);
  if (!shown)
    return CLI_EXIT_FAILURE;
  if (cli->json != CLI_JSON_OFF) {
    cli_json_print(cli, g_steal_pointer(&shown));
    return CLI_EXIT_OK;
  }
  cli_pager_open(cli);
  print_shown(json_node_get_object(shown));
  return CLI_EXIT_OK;
}

int cli_verb_deploy_explain(Cli *cli, CliArgs *args, GError **error) {
  const char *text;
  guint64 id;

  if (!cli_deploy_id(cli_args_word(args, 0), &id, error))
    return CLI_EXIT_USAGE;
  g_autoptr(GVariant) reply = cli_call(cli, "Explain", g_variant_new("(t)", id), error);
  if (!reply)
    return CLI_EXIT_FAILURE;
  g_variant_get(reply, "(&s)", &text);
  if (cli->json != CLI_JSON_OFF) {
    JsonObject *object = json_object_new();
    json_object_set_int_member(object, "deployment", (gint64)id);
    json_object_set_string_member(object, "text", text);
    cli_json_print_object(cli, object);
    return CLI_EXIT_OK;
  }
  g_autofree char *safe = cli_text_block(text, -1);
  cli_pager_open(cli);
  printf("%s\n", safe);
  return CLI_EXIT_OK;
}
