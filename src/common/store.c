/* store.c: opens and closes the store; see store.h.
 *
 * A store never appears half made: a new one is built and migrated under another name and then
 * renamed. So an empty file under the store's name, or a WAL without its file, is damage and never
 * a fresh start; both would otherwise be taken by SQLite for an empty database without a word.
 * Files are made with mode 0600. After every rename the directory is synced. */
#include "common/error.h"
#include "common/store-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

/* One writer, known statements: a small cache is enough, pages that fall out stay in the kernel's.
 * secure_delete=FAST clears removed records inside a page (the salvage must not raise the dead)
 * without writing pages that are only freed. Checkpoints are the writer's (store-writer.c). */
static const char settings[] = "PRAGMA trusted_schema=OFF;"
                               "PRAGMA cell_size_check=ON;"
                               "PRAGMA foreign_keys=OFF;"
                               "PRAGMA mmap_size=0;"
                               "PRAGMA cache_size=-3072;"
                               "PRAGMA cache_spill=OFF;"
                               "PRAGMA temp_store=MEMORY;"
                               "PRAGMA secure_delete=FAST;"
                               "PRAGMA synchronous=FULL;";

/* Our two connections never wait for each other; an administrator's may hold a lock. */
#define BUSY_MSEC 2000

/* Once a process: SQLite's statistics take a global lock for every allocation. */
static gpointer configure(gpointer unused) {
  sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  return GINT_TO_POINTER(sqlite3_initialize() == SQLITE_OK);
}

/* Where nothing can be written SQLite cannot make the index of the WAL; without a WAL it need not,
 * if it is told that nobody else writes either. */
static char *read_only_uri(const char *path) {
  if (wg_store_has_wal(path))
    return NULL;
  g_autofree char *absolute = g_canonicalize_filename(path, NULL);
  g_autofree char *uri = g_filename_to_uri(absolute, NULL, NULL);
  return uri ? g_strconcat(uri, "?immutable=1", NULL) : NULL;
}

sqlite3 *wg_store_connect(const char *path, const char *vfs, gboolean read_only, GError **error) {
  static GOnce once = G_ONCE_INIT;
  g_once(&once, configure, NULL);
  sqlite3 *db = NULL;
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_URI;
  flags |= read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
  g_autofree char *uri = read_only ? read_only_uri(path) : NULL;
  gboolean ok = sqlite3_open_v2(uri ? uri : path, &db, flags, vfs) == SQLITE_OK;
  if (!ok)
    wg_store_set_error(db, error, path);
  sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
  sqlite3_busy_timeout(db, BUSY_MSEC);
  ok = ok && wg_store_exec(db, settings, error);
  ok = ok && wg_store_exec(db, "PRAGMA page_size=4096", error); /* counts for a new file only */
  /* The first statement that reads the file: garbage shows here. */
  ok = ok && (read_only || wg_store_exec(db, "PRAGMA journal_mode=WAL", error)) &&
       wg_store_exec(db, "SELECT count(*) FROM sqlite_schema", error);
  if (ok) {
    sqlite3_wal_autocheckpoint(db, 0);
    return db;
  }
  wg_store_abandon(db);
  return NULL;
}

sqlite3 *wg_store_connect_helper(WgStore *store) {
  return wg_store_connect(store->path, store->vfs, FALSE, NULL);
}

void wg_store_abandon(sqlite3 *db) {
  if (!db)
    return;
  int yes = 1;
  sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
  sqlite3_file_control(db, "main", SQLITE_FCNTL_PERSIST_WAL, &yes);
  sqlite3_close_v2(db);
}

sqlite3 *wg_store_build(WgStore *store, const char *path, guint upto, GError **error) {
  wg_store_unlink(path); /* what a crash has left */
  int fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0) {
    WgErrorCode code = errno == EROFS || errno == EACCES    ? WG_ERROR_STORE_READ_ONLY
                       : errno == ENOSPC || errno == EDQUOT ? WG_ERROR_STORE_FULL
                                                            : WG_ERROR_FAILED;
    g_set_error(error, WG_ERROR, code, "Store: cannot make %s: %s", path, g_strerror(errno));
    return NULL;
  }
  close(fd);
  sqlite3 *db = wg_store_connect(path, store->vfs, FALSE, error);
  if (db && wg_store_migrate(db, store->migrations, FALSE, upto, &store->version, error))
    return db;
  wg_store_abandon(db);
  wg_store_unlink(path);
  return NULL;
}

static gboolean make_fresh(WgStore *store, GError **error) {
  g_autofree char *path = g_strconcat(store->path, WG_STORE_SUFFIX_NEW, NULL);
  sqlite3 *db = wg_store_build(store, path, 0, error);
  if (!db)
    return FALSE;
  if (sqlite3_close(db) != SQLITE_OK) {
    g_set_error(error, WG_ERROR, WG_ERROR_FAILED, "Store: cannot close %s", path);
    return FALSE;
  }
  return wg_store_fsync_path(path, error) && wg_store_rename(path, store->path, error);
}

/* Writable means more than the file: the WAL is made beside it. */
gboolean wg_store_may_write(WgStore *store) {
  return access(store->path, W_OK) == 0 && access(store->dir, W_OK) == 0;
}

static gboolean connect_and_migrate(WgStore *store, GError **error) {
  store->read_only = !wg_store_may_write(store);
  store->db = wg_store_connect(store->path, store->vfs, store->read_only, error);
  if (!store->db)
    return FALSE;
  if (wg_store_migrate(store->db, store->migrations, store->read_only, 0, &store->version, error))
    return TRUE;
  wg_store_abandon(g_steal_pointer(&store->db));
  return FALSE;
}

/* Damage that SQLite itself would not call by its name. */
static gboolean looks_damaged(WgStore *store, char **ret_why) {
  return wg_store_wal_is_damaged(store->path, ret_why) ||
         wg_store_header_is_damaged(store->path, ret_why);
}

static gboolean open_or_salvage(WgStore *store, WgSalvage *ret, GError **error) {
  g_autoptr(GError) e = NULL;
  g_autofree char *why = NULL;

  if (!wg_store_finish_salvage(store, ret, error))
    return FALSE;
  if (!looks_damaged(store, &why)) {
    if (access(store->path, F_OK) != 0 && !make_fresh(store, error))
      return FALSE;
    if (connect_and_migrate(store, &e))
      return TRUE;
    if (!g_error_matches(e, WG_ERROR, WG_ERROR_STORE_DAMAGED)) {
      g_propagate_error(error, g_steal_pointer(&e));
      return FALSE;
    }
    why = g_strdup(e->message);
  }
  return wg_store_salvage(store, why, ret, error) && connect_and_migrate(store, error);
}

static void store_free(WgStore *store) {
  g_free(store->path);
  g_free(store->dir);
  g_free(store->vfs);
  g_free(store);
}

WgStore *wg_store_open(const WgStoreOptions *options, WgSalvage *ret_salvage, GError **error) {
  WgSalvage salvage = {0};
  WgStore *store = g_new0(WgStore, 1);
  store->path = g_strdup(options->path);
  store->dir = g_path_get_dirname(options->path);
  store->vfs = g_strdup(options->vfs);
  store->migrations = options->migrations;
  store->reserve_bytes = options->reserve_bytes;
  store->low_water_bytes = options->low_water_bytes;
  store->progress = options->progress;
  store->progress_data = options->progress_data;
  store->probe_usec = 1000 * (gint64)(options->probe_msec ? options->probe_msec : 2000);
  if (!open_or_salvage(store, &salvage, error)) {
    wg_salvage_clear(&salvage);
    store_free(store);
    return NULL;
  }
  store->salvaged = salvage.happened;
  if (!store->read_only)
    wg_store_restore_reserve(store); /* without room the writer tries again */
  if (ret_salvage)
    *ret_salvage = salvage;
  else
    wg_salvage_clear(&salvage);
  return store;
}

void wg_store_close(WgStore *store) {
  if (!store)
    return;
  /* Statements that the owner forgot must not keep the file open. */
  for (sqlite3_stmt *s; store->db && (s = sqlite3_next_stmt(store->db, NULL));)
    sqlite3_finalize(s);
  sqlite3_close(store->db);
  store_free(store);
}

gboolean wg_store_reopen_damaged(WgStore *store, WgSalvage *ret_salvage, GError **error) {
  WgSalvage salvage = {0};
  if (store->db)
    wg_store_abandon(g_steal_pointer(&store->db));
  if (!wg_store_salvage(store, "damage was met at run time", &salvage, error) ||
      !connect_and_migrate(store, error)) {
    wg_salvage_clear(&salvage);
    return FALSE;
  }
  store->salvaged = TRUE;
  if (ret_salvage)
    *ret_salvage = salvage;
  else
    wg_salvage_clear(&salvage);
  return TRUE;
}

gboolean wg_store_reopen(WgStore *store, GError **error) {
  if (store->db)
    wg_store_abandon(g_steal_pointer(&store->db));
  return connect_and_migrate(store, error);
}

/* Setting the version that is there already still dirties and commits the first page. */
gboolean wg_store_try_write(WgStore *store, GError **error) {
  g_autofree char *set = g_strdup_printf("PRAGMA user_version=%u", store->version);
  if (wg_store_exec(store->db, "BEGIN IMMEDIATE", error) && wg_store_exec(store->db, set, error) &&
      wg_store_exec(store->db, "COMMIT", error))
    return TRUE;
  if (!sqlite3_get_autocommit(store->db))
    sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
  return FALSE;
}

void wg_salvage_clear(WgSalvage *salvage) {
  g_free(salvage->kept_as);
  g_free(salvage->detail);
  *salvage = (WgSalvage){0};
}

sqlite3 *wg_store_db(WgStore *store) {
  return store->db;
}

guint wg_store_version(WgStore *store) {
  return store->version;
}

gboolean wg_store_was_salvaged(WgStore *store) {
  return store->salvaged;
}

gboolean wg_store_is_read_only(WgStore *store) {
  return store->read_only;
}
