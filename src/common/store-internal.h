/* store-internal.h: what the files store*.c share; nobody else includes it.
 *
 * Invariant: `db` is open from wg_store_open() to wg_store_close(), except after a salvage that
 * failed, when it is NULL until wg_store_reopen_damaged() succeeds. */
#pragma once

#include "common/store.h"

struct WgStore {
  char *path, *dir, *vfs;
  const WgMigration *migrations;
  guint64 reserve_bytes, low_water_bytes;
  gint64 probe_usec;
  sqlite3 *db;
  guint version;
  gboolean salvaged;               /* wg_store_open() had to */
  gboolean read_only;              /* the file could only be opened for reading */
  void (*progress)(gpointer data); /* called now and then by a salvage: it is alive */
  gpointer progress_data;
};

/* store.c: a connection to `path` with our settings; no migration. */
sqlite3 *wg_store_connect(const char *path, const char *vfs, gboolean read_only, GError **error);
/* A second connection, for checkpoints only; NULL when there cannot be one. */
sqlite3 *wg_store_connect_helper(WgStore *store);
/* Closes a connection without a checkpoint and without deleting its WAL: what lies under that
 * name may by then belong to another file. */
void wg_store_abandon(sqlite3 *db);
/* Makes `path` from nothing, migrated to version `upto` (0: the newest). */
sqlite3 *wg_store_build(WgStore *store, const char *path, guint upto, GError **error);
gboolean wg_store_may_write(WgStore *store); /* file and directory, by their modes */
/* Writes and syncs the least that can be written; changes nothing. */
gboolean wg_store_try_write(WgStore *store, GError **error);
void wg_store_unlink(const char *path); /* with -wal, -shm and -journal */
gboolean wg_store_sync_dir(const char *dir, GError **error);
gboolean wg_store_fsync_path(const char *path, GError **error);
gboolean wg_store_rename(const char *from, const char *to, GError **error);

/* store-migrate.c: brings `db` to version `upto` (0: the newest), each step in a transaction of its
 * own. A header whose two words about the version disagree is damaged. */
gboolean wg_store_migrate(sqlite3 *db, const WgMigration *migrations, gboolean read_only,
                          guint upto, guint *ret_version, GError **error);
guint32 wg_store_application_id(guint version); /* what the header says beside the version */

/* store-header.c. Of a file that cannot be read nothing is said. */
gboolean wg_store_header_is_damaged(const char *path, char **ret_why);
gboolean wg_store_has_wal(const char *path);                  /* one that is not empty */
gboolean wg_store_seal_schema(sqlite3 *db, GError **error);   /* in the migration's transaction */
gboolean wg_store_verify_schema(sqlite3 *db, GError **error); /* WG_ERROR_STORE_DAMAGED */
#define WG_STORE_SEAL "schema_seal"

/* store-salvage.c: makes a sound store out of the damaged one at store->path. Nothing has it open.
 * Ends with the new file under store->path, the old one kept aside; opens nothing. */
gboolean wg_store_salvage(WgStore *store, const char *why, WgSalvage *ret, GError **error);
/* A salvage that a crash interrupted after its result was complete is finished. */
gboolean wg_store_finish_salvage(WgStore *store, WgSalvage *ret, GError **error);

/* store-wal.c: TRUE when the WAL has lost a commit in its middle, or belongs to no file. */
gboolean wg_store_wal_is_damaged(const char *path, char **ret_why);

#define WG_STORE_SUFFIX_NEW ".new"           /* being made */
#define WG_STORE_SUFFIX_SALVAGED ".salvaged" /* complete, waits for its name */
#define WG_STORE_SUFFIX_RESERVE ".reserve"
