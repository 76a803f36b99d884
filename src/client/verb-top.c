/* verb-top.c: the whole machine at a glance: full screen (ncurses) on a terminal, plain lines in a
 * pipe, JSON for agents. q leaves, r or blank asks again. */
#include "client/json.h"
#include "client/terminal.h"
#include "client/top.h"
#include "client/verbs.h"

#include <ncurses.h>
#include <stdio.h>
#include <term.h>
#undef lines /* words of terminfo's */

const CliOption cli_top_options[] = {
    {"once", 0, CLI_VALUE_NONE, NULL, "Print it once and leave"},
    {"interval", 'n', CLI_VALUE_REQUIRED, "SPAN", "Between two looks (default: 2s)"},
    {NULL},
};

static void print_lines(JsonObject *top) {
  g_autoptr(GArray) lines = cli_top_lines(top, G_MAXUINT, cli_is_terminal() ? cli_columns() : 200);

  for (guint i = 0; i < lines->len; i++) {
    const CliTopLine *one = &g_array_index(lines, CliTopLine, i);
    printf("%s%s%s\n", cli_style(one->style), one->text, cli_style_end(one->style));
  }
}

static int attribute_of(int style) {
  switch (style) {
  case CLI_STYLE_BOLD:
    return A_BOLD;
  case CLI_STYLE_WARNING:
    return has_colors() ? COLOR_PAIR(1) : A_BOLD;
  case CLI_STYLE_BAD:
    return has_colors() ? COLOR_PAIR(2) | A_BOLD : A_REVERSE;
  default:
    return A_NORMAL;
  }
}

static void draw(JsonObject *top) {
  g_autoptr(GArray) lines = cli_top_lines(top, (guint)MAX(LINES - 1, 1), (guint)MAX(COLS, 20));

  erase();
  for (guint i = 0; i < lines->len; i++) {
    const CliTopLine *one = &g_array_index(lines, CliTopLine, i);
    attrset(attribute_of(one->style));
    mvaddnstr((int)i, 0, one->text, -1);
  }
  attrset(A_REVERSE);
  mvaddnstr(LINES - 1, 0, " q leaves  r looks again ", -1);
  attrset(A_NORMAL);
  refresh();
}

/* The terminal is known and can put its cursor anywhere. Asked before newterm(), which keeps what
 * it made when it fails. */
static gboolean has_screen(void) {
  int why;

  if (setupterm(NULL, STDOUT_FILENO, &why) != OK)
    return FALSE;
  const char *moves = tigetstr("cup");
  gboolean yes = moves && moves != (const char *)-1;
  del_curterm(cur_term);
  return yes;
}

static gboolean begin_screen(void) {
  if (!has_screen() || !newterm(NULL, stdout, stdin))
    return FALSE;
  cbreak();
  noecho();
  keypad(stdscr, TRUE);
  curs_set(0);
  if (has_colors()) {
    start_color();
    use_default_colors();
    init_pair(1, COLOR_YELLOW, -1);
    init_pair(2, COLOR_RED, -1);
  }
  return TRUE;
}

/* Until q, or until the service cannot be asked any more. */
static int watch(Cli *cli, JsonNode *node, guint64 interval, GError **error) {
  g_autoptr(JsonNode) now = json_node_ref(node);

  if (!begin_screen()) {
    print_lines(json_node_get_object(now));
    return CLI_EXIT_OK;
  }
  for (;;) {
    draw(json_node_get_object(now));
    timeout((int)MIN(interval / 1000, G_MAXINT));
    int key = getch();
    if (key == 'q' || key == 'Q' || key == 27)
      break;
    if (key == KEY_RESIZE)
      continue;
    JsonNode *next = cli_monitor_ask(cli, "Top", g_variant_new("(a{sv})", NULL), error);
    if (!next)
      break;
    json_node_unref(now);
    now = next;
  }
  endwin();
  return error && *error ? CLI_EXIT_FAILURE : CLI_EXIT_OK;
}

int cli_verb_top(Cli *cli, CliArgs *args, GError **error) {
  guint64 interval = 2 * G_USEC_PER_SEC;
  g_autoptr(GError) local = NULL;

  cli_args_usec(args, "interval", &interval, &local);
  if (local) {
    g_propagate_error(error, g_steal_pointer(&local));
    return CLI_EXIT_USAGE;
  }
  g_autoptr(JsonNode) node = cli_monitor_ask(cli, "Top", g_variant_new("(a{sv})", NULL), error);
  if (!node)
    return CLI_EXIT_FAILURE;
  if (cli->json != CLI_JSON_OFF)
    cli_json_print(cli, cli_json_told(g_steal_pointer(&node)));
  else if (cli_args_has(args, "once") || !cli_is_terminal())
    print_lines(json_node_get_object(node));
  else
    return watch(cli, node, MAX(interval, 100 * 1000), error);
  return CLI_EXIT_OK;
}
