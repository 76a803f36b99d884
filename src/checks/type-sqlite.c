/* type-sqlite.c: an SQLite database: opens, is whole, answers a query.
 *
 * Opened for reading only: a check never makes or changes a database. */
#include "checks/local.h"
#include "checks/rows.h"
#include "checks/subjects.h"
#include "checks/types.h"

#include <sqlite3.h>

static const ChkKey options[] = {
    {"query", CHK_TEXT, "one statement that reads, and has to succeed"},
    {"integrity", CHK_TEXT, "quick or full: which check of the whole file; default quick"},
    {NULL},
};

static const ChkKey values[] = {
    {"exists", CHK_BOOL, "there is such a file"},
    {"opens", CHK_BOOL, "it is a database that can be read"},
    {"error", CHK_TEXT, "why not, or why the query failed; absent when all went well"},
    {"integrity", CHK_TEXT, "ok, or the first thing that is wrong; looked at when asserted"},
    {"user-version", CHK_INT, "PRAGMA user_version"},
    {"journal-mode", CHK_TEXT, "PRAGMA journal_mode"},
    {"tables", CHK_TEXTS, "names of the tables, sorted"},
    CHK_ROWS_VALUES,
    {"time", CHK_USEC, "the query took"},
    {NULL},
};

static int on_progress(void *data) {
  return chk_look_over(data);
}

static JsonNode *cell(sqlite3_stmt *statement, int column) {
  JsonNode *node = json_node_alloc();

  switch (sqlite3_column_type(statement, column)) {
  case SQLITE_INTEGER:
    return json_node_init_int(node, sqlite3_column_int64(statement, column));
  case SQLITE_FLOAT:
    return json_node_init_double(node, sqlite3_column_double(statement, column));
  case SQLITE_NULL:
    return json_node_init_null(node);
  default: {
    const char *text = (const char *)sqlite3_column_text(statement, column);
    g_autofree char *valid =
        g_utf8_make_valid(text ? text : "", sqlite3_column_bytes(statement, column));
    return json_node_init_string(node, valid);
  }
  }
}

static void set_error(JsonObject *seen, const ChkLook *look, sqlite3 *db) {
  chk_set_text(seen, "error",
               chk_look_over(look) ? "not ready within the time limit" : sqlite3_errmsg(db));
}

/* FALSE: told in "error". */
static gboolean ask(const ChkLook *look, sqlite3 *db, const char *sql, ChkRows *rows,
                    JsonObject *seen) {
  sqlite3_stmt *statement = NULL;
  int r = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);

  while (r == SQLITE_OK && (r = sqlite3_step(statement)) == SQLITE_ROW) {
    chk_rows_begin(rows);
    for (int i = 0; i < sqlite3_column_count(statement); i++)
      chk_rows_add(rows, sqlite3_column_name(statement, i), cell(statement, i));
    r = SQLITE_OK;
  }
  sqlite3_finalize(statement);
  if (r == SQLITE_DONE)
    return TRUE;
  set_error(seen, look, db);
  return FALSE;
}

/* The first cell of a statement's first row under `key`. */
static gboolean ask_value(const ChkLook *look, sqlite3 *db, const char *sql, const char *key,
                          JsonObject *seen) {
  g_auto(ChkRows) rows = {0};
  JsonNode *first;

  if (!ask(look, db, sql, &rows, seen))
    return FALSE;
  first = chk_rows_first(&rows);
  if (first)
    json_object_set_member(seen, key, json_node_copy(first));
  return TRUE;
}

static gboolean ask_tables(const ChkLook *look, sqlite3 *db, JsonObject *seen) {
  g_auto(ChkRows) rows = {0};
  GPtrArray *names;

  if (!ask(look, db, "SELECT name FROM sqlite_schema WHERE type = 'table'", &rows, seen))
    return FALSE;
  names = g_ptr_array_new_with_free_func(g_free);
  for (guint i = 0; i < chk_rows_n(&rows); i++)
    g_ptr_array_add(names, g_strdup(json_node_get_string(chk_rows_cell(&rows, i))));
  chk_set_sorted(seen, "tables", names);
  return TRUE;
}

static const char *why_refused(sqlite3 *db, sqlite3_stmt *statement, const char *rest) {
  sqlite3_stmt *second = NULL;
  gboolean more = sqlite3_prepare_v2(db, rest, -1, &second, NULL) != SQLITE_OK || second;

  sqlite3_finalize(second);
  if (statement == NULL)
    return "the query has no statement in it";
  if (more)
    return "the query has more than one statement; give each a check of its own";
  return sqlite3_stmt_readonly(statement)
             ? NULL
             : "the query would change the database; a check only reads";
}

/* The connection cannot write anyway; this says so in words. */
static gboolean only_reads(const ChkLook *look, sqlite3 *db, const char *query, JsonObject *seen) {
  sqlite3_stmt *statement = NULL;
  const char *rest = NULL;

  if (sqlite3_prepare_v2(db, query, -1, &statement, &rest) != SQLITE_OK) {
    set_error(seen, look, db);
    return FALSE;
  }
  const char *why = why_refused(db, statement, rest);
  sqlite3_finalize(statement);
  chk_set_text(seen, "error", why);
  return why == NULL;
}

static void ask_query(const ChkLook *look, sqlite3 *db, JsonObject *seen) {
  const char *query = chk_option_text(look, "query", NULL);
  gint64 begin = g_get_monotonic_time();
  g_auto(ChkRows) rows = {0};

  if (query == NULL || !only_reads(look, db, query, seen) || !ask(look, db, query, &rows, seen))
    return;
  chk_rows_set(&rows, seen);
  json_object_set_int_member(seen, "time", g_get_monotonic_time() - begin);
}

static void look_into(ChkLook *look, sqlite3 *db, JsonObject *seen) {
  gboolean full = g_str_equal(chk_option_text(look, "integrity", "quick"), "full");

  gboolean opens = ask_value(look, db, "PRAGMA user_version", "user-version", seen) &&
                   ask_tables(look, db, seen) &&
                   ask_value(look, db, "PRAGMA journal_mode", "journal-mode", seen);
  json_object_set_boolean_member(seen, "opens", opens);
  if (!opens)
    return;
  if (chk_asks(look, "integrity") &&
      !ask_value(look, db, full ? "PRAGMA integrity_check(1)" : "PRAGMA quick_check(1)",
                 "integrity", seen))
    return;
  ask_query(look, db, seen);
}

static void see(ChkLook *look, ChkSight *ret) {
  g_autofree char *path = g_strconcat(chk_world_root(look->world), look->subject, NULL);
  JsonObject *seen = json_object_new();
  sqlite3 *db = NULL;
  struct stat st;

  int r = chk_local_stat(look, look->subject, TRUE, &st);
  json_object_set_boolean_member(seen, "exists", r >= 0);
  if (r < 0 && !chk_local_absent(r)) {
    json_object_unref(seen);
    chk_local_unknown(ret, look->subject, r);
    return;
  }
  if (r < 0) {
    ret->text = g_strdup("there is no such file");
  } else if (st.st_size == 0) { /* which SQLite takes for a database without tables */
    json_object_set_boolean_member(seen, "opens", FALSE);
    chk_set_text(seen, "error", "the file is empty: there is no database in it");
  } else {
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK) {
      sqlite3_progress_handler(db, 10000, on_progress, look);
      look_into(look, db, seen);
    } else {
      json_object_set_boolean_member(seen, "opens", FALSE);
      set_error(seen, look, db);
    }
    sqlite3_close(db);
  }
  chk_observed(ret, seen);
}

static const char *const of_query[] = {"rows", "row-count", "value", "time", "error", NULL};
static const ChkAsked asked[] = {
    {"query", of_query, "{\"error\": {\"absent\": true}}"},
    {NULL},
};

const ChkType chk_type_sqlite = {
    .name = "sqlite",
    .subject_help = "path of the database file",
    .options = options,
    .values = values,
    .default_value = "{\"opens\": true, \"integrity\": \"ok\"}",
    .asked = asked,
    .sync = see,
    .validate = chk_subject_sqlite,
};
