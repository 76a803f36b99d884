/* table.c: see table.h. Widths are columns on the screen, not bytes or characters. */
#include "client/table.h"

#include "client/json.h"
#include "client/pager.h"

#include <stdarg.h>
#include <stdio.h>

#define GAP 1
#define NARROWEST 6 /* a cut column keeps at least this much */

typedef struct {
  char *text;
  CliStyle style;
} Cell;

struct CliTable {
  const CliColumn *columns;
  guint n;
  GArray *cells;
};

static void cell_clear(gpointer data) {
  g_free(((Cell *)data)->text);
}

CliTable *cli_table_new(const CliColumn *columns) {
  CliTable *table = g_new0(CliTable, 1);

  table->columns = columns;
  while (columns[table->n].heading)
    table->n++;
  table->cells = g_array_new(FALSE, FALSE, sizeof(Cell));
  g_array_set_clear_func(table->cells, cell_clear);
  return table;
}

void cli_table_free(CliTable *table) {
  if (!table)
    return;
  g_array_unref(table->cells);
  g_free(table);
}

void cli_table_add(CliTable *table, const char *text, CliStyle style) {
  Cell cell = {.text = cli_text_one_line(text && *text ? text : "-"), .style = style};

  g_array_append_val(table->cells, cell);
}

void cli_table_add_printf(CliTable *table, CliStyle style, const char *format, ...) {
  va_list list;

  va_start(list, format);
  g_autofree char *text = g_strdup_vprintf(format, list);
  va_end(list);
  cli_table_add(table, text, style);
}

guint cli_table_rows(const CliTable *table) {
  return table->cells->len / table->n;
}

static void measure(const CliTable *table, gboolean headings, guint *widths) {
  for (guint c = 0; c < table->n; c++)
    widths[c] = headings ? cli_text_width(table->columns[c].heading) : 1;
  for (guint i = 0; i < table->cells->len; i++) {
    guint w = cli_text_width(g_array_index(table->cells, Cell, i).text);
    widths[i % table->n] = MAX(widths[i % table->n], w);
  }
}

/* The column to cut next: the widest, where one with a greater `shrink` counts as wider; n: none is
 * left. */
static guint next_to_cut(const CliTable *table, const guint *widths) {
  guint best = table->n, most = 0;

  for (guint c = 0; c < table->n; c++) {
    guint weight = widths[c] * table->columns[c].shrink;
    if (widths[c] <= NARROWEST || weight <= most)
      continue;
    most = weight;
    best = c;
  }
  return best;
}

static void fit(const CliTable *table, guint *widths) {
  guint total = GAP * (table->n - 1), limit = cli_columns();

  for (guint c = 0; c < table->n; c++)
    total += widths[c];
  while (total > limit) {
    guint c = next_to_cut(table, widths);
    if (c == table->n)
      return;
    widths[c]--;
    total--;
  }
}

static void print_cell(const CliTable *table, guint c, const char *text, CliStyle style,
                       guint width) {
  g_autofree char *cut = cli_text_ellipsize(text, width);
  int pad = (int)(width - cli_text_width(cut));
  gboolean last = c + 1 == table->n, right = table->columns[c].right;

  printf("%*s%s%s%s%*s", right ? pad : 0, "", cli_style(style), cut, cli_style_end(style),
         right || last ? 0 : pad, "");
  fputs(last ? "\n" : " ", stdout);
}

void cli_table_print(const CliTable *table, const Cli *cli) {
  g_autofree guint *widths = g_new0(guint, table->n);

  if (table->cells->len == 0)
    return;
  measure(table, !cli->no_legend, widths);
  if (cli_is_terminal())
    fit(table, widths);
  for (guint c = 0; !cli->no_legend && c < table->n; c++)
    print_cell(table, c, table->columns[c].heading, CLI_STYLE_BOLD, widths[c]);
  for (guint i = 0; i < table->cells->len; i++) {
    const Cell *cell = &g_array_index(table->cells, Cell, i);
    print_cell(table, i % table->n, cell->text, cell->style, widths[i % table->n]);
  }
}

gboolean cli_table_print_rows(Cli *cli, const CliColumn *columns, GVariant *rows, CliRowFunc add,
                              guint *ret_n) {
  guint64 now = (guint64)g_get_real_time();
  g_autoptr(CliTable) table = NULL;

  if (cli->json != CLI_JSON_OFF) {
    cli_json_print(cli, cli_json_from_variant(rows));
    return FALSE;
  }
  table = cli_table_new(columns);
  for (gsize i = 0; i < g_variant_n_children(rows); i++) {
    g_autoptr(GVariant) row = g_variant_get_child_value(rows, i);
    add(table, row, now);
  }
  cli_pager_open(cli);
  cli_table_print(table, cli);
  *ret_n = cli_table_rows(table);
  return !cli->no_legend;
}
