/* verb-deploy-drift.c: was what serves edited since it was released? Every byte is read. */
#include "client/deploy.h"
#include "client/dict.h"
#include "client/json.h"
#include "client/terminal.h"
#include "client/verbs.h"

#include <stdio.h>
#include <string.h>

/* The service reads with the least priority, and releases may be large. */
#define PATIENCE (24 * G_TIME_SPAN_HOUR)

static CliStyle style_of(const char *state) {
  return strcmp(state, "intact") == 0   ? CLI_STYLE_GOOD
         : strcmp(state, "edited") == 0 ? CLI_STYLE_BAD
                                        : CLI_STYLE_WARNING;
}

static const char *words_of(const char *state) {
  static const struct {
    const char *state, *words;
  } all[] = {
      {"intact", "is as it was released"},    {"edited", "was edited"},
      {"unproven", "could not be looked at"}, {"none", "serves no release"},
      {"busy", "has a deployment under way"},
  };

  for (guint i = 0; i < G_N_ELEMENTS(all); i++)
    if (strcmp(all[i].state, state) == 0)
      return all[i].words;
  return state;
}

static void print_differences(GVariant *row) {
  g_autoptr(GVariant) found = g_variant_lookup_value(row, "differences", G_VARIANT_TYPE("as"));
  gsize n = found ? g_variant_n_children(found) : 0;
  guint32 all = 0;

  for (gsize i = 0; i < n; i++) {
    const char *text = NULL;
    g_variant_get_child(found, i, "&s", &text);
    g_autofree char *line = cli_text_one_line(text);
    printf("  %s\n", line);
  }
  g_variant_lookup(row, "n", "u", &all);
  if (all > n)
    printf("  and %u more\n", all - (guint)n);
}

static void print_row(GVariant *row) {
  const char *state = cli_dict_string(row, "state"), *release = cli_dict_string(row, "release");
  const char *text = cli_dict_string(row, "text");
  g_autofree char *why = cli_text_one_line(text ? text : "");

  state = state ? state : "";
  printf("%s%s%s %s%s", cli_style(style_of(state)), cli_dict_string(row, "target"),
         cli_style_end(style_of(state)), words_of(state), release ? ": " : "");
  printf("%s\n", release ? release : "");
  if (strcmp(state, "unproven") == 0 && *why)
    printf("  %s\n", why);
  print_differences(row);
}

/* The worst of all of them. */
static int status_of(GVariant *rows) {
  int status = CLI_EXIT_OK;

  for (gsize i = 0; i < g_variant_n_children(rows); i++) {
    g_autoptr(GVariant) row = g_variant_get_child_value(rows, i);
    const char *state = cli_dict_string(row, "state");
    if (g_strcmp0(state, "edited") == 0)
      return CLI_EXIT_FAILURE;
    if (g_strcmp0(state, "unproven") == 0)
      status = CLI_EXIT_UNDETERMINED;
  }
  return status;
}

int cli_verb_deploy_drift(Cli *cli, CliArgs *args, GError **error) {
  GVariantBuilder targets;

  g_variant_builder_init(&targets, G_VARIANT_TYPE("as"));
  for (guint i = 0; cli_args_word(args, i); i++)
    g_variant_builder_add(&targets, "s", cli_args_word(args, i));
  cli->patience = PATIENCE;
  g_autoptr(GVariant) reply =
      cli_call(cli, "CheckDrift", g_variant_new("(asa{sv})", &targets, NULL), error);
  if (!reply)
    return CLI_EXIT_FAILURE;
  g_autoptr(GVariant) rows = g_variant_get_child_value(reply, 0);
  if (cli->json != CLI_JSON_OFF) {
    cli_json_print(cli, cli_json_from_variant(rows));
    return status_of(rows);
  }
  for (gsize i = 0; i < g_variant_n_children(rows); i++) {
    g_autoptr(GVariant) row = g_variant_get_child_value(rows, i);
    print_row(row);
  }
  if (g_variant_n_children(rows) == 0)
    printf("Nothing was deployed yet.\n");
  return status_of(rows);
}
