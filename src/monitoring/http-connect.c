/* http-connect.c: sockets and connections of the HTTP server, see http-private.h. They are accepted
 * here, since libsoup knows no bounds. */
#include "monitoring/http-private.h"

#include <string.h>
#include <unistd.h>

#define CONNECTIONS_MAX 64
#define IDLE_SEC 120 /* longer than between two scrapes */

/* ---- connections ---- */
static void crowd_clear(gpointer data) {
  g_hash_table_unref(((MonCrowd *)data)->tcp);
}

static void connection_gone(gpointer user_data, GObject *connection) {
  MonCrowd *crowd = user_data;

  crowd->n--;
  g_hash_table_remove(crowd->tcp, connection);
  g_rc_box_release_full(crowd, crowd_clear);
}

void mon_http_serve_on(MonHttp *http, GIOStream *stream, GSocketConnection *connection) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GSocketAddress) local = g_socket_connection_get_local_address(connection, NULL);
  g_autoptr(GSocketAddress) remote = g_socket_connection_get_remote_address(connection, NULL);

  if (!soup_server_accept_iostream(http->server, stream, local, remote, &error))
    g_debug("A connection to the HTTP socket was refused: %s", error->message);
}

static gboolean on_incoming(GSocketService *service, GSocketConnection *connection, GObject *source,
                            gpointer user_data) {
  MonHttp *http = user_data;
  GSocket *socket = g_socket_connection_get_socket(connection);
  gboolean is_tcp = g_socket_get_family(socket) != G_SOCKET_FAMILY_UNIX;

  if (http->crowd->n >= CONNECTIONS_MAX)
    return TRUE; /* closed when its last reference goes, which is now */
  g_socket_set_timeout(socket, IDLE_SEC);
  http->crowd->n++;
  if (is_tcp)
    g_hash_table_add(http->crowd->tcp, connection);
  g_object_weak_ref(G_OBJECT(connection), connection_gone, g_rc_box_acquire(http->crowd));
  if (is_tcp && http->web->certificate)
    mon_http_secure(http, connection);
  else
    mon_http_serve_on(http, G_IO_STREAM(connection), connection);
  return TRUE;
}

void mon_http_cut(MonHttp *http) {
  GHashTableIter iter;
  gpointer connection;

  g_hash_table_iter_init(&iter, http->crowd->tcp);
  while (g_hash_table_iter_next(&iter, &connection, NULL))
    g_socket_shutdown(g_socket_connection_get_socket(connection), TRUE, TRUE, NULL);
}

/* ---- sockets ---- */
static GSocketService *listen_on(MonHttp *http, GPtrArray *sockets, GError **error) {
  GSocketService *service = g_socket_service_new();

  for (guint i = 0; i < sockets->len; i++)
    if (!g_socket_listener_add_socket(G_SOCKET_LISTENER(service), sockets->pdata[i], NULL, error)) {
      g_object_unref(service);
      return NULL;
    }
  g_signal_connect(service, "incoming", G_CALLBACK(on_incoming), http);
  g_socket_service_start(service);
  return service;
}

/* A copy of the descriptor: what systemd passed in stays open for it. */
gboolean mon_http_take_passed(MonHttp *http, GError **error) {
  guint n;
  const int *fds = wg_service_extra_fds(http->daemon->service, &n);

  for (guint i = 0; i < n; i++) {
    int fd = dup(fds[i]);
    GSocket *socket = fd >= 0 ? g_socket_new_from_fd(fd, error) : NULL;
    if (!socket)
      return FALSE;
    g_ptr_array_add(http->sockets, socket);
  }
  http->service = listen_on(http, http->sockets, error);
  return http->service != NULL;
}

static void close_service(GSocketService **service) {
  if (!*service)
    return;
  g_socket_service_stop(*service);
  g_clear_object(service);
}

gboolean mon_http_prepare(MonHttp *http, GError **error) {
  g_auto(GStrv) words = g_strsplit_set(http->daemon->settings.http_listen, " \t", -1);
  g_autoptr(GPtrArray) sockets = g_ptr_array_new_with_free_func(g_object_unref);

  if (g_strcmp0(http->daemon->settings.http_listen, http->own_text) == 0)
    return TRUE;
  for (guint i = 0; words[i]; i++) {
    GSocket *socket = *words[i] ? mon_http_listen(words[i], error) : NULL;
    if (*words[i] && !socket)
      return FALSE;
    if (socket)
      g_ptr_array_add(sockets, socket);
  }
  http->next = listen_on(http, sockets, error);
  if (!http->next)
    return FALSE;
  http->next_sockets = g_steal_pointer(&sockets);
  return TRUE;
}

static void use_web(MonHttp *http, MonWeb *web) {
  gboolean is_secret = http->web->certificate || web->certificate;

  mon_web_unref(http->web);
  http->web = web;
  if (!is_secret)
    return; /* who asks is looked at with each request */
  mon_http_secure_stop(http);
  mon_http_cut(http);
}

void mon_http_use(MonHttp *http, MonWeb *web) {
  use_web(http, web);
  if (!http->next)
    return;
  close_service(&http->own);
  http->own = g_steal_pointer(&http->next);
  g_ptr_array_unref(http->own_sockets);
  http->own_sockets = g_steal_pointer(&http->next_sockets);
  g_free(http->own_text);
  http->own_text = g_strdup(http->daemon->settings.http_listen);
}

char **mon_http_addresses(MonHttp *http) {
  GPtrArray *all = g_ptr_array_new();

  for (guint i = 0; i < http->sockets->len; i++)
    g_ptr_array_add(all, mon_http_address(http->sockets->pdata[i]));
  for (guint i = 0; i < http->own_sockets->len; i++)
    g_ptr_array_add(all, mon_http_address(http->own_sockets->pdata[i]));
  g_ptr_array_add(all, NULL);
  return (char **)g_ptr_array_free(all, FALSE);
}

/* ---- life ---- */
void mon_http_connect_init(MonHttp *http) {
  http->sockets = g_ptr_array_new_with_free_func(g_object_unref);
  http->own_sockets = g_ptr_array_new_with_free_func(g_object_unref);
  http->handshakes = g_ptr_array_new();
  http->crowd = g_rc_box_new0(MonCrowd);
  http->crowd->tcp = g_hash_table_new(NULL, NULL);
}

void mon_http_connect_stop(MonHttp *http) {
  close_service(&http->service);
  close_service(&http->own);
  mon_http_secure_stop(http);
}

void mon_http_connect_clear(MonHttp *http) {
  g_ptr_array_unref(http->sockets);
  g_ptr_array_unref(http->own_sockets);
  g_ptr_array_unref(http->handshakes);
  g_rc_box_release_full(http->crowd, crowd_clear);
  g_free(http->own_text);
}
