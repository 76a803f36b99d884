/* store.h: one SQLite file a service, opened so that a reply can be a promise.
 *
 * WAL, synchronous=FULL. Opening migrates the schema (each version in its own transaction), and
 * when the file turns out damaged keeps it aside under a name with the time in it, salvages
 * every readable row into a fresh file, and counts what was lost. Only the writer thread
 * (store-writer.h) touches the connection after opening. Never used from a loop. */
#pragma once

#include <glib.h>
#include <sqlite3.h>

typedef struct WgStore WgStore;

typedef struct {
  guint version;   /* 1, 2, ... without a gap */
  const char *sql; /* one or several statements */
} WgMigration;

typedef struct {
  gboolean happened;
  char *kept_as;         /* path of the damaged file */
  guint64 rows_salvaged; /* over all tables */
  guint64 rows_lost;     /* rows that were known to be there and could not be read (lower bound); a
                            page of the WAL that has to be left out counts as one */
  char *detail;          /* per table: "message 1000 salvaged, 3 lost; ..." */
} WgSalvage;

typedef struct {
  const char *path;              /* the database file */
  const WgMigration *migrations; /* ends with version 0 */
  guint64 reserve_bytes;   /* a file of so many bytes is given up when the disk is full, so that
                              delivery can go on; 0: none */
  guint64 low_water_bytes; /* below so many free bytes new work is refused; 0: never */
  const char *vfs;         /* SQLite VFS by name; NULL: the default (tests inject faults) */
  /* Called now and then while a salvage goes on: it is alive. May be NULL. */
  void (*progress)(gpointer data);
  gpointer progress_data;
  guint probe_msec; /* how often a store that is not OK is tried again; 0: 2000 */
} WgStoreOptions;

WgStore *wg_store_open(const WgStoreOptions *options, WgSalvage *ret_salvage, GError **error);
void wg_store_close(WgStore *store); /* checkpoints, closes, frees */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WgStore, wg_store_close)
void wg_salvage_clear(WgSalvage *salvage);

sqlite3 *wg_store_db(WgStore *store); /* borrowed; changes after wg_store_reopen_damaged() */
guint wg_store_version(WgStore *store);
gboolean wg_store_was_salvaged(WgStore *store); /* when it was opened, or since */
gboolean wg_store_is_read_only(WgStore *store); /* could only be opened for reading */
/* Opens the same file anew, e.g. to write what could only be read before. On failure there is no
 * connection until a later call succeeds. Statements of the old connection may be, and have to be,
 * finalized by their owner afterwards. */
gboolean wg_store_reopen(WgStore *store, GError **error);
/* The running store was found damaged (SQLITE_CORRUPT, SQLITE_NOTADB): closes it, keeps it aside,
 * salvages. */
gboolean wg_store_reopen_damaged(WgStore *store, WgSalvage *ret_salvage, GError **error);

/* Space. release: gives the reserve file up (TRUE if there was one). restore: makes it again when
 * there is room. */
gboolean wg_store_release_reserve(WgStore *store);
gboolean wg_store_restore_reserve(WgStore *store);
gboolean wg_store_low_on_space(WgStore *store); /* statvfs against low_water_bytes */

/* GError from the connection's last error, with a code that says which kind: WG_ERROR_STORE_FULL,
 * _STORE_READ_ONLY, _STORE_DAMAGED or _FAILED. Returns FALSE. */
gboolean wg_store_set_error(sqlite3 *db, GError **error, const char *doing);
sqlite3_stmt *wg_store_prepare(sqlite3 *db, const char *sql,
                               GError **error); /* persistent statement */
gboolean wg_store_exec(sqlite3 *db, const char *sql, GError **error);

/* The checksum that each record carries: XXH3 folded to 32 bits (a tenth of a CRC-32's time). `crc`
 * is the one of the piece before, 0 for the first; the same pieces in the same order give the same
 * value. */
guint32 wg_store_crc(guint32 crc, const void *data, gsize size);

/* Keeps the bytes of a damaged record: table quarantine(id, time, source, key, reason, bytes),
 * which the store makes itself. Inside the writer's transaction. */
gboolean wg_store_quarantine(sqlite3 *db, const char *source, gint64 key, const char *reason,
                             const void *bytes, gsize size, GError **error);

/* `PRAGMA integrity_check` in words; dry, changes nothing. (element-type utf8): empty when sound.
 */
char **wg_store_check(sqlite3 *db, guint max_findings, GError **error);
