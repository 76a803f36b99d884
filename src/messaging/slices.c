/* slices.c: long calls in small steps.
 *
 * A call that may touch a million rows is parked and goes on for one step each tick, so that no
 * batch is long. What a step needs to know from one to the next is a plain struct, copied before
 * each step: when the batch of a step is rolled back, the copy is put back. A call that was
 * completed by a batch that failed is run again by the writer from its beginning. */
#include "messaging/engine-private.h"

#include <string.h>

typedef struct {
  MsgCallJob *job;
  MsgSliceFunc step;
  gpointer state, before; /* `before`: at the beginning of batch `batch` */
  gsize size;
  guint64 batch;
} Slice;

static void slice_free(Slice *s) {
  g_free(s->state);
  g_free(s->before);
  g_free(s);
}

static void unpark(MsgEngine *e, Slice *s) {
  MsgClient *client = msg_client_get(e, s->job->base.actor->caller, FALSE);

  g_ptr_array_remove(e->slices, s);
  s->job->state = NULL;
  if (client && g_queue_remove(&client->parked, s->job))
    msg_client_check(e, client);
}

WgJobResult msg_slices_park(MsgEngine *e, MsgCallJob *job, MsgSliceFunc step, gconstpointer state,
                            gsize size) {
  Slice *s = g_new0(Slice, 1);

  s->job = job;
  s->step = step;
  s->state = g_memdup2(state, size);
  s->before = g_memdup2(state, size);
  s->size = size;
  job->state = s;
  g_ptr_array_add(e->slices, s);
  g_queue_push_tail(&msg_client_get(e, job->base.actor->caller, TRUE)->parked, job);
  msg_wake_now(e);
  return WG_JOB_PARKED;
}

void msg_slices_step(MsgEngine *e) {
  if (e->slices->len == 0)
    return;
  Slice *s = e->slices->pdata[0];
  if (s->batch != e->batch)
    memcpy(s->before, s->state, s->size);
  s->batch = e->batch;
  if (s->step(e, s->job, s->state, FALSE) && !e->failed) {
    unpark(e, s);
    wg_writer_complete(e->writer, &s->job->base.job);
    slice_free(s);
  }
  msg_wake_now(e);
}

void msg_slices_finish(MsgEngine *e, MsgCallJob *job) {
  Slice *s = job->state;

  s->step(e, job, s->state, TRUE);
  unpark(e, s);
  wg_writer_complete(e->writer, &job->base.job);
  slice_free(s);
}

void msg_slices_rollback(MsgEngine *e, guint64 writer_batch) {
  for (guint i = e->slices->len; i-- > 0;) {
    Slice *s = e->slices->pdata[i];
    if (s->job->base.job.batch == writer_batch) {
      unpark(e, s);
      slice_free(s);
    } else if (s->batch == e->batch) {
      memcpy(s->state, s->before, s->size);
    }
  }
  e->again = e->slices->len > 0;
}
