/* store-writer-batch.c: one transaction for what has piled up; see store-writer.h.
 *
 * While jobs arrive faster than they are run, a batch goes on taking them, up to a bound in number
 * and in time, so that one sync pays for many and no caller waits for long. A batch that fails is
 * rolled back whole and its jobs run again one by one. A transaction that has written nothing
 * costs no sync: BEGIN is deferred. */
#include "common/error.h"
#include "common/store-wal-gather.h"
#include "common/store-writer-internal.h"

#define BATCH_JOBS 512
#define BATCH_USEC 4000 /* after that long a batch takes no further jobs */

/* Where a sync takes that long a batch waits for those who were just answered, for as long as a
 * sync at most; see await_the_answered(). */
#define AWAIT_FROM_USEC 500
#define AWAIT_MOST_USEC 1000

gboolean wg_writer_prepare(WgWriter *w, GError **error) {
  sqlite3 *db = wg_store_db(w->store);
  w->begin = wg_store_prepare(db, "BEGIN", error);
  w->commit = w->begin ? wg_store_prepare(db, "COMMIT", error) : NULL;
  sqlite3_exec(db, "PRAGMA synchronous=NORMAL", NULL, NULL,
               NULL); /* store-writer-sync.c does the rest */
  w->rollback = w->commit ? wg_store_prepare(db, "ROLLBACK", error) : NULL;
  wg_wal_gather(db);
  wg_writer_watch_wal(w);
  return w->rollback != NULL;
}

void wg_writer_unprepare(WgWriter *w) {
  wg_writer_unwatch_wal(w);
  g_clear_pointer(&w->begin, sqlite3_finalize);
  g_clear_pointer(&w->commit, sqlite3_finalize);
  g_clear_pointer(&w->rollback, sqlite3_finalize);
}

static gboolean step(WgWriter *w, sqlite3_stmt *stmt, const char *doing) {
  g_autoptr(GError) error = NULL;
  int rc = sqlite3_step(stmt);
  if (rc != SQLITE_DONE) {
    wg_store_set_error(wg_store_db(w->store), &error, doing);
    wg_writer_fail(w, g_steal_pointer(&error));
  }
  sqlite3_reset(stmt);
  return rc == SQLITE_DONE;
}

void wg_writer_fail(WgWriter *w, GError *error) {
  g_return_if_fail(w->in_batch && error);
  if (w->failure) {
    g_error_free(error); /* the first one is the cause */
    return;
  }
  w->failure = error;
  w->failure_rc = sqlite3_errcode(wg_store_db(w->store)) & 0xff;
}

void wg_writer_complete(WgWriter *w, WgJob *job) {
  g_return_if_fail(w->in_batch);
  g_ptr_array_add(w->completed, job);
}

void wg_writer_emit(WgWriter *w, WgJob *job) {
  g_return_if_fail(w->in_batch);
  job->emitted = TRUE;
  g_ptr_array_add(w->emitted, job);
}

/* The next job in the order of submission; NULL when nothing waits. */
static WgJob *next_job(WgWriter *w) {
  if (!w->pending) {
    WgJob *list = g_atomic_pointer_exchange(&w->inbox, NULL);
    while (list) {
      WgJob *next = list->next;
      list->next = w->pending;
      w->pending = list;
      list = next;
    }
  }
  WgJob *job = w->pending;
  if (job)
    w->pending = job->next;
  return job;
}

static gboolean begin(WgWriter *w) {
  w->in_batch = TRUE;
  w->wrote = FALSE;
  w->batch++;
  g_ptr_array_set_size(w->ran, 0);
  g_ptr_array_set_size(w->completed, 0);
  g_byte_array_set_size(w->parked, 0);
  g_ptr_array_set_size(w->emitted, 0);
  if (w->funcs.begin)
    w->funcs.begin(w->engine);
  return step(w, w->begin, "beginning a transaction");
}

static gboolean run(WgWriter *w, WgJob *job) {
  guint8 parked = FALSE;
  g_ptr_array_add(w->ran, job);
  job->batch = w->batch;
  job->early = FALSE;
  g_clear_error(&job->error);
  if (!wg_writer_refuses(w, job))
    parked = job->run(job, w->engine) == WG_JOB_PARKED;
  g_byte_array_append(w->parked, &parked, 1);
  return w->failure == NULL;
}

static gboolean commit(WgWriter *w) {
  g_autoptr(GError) error = NULL;
  if (w->funcs.before_commit && !w->funcs.before_commit(w->engine, &error))
    wg_writer_fail(w, error ? g_steal_pointer(&error)
                            : g_error_new_literal(WG_ERROR, WG_ERROR_FAILED,
                                                  "Store: refused before the commit"));
  if (w->failure || !step(w, w->commit, "committing"))
    return FALSE;
  if (w->funcs.committed)
    w->funcs.committed(w->engine);
  w->in_batch = FALSE;
  return TRUE;
}

static void roll_back(WgWriter *w) {
  /* Some errors have ended the transaction already. */
  if (!sqlite3_get_autocommit(wg_store_db(w->store))) {
    sqlite3_step(w->rollback);
    sqlite3_reset(w->rollback);
  }
  w->in_batch = FALSE;
  __atomic_fetch_add(&w->stats.rollbacks, 1, __ATOMIC_RELAXED);
  if (w->funcs.rolled_back)
    w->funcs.rolled_back(w->engine, w->batch);
}

static void count(WgWriter *w) {
  __atomic_fetch_add(&w->stats.batches, 1, __ATOMIC_RELAXED);
  __atomic_fetch_add(&w->stats.jobs, w->ran->len, __ATOMIC_RELAXED);
  if (w->ran->len > w->stats.largest_batch)
    __atomic_store_n(&w->stats.largest_batch, w->ran->len, __ATOMIC_RELAXED);
}

/* Jobs on their way back, newest first. */
typedef struct {
  WgJob *newest, *oldest;
} Chain;

static void chain_add(Chain *chain, WgJob *job) {
  job->next = chain->newest;
  chain->newest = job;
  chain->oldest = chain->oldest ? chain->oldest : job;
}

/* Hands back what this batch has ended: the jobs that did not park, then the parked ones that
 * were completed, in order. Whatever was written is synced, also when nobody waits for it. What a
 * batch that wrote nothing has read may be of the commit that is being synced: it waits, too. */
static void hand_back(WgWriter *w) {
  Chain chains[2] = {0}; /* [1]: those that need no sync */
  int parked = 0;
  count(w);
  for (guint i = 0; i < w->ran->len; i++) {
    WgJob *job = w->ran->pdata[i];
    parked += w->parked->data[i];
    if (!w->parked->data[i])
      chain_add(&chains[job->early ? 1 : 0], job);
  }
  for (guint i = 0; i < w->completed->len; i++) {
    WgJob *job = w->completed->pdata[i];
    parked--;
    chain_add(&chains[job->early ? 1 : 0], job);
  }
  for (guint i = 0; i < w->emitted->len; i++) {
    WgJob *job = w->emitted->pdata[i];
    chain_add(&chains[job->early ? 1 : 0], job);
  }
  if (parked != 0)
    g_atomic_int_add(&w->n_parked, parked);
  if (chains[1].newest)
    wg_writer_push_done(w, chains[1].newest, chains[1].oldest);
  if (w->wrote || (chains[0].newest && wg_writer_sync_busy(w)))
    wg_writer_sync_start(w, chains[0].newest, chains[0].oldest,
                         w->ran->len <= 1 && !g_atomic_pointer_get(&w->inbox));
  else if (chains[0].newest)
    wg_writer_push_done(w, chains[0].newest, chains[0].oldest);
}

static void hand_back_failed(WgWriter *w, WgJob *job, const GError *error) {
  wg_writer_sync_wait(w); /* in order */
  g_clear_error(&job->error);
  job->error = g_error_copy(error);
  job->next = NULL;
  wg_writer_push_done(w, job, job);
}

/* Rolls back and takes the cause out. What parked in an earlier batch and was completed in this
 * one has to be run again: it goes to the end of `again`. */
static GError *undo(WgWriter *w, GPtrArray *again) {
  GError *error = g_steal_pointer(&w->failure);
  for (guint i = 0; i < w->completed->len; i++) {
    WgJob *job = w->completed->pdata[i];
    if (job->batch == w->batch)
      continue; /* it is among those that ran */
    g_atomic_int_add(&w->n_parked, -1);
    g_ptr_array_add(again, job);
  }
  for (guint i = 0; i < w->emitted->len; i++) {
    WgJob *job = w->emitted->pdata[i];
    job->run(job, w->engine); /* tells nothing of what did not happen */
  }
  g_ptr_array_set_size(w->emitted, 0);
  roll_back(w);
  return error;
}

/* A job by itself. When it fails, too, it alone pays. */
static void run_alone(WgWriter *w, WgJob *job, GPtrArray *again) {
  for (guint attempt = 1;; attempt++) {
    wg_writer_sync_wait(w);
    wg_writer_stamp(w, g_get_monotonic_time());
    wg_writer_sync_judge(w);
    if (begin(w) && run(w, job) && commit(w)) {
      hand_back(w);
      return;
    }
    g_autoptr(GError) error = undo(w, again);
    gboolean removed = wg_writer_judge(w, error, w->failure_rc, TRUE);
    if (removed && !w->unusable && attempt == 1)
      continue;
    hand_back_failed(w, job, error);
    return;
  }
}

static void run_one_by_one(WgWriter *w, GPtrArray *again) {
  g_autoptr(GError) unusable =
      g_error_new_literal(WG_ERROR, WG_ERROR_STORE_DAMAGED,
                          "Store: it cannot be used until it is repaired; see the journal");
  for (guint i = 0; i < again->len; i++) { /* grows while it runs */
    if (w->unusable)
      hand_back_failed(w, again->pdata[i], unusable);
    else
      run_alone(w, again->pdata[i], again);
  }
}

/* A batch that has run for as long as a sync takes is ended while more waits: its sync then passes
 * while the next one runs. Ended earlier it would only cost more syncs. */
static gboolean is_enough(WgWriter *w, gint64 started) {
  gint64 ran = g_get_monotonic_time() - started;

  return ran > BATCH_USEC ||
         (ran > __atomic_load_n(&w->sync.usual, __ATOMIC_RELAXED) && !wg_writer_sync_busy(w));
}

/* Runs jobs until there are none, or enough. */
static gboolean run_some(WgWriter *w, gint64 started) {
  for (WgJob *job; w->ran->len < BATCH_JOBS && (job = next_job(w));) {
    if (!run(w, job))
      return FALSE;
    if ((w->ran->len & 7) == 0 && is_enough(w, started))
      break;
  }
  return TRUE;
}

/* Who was answered a moment ago is about to come again. Those who wait for one disk fall into two
 * halves that wait for each other's syncs. With a short sync that is well: while one half is synced
 * the other is read, run and answered, and nothing stands still. A long one is dearer than the
 * pause until both halves are one again, so it is worth waiting for them; what comes is run
 * meanwhile. `n_before`: jobs of this batch that came before the sync ended. */
static gboolean await_the_answered(WgWriter *w, guint n_before) {
  gint64 usual = __atomic_load_n(&w->sync.usual, __ATOMIC_RELAXED);
  gint64 until = w->sync.ended + MIN(usual, AWAIT_MOST_USEC);

  if (usual < AWAIT_FROM_USEC)
    return TRUE;
  while (w->ran->len - n_before < w->sync.n_handed_back && w->ran->len < BATCH_JOBS &&
         g_get_monotonic_time() < until && !g_atomic_int_get(&w->stopping)) {
    wg_writer_sleep(w, until, WG_SLEEP_IDLE);
    if (!run_some(w, g_get_monotonic_time()))
      return FALSE;
  }
  return TRUE;
}

/* While the batch before is being synced this one takes what comes. When all have come of whom we
 * know, there is nothing to wait for: then it is committed beside the sync, and what comes next is
 * synced without a pause. `most_here` remembers how many there are, and forgets them bit by bit.
 * Where a sync is long, it is better to have them all in one group: see await_the_answered(). */
static gboolean all_are_here(WgWriter *w) {
  guint here = w->ran->len + wg_writer_sync_n_jobs(w);

  return wg_writer_sync_is_last(w) && here >= w->most_here && w->ran->len > 0 &&
         __atomic_load_n(&w->sync.usual, __ATOMIC_RELAXED) < AWAIT_FROM_USEC &&
         !g_atomic_pointer_get(&w->inbox) && !w->pending;
}

static void count_here(WgWriter *w) {
  guint here = w->ran->len + wg_writer_sync_n_jobs(w);

  w->most_here = MAX(w->most_here - (w->most_here + 15) / 16, here);
}

/* FALSE: it failed. Else this batch is to be committed. */
static gboolean run_beside_sync(WgWriter *w, gint64 started) {
  while (wg_writer_sync_busy(w) && !all_are_here(w)) {
    gboolean full = w->ran->len >= BATCH_JOBS || g_get_monotonic_time() - started > BATCH_USEC;
    wg_writer_sleep(w, 0,
                    full || g_atomic_int_get(&w->stopping) ? WG_SLEEP_SYNC_ONLY : WG_SLEEP_SYNC);
    if (!full && !run_some(w, started))
      return FALSE;
  }
  return TRUE;
}

static gboolean run_together(WgWriter *w) {
  gint64 started = g_get_monotonic_time();
  gboolean overlaps = wg_writer_sync_busy(w);

  if (!begin(w) || !run_some(w, started))
    return FALSE;
  if (!run_beside_sync(w, started))
    return FALSE;
  count_here(w);
  if (wg_writer_sync_failed(w)) {
    /* what that means is found out between transactions; then these jobs run again */
    wg_writer_fail(w, g_error_new_literal(WG_ERROR, WG_ERROR_FAILED,
                                          "Store: the sync of the batch before has failed"));
    return FALSE;
  }
  return (wg_writer_sync_busy(w) || await_the_answered(w, overlaps ? w->ran->len : 0)) && commit(w);
}

void wg_writer_run_batch(WgWriter *w) {
  wg_writer_stamp(w, g_get_monotonic_time());
  wg_writer_look_at_space(w);
  /* In a store that refuses writes each job that writes fails: it must not take others along. */
  gboolean together = !w->unusable && w->state < WG_STORE_READ_ONLY;
  if (together && run_together(w)) {
    hand_back(w);
  } else {
    g_autoptr(GPtrArray) again = g_ptr_array_new();
    if (together) {
      g_ptr_array_extend(again, w->ran, NULL, NULL);
      g_autoptr(GError) error = undo(w, again);
      wg_writer_judge(w, error, w->failure_rc, FALSE);
    } else {
      g_ptr_array_add(again, next_job(w));
    }
    run_one_by_one(w, again);
  }
  wg_writer_checkpoint_if_due(w);
  wg_writer_stamp(w, 0);
}
