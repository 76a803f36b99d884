/* table.h: rows and columns that fit the terminal. */
#pragma once

#include "client/cli.h"
#include "client/terminal.h"

typedef struct {
  const char *heading; /* NULL ends the list */
  gboolean right;      /* numbers */
  guint shrink;        /* 0: never cut; a greater number is cut more */
} CliColumn;

typedef struct CliTable CliTable;

/* `columns` must stay valid. */
CliTable *cli_table_new(const CliColumn *columns);
void cli_table_free(CliTable *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CliTable, cli_table_free)

/* Fills the next cell, row by row. The text is made safe (cli_text_one_line); NULL and "" print as
 * "-". */
void cli_table_add(CliTable *table, const char *text, CliStyle style);
void cli_table_add_printf(CliTable *table, CliStyle style, const char *format, ...)
    G_GNUC_PRINTF(3, 4);
guint cli_table_rows(const CliTable *table);

/* A whole listing of `rows` (aa{sv}): as JSON, or row by row with `add`, in a pager. *ret_n: what a
 * legend has to count; FALSE: there is to be none. */
typedef void (*CliRowFunc)(CliTable *table, GVariant *row, guint64 now);
gboolean cli_table_print_rows(Cli *cli, const CliColumn *columns, GVariant *rows, CliRowFunc add,
                              guint *ret_n);

/* Prints to stdout: a heading line unless cli->no_legend, cut to the terminal's width only where
 * stdout is a terminal; never cut in a pipe. Prints nothing for an empty table. */
void cli_table_print(const CliTable *table, const Cli *cli);
