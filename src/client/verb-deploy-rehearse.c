/* verb-deploy-rehearse.c: would a roll-back work? Nothing that serves is touched by the answer. */
#include "client/deploy.h"
#include "client/dict.h"
#include "client/json.h"
#include "client/terminal.h"
#include "client/times.h"
#include "client/verbs.h"

#include <stdio.h>
#include <string.h>

/* The service bounds a rehearsal by 2 minutes, and stops what it started. */
#define PATIENCE (3 * G_TIME_SPAN_MINUTE)

const CliOption cli_deploy_rehearse_options[] = {
    {"isolate", 0, CLI_VALUE_NONE, NULL, "Start its services in isolation, too"},
    {"observe", 0, CLI_VALUE_REQUIRED, "SPAN", "How long each has to stay up; default: 3s"},
    {"to", 0, CLI_VALUE_REQUIRED, "RELEASE",
     "This release (its name or version), not the last good one"},
    {NULL},
};

static const char *text_of(JsonObject *object, const char *key) {
  return json_object_get_string_member_with_default(object, key, "");
}

static CliStyle style_of(const char *verdict) {
  return strcmp(verdict, "pass") == 0   ? CLI_STYLE_GOOD
         : strcmp(verdict, "fail") == 0 ? CLI_STYLE_BAD
                                        : CLI_STYLE_WARNING;
}

static void print_journal(JsonObject *step) {
  g_auto(GStrv) lines = g_strsplit(text_of(step, "journal"), "\n", -1);

  for (guint i = 0; lines[i]; i++) {
    g_autofree char *line = cli_text_one_line(lines[i]);
    if (*line)
      printf("         %s%s%s\n", cli_style(CLI_STYLE_DIM), line, cli_style_end(CLI_STYLE_DIM));
  }
}

static void print_left_out(JsonObject *step) {
  JsonArray *left = json_object_has_member(step, "left-out")
                        ? json_object_get_array_member(step, "left-out")
                        : NULL;

  if (!left)
    return;
  printf("         without");
  for (guint i = 0; i < json_array_get_length(left); i++) {
    g_autofree char *key = cli_text_one_line(json_array_get_string_element(left, i));
    printf("%s %s=", i ? "," : "", key);
  }
  printf("\n");
}

static void print_not_started(JsonObject *result) {
  JsonArray *units = json_object_has_member(result, "not-started")
                         ? json_object_get_array_member(result, "not-started")
                         : NULL;
  guint n = units ? json_array_get_length(units) : 0;

  if (n == 0)
    return;
  printf("Not started, so that nothing is told of %s:", n == 1 ? "it" : "them");
  for (guint i = 0; i < n; i++) {
    g_autofree char *unit = cli_text_one_line(json_array_get_string_element(units, i));
    printf("%s %s", i ? "," : "", unit);
  }
  printf("\n");
}

static void print_result(JsonObject *result) {
  JsonArray *steps = json_object_get_array_member(result, "steps");
  const char *verdict = text_of(result, "verdict");
  g_autofree char *span =
      cli_time_span((guint64)json_object_get_int_member_with_default(result, "duration", 0));

  printf("Rehearsal of a roll-back of %s to %s (%s)\n", text_of(result, "target"),
         text_of(result, "release"), text_of(result, "version"));
  for (guint i = 0; i < json_array_get_length(steps); i++) {
    JsonObject *step = json_array_get_object_element(steps, i);
    CliStyle style = style_of(text_of(step, "verdict"));
    g_autofree char *text = cli_text_one_line(text_of(step, "text"));
    printf("  %s%-5s%s  %s: %s\n", cli_style(style), text_of(step, "verdict"), cli_style_end(style),
           text_of(step, "name"), text);
    print_left_out(step);
    print_journal(step);
  }
  print_not_started(result);
  printf("%s%s%s after %s\n", cli_style(style_of(verdict)),
         strcmp(verdict, "pass") == 0   ? "It would work, as far as this tells"
         : strcmp(verdict, "fail") == 0 ? "It would not work"
                                        : "Nobody can tell",
         cli_style_end(style_of(verdict)), span);
}

int cli_verb_deploy_rehearse(Cli *cli, CliArgs *args, GError **error) {
  g_autoptr(GVariantDict) options = g_variant_dict_new(NULL);
  g_autoptr(GError) local = NULL;
  guint64 observe = 0;

  cli_dict_add_trace(options);
  if (cli_args_has(args, "to"))
    g_variant_dict_insert(options, "to", "s", cli_args_get(args, "to"));
  if (cli_args_has(args, "isolate"))
    g_variant_dict_insert(options, "isolate", "b", TRUE);
  if (cli_args_usec(args, "observe", &observe, &local))
    g_variant_dict_insert(options, "observe", "t", observe);
  if (local) {
    g_propagate_error(error, g_steal_pointer(&local));
    return CLI_EXIT_USAGE;
  }
  cli->patience = PATIENCE;
  g_autoptr(JsonNode) node = cli_deploy_json(
      cli, "Rehearse",
      g_variant_new("(s@a{sv})", cli_args_word(args, 0), g_variant_dict_end(options)), error);
  if (!node)
    return CLI_EXIT_FAILURE;
  const char *verdict = text_of(json_node_get_object(node), "verdict");
  int status = strcmp(verdict, "pass") == 0   ? CLI_EXIT_OK
               : strcmp(verdict, "fail") == 0 ? CLI_EXIT_FAILURE
                                              : CLI_EXIT_UNDETERMINED;
  if (cli->json != CLI_JSON_OFF)
    cli_json_print(cli, g_steal_pointer(&node));
  else
    print_result(json_node_get_object(node));
  return status;
}
