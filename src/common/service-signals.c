/* service-signals.c: SIGHUP reloads, SIGTERM and SIGINT leave.
 *
 * The signals are blocked before the first thread exists and are read from a descriptor, so
 * there is one owner of them, no thread of GLib's for them, and a SIGHUP that comes before we
 * are ready waits instead of killing. Those that pile up count as one. */
#include "common/error.h"
#include "common/log.h"
#include "common/service-private.h"

#include <errno.h>
#include <glib-unix.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

static sigset_t our_signals(void) {
  sigset_t set;

  sigemptyset(&set);
  sigaddset(&set, SIGHUP);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

void wg_service_signals_block(void) {
  sigset_t set = our_signals();

  sigprocmask(SIG_BLOCK, &set, NULL);
  signal(SIGPIPE, SIG_IGN);
}

static gboolean on_signal(gint fd, GIOCondition condition, gpointer user_data) {
  WgService *service = user_data;
  gboolean hangup = FALSE, terminate = FALSE;
  struct signalfd_siginfo info;

  while (read(fd, &info, sizeof info) == sizeof info) {
    wg_log(LOG_DEBUG, NULL, NULL, "Signal %s from process %u", g_strsignal((gint)info.ssi_signo),
           info.ssi_pid);
    hangup = hangup || info.ssi_signo == SIGHUP;
    terminate = terminate || info.ssi_signo != SIGHUP;
  }
  if (terminate)
    wg_service_leave(service, WG_LEAVE_SIGNAL, 0);
  else if (hangup)
    wg_service_reload_later(service);
  return G_SOURCE_CONTINUE;
}

gboolean wg_service_signals_start(WgService *service, GError **error) {
  sigset_t set = our_signals();
  int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);

  if (fd < 0)
    return wg_error_set_errno(error, errno, "cannot wait for signals");
  service->signal_fd = fd;
  service->signals = g_unix_fd_source_new(fd, G_IO_IN);
  g_source_set_static_name(service->signals, "signals");
  g_source_set_callback(service->signals, G_SOURCE_FUNC(on_signal), service, NULL);
  g_source_attach(service->signals, NULL);
  return TRUE;
}

void wg_service_signals_stop(WgService *service) {
  if (!service->signals)
    return;
  g_source_destroy(service->signals);
  g_clear_pointer(&service->signals, g_source_unref);
  close(service->signal_fd);
}
