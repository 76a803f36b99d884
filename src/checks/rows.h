/* rows.h: what a query gave, as values of a check: the same for each database. Pure. */
#pragma once

#include "checks/check.h"

/* More rows are counted and not kept. */
#define CHK_ROWS_MAX 1000

#define CHK_ROWS_VALUES                                                                            \
  {"rows", CHK_JSON, "the rows of the query, an object each; at most 1000"},                       \
      {"row-count", CHK_INT, "how many rows the query gave"}, {                                    \
    "value", CHK_JSON, "the first column of the first row"                                         \
  }

/* What the options "query" and "round-trip" of a server bring. */
extern const ChkAsked chk_rows_asked[];

typedef struct {
  JsonArray *rows;
  JsonNode *first;   /* of the first row; owned */
  GPtrArray *firsts; /* (element-type JsonNode) of each kept row */
  JsonObject *row;   /* the one that is filled; NULL: it is not kept */
  gboolean begun;    /* a row without a cell yet */
  gint64 n;
} ChkRows;

void chk_rows_clear(ChkRows *rows);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ChkRows, chk_rows_clear)
void chk_rows_begin(ChkRows *rows);
void chk_rows_add(ChkRows *rows, const char *column, JsonNode *cell); /* takes the cell */
void chk_rows_set(ChkRows *rows, JsonObject *values);                 /* gives the rows away */
guint chk_rows_n(const ChkRows *rows);                                /* that are kept */
JsonNode *chk_rows_cell(const ChkRows *rows, guint i); /* first column of the i-th row */
JsonNode *chk_rows_first(const ChkRows *rows);         /* or NULL */
/* A cell that a database sends as text: a number where it is one and `number` says so. */
JsonNode *chk_rows_text(const char *text, gssize size, gboolean number);
