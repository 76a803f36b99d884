/* verb-typist.c: the typist by hand: what it could type into, whether it types right here, and
 * keeping it from typing. */
#include "client/dict.h"
#include "client/fields.h"
#include "client/json.h"
#include "client/pager.h"
#include "client/session.h"
#include "client/table.h"
#include "client/times.h"
#include "client/verbs.h"

#include <stdio.h>

/* Opening a scratch window and typing every sample takes a while. */
#define DOCTOR_USEC (120 * (guint64)G_USEC_PER_SEC)

const CliOption cli_typist_hold_options[] = {
    {"for", 0, CLI_VALUE_REQUIRED, "SPAN", "Ends by itself then; default: when it is released"},
    {NULL},
};

static GVariant *no_options(void) {
  return g_variant_new_array(G_VARIANT_TYPE("{sv}"), NULL, 0);
}

static void add_window(CliTable *table, GVariant *w) {
  guint64 pid = cli_dict_u64(w, "pid");

  cli_table_add_printf(table, CLI_STYLE_NONE, "0x%" G_GINT64_MODIFIER "x",
                       cli_dict_u64(w, "window"));
  cli_table_add(table, cli_dict_string(w, "class"), CLI_STYLE_BOLD);
  cli_table_add(table, cli_dict_string(w, "profile"), CLI_STYLE_NONE);
  if (pid)
    cli_table_add_printf(table, CLI_STYLE_NONE, "%" G_GUINT64_FORMAT, pid);
  else
    cli_table_add(table, NULL, CLI_STYLE_NONE);
  cli_table_add(table, cli_dict_string(w, "unit"), CLI_STYLE_NONE);
  cli_table_add(table, cli_dict_string(w, "title"),
                cli_dict_bool(w, "focused") ? CLI_STYLE_GOOD : CLI_STYLE_NONE);
}

int cli_verb_typist_windows(Cli *cli, CliArgs *args, GError **error) {
  static const CliColumn columns[] = {{"WINDOW"},    {"CLASS"},          {"PROFILE"},
                                      {"PID", TRUE}, {"UNIT", FALSE, 1}, {"TITLE", FALSE, 2},
                                      {NULL}};
  g_auto(GVariantDict) filter = G_VARIANT_DICT_INIT(NULL);

  if (cli_args_word(args, 0))
    g_variant_dict_insert(&filter, "title", "s", cli_args_word(args, 0));
  g_autoptr(GVariant) reply = cli_session_call(
      CLI_TYPIST, "ListWindows", g_variant_new("(@a{sv})", g_variant_dict_end(&filter)), 0, error);
  if (!reply)
    return CLI_EXIT_FAILURE;
  g_autoptr(GVariant) windows = g_variant_get_child_value(reply, 0);
  if (cli->json != CLI_JSON_OFF) {
    cli_json_print(cli, cli_json_from_variant(windows));
    return CLI_EXIT_OK;
  }
  g_autoptr(CliTable) table = cli_table_new(columns);
  for (gsize i = 0; i < g_variant_n_children(windows); i++) {
    g_autoptr(GVariant) window = g_variant_get_child_value(windows, i);
    add_window(table, window);
  }
  cli_pager_open(cli);
  cli_table_print(table, cli);
  guint n = cli_table_rows(table);
  if (!cli->no_legend)
    printf("%s%u window%s%s.\n", n ? "\n" : "", n, n == 1 ? "" : "s",
           cli_args_word(args, 0) ? " of that title" : "");
  return CLI_EXIT_OK;
}

/* A sample of the doctor: an a{sv}. Returns how many characters went wrong. */
static guint64 print_sample(GVariant *sample) {
  guint64 sent = cli_dict_u64(sample, "sent"), wrong = cli_dict_u64(sample, "wrong");
  const char *what = cli_dict_string(sample, "what");
  g_autofree char *name = cli_text_one_line(cli_dict_string(sample, "sample") ?: "?");
  g_autofree char *safe = cli_text_one_line(what ?: "");
  CliStyle style = wrong ? CLI_STYLE_BAD : CLI_STYLE_GOOD;

  printf("%s%-6s%s %-20s %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " characters right%s%s\n",
         cli_style(style), wrong ? "wrong" : "right", cli_style_end(style), name, sent - wrong,
         sent, *safe ? ": " : "", safe);
  return wrong;
}

int cli_verb_typist_doctor(Cli *cli, CliArgs *args, GError **error) {
  g_autoptr(GVariant) reply = cli_session_call(
      CLI_TYPIST, "Doctor", g_variant_new("(@a{sv})", no_options()), DOCTOR_USEC, error);
  guint64 wrong = 0;

  if (!reply)
    return CLI_EXIT_FAILURE;
  g_autoptr(GVariant) report = g_variant_get_child_value(reply, 0);
  g_autoptr(GVariant) samples = cli_dict_value(report, "characters", "aa{sv}");
  gsize n = samples ? g_variant_n_children(samples) : 0;
  for (gsize i = 0; i < n; i++) {
    g_autoptr(GVariant) sample = g_variant_get_child_value(samples, i);
    wrong += cli->json == CLI_JSON_OFF ? print_sample(sample) : cli_dict_u64(sample, "wrong");
  }
  if (cli->json != CLI_JSON_OFF)
    cli_json_print(cli, cli_json_from_variant(report));
  else {
    cli_field("Layout", cli_dict_string(report, "layout"));
    cli_field_printf("Spare keys", "%" G_GUINT64_FORMAT, cli_dict_u64(report, "spare-keycodes"));
    cli_field_styled("Verdict", cli_dict_string(report, "verdict"),
                     wrong || !n ? CLI_STYLE_BAD : CLI_STYLE_GOOD);
  }
  return wrong || !n ? CLI_EXIT_FAILURE : CLI_EXIT_OK;
}

int cli_verb_typist_hold(Cli *cli, CliArgs *args, GError **error) {
  g_autoptr(GError) local = NULL;
  guint64 usec = 0;
  guint n;
  char **words = cli_args_words(args, &n);

  cli_args_usec(args, "for", &usec, &local);
  if (local) {
    g_propagate_error(error, g_steal_pointer(&local));
    return CLI_EXIT_USAGE;
  }
  g_autofree char *reason = g_strjoinv(" ", words);
  g_autoptr(GVariant) reply =
      cli_session_call(CLI_TYPIST, "Hold", g_variant_new("(st)", reason, usec), 0, error);
  if (!reply)
    return CLI_EXIT_FAILURE;
  if (cli->json != CLI_JSON_OFF || cli->no_legend)
    return CLI_EXIT_OK;
  g_autofree char *span = usec ? cli_time_span(usec) : NULL;
  printf("Nothing is typed %s%s; mail waits, or takes another way.\n",
         span ? "for the next " : "until waggle typist release", span ?: "");
  return CLI_EXIT_OK;
}

int cli_verb_typist_release(Cli *cli, CliArgs *args, GError **error) {
  g_autoptr(GVariant) reply =
      cli_session_call(CLI_TYPIST, "Release", g_variant_new("()"), 0, error);

  return reply ? CLI_EXIT_OK : CLI_EXIT_FAILURE;
}
