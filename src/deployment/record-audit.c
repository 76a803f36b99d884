/* record-audit.c: the audit chain's writing end.
 *
 * An entry is written in the same SQLite transaction as what it tells, so that neither is
 * ever there without the other. */
#include "deployment/record-audit.h"

#include "deployment/record-private.h"

#include <string.h>

gboolean dpl_audit_append(DplStore *store, gint64 time, const char *what) {
  guint8 before[DPL_AUDIT_HASH_SIZE] = {0}, hash[DPL_AUDIT_HASH_SIZE];
  g_autoptr(WgStatement) last =
      wg_records_statement(store, "SELECT n, hash FROM audit ORDER BY n DESC LIMIT 1");
  guint64 n = 0;

  if (last == NULL)
    return FALSE;
  if (wg_records_row(store, last)) {
    n = (guint64)sqlite3_column_int64(last, 0);
    if (sqlite3_column_bytes(last, 1) == DPL_AUDIT_HASH_SIZE)
      memcpy(before, sqlite3_column_blob(last, 1), DPL_AUDIT_HASH_SIZE);
  }
  n++;
  dpl_audit_hash(before, n, time, what, hash);
  sqlite3_stmt *insert = wg_records_statement(store, "INSERT INTO audit VALUES(?1, ?2, ?3, ?4)");
  if (insert == NULL)
    return FALSE;
  sqlite3_bind_int64(insert, 1, (sqlite3_int64)n);
  sqlite3_bind_int64(insert, 2, time);
  sqlite3_bind_text(insert, 3, what, -1, SQLITE_TRANSIENT);
  sqlite3_bind_blob(insert, 4, hash, sizeof hash, SQLITE_TRANSIENT);
  return wg_records_run(store, insert);
}
