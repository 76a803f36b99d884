/* http-listen.c: listening sockets of our own, see http.h. For users without socket units and for
 * tests; with systemd the sockets are its own. */
#include "monitoring/http.h"

#include "common/error.h"

#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* "127.0.0.1:9477", "[::1]:0"; names are not looked up. */
static GSocketAddress *inet_address(const char *text) {
  const char *colon = strrchr(text, ':');
  guint64 port;

  if (!colon || !g_ascii_string_to_unsigned(colon + 1, 10, 0, 65535, &port, NULL))
    return NULL;
  g_autofree char *host = g_strndup(text, (gsize)(colon - text));
  gsize n = strlen(host);
  if (n > 2 && host[0] == '[' && host[n - 1] == ']') {
    host[n - 1] = '\0';
    return g_inet_socket_address_new_from_string(host + 1, (guint)port);
  }
  return g_inet_socket_address_new_from_string(host, (guint)port);
}

static gboolean nobody_listens(const char *path) {
  g_autoptr(GSocketAddress) address = g_unix_socket_address_new(path);
  g_autoptr(GSocket) probe =
      g_socket_new(G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, NULL);
  g_autoptr(GError) error = NULL;
  struct stat st;

  if (!probe || lstat(path, &st) < 0 || !S_ISSOCK(st.st_mode))
    return FALSE;
  g_socket_set_blocking(probe, FALSE);
  return !g_socket_connect(probe, address, NULL, &error) &&
         g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED);
}

GSocket *mon_http_listen(const char *text, GError **error) {
  g_autoptr(GSocketAddress) address =
      text[0] == '/' ? g_unix_socket_address_new(text) : inet_address(text);
  g_autoptr(GError) local = NULL;

  if (!address) {
    g_set_error(error, WG_ERROR, WG_ERROR_CONFIGURATION,
                "[Http] Listen=: \"%s\" is neither ADDRESS:PORT nor a path", text);
    return NULL;
  }
  g_autoptr(GSocket) socket = g_socket_new(g_socket_address_get_family(address),
                                           G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, &local);
  if (socket)
    g_socket_set_listen_backlog(socket, SOMAXCONN);
  if (socket && text[0] == '/' && nobody_listens(text))
    unlink(text);
  if (socket && g_socket_bind(socket, address, TRUE, &local) && g_socket_listen(socket, &local))
    return g_steal_pointer(&socket);
  g_set_error(error, WG_ERROR, WG_ERROR_CONFIGURATION, "[Http] Listen=: cannot listen on %s: %s",
              text, local->message);
  return NULL;
}

char *mon_http_address(GSocket *socket) {
  g_autoptr(GSocketAddress) address = g_socket_get_local_address(socket, NULL);

  if (address && G_IS_UNIX_SOCKET_ADDRESS(address))
    return g_strdup(g_unix_socket_address_get_path(G_UNIX_SOCKET_ADDRESS(address)));
  return address ? g_socket_connectable_to_string(G_SOCKET_CONNECTABLE(address)) : g_strdup("?");
}
