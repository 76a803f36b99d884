/* inbox-sync.c: many files brought to the disk at once.
 *
 * Each fsync() waits for the disk's cache to be flushed. Called one after the other, each file
 * pays for a flush of its own; called at the same time the kernel makes one flush, and one commit
 * of the file system's journal, serve all that wait. So a batch is synced by several threads,
 * which do nothing else. syncfs() would be one call, but waits for everybody's data. */
#include "delivery/inbox.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define THREADS 16
#define FEW 2 /* files that are not worth a thread */

typedef struct {
  DlvInboxItem *items;
  gint n, next; /* atomic: the next that nobody has taken */
  GMutex lock;
  GCond idle;
  guint running; /* under `lock` */
} Sync;

static void take_all(Sync *sync) {
  for (gint i = g_atomic_int_add(&sync->next, 1); i < sync->n; i = g_atomic_int_add(&sync->next, 1))
    if (sync->items[i].fd >= 0 && fsync(sync->items[i].fd) < 0)
      sync->items[i].sync_errno = errno;
}

static void help(gpointer data, gpointer unused) {
  Sync *sync = data;

  take_all(sync);
  g_mutex_lock(&sync->lock);
  if (--sync->running == 0)
    g_cond_signal(&sync->idle);
  g_mutex_unlock(&sync->lock);
}

/* Begins to write them all, and waits for none: what the fsync() of each has to wait for is then on
 * its way already, and what they share (a block of inodes, on ext4) changes no more between two. */
static void begin_all(const DlvInboxItem *items, guint n) {
  for (guint i = 0; i < n; i++)
    if (items[i].fd >= 0)
      (void)sync_file_range(items[i].fd, 0, 0, SYNC_FILE_RANGE_WRITE); /* fsync() tells errors */
}

void dlv_inbox_sync(DlvInboxItem *items, guint n) {
  static GThreadPool *pool; /* the worker's thread alone asks for it; its threads end when idle */
  Sync sync = {.items = items, .n = (gint)n};

  begin_all(items, n);
  if (pool == NULL)
    pool = g_thread_pool_new(help, NULL, THREADS - 1, FALSE, NULL);
  g_mutex_init(&sync.lock);
  g_cond_init(&sync.idle);
  sync.running = n > FEW ? MIN(n, THREADS) - 1 : 0;
  for (guint i = sync.running; i > 0; i--)
    g_thread_pool_push(pool, &sync, NULL);
  take_all(&sync);
  g_mutex_lock(&sync.lock);
  while (sync.running > 0)
    g_cond_wait(&sync.idle, &sync.lock);
  g_mutex_unlock(&sync.lock);
  g_mutex_clear(&sync.lock);
  g_cond_clear(&sync.idle);
}
