/* notify.c: see notify.h. Results of sd_notify() are left out on purpose: there is nobody to tell
 * but the one who could not be reached. */
#include "common/notify.h"

#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

/* A message of more than 4096 bytes (NOTIFY_BUFFER_MAX of systemd) is dropped whole, with the
 * READY=1 that a reload waits for. */
#define STATUS_MAX 1024

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
  if (strlen(n->status) > STATUS_MAX)
    strcpy(g_utf8_find_prev_char(n->status, n->status + STATUS_MAX - 2), "...");
  return g_strdelimit(n->status, "\n\r", ' ');
}

/* sd_notify() waits for a manager that does not read. What matters to the unit's life may; a line
 * for people must not stop the loop. FALSE: it was not taken. */
static gboolean send_now(const char *text) {
  const char *path = g_getenv("NOTIFY_SOCKET");
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  gsize length = path ? strlen(path) : 0;

  if (length == 0)
    return TRUE;
  if (length >= sizeof address.sun_path || strchr("/@", path[0]) == NULL)
    return sd_notify(0, text) > 0;
  memcpy(address.sun_path, path, length);
  if (path[0] == '@')
    address.sun_path[0] = '\0';
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0)
    return FALSE;
  gssize n = sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&address,
                    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
  close(fd);
  return n >= 0;
}

void wg_notify_status(WgNotify *n, const char *text) {
  g_autofree char *before = g_strdup(n->status);

  if (g_strcmp0(keep_status(n, text), before) == 0)
    return;
  g_autofree char *line = g_strconcat("STATUS=", n->status, NULL);
  if (!send_now(line))
    g_clear_pointer(&n->status, g_free); /* the next one is news, whatever it says */
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
