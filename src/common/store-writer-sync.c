/* store-writer-sync.c: the sync of one batch while the next one is being run; see store-writer.h.
 *
 * A commit puts the batch's frames into the WAL (synchronous=NORMAL); the promise needs them on the
 * disk as well. That sync is mere waiting, so a thread of its own does it and then hands the batch
 * back, while the writer runs the next batch. One more batch may be committed while a sync is under
 * way: it is synced at once after that, by the thread itself, without waiting for anybody to wake
 * up. So at any time at most two commits are not yet on the disk, one after the other in the WAL,
 * and a torn end of it is never more than what nobody was promised. A sync that fails takes the
 * commit behind it along: what the disk does not have stands before it.
 *
 * The thread calls wg_wal_sync() and touches nothing else of SQLite; the file cannot go
 * away meanwhile, because the connection is only closed while no sync is under way. */
#include "common/error.h"
#include "common/store-wal-gather.h"
#include "common/store-writer-internal.h"

enum { SYNC_IDLE, SYNC_WANTED, SYNC_QUIT };

static sqlite3_file *wal_file(WgWriter *w) {
  sqlite3_file *file = NULL;

  sqlite3_file_control(wg_store_db(w->store), "main", SQLITE_FCNTL_JOURNAL_POINTER, &file);
  return file && file->pMethods ? file : NULL;
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

static guint count_jobs(const WgSyncGroup *group) {
  guint n = 0;

  for (const WgJob *job = group->newest; job; job = job->next)
    n += !job->emitted;
  return n;
}

static void hand_back(WgWriter *w, const WgSyncGroup *group, int rc) {
  if (rc == SQLITE_OK)
    __atomic_store_n(&w->sync.on_disk, group->batch, __ATOMIC_RELEASE);
  else
    fail_jobs(group->newest);
  if (group->newest)
    wg_writer_push_done(w, group->newest, group->oldest);
}

static void begin(WgWriter *w, const WgSyncGroup *group) {
  w->sync.group = *group;
  g_atomic_int_set(&w->sync.n_jobs, (int)count_jobs(group));
  __atomic_store_n(&w->sync.since, g_get_monotonic_time(), __ATOMIC_RELAXED);
}

static void finish(WgWriter *w, int rc) {
  w->sync.rc = rc;
  w->sync.n_handed_back = (guint)g_atomic_int_get(&w->sync.n_jobs);
  g_atomic_int_set(&w->sync.n_jobs, 0);
  hand_back(w, &w->sync.group, rc);
  gint64 now = g_get_monotonic_time();
  gint64 took = now - __atomic_load_n(&w->sync.since, __ATOMIC_RELAXED);
  gint64 usual = __atomic_load_n(&w->sync.usual, __ATOMIC_RELAXED);
  __atomic_store_n(&w->sync.usual, usual + (took - usual) / 8, __ATOMIC_RELAXED);
  w->sync.ended = now;
  __atomic_store_n(&w->sync.since, 0, __ATOMIC_RELAXED);
}

/* The commit that waits behind the one whose sync has just ended, if there is one; else the thread
 * is idle. */
static void go_on(WgWriter *w) {
  g_mutex_lock(&w->sync.lock);
  gboolean has_next = g_atomic_int_get(&w->sync.has_next);
  if (has_next && w->sync.rc == SQLITE_OK)
    begin(w, &w->sync.next);
  else if (has_next)
    hand_back(w, &w->sync.next, w->sync.rc);
  if (!has_next || w->sync.rc != SQLITE_OK)
    g_atomic_int_set(&w->sync.state, SYNC_IDLE);
  g_atomic_int_set(&w->sync.has_next, FALSE);
  g_atomic_int_inc(&w->sync.n_ended);
  g_mutex_unlock(&w->sync.lock);
  wake_writer(w);
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
    finish(w, wg_wal_sync(w->sync.file));
    go_on(w);
  }
}

gboolean wg_writer_sync_busy(WgWriter *w) {
  w->sync.seen = g_atomic_int_get(&w->sync.n_ended);
  return g_atomic_int_get(&w->sync.state) == SYNC_WANTED;
}

gboolean wg_writer_sync_moved(WgWriter *w) {
  return g_atomic_int_get(&w->sync.n_ended) != w->sync.seen ||
         g_atomic_int_get(&w->sync.state) != SYNC_WANTED;
}

gboolean wg_writer_sync_is_last(WgWriter *w) {
  return !g_atomic_int_get(&w->sync.has_next);
}

guint wg_writer_sync_n_jobs(WgWriter *w) {
  return (guint)g_atomic_int_get(&w->sync.n_jobs);
}

/* Behind the sync that is under way. FALSE: there is none (any more). */
static gboolean put_behind(WgWriter *w, const WgSyncGroup *group) {
  g_mutex_lock(&w->sync.lock);
  gboolean busy = g_atomic_int_get(&w->sync.state) == SYNC_WANTED;
  if (busy) {
    g_assert(!g_atomic_int_get(&w->sync.has_next));
    w->sync.next = *group;
    g_atomic_int_set(&w->sync.has_next, TRUE);
  }
  g_mutex_unlock(&w->sync.lock);
  return busy;
}

/* Takes the batch's jobs over; hands them back when the WAL is on the disk. `alone`: nothing else
 * waits to be run, so a second thread would only cost two switches. */
void wg_writer_sync_start(WgWriter *w, WgJob *newest, WgJob *oldest, gboolean alone) {
  const WgSyncGroup group = {newest, oldest, w->batch};

  if (put_behind(w, &group))
    return;
  if (wg_writer_sync_failed(w)) { /* after the commit was begun: it stands behind a gap */
    hand_back(w, &group, w->sync.rc);
    return;
  }
  begin(w, &group);
  w->sync.file = wal_file(w);
  if (alone) {
    finish(w, wg_wal_sync(w->sync.file));
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
  return wg_wal_sync(wal_file(w)) == SQLITE_OK;
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
