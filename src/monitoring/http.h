/* http.h: GET /metrics on the sockets that systemd passed in, and on those of [Http] Listen=.
 *
 * Reads only, and nothing but numbers: whoever reaches the socket may have them, over TCP those
 * only whom [Http] WebConfig= lets in (TLS, passwords). Everything else is 404 or 405; over TCP the
 * name in Host has to be ours (421). The answer is made on the loop and compressed on a worker
 * thread; connections and the time of idle ones are bounded. */
#pragma once

#include "monitoring/daemon.h"
#include "monitoring/web-config.h"

#include <gio/gio.h>

MonHttp *mon_http_new(MonDaemon *daemon, GError **error);
void mon_http_free(MonHttp *http);
/* A reload (daemon-reload.c): [Http] Listen= of the new settings. FALSE: one of the sockets cannot
 * be had, and nothing has changed. Otherwise mon_http_use() follows, which cannot fail: the new
 * ones take the place of the old ones, and `web` (transfer full) is in force. Sockets of systemd
 * stay; connections over TCP are cut where TLS was or is wanted. */
gboolean mon_http_prepare(MonHttp *http, GError **error);
void mon_http_use(MonHttp *http, MonWeb *web);
/* "127.0.0.1:9477", "/run/waggle/metrics"; ends with NULL. Free with g_strfreev(). */
char **mon_http_addresses(MonHttp *http);

/* http-host.c: TRUE: the name of a Host header is this machine's: an address, localhost, its own
 * name `machine` with or without its domain, or one of `more` (separated by blanks). */
gboolean mon_http_host_is_ours(const char *host, const char *machine, const char *more);

/* http-listen.c: a listening socket for "ADDRESS:PORT" or a path. A path that is a socket nobody
 * listens on is replaced. CONFIGURATION. (transfer full) */
GSocket *mon_http_listen(const char *address, GError **error);
/* How it is called. Free with g_free(). */
char *mon_http_address(GSocket *socket);
