/* unpack-turn.c: see unpack-turn.h. Those who wait stand in a queue, so a large artifact that came
 * first is not overtaken for ever; whoever ends early leaves it without holding up the others. */
#include "deployment/unpack-turn.h"

static struct {
  GMutex lock;
  GCond changed;
  GQueue waiting; /* one address a waiting thread */
  guint taken;
} turns = {.waiting = G_QUEUE_INIT};

/* On the thread that cancels, or at once on ours: never with the lock held. */
static void on_cancelled(GCancellable *cancel, gpointer data) {
  g_mutex_lock(&turns.lock);
  g_cond_broadcast(&turns.changed);
  g_mutex_unlock(&turns.lock);
}

static gboolean wait_for_one(GCancellable *cancel) {
  gboolean own = FALSE; /* its address is our place */

  g_mutex_lock(&turns.lock);
  g_queue_push_tail(&turns.waiting, &own);
  while (!g_cancellable_is_cancelled(cancel) &&
         (turns.taken >= DPL_UNPACK_TURNS || g_queue_peek_head(&turns.waiting) != &own))
    g_cond_wait(&turns.changed, &turns.lock);
  own = !g_cancellable_is_cancelled(cancel);
  turns.taken += own ? 1 : 0;
  g_queue_remove(&turns.waiting, &own);
  g_cond_broadcast(&turns.changed); /* the next may have one, too */
  g_mutex_unlock(&turns.lock);
  return own;
}

gboolean dpl_unpack_turn_take(const DplWork *work, GError **error) {
  GCancellable *cancel = work ? work->cancel : NULL;
  gulong id = cancel ? g_cancellable_connect(cancel, G_CALLBACK(on_cancelled), NULL, NULL) : 0;
  gboolean own = wait_for_one(cancel);

  g_cancellable_disconnect(cancel, id);
  if (!own) /* once cancelled it stays so */
    g_cancellable_set_error_if_cancelled(cancel, error);
  return own;
}

void dpl_unpack_turn_give(void) {
  g_mutex_lock(&turns.lock);
  turns.taken--;
  g_cond_broadcast(&turns.changed);
  g_mutex_unlock(&turns.lock);
}

void dpl_unpack_turns(guint *ret_taken, guint *ret_waiting) {
  g_mutex_lock(&turns.lock);
  *ret_taken = turns.taken;
  *ret_waiting = g_queue_get_length(&turns.waiting);
  g_mutex_unlock(&turns.lock);
}
