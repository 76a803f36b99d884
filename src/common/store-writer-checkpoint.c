/* store-writer-checkpoint.c: moves the WAL into the file; see store-writer.h.
 *
 * The writer is the only connection, so each checkpoint completes and the next commit begins the
 * WAL anew: its size stays near LIMIT_PAGES. Under load a checkpoint runs after the commit
 * that has crossed the limit, while its jobs are already handed back; when the writer has been idle
 * for a while the WAL is emptied and truncated, so a store at rest is one file. */
#include "common/error.h"
#include "common/store-writer-internal.h"

#define LIMIT_PAGES 1000
#define IDLE_USEC (1 * G_USEC_PER_SEC)
#define RETRY_USEC (2 * G_USEC_PER_SEC)

static int on_commit(void *data, sqlite3 *db, const char *schema, int pages) {
  ((WgWriter *)data)->wal_pages = pages;
  return SQLITE_OK;
}

void wg_writer_watch_wal(WgWriter *w) {
  w->wal_pages = 0;
  sqlite3_wal_hook(wg_store_db(w->store), on_commit, w);
}

static void checkpoint(WgWriter *w, int mode) {
  g_autoptr(GError) error = NULL;
  sqlite3 *db = wg_store_db(w->store);
  if (g_get_monotonic_time() < w->checkpoint_not_before)
    return;
  w->idle_checkpoint = 0;
  if (sqlite3_wal_checkpoint_v2(db, "main", mode, NULL, NULL) == SQLITE_OK) {
    w->wal_pages = 0;
    __atomic_fetch_add(&w->stats.checkpoints, 1, __ATOMIC_RELAXED);
    return;
  }
  /* Nothing is lost, the WAL has it all; but it grows until one succeeds. */
  int rc = sqlite3_errcode(db) & 0xff;
  wg_store_set_error(db, &error, "checkpoint");
  w->checkpoint_not_before = g_get_monotonic_time() + RETRY_USEC;
  wg_writer_judge(w, error, rc, FALSE);
}

void wg_writer_checkpoint_if_due(WgWriter *w) {
  if (w->wal_pages >= LIMIT_PAGES && !w->unusable)
    checkpoint(w, SQLITE_CHECKPOINT_PASSIVE);
  w->idle_checkpoint = 0;
}

gint64 wg_writer_checkpoint_if_idle(WgWriter *w) {
  if (w->wal_pages == 0 || w->unusable)
    return 0;
  gint64 now = g_get_monotonic_time();
  if (w->idle_checkpoint == 0)
    w->idle_checkpoint = MAX(now + IDLE_USEC, w->checkpoint_not_before);
  if (now < w->idle_checkpoint)
    return w->idle_checkpoint;
  wg_writer_stamp(w, now);
  checkpoint(w, SQLITE_CHECKPOINT_TRUNCATE);
  wg_writer_stamp(w, 0);
  return 0;
}
