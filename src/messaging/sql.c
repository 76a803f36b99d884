/* sql.c: statements that run too rarely to be kept prepared.
 *
 * They are made where they are used and finalized there, so that a rare call's text stands beside
 * what it is for. A failure rolls the batch back like that of a kept statement. */
#include "messaging/engine-private.h"

#include <string.h>

sqlite3_stmt *msg_rare(MsgEngine *e, const char *text) {
  sqlite3_stmt *stmt = NULL;

  if (!e->failed && sqlite3_prepare_v2(e->db, text, -1, &stmt, NULL) != SQLITE_OK)
    msg_fail(e, text);
  return stmt;
}

sqlite3_stmt *msg_rare_in(MsgEngine *e, gboolean is_volatile, const char *text) {
  g_auto(GStrv) parts = g_strsplit(text, "%s", -1);
  g_autofree char *whole = g_strjoinv(is_volatile ? "vol" : "main", parts);

  return msg_rare(e, whole);
}

gboolean msg_rare_run(MsgEngine *e, sqlite3_stmt *stmt) {
  return stmt && !e->failed && msg_sql_run(e, stmt);
}

gboolean msg_rare_row(MsgEngine *e, sqlite3_stmt *stmt) {
  if (!stmt || e->failed)
    return FALSE;
  int r = sqlite3_step(stmt);
  if (r != SQLITE_ROW && r != SQLITE_DONE)
    msg_fail(e, sqlite3_sql(stmt));
  return r == SQLITE_ROW;
}

gboolean msg_meta_put(MsgEngine *e, const char *key, gint64 value) {
  g_autoptr(sqlite3_stmt) stmt = msg_rare(e, "INSERT OR REPLACE INTO meta VALUES(?1, ?2)");

  if (!stmt)
    return FALSE;
  sqlite3_bind_text(stmt, 1, key, -1, SQLITE_STATIC);
  sqlite3_bind_int64(stmt, 2, value);
  return msg_rare_run(e, stmt);
}
