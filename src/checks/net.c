/* net.c: see net.h. */
#include "checks/net.h"

#include "checks/local.h"

#include <gio/gunixsocketaddress.h>
#include <string.h>
#include <sys/socket.h>

#define SECRET_MAX 4096

void chk_net_own_error(const ChkLook *look, GError **error) {
  if (!g_error_matches(*error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  g_clear_error(error);
  g_set_error(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "no answer within the time limit");
}

GSocketConnection *chk_net_connect(const ChkLook *look, const ChkAddress *address, GError **error) {
  g_autoptr(GSocketClient) client = g_socket_client_new();
  g_autoptr(GSocketConnectable) to =
      address->path ? G_SOCKET_CONNECTABLE(g_unix_socket_address_new(address->path))
                    : g_network_address_new(address->host, address->port);
  const char *local = chk_option_text(look, "local-address", NULL);
  g_autoptr(GSocketAddress) from = local ? g_inet_socket_address_new_from_string(local, 0) : NULL;
  g_autoptr(GError) own = NULL;

  /* What is checked is that host, not the proxy that this user's environment names. */
  g_socket_client_set_enable_proxy(client, FALSE);
  if (from)
    g_socket_client_set_local_address(client, from);
  GSocketConnection *connection = g_socket_client_connect(client, to, look->cancel, &own);
  if (connection == NULL) {
    chk_net_own_error(look, &own);
    g_propagate_error(error, g_steal_pointer(&own));
  }
  return connection;
}

char *chk_net_peer(GSocketConnection *connection) {
  g_autoptr(GSocketAddress) address = g_socket_connection_get_remote_address(connection, NULL);

  if (address == NULL)
    return NULL;
  if (G_IS_UNIX_SOCKET_ADDRESS(address))
    return g_strdup(g_unix_socket_address_get_path(G_UNIX_SOCKET_ADDRESS(address)));
  return g_socket_connectable_to_string(G_SOCKET_CONNECTABLE(address));
}

void chk_net_refused(ChkSight *ret, const char *key, const GError *error) {
  JsonObject *seen = json_object_new();

  json_object_set_boolean_member(seen, key, FALSE);
  chk_set_text(seen, "error", error->message);
  ret->text = g_strdup(error->message);
  chk_observed(ret, seen);
}

static void on_cancel(GCancellable *cancel, gpointer user_data) {
  shutdown(GPOINTER_TO_INT(user_data), SHUT_RDWR);
}

void chk_breaker_begin(ChkBreaker *breaker, const ChkLook *look, int fd) {
  breaker->cancel = g_object_ref(look->cancel);
  breaker->fd = fd;
  breaker->handler =
      g_cancellable_connect(look->cancel, G_CALLBACK(on_cancel), GINT_TO_POINTER(fd), NULL);
}

/* Waits for a handler that runs just now, so the number of the socket may be used anew after it. */
void chk_breaker_end(ChkBreaker *breaker) {
  if (breaker->cancel == NULL)
    return;
  g_cancellable_disconnect(breaker->cancel, breaker->handler);
  g_clear_object(&breaker->cancel);
}

struct timeval chk_net_left(const ChkLook *look) {
  gint64 left = (gint64)look->deadline - g_get_monotonic_time();

  left = MAX(left, 1000);
  return (struct timeval){.tv_sec = left / G_USEC_PER_SEC, .tv_usec = left % G_USEC_PER_SEC};
}

gboolean chk_secret(const ChkLook *look, const char *name, char **ret, GError **error) {
  const char *path = chk_option_text(look, name, NULL);
  gsize size;

  *ret = NULL;
  if (path == NULL)
    return TRUE;
  char *text = chk_local_read(look, path, SECRET_MAX, &size, error);
  if (text == NULL)
    return FALSE;
  text[strcspn(text, "\r\n")] = 0;
  *ret = text;
  return TRUE;
}
