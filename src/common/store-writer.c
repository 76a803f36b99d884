/* store-writer.c: submission, the thread's main loop, and its end; see store-writer.h.
 *
 * The thread sleeps only when the inbox is empty (or, with a full batch, until a sync ends): it
 * sets `asleep`, looks once more, and waits; a submitter pushes first and then looks at `asleep`.
 * One of the two sees the other. */
#include "common/error.h"
#include "common/store-internal.h"
#include "common/store-writer-internal.h"

/* A batch that takes longer than this means that the disk hangs. */
#define HANGS_USEC (20 * G_USEC_PER_SEC)

/* The writer is faster than the loop, so handed one job at a time it would fall asleep after each:
 * jobs are handed over in small groups, and what is left when the loop turns. */
#define HELD_MAX 16

void wg_writer_submit(WgWriter *w, WgJob *job) {
  w->n_out++;
  job->next = w->held;
  w->held = job;
  w->held_oldest = w->held_oldest ? w->held_oldest : job;
  if (++w->n_held >= HELD_MAX)
    wg_writer_flush(w);
}

void wg_writer_flush(WgWriter *w) {
  WgJob *newest = g_steal_pointer(&w->held), *oldest = g_steal_pointer(&w->held_oldest), *head;

  w->n_held = 0;
  if (!newest)
    return;
  do {
    head = g_atomic_pointer_get(&w->inbox);
    oldest->next = head;
  } while (!g_atomic_pointer_compare_and_exchange(&w->inbox, head, newest));
  if (head || !g_atomic_int_get(&w->asleep))
    return;
  wg_writer_wake(w);
}

/* The lock makes sure that the writer waits already or will look again; signalled outside it, since
 * a woken thread that runs into a lock still held sleeps a second time. */
void wg_writer_wake(WgWriter *w) {
  g_mutex_lock(&w->sleep_lock);
  g_mutex_unlock(&w->sleep_lock);
  g_cond_signal(&w->wake);
}

static gboolean has_reason(WgWriter *w, WgWriterSleep what) {
  if (what != WG_SLEEP_IDLE && wg_writer_sync_moved(w))
    return TRUE;
  return what != WG_SLEEP_SYNC_ONLY &&
         (g_atomic_pointer_get(&w->inbox) || g_atomic_int_get(&w->stopping));
}

void wg_writer_sleep(WgWriter *w, gint64 until, WgWriterSleep what) {
  g_mutex_lock(&w->sleep_lock);
  g_atomic_int_set(&w->asleep, 1);
  while (!has_reason(w, what)) {
    if (until == 0)
      g_cond_wait(&w->wake, &w->sleep_lock);
    else if (!g_cond_wait_until(&w->wake, &w->sleep_lock, until))
      break;
  }
  g_atomic_int_set(&w->asleep, 0);
  g_mutex_unlock(&w->sleep_lock);
}

static gpointer writer_thread(gpointer data) {
  WgWriter *w = data;

  for (;;) {
    wg_writer_sync_judge(w);
    if (w->state != WG_STORE_OK && g_get_monotonic_time() >= w->next_probe)
      wg_writer_probe(w);
    if (w->pending || g_atomic_pointer_get(&w->inbox)) {
      wg_writer_run_batch(w);
      continue;
    }
    if (wg_writer_sync_busy(w)) {
      wg_writer_sleep(w, 0, g_atomic_int_get(&w->stopping) ? WG_SLEEP_SYNC_ONLY : WG_SLEEP_SYNC);
      continue;
    }
    if (g_atomic_int_get(&w->stopping))
      break;
    gint64 until = wg_writer_checkpoint_if_idle(w);
    if (w->state != WG_STORE_OK)
      until = until ? MIN(until, w->next_probe) : w->next_probe;
    wg_writer_sleep(w, until, WG_SLEEP_IDLE);
  }
  wg_writer_sync_detach(w);
  wg_writer_unprepare(w);
  wg_store_close(w->store);
  return NULL;
}

/* A salvage may take longer than the watchdog waits, but it is progress. */
static void salvage_goes_on(gpointer data) {
  wg_writer_stamp(data, g_get_monotonic_time());
}

WgWriter *wg_writer_new(WgStore *store, const WgWriterEngine *funcs, gpointer engine,
                        WgStoreStateFunc state_changed, gpointer user_data) {
  WgWriter *w = g_new0(WgWriter, 1);
  g_autoptr(GError) error = NULL;

  w->store = store;
  store->progress = salvage_goes_on;
  store->progress_data = w;
  w->funcs = *funcs;
  w->engine = engine;
  w->state_changed = state_changed;
  w->user_data = user_data;
  w->ran = g_ptr_array_new();
  w->completed = g_ptr_array_new();
  w->emitted = g_ptr_array_new();
  w->parked = g_byte_array_new();
  g_mutex_init(&w->sleep_lock);
  g_cond_init(&w->wake);
  g_mutex_init(&w->helper.lock);
  g_cond_init(&w->helper.wake);
  wg_writer_attach(w);
  if (!wg_writer_prepare(w, &error)) {
    w->unusable = TRUE;
    wg_writer_set_state(w, WG_STORE_BROKEN, error->message, NULL);
  } else if (wg_store_is_read_only(store)) {
    wg_writer_set_state(w, WG_STORE_READ_ONLY, "Store: it can only be read", NULL);
  }
  wg_writer_sync_attach(w);
  w->thread = g_thread_new("store-writer", writer_thread, w);
  return w;
}

WgStore *wg_writer_store(WgWriter *w) {
  return w->store;
}

guint64 wg_writer_batch(WgWriter *w) {
  return w->batch;
}

guint64 wg_writer_on_disk(WgWriter *w) {
  return __atomic_load_n(&w->sync.on_disk, __ATOMIC_ACQUIRE);
}

guint wg_writer_n_queued(WgWriter *w) {
  return w->n_out - (guint)g_atomic_int_get(&w->n_parked);
}

WgStoreState wg_writer_state(WgWriter *w) {
  return w->told;
}

gboolean wg_writer_stalled(WgWriter *w, guint64 limit_usec) {
  gint64 since = __atomic_load_n(&w->busy_since, __ATOMIC_RELAXED);
  gint64 sync_since = __atomic_load_n(&w->sync.since, __ATOMIC_RELAXED);
  gint64 oldest = since != 0 && sync_since != 0 ? MIN(since, sync_since) : MAX(since, sync_since);
  return oldest != 0 && g_get_monotonic_time() - oldest > (gint64)limit_usec;
}

gboolean wg_writer_healthy(WgWriter *w, char **ret_why) {
  if (!wg_writer_stalled(w, HANGS_USEC))
    return TRUE;
  *ret_why = g_strdup("the writer thread has been in one transaction for more than 20 s");
  return FALSE;
}

void wg_writer_stats(WgWriter *w, WgWriterStats *ret) {
  ret->batches = __atomic_load_n(&w->stats.batches, __ATOMIC_RELAXED);
  ret->jobs = __atomic_load_n(&w->stats.jobs, __ATOMIC_RELAXED);
  ret->largest_batch = __atomic_load_n(&w->stats.largest_batch, __ATOMIC_RELAXED);
  ret->rollbacks = __atomic_load_n(&w->stats.rollbacks, __ATOMIC_RELAXED);
  ret->checkpoints = __atomic_load_n(&w->stats.checkpoints, __ATOMIC_RELAXED);
}

void wg_writer_free(WgWriter *w) {
  if (!w)
    return;
  wg_writer_flush(w);
  g_mutex_lock(&w->sleep_lock);
  g_atomic_int_set(&w->stopping, 1);
  g_cond_signal(&w->wake);
  g_mutex_unlock(&w->sleep_lock);
  g_thread_join(w->thread);
  wg_writer_deliver(w);
  wg_writer_detach(w);
  g_ptr_array_unref(w->ran);
  g_ptr_array_unref(w->completed);
  g_ptr_array_unref(w->emitted);
  g_byte_array_unref(w->parked);
  g_clear_error(&w->failure);
  g_mutex_clear(&w->sleep_lock);
  g_cond_clear(&w->wake);
  g_mutex_clear(&w->helper.lock);
  g_cond_clear(&w->helper.wake);
  g_free(w);
}
