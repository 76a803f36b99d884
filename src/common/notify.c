/* notify.c: see notify.h. Results of sd_notify() are left out on purpose: there is nobody to tell
 * but the one who could not be reached. */
#include "common/notify.h"

#include <systemd/sd-daemon.h>

struct WgNotify {
  char *status;
  gboolean stopping;
};

WgNotify *wg_notify_new(void) {
  return g_new0(WgNotify, 1);
}

void wg_notify_free(WgNotify *n) {
  if (!n)
    return;
  g_free(n->status);
  g_free(n);
}

static const char *keep_status(WgNotify *n, const char *text) {
  g_free(n->status);
  n->status = g_utf8_make_valid(text, -1);
  return g_strdelimit(n->status, "\n\r", ' ');
}

void wg_notify_status(WgNotify *n, const char *text) {
  g_autofree char *before = g_strdup(n->status);

  if (g_strcmp0(keep_status(n, text), before) != 0)
    (void)sd_notifyf(0, "STATUS=%s", n->status);
}

void wg_notify_ready(WgNotify *n, const char *status) {
  if (!n->stopping)
    (void)sd_notifyf(0, "READY=1\nSTATUS=%s", keep_status(n, status));
}

void wg_notify_reloading(WgNotify *n) {
  /* CLOCK_MONOTONIC, and without it `systemctl reload` of a notify-reload unit never returns. */
  if (!n->stopping)
    (void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" G_GINT64_FORMAT, g_get_monotonic_time());
}

void wg_notify_stopping(WgNotify *n, const char *status) {
  n->stopping = TRUE;
  (void)sd_notifyf(0, "STOPPING=1\nSTATUS=%s", keep_status(n, status));
}

void wg_notify_watchdog(WgNotify *n) {
  (void)sd_notify(0, "WATCHDOG=1");
}

void wg_notify_failed(WgNotify *n, int errnum, const char *status) {
  (void)sd_notifyf(0, "ERRNO=%i\nSTATUS=%s", errnum, keep_status(n, status));
}

void wg_notify_extend(WgNotify *n, guint64 usec) {
  (void)sd_notifyf(0, "EXTEND_TIMEOUT_USEC=%" G_GUINT64_FORMAT, usec);
}
