/* store-writer-loop.c: hands jobs and changes of state back to the main loop.
 *
 * The writer pushes a whole batch with one compare-and-swap and rings an eventfd only when the
 * loop may be asleep: `polling` is set before the loop looks at the outbox a last time and
 * sleeps, and cleared when it has woken, so a busy loop costs the writer no system call. The
 * eventfd is never read for its count; the lists decide. */
#include "common/store-writer-internal.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

typedef struct {
  GSource base;
  WgWriter *writer;
  gboolean dispatching; /* jobs are handed back in order, also when a done() runs a loop */
} WriterSource;

static void ring(WgWriter *w) {
  if (!g_atomic_int_get(&w->polling))
    return;
  guint64 one = 1;
  while (write(w->event_fd, &one, sizeof one) < 0 && errno == EINTR)
    ;
}

void wg_writer_push_done(WgWriter *w, WgJob *newest, WgJob *oldest) {
  WgJob *head;
  do {
    head = g_atomic_pointer_get(&w->outbox);
    oldest->next = head;
  } while (!g_atomic_pointer_compare_and_exchange(&w->outbox, head, newest));
  if (!head)
    ring(w);
}

void wg_writer_push_event(WgWriter *w, WgWriterEvent *event) {
  do {
    event->next = g_atomic_pointer_get(&w->events);
  } while (!g_atomic_pointer_compare_and_exchange(&w->events, event->next, event));
  ring(w);
}

static void event_free(WgWriterEvent *event) {
  wg_salvage_clear(&event->salvage);
  g_free(event->text);
  g_free(event);
}

static gboolean has_work(WgWriter *w) {
  return g_atomic_pointer_get(&w->outbox) || g_atomic_pointer_get(&w->events);
}

static void deliver_events(WgWriter *w) {
  WgWriterEvent *list = g_atomic_pointer_exchange(&w->events, NULL), *ordered = NULL;
  while (list) {
    WgWriterEvent *next = list->next;
    list->next = ordered;
    ordered = list;
    list = next;
  }
  while (ordered) {
    WgWriterEvent *event = ordered;
    ordered = event->next;
    w->told = event->state;
    if (w->state_changed)
      w->state_changed(event->state, event->text, &event->salvage, w->user_data);
    event_free(event);
  }
}

/* A state is told before the jobs that it has failed: their done() may ask for it. */
void wg_writer_deliver(WgWriter *w) {
  deliver_events(w);
  WgJob *list = g_atomic_pointer_exchange(&w->outbox, NULL), *ordered = NULL;
  while (list) {
    WgJob *next = list->next;
    list->next = ordered;
    ordered = list;
    list = next;
  }
  while (ordered) {
    WgJob *job = ordered;
    ordered = job->next;
    job->next = NULL;
    if (!job->emitted)
      w->n_out--;
    job->done(job);
  }
}

static gboolean source_prepare(GSource *source, gint *timeout) {
  WgWriter *w = ((WriterSource *)source)->writer;
  *timeout = -1;
  wg_writer_flush(w);
  g_atomic_int_set(&w->polling, 1);
  return !((WriterSource *)source)->dispatching && has_work(w);
}

static gboolean source_check(GSource *source) {
  WgWriter *w = ((WriterSource *)source)->writer;
  g_atomic_int_set(&w->polling, 0);
  if (g_source_query_unix_fd(source, w->fd_tag)) {
    guint64 count;
    (void)!read(w->event_fd, &count, sizeof count); /* only to make it quiet */
  }
  return !((WriterSource *)source)->dispatching && has_work(w);
}

static gboolean source_dispatch(GSource *source, GSourceFunc callback, gpointer user_data) {
  WriterSource *self = (WriterSource *)source;

  self->dispatching = TRUE;
  wg_writer_deliver(self->writer);
  self->dispatching = FALSE;
  return G_SOURCE_CONTINUE;
}

static GSourceFuncs source_funcs = {source_prepare, source_check, source_dispatch};

void wg_writer_attach(WgWriter *w) {
  w->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (w->event_fd < 0)
    g_error("eventfd: %s", g_strerror(errno)); /* nothing can work without it */
  w->polling = 1;
  w->source = g_source_new(&source_funcs, sizeof(WriterSource));
  ((WriterSource *)w->source)->writer = w;
  w->fd_tag = g_source_add_unix_fd(w->source, w->event_fd, G_IO_IN);
  g_source_set_name(w->source, "store writer");
  g_source_set_can_recurse(w->source, TRUE); /* it cannot, but that way costs less: bus-source.c */
  g_source_attach(w->source, NULL);
}

void wg_writer_detach(WgWriter *w) {
  g_source_destroy(w->source);
  g_source_unref(w->source);
  close(w->event_fd);
}
