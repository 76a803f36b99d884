/* bus-source.c: an sd-bus connection as a GSource.
 *
 * A source straight over sd_bus_get_fd(), _get_events(), _get_timeout() and sd_bus_process().
 * It keeps no state of its own between prepare() and check() that would go wrong when GLib
 * leaves check() out (a higher priority was ready, another thread changed the poll set): all is
 * asked again in the next prepare().
 *
 * Invariants: events and fd are only ever assigned to our own GPollFD, since
 * g_source_modify_unix_fd() and g_source_set_ready_time() wake the context and would make an idle
 * loop spin. A turn handles a bounded number of messages, so one busy client cannot starve the
 * rest. The closed function runs at most once.
 *
 * It must never block, never log, and never set sd_bus_set_exit_on_disconnect(): without an
 * sd_event that calls exit(). */
#include "common/bus-source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Messages handled in one turn before other sources get theirs. */
#define TURN_MAX 32
/* Bytes that are gathered before they are written: enough to pay for the call, and little enough
 * for the other side to work while we go on. */
#define GATHER_BYTES 4096

typedef struct {
  GSource base;
  sd_bus *bus;
  WgBusClosedFunc closed;
  gpointer closed_data;
  WgBusTurnFunc turn;
  gpointer turn_data;
  GPollFD poll;
  gboolean polled; /* `poll` is registered with the source */
  gboolean paused;
  gboolean dead;
  gboolean dispatching;  /* a loop that runs within our own dispatch does not see us */
  WgOutbox *outbox;      /* NULL until it is asked for */
  gboolean broken;       /* it could not be written: to be closed by the next turn */
  int read_fd, write_fd; /* -1 unless split */
  guint per_message;     /* bytes, of late and at least; 0: not known */
  guint64 due;           /* absolute CLOCK_MONOTONIC usec; UINT64_MAX: never */
} WgBusSource;

/* A socket on which nothing ever arrives and nothing ever ends: what read_fd refers to while
 * reading is paused. Both ends live as long as the process. */
static int silent_fd(void) {
  static gsize once = 0;
  static int ends[2] = {-1, -1};
  if (g_once_init_enter(&once)) {
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
      ends[0] = ends[1] = -1;
    g_once_init_leave(&once, 1);
  }
  return ends[0];
}

/* The fd changes while a connection is being made (sd-bus waits on inotify first). Registering
 * wakes the context, so it is done on a change only. */
static void watch_fd(WgBusSource *self, int fd) {
  if (self->polled && self->poll.fd == fd)
    return;
  if (self->polled)
    g_source_remove_poll(&self->base, &self->poll);
  self->poll.fd = fd;
  self->poll.revents = 0;
  self->polled = fd >= 0;
  if (self->polled)
    g_source_add_poll(&self->base, &self->poll);
}

/* What sd-bus has begun to write comes first: the streams of both must not mix. */
static void flush(WgBusSource *self) {
  guint64 n_waiting = 0;
  int fd = self->write_fd >= 0 ? self->write_fd : sd_bus_get_fd(self->bus);

  if (self->outbox == NULL || wg_outbox_n(self->outbox) == 0 || self->dead || self->broken ||
      fd < 0 || (sd_bus_get_n_queued_write(self->bus, &n_waiting) >= 0 && n_waiting > 0))
    return;
  self->broken = wg_outbox_write(self->outbox, fd) < 0;
}

static gboolean has_gathered(const WgBusSource *self) {
  return self->outbox != NULL && wg_outbox_n(self->outbox) > 0;
}

static gboolean bus_prepare(GSource *source, gint *timeout) {
  WgBusSource *self = (WgBusSource *)source;

  *timeout = -1;
  if (self->dispatching) {
    self->poll.events = 0;
    return FALSE;
  }
  flush(self);
  int events = sd_bus_get_events(self->bus);
  int fd = self->write_fd >= 0 ? self->write_fd : sd_bus_get_fd(self->bus);

  if (self->dead)
    return FALSE;
  if (events < 0 || fd < 0 || self->broken || sd_bus_get_timeout(self->bus, &self->due) < 0) {
    /* closed behind our back: the turn finds the reason */
    watch_fd(self, -1);
    self->due = 0;
    *timeout = 0;
    return TRUE;
  }
  watch_fd(self, fd);
  self->poll.events =
      (gushort)((self->paused ? events & ~POLLIN : events) | (has_gathered(self) ? POLLOUT : 0));
  if (self->due == UINT64_MAX)
    return FALSE;
  if (self->due > 0) {
    gint64 left = (gint64)self->due - g_source_get_time(source);
    if (left > 0) {
      *timeout = (gint)MIN((left + 999) / 1000, G_MAXINT);
      return FALSE;
    }
  }
  *timeout = 0;
  return TRUE;
}

static gboolean bus_check(GSource *source) {
  WgBusSource *self = (WgBusSource *)source;
  if (self->dead || self->dispatching)
    return FALSE;
  if (self->polled && self->poll.revents != 0)
    return TRUE;
  return self->due != UINT64_MAX && (gint64)self->due <= g_source_get_time(source);
}

/* The source is destroyed before the owner hears of it, so that nothing the owner does can make
 * it fire again. */
static void bus_died(WgBusSource *self, int r) {
  if (self->dead)
    return;
  self->dead = TRUE;
  g_source_destroy(&self->base);
  if (self->closed)
    self->closed(self->bus, r, self->closed_data);
}

/* While paused nothing but output and time-outs is a reason to let sd-bus work. */
static gboolean may_process(WgBusSource *self) {
  guint64 n_queued = 0;
  if (!self->paused || (gint64)self->due <= g_source_get_time(&self->base))
    return TRUE;
  return sd_bus_get_n_queued_write(self->bus, &n_queued) >= 0 && n_queued > 0;
}

/* A client that waits for each answer has sent one message, and to ask for another costs as much as
 * half of it. So it is not asked when what lay in the socket was used up, to judge by the size of
 * its messages so far. That is a guess: what is left is found by the next turn. It is one only once
 * a turn has ended for want of input, since then sd-bus holds nothing back of what it read before
 * its handshake was over; after that it never reads more than it needs. `n`: handled in this turn.
 */
static gboolean is_used_up(WgBusSource *self, guint n, int n_readable) {
  if (self->per_message == 0 || n_readable <= 0 ||
      (guint64)n * self->per_message < (guint)n_readable)
    return FALSE;
  self->per_message = MAX((guint)n_readable / n, 1);
  return TRUE;
}

static void learn_size(WgBusSource *self, guint n, int n_readable) {
  guint now = n > 0 ? (guint)n_readable / n : 0;

  if (now > 0)
    self->per_message =
        self->per_message == 0 ? now : MIN(now, self->per_message + self->per_message / 8 + 1);
}

static int process_some(WgBusSource *self, int n_readable) {
  gboolean hung_up = self->polled && (self->poll.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
  gboolean ready = n_readable > 0 && (self->per_message > 0 || sd_bus_is_ready(self->bus) > 0);
  if (hung_up && self->paused)
    return -ECONNRESET;

  int r = 0;
  for (guint i = 0; i < TURN_MAX && may_process(self); i++) {
    r = sd_bus_process(self->bus, NULL);
    if (r < 0 || g_source_is_destroyed(&self->base))
      return r;
    if (r == 0) {
      if (ready)
        learn_size(self, i, n_readable);
      /* an end that sd-bus does not see would be polled again for ever */
      return hung_up && i == 0 ? -ECONNRESET : 0;
    }
    if (!hung_up && is_used_up(self, i + 1, n_readable))
      break;
  }
  return r;
}

static gboolean one_turn(WgBusSource *self) {
  GSource *source = &self->base;
  int n_readable = 0;
  if (self->turn && self->polled && (self->poll.revents & POLLIN) != 0)
    (void)ioctl(self->poll.fd, FIONREAD, &n_readable);

  int r = self->broken ? -ECONNRESET : process_some(self, n_readable);
  if (g_source_is_destroyed(source))
    return G_SOURCE_REMOVE;
  if (r < 0) {
    bus_died(self, r);
    return G_SOURCE_REMOVE;
  }
  flush(self);
  if (self->turn)
    self->turn(self->bus, (guint)MAX(n_readable, 0), self->turn_data);
  return G_SOURCE_CONTINUE;
}

static gboolean bus_dispatch(GSource *source, GSourceFunc callback, gpointer data) {
  WgBusSource *self = (WgBusSource *)source;

  self->dispatching = TRUE;
  gboolean goes_on = one_turn(self);
  self->dispatching = FALSE;
  return goes_on;
}

static void bus_finalize(GSource *source) {
  WgBusSource *self = (WgBusSource *)source;
  self->bus = sd_bus_unref(self->bus);
  g_clear_pointer(&self->outbox, wg_outbox_free);
}

static GSourceFuncs bus_funcs = {bus_prepare, bus_check, bus_dispatch, bus_finalize, NULL, NULL};

GSource *wg_bus_source_attach_split(sd_bus *bus, int read_fd, int write_fd, GMainContext *context,
                                    WgBusClosedFunc closed, gpointer user_data) {
  GSource *source = g_source_new(&bus_funcs, sizeof(WgBusSource));
  WgBusSource *self = (WgBusSource *)source;
  self->bus = sd_bus_ref(bus);
  self->closed = closed;
  self->closed_data = user_data;
  self->read_fd = read_fd;
  self->write_fd = write_fd;
  self->poll.fd = -1;
  self->due = UINT64_MAX;
  g_source_set_static_name(source, "sd-bus");
  /* It cannot, see `dispatching`; but GLib's way to keep a source from it takes the descriptor out
   * of the poll set for each dispatch and puts it back, and each time writes to wake a loop that is
   * itself: two system calls, and a turn for nothing. */
  g_source_set_can_recurse(source, TRUE);
  g_source_attach(source, context);
  return source;
}

GSource *wg_bus_source_attach(sd_bus *bus, GMainContext *context, WgBusClosedFunc closed,
                              gpointer user_data) {
  return wg_bus_source_attach_split(bus, -1, -1, context, closed, user_data);
}

void wg_bus_source_set_turn_func(GSource *source, WgBusTurnFunc turn, gpointer user_data) {
  WgBusSource *self = (WgBusSource *)source;
  self->turn = turn;
  self->turn_data = user_data;
}

void wg_bus_source_set_paused(GSource *source, gboolean paused) {
  WgBusSource *self = (WgBusSource *)source;
  if (self->dead || self->paused == !!paused)
    return;
  self->paused = !!paused;
  if (self->read_fd < 0 || !sd_bus_is_open(self->bus))
    return;
  int from = paused ? silent_fd() : self->write_fd;
  if (from >= 0)
    (void)dup3(from, self->read_fd, O_CLOEXEC);
}

WgOutbox *wg_bus_source_outbox(GSource *source) {
  WgBusSource *self = (WgBusSource *)source;

  if (self->outbox == NULL)
    self->outbox = wg_outbox_new();
  return self->outbox;
}

void wg_bus_source_gathered(GSource *source) {
  WgBusSource *self = (WgBusSource *)source;

  if (wg_outbox_size(self->outbox) >= GATHER_BYTES)
    flush(self);
}

void wg_bus_source_flush(GSource *source) {
  flush((WgBusSource *)source);
}

guint64 wg_bus_source_n_queued(GSource *source) {
  WgBusSource *self = (WgBusSource *)source;
  guint64 n = 0;

  (void)sd_bus_get_n_queued_write(self->bus, &n);
  return n + (self->outbox != NULL ? wg_outbox_n(self->outbox) : 0);
}

/* What was gathered leaves before its connection, like what sd-bus sends at once. */
void wg_bus_source_destroy(GSource *source) {
  if (!source)
    return;
  flush((WgBusSource *)source);
  g_source_destroy(source);
  g_source_unref(source);
}
