/* timer-source.c: see timer-source.h.
 *
 * The timer is the kernel's; this file only waits for its fd. Arming again forgets an expiry
 * that was not delivered yet (timerfd_settime() clears it), so a callback never runs for
 * a time that was taken back. A failing timerfd_settime() can only be a bug and ends the
 * process, since a deadline that silently never comes would be worse. */
#include "common/timer-source.h"

#include "common/error.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

typedef struct {
  GSource source;
  int fd;
  gpointer tag;
  clockid_t clock;
  gboolean set_while_arming;
  WgTimerFunc func;
  gpointer user_data;
} TimerSource;

static gboolean timer_dispatch(GSource *source, GSourceFunc callback, gpointer user_data) {
  TimerSource *t = (TimerSource *)source;
  guint64 expirations;

  if (t->set_while_arming) {
    t->set_while_arming = FALSE;
    g_source_set_ready_time(source, -1);
    t->func(TRUE, t->user_data);
    return G_SOURCE_CONTINUE;
  }
  if (!g_source_query_unix_fd(source, t->tag))
    return G_SOURCE_CONTINUE;
  ssize_t n = read(t->fd, &expirations, sizeof expirations);
  if (n < 0 && errno == ECANCELED)
    t->func(TRUE, t->user_data);
  else if (n == sizeof expirations)
    t->func(FALSE, t->user_data);
  else if (n >= 0 || (errno != EAGAIN && errno != EINTR))
    g_error("reading a timer: %s", n < 0 ? g_strerror(errno) : "short");
  return G_SOURCE_CONTINUE;
}

static void timer_finalize(GSource *source) {
  close(((TimerSource *)source)->fd);
}

static GSourceFuncs timer_funcs = {.dispatch = timer_dispatch, .finalize = timer_finalize};

GSource *wg_timer_source_new(clockid_t clock, WgTimerFunc func, gpointer user_data,
                             GError **error) {
  int fd = timerfd_create(clock, TFD_NONBLOCK | TFD_CLOEXEC);

  if (fd < 0) {
    wg_error_set_errno(error, errno, "cannot make a timer");
    return NULL;
  }
  GSource *source = g_source_new(&timer_funcs, sizeof(TimerSource));
  TimerSource *t = (TimerSource *)source;
  t->fd = fd;
  t->clock = clock;
  t->func = func;
  t->user_data = user_data;
  t->tag = g_source_add_unix_fd(source, fd, G_IO_IN);
  g_source_set_static_name(source, "waggle timer");
  g_source_attach(source, NULL);
  return source;
}

void wg_timer_source_arm(GSource *source, gint64 when_usec) {
  TimerSource *t = (TimerSource *)source;
  struct itimerspec spec = {0};
  int flags = TFD_TIMER_ABSTIME;

  if (when_usec != G_MAXINT64) {
    when_usec = MAX(when_usec, 1); /* zero would disarm */
    spec.it_value.tv_sec = when_usec / G_USEC_PER_SEC;
    spec.it_value.tv_nsec = when_usec % G_USEC_PER_SEC * 1000;
    if (t->clock == CLOCK_REALTIME)
      flags |= TFD_TIMER_CANCEL_ON_SET;
  }
  if (timerfd_settime(t->fd, flags, &spec, NULL) == 0)
    return;
  if (errno != ECANCELED)
    g_error("arming a timer: %s", g_strerror(errno));
  /* The clock was set since the last look: the timer is armed all the same, but nobody
   * would hear of it any more, so the callback is owed. */
  t->set_while_arming = TRUE;
  g_source_set_ready_time(source, 0);
}

void wg_timer_source_destroy(GSource *source) {
  g_source_destroy(source);
  g_source_unref(source);
}
