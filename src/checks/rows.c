/* rows.c: see rows.h. */
#include "checks/rows.h"

#include <errno.h>
#include <string.h>

static const char *const of_query[] = {"rows", "row-count", "value", "query-time", "error", NULL};
static const char *const of_round_trip[] = {"round-trip", "error", NULL};
const ChkAsked chk_rows_asked[] = {
    {"query", of_query, "{\"error\": {\"absent\": true}}"},
    {"round-trip", of_round_trip, "{\"round-trip\": true}"},
    {NULL},
};

void chk_rows_clear(ChkRows *rows) {
  g_clear_pointer(&rows->firsts, g_ptr_array_unref);
  g_clear_pointer(&rows->rows, json_array_unref);
  g_clear_pointer(&rows->first, json_node_unref);
}

void chk_rows_begin(ChkRows *rows) {
  rows->row = NULL;
  rows->begun = TRUE;
  if (rows->n++ >= CHK_ROWS_MAX)
    return;
  if (rows->rows == NULL) {
    rows->rows = json_array_new();
    rows->firsts = g_ptr_array_new_with_free_func((GDestroyNotify)json_node_unref);
  }
  rows->row = json_object_new();
  json_array_add_object_element(rows->rows, rows->row);
}

void chk_rows_add(ChkRows *rows, const char *column, JsonNode *cell) {
  gboolean is_first = rows->begun;

  rows->begun = FALSE;
  if (rows->row == NULL) {
    json_node_unref(cell);
    return;
  }
  if (is_first && rows->first == NULL)
    rows->first = json_node_copy(cell);
  if (is_first) /* counted: two columns may have one name, and the later one takes its place */
    g_ptr_array_add(rows->firsts, json_node_ref(cell));
  json_object_set_member(rows->row, column, cell);
}

void chk_rows_set(ChkRows *rows, JsonObject *values) {
  json_object_set_int_member(values, "row-count", rows->n);
  if (rows->rows == NULL)
    rows->rows = json_array_new();
  json_object_set_array_member(values, "rows", json_array_ref(rows->rows));
  if (rows->first)
    json_object_set_member(values, "value", json_node_copy(rows->first));
}

guint chk_rows_n(const ChkRows *rows) {
  return rows->firsts ? rows->firsts->len : 0;
}

JsonNode *chk_rows_cell(const ChkRows *rows, guint i) {
  return rows->firsts->pdata[i];
}

JsonNode *chk_rows_first(const ChkRows *rows) {
  return rows->first;
}

JsonNode *chk_rows_text(const char *text, gssize size, gboolean number) {
  JsonNode *node = json_node_alloc();
  char *end;

  if (text == NULL)
    return json_node_init_null(node);
  g_autofree char *valid = g_utf8_make_valid(text, size);
  if (!number)
    return json_node_init_string(node, valid);
  errno = 0;
  gint64 whole = g_ascii_strtoll(valid, &end, 10);
  if (*valid && *end == 0 && errno == 0)
    return json_node_init_int(node, whole);
  double real = g_ascii_strtod(valid, &end);
  if (*valid && *end == 0 && real - real == 0) /* JSON has no infinity and no NaN */
    return json_node_init_double(node, real);
  return json_node_init_string(node, valid);
}
