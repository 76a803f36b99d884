/* record-store.c: opening, the writer's jobs, and small things for whoever reads; see
 * record-store.h.
 *
 * Statements are made where they are used: a transaction writes a dozen times in its life. */
#include "deployment/record-private.h"

#include "common/error.h"

#include <string.h>

/* Given up when the disk is full, so that a transaction that was begun can be ended. */
#define RESERVE_BYTES (4 * 1024 * 1024)
#define DPL_STORE_FILE "deployments.db"
/* Below that no new deployment is taken. */
#define LOW_WATER_BYTES (8 * 1024 * 1024)

static void fail(DplStore *store, const char *doing) {
  GError *error = NULL;

  wg_store_set_error(store->db, &error, doing);
  if (store->writer != NULL)
    wg_writer_fail(store->writer, error);
  else if (store->failure == NULL)
    store->failure = error;
  else
    g_error_free(error);
}

sqlite3 *dpl_store_db(DplStore *store) {
  return store->db;
}

sqlite3_stmt *dpl_store_statement(DplStore *store, const char *sql) {
  sqlite3_stmt *stmt = NULL;

  if (sqlite3_prepare_v2(store->db, sql, -1, &stmt, NULL) != SQLITE_OK)
    fail(store, sql);
  return stmt;
}

gboolean dpl_store_row(DplStore *store, sqlite3_stmt *stmt) {
  int r = sqlite3_step(stmt);

  if (r != SQLITE_ROW && r != SQLITE_DONE)
    fail(store, sqlite3_sql(stmt));
  return r == SQLITE_ROW;
}

gboolean dpl_store_run(DplStore *store, sqlite3_stmt *stmt) {
  int r = stmt != NULL ? sqlite3_step(stmt) : SQLITE_ERROR;

  if (stmt != NULL && r != SQLITE_DONE)
    fail(store, sqlite3_sql(stmt));
  sqlite3_finalize(stmt);
  return r == SQLITE_DONE;
}

guint32 dpl_store_crc(gint64 key, const char *text) {
  guint32 crc = wg_store_crc(0, &key, sizeof key);

  return wg_store_crc(crc, text, strlen(text));
}

/* A damaged row is met again at each look, and kept once. */
static gboolean is_kept(DplStore *store, const char *table, gint64 key) {
  g_autoptr(DplStatement) stmt =
      dpl_store_statement(store, "SELECT 1 FROM quarantine WHERE source = ?1 AND key = ?2");

  if (stmt == NULL)
    return TRUE;
  sqlite3_bind_text(stmt, 1, table, -1, SQLITE_STATIC);
  sqlite3_bind_int64(stmt, 2, key);
  return dpl_store_row(store, stmt);
}

const char *dpl_store_checked(DplStore *store, const char *table, gint64 key, const char *text,
                              guint32 crc) {
  g_autoptr(GError) error = NULL;

  if (text != NULL && dpl_store_crc(key, text) == crc)
    return text;
  /* it is read for the record's sake; that it cannot be kept aside must not hide what is said */
  if (!is_kept(store, table, key) &&
      !wg_store_quarantine(store->db, table, key, "the checksum does not hold",
                           text != NULL ? text : "", text != NULL ? strlen(text) : 0, &error))
    g_debug("A damaged row of %s cannot be kept: %s", table, error->message);
  return NULL;
}

/* ---- put ---- */
typedef struct {
  WgJob job;
  DplRow *rows;
  guint n;
  gint64 seen;
  DplPutFunc done;
  gpointer user_data;
} PutJob;

static WgJobResult put_run(WgJob *job, gpointer engine) {
  PutJob *put = (PutJob *)job;
  DplStore *store = engine;
  sqlite3_stmt *seen = dpl_store_statement(store, "INSERT OR REPLACE INTO meta VALUES('seen', ?1)");

  if (seen == NULL)
    return WG_JOB_DONE;
  sqlite3_bind_int64(seen, 1, put->seen);
  gboolean ok = dpl_store_run(store, seen);
  for (guint i = 0; ok && i < put->n; i++)
    ok = dpl_row_write(store, &put->rows[i]);
  return WG_JOB_DONE;
}

static void put_done(WgJob *job) {
  PutJob *put = (PutJob *)job;

  put->done(put->job.error, put->user_data);
  for (guint i = 0; i < put->n; i++)
    dpl_row_clear(&put->rows[i]);
  g_free(put->rows);
  g_clear_error(&put->job.error);
  g_free(put);
}

static void store_put(gpointer self, const DplWrite *writes, guint n, DplPutFunc done,
                      gpointer user_data) {
  DplStore *store = self;
  PutJob *put = g_new0(PutJob, 1);

  put->job.run = put_run;
  put->job.done = put_done;
  put->rows = g_new0(DplRow, n);
  put->n = n;
  put->seen = wg_clock_now(&store->clock);
  put->done = done;
  put->user_data = user_data;
  for (guint i = 0; i < n; i++) {
    dpl_row_init(&put->rows[i], &writes[i]);
    put->job.new_work |= writes[i].is_new;
  }
  wg_writer_submit(store->writer, &put->job);
}

const DplLedger dpl_store_ledger = {.put = store_put};

/* ---- life ---- */
static gboolean reopened(gpointer engine, const WgSalvage *salvage, GError **error) {
  DplStore *store = engine;

  store->db = wg_store_db(wg_writer_store(store->writer));
  return TRUE;
}

static const WgWriterEngine writer_funcs = {.reopened = reopened};

static gboolean open_clock(DplStore *store, GError **error) {
  g_autofree char *id = NULL;
  gint64 base = 0, seen = 0;
  gboolean is_new;
  g_autoptr(DplStatement) boot =
      dpl_store_statement(store, "SELECT id, base FROM boot ORDER BY n DESC LIMIT 1");
  g_autoptr(DplStatement) meta =
      boot != NULL ? dpl_store_statement(store, "SELECT value FROM meta WHERE key = 'seen'") : NULL;

  if (meta != NULL && dpl_store_row(store, boot)) {
    id = g_strdup((const char *)sqlite3_column_text(boot, 0));
    base = sqlite3_column_int64(boot, 1);
  }
  if (meta != NULL && dpl_store_row(store, meta))
    seen = sqlite3_column_int64(meta, 0);
  if (store->failure != NULL) {
    g_propagate_error(error, g_steal_pointer(&store->failure));
    return FALSE;
  }
  if (!wg_clock_init(&store->clock, id, base, seen, &is_new, error))
    return FALSE;
  if (!is_new || wg_store_is_read_only(store->store))
    return TRUE;
  sqlite3_stmt *insert = dpl_store_statement(store, "INSERT INTO boot(id, base) VALUES(?1, ?2)");
  if (insert != NULL) {
    sqlite3_bind_text(insert, 1, store->clock.boot_id, -1, SQLITE_STATIC);
    sqlite3_bind_int64(insert, 2, store->clock.base);
    dpl_store_run(store, insert);
  }
  /* a full disk: the next start stores it; deadlines are told by this base meanwhile */
  g_clear_error(&store->failure);
  return TRUE;
}

gboolean dpl_store_exists(const char *dir) {
  g_autofree char *path = g_build_filename(dir, DPL_STORE_FILE, NULL);

  return g_file_test(path, G_FILE_TEST_EXISTS);
}

DplStore *dpl_store_open(const char *dir, WgSalvage *ret_salvage, GError **error) {
  g_autofree char *path = g_build_filename(dir, DPL_STORE_FILE, NULL);
  g_autoptr(DplStore) store = g_new0(DplStore, 1);
  WgStoreOptions options = {
      .path = path,
      .migrations = dpl_migrations,
      .reserve_bytes = RESERVE_BYTES,
      .low_water_bytes = LOW_WATER_BYTES,
  };

  store->store = wg_store_open(&options, ret_salvage, error);
  if (store->store == NULL)
    return NULL;
  store->rebuilt = ret_salvage->happened;
  store->db = wg_store_db(store->store);
  return open_clock(store, error) ? g_steal_pointer(&store) : NULL;
}

gboolean dpl_store_put_now(DplStore *store, const DplWrite *writes, guint n, GError **error) {
  gboolean ok = wg_store_exec(store->db, "BEGIN IMMEDIATE", error);

  if (!ok)
    return FALSE;
  for (guint i = 0; ok && i < n; i++) {
    DplRow row;
    dpl_row_init(&row, &writes[i]);
    ok = dpl_row_write(store, &row);
    dpl_row_clear(&row);
  }
  if (ok)
    ok = wg_store_exec(store->db, "COMMIT", error);
  else if (store->failure != NULL)
    g_propagate_error(error, g_steal_pointer(&store->failure));
  if (!ok && !sqlite3_get_autocommit(store->db))
    wg_store_exec(store->db, "ROLLBACK", NULL);
  return ok;
}

void dpl_store_begin(DplStore *store, WgStoreStateFunc state_changed, gpointer user_data) {
  store->writer =
      wg_writer_new(g_steal_pointer(&store->store), &writer_funcs, store, state_changed, user_data);
}

void dpl_store_free(DplStore *store) {
  if (store == NULL)
    return;
  g_clear_pointer(&store->writer, wg_writer_free);
  g_clear_pointer(&store->store, wg_store_close);
  g_clear_error(&store->failure);
  g_free(store);
}

const WgClock *dpl_store_clock(DplStore *store) {
  return &store->clock;
}

WgWriter *dpl_store_writer(DplStore *store) {
  return store->writer;
}
