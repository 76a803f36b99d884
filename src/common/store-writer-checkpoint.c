/* store-writer-checkpoint.c: moves the WAL into the file; see store-writer.h.
 *
 * A checkpoint of 4 MiB takes 15 ms and more, most of it the sync of the file: done by the writer
 * it would be a third of its time and the worst of its latency. So the bulk is moved by a thread
 * with a connection of its own while the writer goes on committing, round by round, until the rest
 * is small; only that rest is moved by the writer itself, because SQLite can begin the WAL anew
 * only when nothing was added since. Its size stays near LIMIT_PAGES. When the writer has
 * been idle for a while the WAL is emptied and truncated, so that a store at rest is one file.
 *
 * The helper touches nothing but its own connection and the fields named in `helper`. */
#include "common/error.h"
#include "common/store-internal.h"
#include "common/store-writer-internal.h"

#define LIMIT_PAGES 4000
#define REST_PAGES 200
#define IDLE_USEC (1 * G_USEC_PER_SEC)
#define REST_USEC (30 * G_USEC_PER_SEC)
#define RETRY_USEC (2 * G_USEC_PER_SEC)

enum { HELPER_IDLE, HELPER_WANTED, HELPER_DONE, HELPER_QUIT };

static int on_commit(void *data, sqlite3 *db, const char *schema, int pages) {
  ((WgWriter *)data)->wal_pages = pages;
  ((WgWriter *)data)->wrote = ((WgWriter *)data)->wal_long = TRUE;
  return SQLITE_OK;
}

static void helper_wait(WgWriter *w) {
  g_mutex_lock(&w->helper.lock);
  for (int s; (s = g_atomic_int_get(&w->helper.state)) != HELPER_WANTED && s != HELPER_QUIT;)
    g_cond_wait(&w->helper.wake, &w->helper.lock);
  g_mutex_unlock(&w->helper.lock);
}

static gpointer helper_thread(gpointer data) {
  WgWriter *w = data;
  for (;;) {
    helper_wait(w);
    if (g_atomic_int_get(&w->helper.state) == HELPER_QUIT)
      return NULL;
    w->helper.rc = sqlite3_wal_checkpoint_v2(w->helper.db, "main", SQLITE_CHECKPOINT_PASSIVE, NULL,
                                             &w->helper.moved);
    /* It may have been told to quit meanwhile. */
    g_atomic_int_compare_and_exchange(&w->helper.state, HELPER_WANTED, HELPER_DONE);
  }
}

static void helper_tell(WgWriter *w, int state) {
  g_mutex_lock(&w->helper.lock);
  g_atomic_int_set(&w->helper.state, state);
  g_cond_signal(&w->helper.wake);
  g_mutex_unlock(&w->helper.lock);
}

void wg_writer_watch_wal(WgWriter *w) {
  w->wal_pages = w->wal_moved = 0;
  sqlite3_wal_hook(wg_store_db(w->store), on_commit, w);
  if (!wg_store_is_read_only(w->store))
    w->helper.db = wg_store_connect_helper(w->store);
  if (!w->helper.db)
    return; /* then the writer does it all by itself */
  g_atomic_int_set(&w->helper.state, HELPER_IDLE);
  w->helper.thread = g_thread_new("store-checkpnt", helper_thread, w);
}

void wg_writer_unwatch_wal(WgWriter *w) {
  if (!w->helper.db)
    return;
  helper_tell(w, HELPER_QUIT);
  g_thread_join(w->helper.thread);
  wg_store_abandon(g_steal_pointer(&w->helper.db));
}

/* Nothing is lost, the WAL has it all; but it grows until one succeeds. */
static void failed(WgWriter *w, sqlite3 *db) {
  g_autoptr(GError) error = NULL;
  int rc = sqlite3_errcode(db) & 0xff;
  w->checkpoint_not_before = g_get_monotonic_time() + RETRY_USEC;
  if (rc == SQLITE_BUSY)
    return;
  wg_store_set_error(db, &error, "checkpoint");
  wg_writer_judge(w, error, rc, FALSE);
}

static void checkpoint(WgWriter *w, int mode) {
  sqlite3 *db = wg_store_db(w->store);
  int pages = 0;
  if (sqlite3_wal_checkpoint_v2(db, "main", mode, &pages, &w->wal_moved) != SQLITE_OK) {
    failed(w, db);
    return;
  }
  __atomic_fetch_add(&w->stats.checkpoints, 1, __ATOMIC_RELAXED);
  if (mode == SQLITE_CHECKPOINT_TRUNCATE)
    w->wal_long = FALSE;
  if (w->wal_moved >= pages)
    w->wal_pages = w->wal_moved = 0;
  else /* a reader from outside holds it up */
    w->checkpoint_not_before = g_get_monotonic_time() + RETRY_USEC;
}

void wg_writer_checkpoint_if_due(WgWriter *w) {
  w->idle_since = 0;
  if (w->unusable || w->wal_pages < LIMIT_PAGES)
    return;
  int state = w->helper.db ? g_atomic_int_get(&w->helper.state) : HELPER_IDLE;
  if (state == HELPER_WANTED || g_get_monotonic_time() < w->checkpoint_not_before)
    return;
  if (state == HELPER_DONE) {
    g_atomic_int_set(&w->helper.state, HELPER_IDLE);
    if (w->helper.rc != SQLITE_OK) {
      failed(w, w->helper.db);
      return;
    }
    w->wal_moved = w->helper.moved;
  }
  if (!w->helper.db || w->wal_pages - w->wal_moved <= REST_PAGES)
    checkpoint(w, SQLITE_CHECKPOINT_PASSIVE);
  else
    helper_tell(w, HELPER_WANTED);
}

/* When the next one is due for idleness; 0: never. */
static gint64 idle_due(WgWriter *w) {
  if (w->wal_pages > 0)
    return MAX(w->idle_since + IDLE_USEC, w->checkpoint_not_before);
  return w->wal_long ? MAX(w->idle_since + REST_USEC, w->checkpoint_not_before) : 0;
}

gint64 wg_writer_checkpoint_if_idle(WgWriter *w) {
  if (w->unusable)
    return 0;
  gint64 now = g_get_monotonic_time();
  if (w->idle_since == 0)
    w->idle_since = now;
  gint64 due = idle_due(w);
  if (due == 0 || now < due)
    return due;
  wg_writer_stamp(w, now);
  checkpoint(w, w->wal_pages > 0 ? SQLITE_CHECKPOINT_PASSIVE : SQLITE_CHECKPOINT_TRUNCATE);
  wg_writer_stamp(w, 0);
  /* should a reader from outside be in the way, it is not waited for again at once */
  w->idle_since = g_get_monotonic_time();
  return idle_due(w);
}
