/* store-sql.c: small helpers around a connection; see store.h.
 *
 * They know no WgStore, so that the writer's engine can use them with nothing but the
 * connection. They never log. */
#include "common/error.h"
#include "common/store-internal.h"

#include <errno.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

/* sqlite3_system_errno() is not set when a COMMIT fails, the files know. */
static int errno_of(sqlite3 *db, int which_file) {
  sqlite3_file *file = NULL;
  int e = 0;
  if (!db || sqlite3_file_control(db, "main", which_file, &file) != SQLITE_OK || !file ||
      !file->pMethods ||
      file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &e) != SQLITE_OK)
    return 0;
  return e;
}

static WgErrorCode code_of_errno(int e) {
  switch (e) {
  case ENOSPC:
  case EDQUOT:
  case EFBIG:
    return WG_ERROR_STORE_FULL;
  case EROFS:
  case EACCES:
  case EPERM:
    return WG_ERROR_STORE_READ_ONLY;
  }
  return WG_ERROR_FAILED;
}

static WgErrorCode code_of(sqlite3 *db, int rc) {
  switch (rc & 0xff) {
  case SQLITE_FULL:
    return WG_ERROR_STORE_FULL;
  case SQLITE_READONLY:
    return WG_ERROR_STORE_READ_ONLY;
  case SQLITE_CORRUPT:
  case SQLITE_NOTADB:
    return WG_ERROR_STORE_DAMAGED;
  case SQLITE_IOERR:
  case SQLITE_CANTOPEN:
    break;
  default:
    return WG_ERROR_FAILED;
  }
  /* SQLite folds quotas, file size limits and a late ENOSPC into "I/O error". */
  WgErrorCode code = code_of_errno(errno_of(db, SQLITE_FCNTL_JOURNAL_POINTER));
  if (code == WG_ERROR_FAILED)
    code = code_of_errno(errno_of(db, SQLITE_FCNTL_FILE_POINTER));
  if (code == WG_ERROR_FAILED && db)
    code = code_of_errno(sqlite3_system_errno(db));
  return code;
}

gboolean wg_store_set_error(sqlite3 *db, GError **error, const char *doing) {
  int rc = db ? sqlite3_extended_errcode(db) : SQLITE_NOMEM;
  g_set_error(error, WG_ERROR, code_of(db, rc), "Store: %s: %s (SQLite %d)", doing,
              db ? sqlite3_errmsg(db) : "out of memory", rc);
  return FALSE;
}

sqlite3_stmt *wg_store_prepare(sqlite3 *db, const char *sql, GError **error) {
  sqlite3_stmt *stmt = NULL;
  if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL) == SQLITE_OK)
    return stmt;
  g_autofree char *doing = g_strdup_printf("preparing '%.120s'", sql);
  wg_store_set_error(db, error, doing);
  return NULL;
}

gboolean wg_store_exec(sqlite3 *db, const char *sql, GError **error) {
  if (sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK)
    return TRUE;
  g_autofree char *doing = g_strdup_printf("running '%.120s'", sql);
  return wg_store_set_error(db, error, doing);
}

guint32 wg_store_crc(guint32 crc, const void *data, gsize size) {
  guint64 h = XXH3_64bits_withSeed(data, size, crc);

  return (guint32)(h ^ (h >> 32));
}

gboolean wg_store_quarantine(sqlite3 *db, const char *source, gint64 key, const char *reason,
                             const void *bytes, gsize size, GError **error) {
  sqlite3_stmt *stmt = wg_store_prepare(
      db, "INSERT INTO quarantine(time, source, key, reason, bytes) VALUES(?, ?, ?, ?, ?)", error);
  if (!stmt)
    return FALSE;
  sqlite3_bind_int64(stmt, 1, g_get_real_time());
  sqlite3_bind_text(stmt, 2, source, -1, SQLITE_STATIC);
  sqlite3_bind_int64(stmt, 3, key);
  sqlite3_bind_text(stmt, 4, reason, -1, SQLITE_STATIC);
  /* A NULL pointer would become NULL; an empty record is an empty blob. */
  sqlite3_bind_blob64(stmt, 5, bytes ? bytes : "", size, SQLITE_STATIC);
  int rc = sqlite3_step(stmt);
  if (rc != SQLITE_DONE)
    wg_store_set_error(db, error, "quarantining a record");
  sqlite3_finalize(stmt);
  return rc == SQLITE_DONE;
}

char **wg_store_check(sqlite3 *db, guint max_findings, GError **error) {
  g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(g_free);
  g_autofree char *sql = g_strdup_printf("PRAGMA integrity_check(%u)", MAX(max_findings, 1));
  sqlite3_stmt *stmt = NULL;
  int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
  while (rc == SQLITE_OK || rc == SQLITE_ROW) {
    rc = sqlite3_step(stmt);
    const char *text = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
    if (text && !g_str_equal(text, "ok"))
      g_ptr_array_add(found, g_strdup(text));
  }
  /* A file too damaged to be checked is a finding, not a failure of the check; so is a record whose
   * length nothing of ours has. */
  gboolean damaged =
      (rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB || (rc & 0xff) == SQLITE_TOOBIG;
  if (damaged)
    g_ptr_array_add(found, g_strdup(sqlite3_errmsg(db)));
  else if (rc != SQLITE_DONE)
    wg_store_set_error(db, error, "checking");
  sqlite3_finalize(stmt);
  if (rc != SQLITE_DONE && !damaged)
    return NULL;
  g_ptr_array_add(found, NULL);
  return (char **)g_ptr_array_free(g_steal_pointer(&found), FALSE);
}
