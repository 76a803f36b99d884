/* inbox-worker.c: the one thread of the courier that waits for disks.
 *
 * One thread, so that operations on a directory come one after the other without locks, and so that
 * a disk that hangs holds up inboxes only. It lives as long as the program: a process that ends
 * takes it along, and every step of a delivery may be the last one. */
#include "delivery/inbox.h"

typedef struct {
  DlvInboxWork work, done;
  gpointer data;
} Task;

static gboolean hand_back(gpointer data) {
  Task *task = data;

  task->done(task->data);
  g_free(task);
  return G_SOURCE_REMOVE;
}

static void run(gpointer data, gpointer unused) {
  Task *task = data;

  task->work(task->data);
  /* not g_main_context_invoke(): this thread would call it while no loop turns; high, since the
   * next job waits for this one */
  g_idle_add_full(G_PRIORITY_HIGH, hand_back, task, NULL);
}

void dlv_inbox_queue(DlvInboxWork work, DlvInboxWork done, gpointer data) {
  static GThreadPool *pool; /* the loop's thread alone asks for it */
  const Task task = {work, done, data};

  if (pool == NULL)
    pool = g_thread_pool_new(run, NULL, 1, FALSE, NULL);
  g_thread_pool_push(pool, g_memdup2(&task, sizeof task), NULL);
}
