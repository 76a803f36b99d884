/* store-writer-sync.c: the sync of one batch while the next one is being run; see store-writer.h.
 *
 * A commit puts the batch's frames into the WAL (synchronous=NORMAL); the promise needs them on the
 * disk as well. That sync is mere waiting, so a thread of its own does it and then hands the batch
 * back, while the writer runs the next batch. The writer never commits while a sync is under way:
 * so at any time at most one commit is not yet on the disk, exactly as with synchronous=FULL, and a
 * torn end of the WAL is never more than one transaction that nobody was promised.
 *
 * The thread calls xSync of the WAL's file and touches nothing else of SQLite; the file cannot go
 * away meanwhile, because the connection is only closed while no sync is under way. */
#include "common/error.h"
#include "common/store-writer-internal.h"

enum { SYNC_IDLE, SYNC_WANTED, SYNC_QUIT };

static sqlite3_file *wal_file(WgWriter *w) {
  sqlite3_file *file = NULL;

  sqlite3_file_control(wg_store_db(w->store), "main", SQLITE_FCNTL_JOURNAL_POINTER, &file);
  return file && file->pMethods ? file : NULL;
}

static int sync_file(sqlite3_file *file) {
  return file ? file->pMethods->xSync(file, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY) : SQLITE_OK;
}

/* What the disk does not have must not be reported; the loop is told, and the writer learns it from
 * `rc`. */
static void fail_jobs(WgJob *newest) {
  for (WgJob *job = newest; job; job = job->next) {
    if (job->emitted)
      continue;
    g_clear_error(&job->error);
    job->error = g_error_new_literal(WG_ERROR, WG_ERROR_FAILED,
                                     "Store: the disk did not take it (sync failed); whether it is "
                                     "stored is not known, repeat it with the same id");
  }
}

static void wake_writer(WgWriter *w) {
  if (!g_atomic_int_get(&w->asleep))
    return;
  wg_writer_wake(w);
}

static void finish(WgWriter *w, int rc) {
  WgJob *newest = g_steal_pointer(&w->sync.newest), *oldest = g_steal_pointer(&w->sync.oldest);

  w->sync.rc = rc;
  w->sync.n_handed_back = 0;
  for (WgJob *job = newest; job; job = job->next)
    w->sync.n_handed_back += !job->emitted;
  if (rc != SQLITE_OK)
    fail_jobs(newest);
  if (newest)
    wg_writer_push_done(w, newest, oldest);
  gint64 now = g_get_monotonic_time();
  gint64 took = now - __atomic_load_n(&w->sync.since, __ATOMIC_RELAXED);
  gint64 usual = __atomic_load_n(&w->sync.usual, __ATOMIC_RELAXED);
  __atomic_store_n(&w->sync.usual, usual + (took - usual) / 8, __ATOMIC_RELAXED);
  w->sync.ended = now;
  __atomic_store_n(&w->sync.since, 0, __ATOMIC_RELAXED);
}

static gpointer sync_thread(gpointer data) {
  WgWriter *w = data;

  for (;;) {
    g_mutex_lock(&w->sync.lock);
    while (g_atomic_int_get(&w->sync.state) == SYNC_IDLE)
      g_cond_wait(&w->sync.wake, &w->sync.lock);
    g_mutex_unlock(&w->sync.lock);
    if (g_atomic_int_get(&w->sync.state) == SYNC_QUIT)
      return NULL;
    finish(w, sync_file(w->sync.file));
    g_atomic_int_set(&w->sync.state, SYNC_IDLE);
    wake_writer(w);
  }
}

gboolean wg_writer_sync_busy(WgWriter *w) {
  return g_atomic_int_get(&w->sync.state) == SYNC_WANTED;
}

/* Takes the batch's jobs over; hands them back when the WAL is on the disk. `alone`: nothing else
 * waits to be run, so a second thread would only cost two switches. */
void wg_writer_sync_start(WgWriter *w, WgJob *newest, WgJob *oldest, gboolean alone) {
  w->sync.newest = newest;
  w->sync.oldest = oldest;
  w->sync.file = wal_file(w);
  __atomic_store_n(&w->sync.since, g_get_monotonic_time(), __ATOMIC_RELAXED);
  if (alone) {
    finish(w, sync_file(w->sync.file));
    return;
  }
  g_mutex_lock(&w->sync.lock);
  g_atomic_int_set(&w->sync.state, SYNC_WANTED);
  g_mutex_unlock(&w->sync.lock);
  g_cond_signal(&w->sync.wake);
}

gboolean wg_writer_sync_failed(WgWriter *w) {
  return !wg_writer_sync_busy(w) && w->sync.rc != SQLITE_OK;
}

gboolean wg_writer_sync_now(WgWriter *w) {
  wg_writer_sync_wait(w);
  return sync_file(wal_file(w)) == SQLITE_OK;
}

/* A sync that failed leaves pages whose state nobody knows: writing the whole WAL into the file and
 * syncing that settles it, or the store is broken. */
void wg_writer_sync_judge(WgWriter *w) {
  g_autoptr(GError) error = NULL;
  sqlite3 *db = wg_store_db(w->store);

  if (!wg_writer_sync_failed(w))
    return;
  w->sync.rc = SQLITE_OK;
  if (sqlite3_wal_checkpoint_v2(db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) == SQLITE_OK)
    return;
  wg_store_set_error(db, &error, "syncing");
  wg_writer_judge(w, error, SQLITE_IOERR, TRUE);
}

void wg_writer_sync_wait(WgWriter *w) {
  while (wg_writer_sync_busy(w))
    wg_writer_sleep(w, 0, WG_SLEEP_SYNC_ONLY);
}

void wg_writer_sync_attach(WgWriter *w) {
  g_mutex_init(&w->sync.lock);
  g_cond_init(&w->sync.wake);
  w->sync.thread = g_thread_new("store-sync", sync_thread, w);
}

void wg_writer_sync_detach(WgWriter *w) {
  wg_writer_sync_wait(w);
  g_mutex_lock(&w->sync.lock);
  g_atomic_int_set(&w->sync.state, SYNC_QUIT);
  g_cond_signal(&w->sync.wake);
  g_mutex_unlock(&w->sync.lock);
  g_thread_join(w->sync.thread);
  g_mutex_clear(&w->sync.lock);
  g_cond_clear(&w->sync.wake);
}
