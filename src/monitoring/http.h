/* http.h: GET /metrics on the sockets that systemd passed in, and on those of [Http] Listen=.
 *
 * Reads only, and nothing but numbers: whoever reaches the socket may have them. Everything else is
 * 404 or 405. The answer is made on the loop and compressed on a worker thread; connections and the
 * time of idle ones are bounded. */
#pragma once

#include "monitoring/daemon.h"

#include <gio/gio.h>

MonHttp *mon_http_new(MonDaemon *daemon, GError **error);
void mon_http_free(MonHttp *http);
/* [Http] Listen= of the new settings; sockets of systemd stay. */
gboolean mon_http_reload(MonHttp *http, GError **error);
/* "127.0.0.1:9477", "/run/waggle/metrics"; ends with NULL. Free with g_strfreev(). */
char **mon_http_addresses(MonHttp *http);

/* http-listen.c: a listening socket for "ADDRESS:PORT" or a path. A path that is a socket nobody
 * listens on is replaced. CONFIGURATION. (transfer full) */
GSocket *mon_http_listen(const char *address, GError **error);
/* How it is called. Free with g_free(). */
char *mon_http_address(GSocket *socket);
