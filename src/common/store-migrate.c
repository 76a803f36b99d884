/* store-migrate.c: brings a store to the newest schema, one version at a time.
 *
 * The version stands in the file's user_version and changes in the same transaction as the
 * schema, so a migration that fails, or is cut by a crash, leaves the version before it whole.
 * A file from a newer program is refused and not touched. */
#include "common/error.h"
#include "common/store-internal.h"

/* The store's own tables; not part of any service's schema and older than version 1. */
static const char own_tables[] =
    "CREATE TABLE IF NOT EXISTS quarantine(id INTEGER PRIMARY KEY, time INTEGER NOT NULL,"
    " source TEXT NOT NULL, key INTEGER, reason TEXT NOT NULL, bytes BLOB);"
    "CREATE TABLE IF NOT EXISTS " WG_STORE_SEAL "(id INTEGER PRIMARY KEY, crc INTEGER NOT NULL)";

/* "Wg" and the version. No version is so high that it does not fit beside them: one that is read
 * has a wrong bit, and the answer is an id that no file has. */
guint32 wg_store_application_id(guint version) {
  if (version == 0)
    return 0;
  return version <= 0xffff ? 0x57670000u | version : G_MAXUINT32;
}

static gboolean read_number(sqlite3 *db, const char *pragma, guint32 *ret, GError **error) {
  sqlite3_stmt *stmt = wg_store_prepare(db, pragma, error);
  if (!stmt)
    return FALSE;
  int rc = sqlite3_step(stmt);
  if (rc == SQLITE_ROW)
    *ret = (guint32)sqlite3_column_int64(stmt, 0);
  else
    wg_store_set_error(db, error, "reading the schema's version");
  sqlite3_finalize(stmt);
  return rc == SQLITE_ROW;
}

/* A wrong bit in the version must not be taken for an older or newer schema. */
static gboolean read_version(sqlite3 *db, guint32 *ret_version, GError **error) {
  guint32 id = 0;
  if (!read_number(db, "PRAGMA user_version", ret_version, error) ||
      !read_number(db, "PRAGMA application_id", &id, error))
    return FALSE;
  if (id == wg_store_application_id(*ret_version))
    return TRUE;
  g_set_error(error, WG_ERROR, WG_ERROR_STORE_DAMAGED,
              "Store: its header contradicts itself (version %u, application %#x)", *ret_version,
              id);
  return FALSE;
}

static gboolean step_to(sqlite3 *db, const WgMigration *m, GError **error) {
  g_autofree char *set = g_strdup_printf("PRAGMA user_version=%u; PRAGMA application_id=%u",
                                         m->version, wg_store_application_id(m->version));
  gboolean ok = wg_store_exec(db, "BEGIN IMMEDIATE", error);
  if (ok && m->version == 1)
    ok = wg_store_exec(db, own_tables, error);
  ok = ok && wg_store_exec(db, m->sql, error) && wg_store_exec(db, set, error) &&
       wg_store_seal_schema(db, error) && wg_store_exec(db, "COMMIT", error);
  if (ok)
    return TRUE;
  /* Most failures have ended the transaction already; then there is nothing to roll back. */
  if (!sqlite3_get_autocommit(db))
    sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
  g_prefix_error(error, "Migration to version %u: ", m->version);
  return FALSE;
}

static gboolean is_possible(guint have, guint newest, gboolean read_only, GError **error) {
  if (have > newest) {
    g_set_error(error, WG_ERROR, WG_ERROR_FAILED,
                "Store: its schema is version %u, this program knows only up to version %u; "
                "install the newer program again, or restore a backup from before the upgrade",
                have, newest);
    return FALSE;
  }
  if (have < newest && read_only) {
    g_set_error(error, WG_ERROR, WG_ERROR_STORE_READ_ONLY,
                "Store: its schema is version %u and must become version %u, "
                "but it cannot be written",
                have, newest);
    return FALSE;
  }
  return TRUE;
}

gboolean wg_store_migrate(sqlite3 *db, const WgMigration *migrations, gboolean read_only,
                          guint upto, guint *ret_version, GError **error) {
  guint32 have = 0;
  guint newest = 0;
  if (!read_version(db, &have, error))
    return FALSE;
  for (const WgMigration *m = migrations; m->version > 0; m++) {
    g_assert(m->version == newest + 1);
    newest = m->version;
  }
  if ((have > 0 && !wg_store_verify_schema(db, error)) ||
      !is_possible(have, newest, read_only, error))
    return FALSE;
  guint want = upto > 0 ? MIN(upto, newest) : newest;
  for (const WgMigration *m = migrations + have; m->version > 0 && m->version <= want; m++)
    if (!step_to(db, m, error))
      return FALSE;
  *ret_version = want;
  return TRUE;
}
