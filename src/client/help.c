/* help.c: --help, printed from the tables that the parser uses, so that it cannot say anything
 * else than what the program does. */
#include "client/terminal.h"
#include "client/verbs.h"

#include <stdio.h>

#define NAME_WIDTH 32

#define TEXT_COLUMN (2 + NAME_WIDTH + 1)

/* The column that is left to texts; a terminal that is too narrow wraps them itself. */
static guint text_width(void) {
  guint columns = cli_columns();

  return columns >= TEXT_COLUMN + 30 ? columns - TEXT_COLUMN : G_MAXUINT;
}

/* Broken between words, the rest below the beginning. */
static void print_text(const char *text) {
  g_auto(GStrv) words = g_strsplit(text, " ", -1);
  guint width = text_width(), column = 0;

  for (guint i = 0; words[i]; i++) {
    guint n = cli_text_width(words[i]);
    gboolean fits = column == 0 || (column + 1 < width && n <= width - column - 1);
    if (!fits)
      printf("\n%*s", TEXT_COLUMN, "");
    printf("%s%s", column && fits ? " " : "", words[i]);
    column = column && fits ? column + 1 + n : n;
  }
  printf("\n");
}

static void print_row(const char *name, const char *text) {
  if (strlen(name) > NAME_WIDTH)
    printf("  %s\n  %-*s ", name, NAME_WIDTH, "");
  else
    printf("  %-*s ", NAME_WIDTH, name);
  print_text(text);
}

static void print_heading(const char *text) {
  printf("\n%s%s:%s\n", cli_style(CLI_STYLE_BOLD), text, cli_style_end(CLI_STYLE_BOLD));
}

static char *option_name(const CliOption *o) {
  g_autofree char *letter = o->letter ? g_strdup_printf("-%c ", o->letter) : g_strdup("   ");

  switch (o->kind) {
  case CLI_VALUE_REQUIRED:
    return g_strdup_printf("%s--%s=%s", letter, o->name, o->value);
  case CLI_VALUE_OPTIONAL:
    return g_strdup_printf("%s--%s[=%s]", letter, o->name, o->value);
  default:
    return g_strdup_printf("%s--%s", letter, o->name);
  }
}

static void print_options(const CliOption *table) {
  for (const CliOption *o = table; o->name; o++) {
    g_autofree char *name = option_name(o);
    print_row(name, o->help);
  }
}

static void print_verb(const CliVerb *v) {
  g_autofree char *name = g_strdup_printf("%s %s", v->name, v->words);

  print_row(g_strstrip(name), v->summary);
}

void cli_help_overview(void) {
  printf("waggle [OPTIONS...] VERB [WORDS...]\n\n"
         "Messages between agents that outlive both. Without a verb: status.\n");
  for (const CliVerb *v = cli_verbs; v->name; v++) {
    if (v->group)
      print_heading(v->group);
    print_verb(v);
  }
  print_heading("Options");
  print_options(cli_global_options);
  printf("\nADDRESS is an agent's name, role:NAME, topic:NAME or @all. \"waggle VERB --help\"\n"
         "tells the options of a verb; waggle(1) tells more, exit statuses too.\n");
}

void cli_help_family(const char *word) {
  printf("waggle %s VERB [OPTIONS...] [WORDS...]\n\n", word);
  for (const CliVerb *v = cli_verbs; v->name; v++)
    if (cli_verb_in_family(v, word))
      print_verb(v);
  printf("\n\"waggle %s VERB --help\" tells the options.\n", word);
}

void cli_help_verb(const CliVerb *verb) {
  printf("waggle %s%s%s%s\n\n%s.\n", verb->name, verb->options ? " [OPTIONS...]" : "",
         *verb->words ? " " : "", verb->words, verb->summary);
  if (verb->options)
    print_heading("Options");
  for (guint i = 0; verb->options && verb->options[i]; i++)
    print_options(verb->options[i]);
  print_heading("Options of every verb");
  print_options(cli_global_options);
}
