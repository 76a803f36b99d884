/* record-store.c: opening, and what is written; see record-store.h. */
#include "deployment/record-private.h"

#define DPL_STORE_FILE "deployments.db"

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
  gboolean ok = wg_records_seen(store, put->seen);

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
  put->seen = wg_clock_now(wg_records_clock(store));
  put->done = done;
  put->user_data = user_data;
  for (guint i = 0; i < n; i++) {
    dpl_row_init(&put->rows[i], &writes[i]);
    put->job.new_work |= writes[i].is_new;
  }
  wg_writer_submit(wg_records_writer(store), &put->job);
}

const DplLedger dpl_store_ledger = {.put = store_put};

/* ---- at a start ---- */
gboolean dpl_store_exists(const char *dir) {
  g_autofree char *path = g_build_filename(dir, DPL_STORE_FILE, NULL);

  return g_file_test(path, G_FILE_TEST_EXISTS);
}

DplStore *dpl_store_open(const char *dir, WgSalvage *ret_salvage, GError **error) {
  g_autofree char *path = g_build_filename(dir, DPL_STORE_FILE, NULL);

  return wg_records_open(path, dpl_migrations, ret_salvage, error);
}

gboolean dpl_store_put_now(DplStore *store, const DplWrite *writes, guint n, GError **error) {
  sqlite3 *db = wg_records_db(store);
  gboolean ok = wg_store_exec(db, "BEGIN IMMEDIATE", error);

  if (!ok)
    return FALSE;
  for (guint i = 0; ok && i < n; i++) {
    DplRow row;
    dpl_row_init(&row, &writes[i]);
    ok = dpl_row_write(store, &row);
    dpl_row_clear(&row);
  }
  if (ok)
    ok = wg_store_exec(db, "COMMIT", error);
  else
    wg_records_good(store, error);
  if (!ok && !sqlite3_get_autocommit(db))
    wg_store_exec(db, "ROLLBACK", NULL);
  return ok;
}
