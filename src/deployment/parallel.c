/* parallel.c: see parallel.h. Threads are made for one run and joined: what runs for seconds does
 * not need a pool. Where no thread can be made the caller's does all. */
#include "deployment/parallel.h"

#define THREADS_MAX 8

typedef struct {
  guint n, next;
  gboolean (*each)(guint i, gpointer user_data, GError **error);
  gpointer user_data;
  const DplWork *work;
  GMutex lock; /* of error */
  GError *error;
} Run;

guint dpl_parallel_threads(void) {
  return CLAMP(g_get_num_processors(), 2, THREADS_MAX);
}

static void fail(Run *run, GError *error) {
  g_mutex_lock(&run->lock);
  if (!run->error)
    run->error = g_steal_pointer(&error);
  g_mutex_unlock(&run->lock);
  g_clear_error(&error);
  __atomic_store_n(&run->next, run->n, __ATOMIC_RELAXED);
}

static gpointer loop(gpointer data) {
  Run *run = data;

  for (;;) {
    guint i = __atomic_load_n(&run->next, __ATOMIC_RELAXED);
    GError *error = NULL;
    if (i >= run->n)
      return NULL;
    if (!__atomic_compare_exchange_n(&run->next, &i, i + 1, FALSE, __ATOMIC_RELAXED,
                                     __ATOMIC_RELAXED))
      continue;
    if (!dpl_work_go_on(run->work, &error) || !run->each(i, run->user_data, &error))
      fail(run, error);
  }
}

gboolean dpl_parallel(guint n, gboolean (*each)(guint i, gpointer user_data, GError **error),
                      gpointer user_data, const DplWork *work, GError **error) {
  Run run = {.n = n, .each = each, .user_data = user_data, .work = work};
  GThread *threads[THREADS_MAX];
  guint n_threads = MIN(dpl_parallel_threads(), n), made = 0;

  g_mutex_init(&run.lock);
  for (guint i = 1; i < n_threads; i++) {
    GThread *thread = g_thread_try_new("files", loop, &run, NULL);
    if (thread)
      threads[made++] = thread;
  }
  loop(&run);
  for (guint i = 0; i < made; i++)
    g_thread_join(threads[i]);
  g_mutex_clear(&run.lock);
  if (run.error)
    g_propagate_error(error, run.error);
  return run.error == NULL;
}
