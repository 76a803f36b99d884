/* http.c: see http.h. libsoup speaks HTTP; connections are accepted here, since it knows no bounds.
 */
#include "monitoring/http.h"

#include "monitoring/exposition.h"
#include "monitoring/metrics.h"

#include "common/error.h"
#include "common/log.h"
#include "common/trace-context.h"

#include <libsoup/soup.h>
#include <string.h>
#include <unistd.h>

#define CONNECTIONS_MAX 64
#define IDLE_SEC 120 /* longer than between two scrapes */
#define COMPRESS_MIN 1024

struct MonHttp {
  MonDaemon *daemon;
  SoupServer *server;
  GSocketService *service; /* what systemd passed in */
  GSocketService *own;     /* [Http] Listen=; NULL: none */
  GSocketService *next;    /* of a reload that is about to be in force; NULL: none */
  GPtrArray *sockets, *own_sockets, *next_sockets; /* GSocket */
  char *own_text;
  GHashTable *requests; /* of Request: not answered yet */
  guint *connections;   /* counted itself: a connection may end after the server */
};

/* One request whose answer is under way. */
typedef struct {
  MonHttp *http; /* NULL: the service leaves */
  SoupServerMessage *message;
  guint waits; /* for fresh values; 0: no more */
  gboolean gone, gzip;
  GBytes *body;
} Request;

/* Of several, or of a malformed one, a request is in no trace: as W3C has it. */
static void log_answer(SoupServerMessage *message, guint status) {
  SoupMessageHeaders *in = soup_server_message_get_request_headers(message);
  WgTraceIds ids = wg_trace_ids(soup_message_headers_get_list(in, WG_TRACEPARENT));

  wg_log(LOG_DEBUG, NULL, WG_FIELDS(WG_TRACE_FIELDS(ids)), "%s %.80s: %u",
         soup_server_message_get_method(message),
         g_uri_get_path(soup_server_message_get_uri(message)), status);
}

static void count(MonHttp *http, SoupServerMessage *message) {
  guint status = soup_server_message_get_status(message);

  log_answer(message, status);
  mon_metrics_count_http(http->daemon->metrics, status);
}

static void refuse(MonHttp *http, SoupServerMessage *message, guint status, const char *text) {
  soup_server_message_set_status(message, status, NULL);
  soup_server_message_set_response(message, "text/plain; charset=utf-8", SOUP_MEMORY_STATIC, text,
                                   strlen(text));
  count(http, message);
}

static void request_free(Request *request) {
  g_clear_pointer(&request->body, g_bytes_unref);
  g_signal_handlers_disconnect_by_data(request->message, request);
  g_object_unref(request->message);
  g_free(request);
}

/* The client went before the answer. */
static void on_gone(SoupServerMessage *message, gpointer user_data) {
  ((Request *)user_data)->gone = TRUE;
}

static void answer(Request *request) {
  MonHttp *http = request->http;
  SoupServerMessage *message = request->message;

  if (http)
    g_hash_table_remove(http->requests, request);
  if (http && !request->gone) {
    SoupMessageBody *body = soup_server_message_get_response_body(message);
    soup_server_message_set_status(message, SOUP_STATUS_OK, NULL);
    if (request->gzip)
      soup_message_headers_replace(soup_server_message_get_response_headers(message),
                                   "Content-Encoding", "gzip");
    soup_message_body_append_bytes(body, request->body);
    count(http, message);
    soup_server_message_unpause(message);
  }
  request_free(request);
}

/* ---- compressing, on a worker thread ---- */
static void compress(GTask *task, gpointer source, gpointer data, GCancellable *cancellable) {
  GBytes *plain = data;
  g_autoptr(GZlibCompressor) gzip = g_zlib_compressor_new(G_ZLIB_COMPRESSOR_FORMAT_GZIP, 1);
  g_autoptr(GInputStream) memory = g_memory_input_stream_new_from_bytes(plain);
  g_autoptr(GInputStream) stream = g_converter_input_stream_new(memory, G_CONVERTER(gzip));
  g_autoptr(GOutputStream) out = g_memory_output_stream_new_resizable();

  if (g_output_stream_splice(out, stream, G_OUTPUT_STREAM_SPLICE_CLOSE_TARGET, NULL, NULL) < 0)
    g_task_return_pointer(task, NULL, NULL);
  else
    g_task_return_pointer(task, g_memory_output_stream_steal_as_bytes(G_MEMORY_OUTPUT_STREAM(out)),
                          (GDestroyNotify)g_bytes_unref);
}

static void compressed(GObject *source, GAsyncResult *result, gpointer user_data) {
  Request *request = user_data;
  GBytes *small = g_task_propagate_pointer(G_TASK(result), NULL);

  if (small) {
    g_bytes_unref(request->body);
    request->body = small;
  } else {
    request->gzip = FALSE;
  }
  answer(request);
}

/* ---- /metrics ---- */
static void fresh(gpointer user_data) {
  Request *request = user_data;
  MonDaemon *daemon = request->http->daemon;
  SoupMessageHeaders *in = soup_server_message_get_request_headers(request->message);
  SoupMessageHeaders *out = soup_server_message_get_response_headers(request->message);
  gboolean openmetrics = mon_accepts_openmetrics(soup_message_headers_get_list(in, "Accept"));
  MonExposeFlags flags = (openmetrics ? MON_EXPOSE_OPENMETRICS : 0) |
                         (daemon->settings.compat ? MON_EXPOSE_COMPAT : 0) |
                         (daemon->settings.created ? MON_EXPOSE_CREATED : 0);

  request->waits = 0;
  request->body = g_string_free_to_bytes(mon_exposition(daemon->board, flags));
  soup_message_headers_set_content_type(out, openmetrics ? MON_TYPE_OPENMETRICS : MON_TYPE_TEXT,
                                        NULL);
  request->gzip = g_bytes_get_size(request->body) >= COMPRESS_MIN &&
                  mon_accepts_gzip(soup_message_headers_get_list(in, "Accept-Encoding"));
  if (!request->gzip || request->gone) {
    answer(request);
    return;
  }
  g_autoptr(GTask) task = g_task_new(NULL, NULL, compressed, request);
  g_task_set_task_data(task, g_bytes_ref(request->body), (GDestroyNotify)g_bytes_unref);
  g_task_run_in_thread(task, compress);
}

/* Whoever reaches the Unix socket is no web page. */
static gboolean is_for_us(MonHttp *http, SoupServerMessage *message) {
  GSocketAddress *local = soup_server_message_get_local_address(message);
  const char *host =
      soup_message_headers_get_one(soup_server_message_get_request_headers(message), "Host");

  if (host == NULL || (local && g_socket_address_get_family(local) == G_SOCKET_FAMILY_UNIX) ||
      mon_http_host_is_ours(host, g_get_host_name(), http->daemon->settings.http_hosts))
    return TRUE;
  refuse(
      http, message, SOUP_STATUS_MISDIRECTED_REQUEST,
      "The name in Host is not one of this machine. If you came by a name of it, an administrator "
      "can add that to Hosts= in the section [Http] of monitord.conf.\n");
  return FALSE;
}

static gboolean is_taken(MonHttp *http, SoupServerMessage *message) {
  const char *method = soup_server_message_get_method(message);

  if (!is_for_us(http, message))
    return FALSE;
  if (method == SOUP_METHOD_GET || method == SOUP_METHOD_HEAD)
    return TRUE;
  soup_message_headers_replace(soup_server_message_get_response_headers(message), "Allow",
                               "GET, HEAD");
  refuse(http, message, SOUP_STATUS_METHOD_NOT_ALLOWED, "This socket is for reading.\n");
  return FALSE;
}

static void on_metrics(SoupServer *server, SoupServerMessage *message, const char *path,
                       GHashTable *query, gpointer user_data) {
  MonHttp *http = user_data;

  if (!is_taken(http, message))
    return;
  if (strcmp(path, "/metrics") != 0) {
    refuse(http, message, SOUP_STATUS_NOT_FOUND, "Nothing is here; try /metrics.\n");
    return;
  }
  Request *request = g_new0(Request, 1);
  request->http = http;
  request->message = g_object_ref(message);
  g_signal_connect(message, "disconnected", G_CALLBACK(on_gone), request);
  g_signal_connect(message, "finished", G_CALLBACK(on_gone), request);
  g_hash_table_add(http->requests, request);
  soup_server_message_pause(message);
  request->waits = mon_metrics_fresh(http->daemon->metrics, fresh, request);
}

static void on_other(SoupServer *server, SoupServerMessage *message, const char *path,
                     GHashTable *query, gpointer user_data) {
  MonHttp *http = user_data;

  if (!is_taken(http, message))
    return;
  if (strcmp(path, "/") != 0) {
    refuse(http, message, SOUP_STATUS_NOT_FOUND, "Nothing is here; try /metrics.\n");
    return;
  }
  refuse(http, message, SOUP_STATUS_OK,
         "waggle-monitord: /metrics, as Prometheus' text or OpenMetrics.\n");
}

/* ---- connections ---- */
static void connection_gone(gpointer user_data, GObject *connection) {
  guint *connections = user_data;

  --*connections;
  g_rc_box_release(connections);
}

static gboolean on_incoming(GSocketService *service, GSocketConnection *connection, GObject *source,
                            gpointer user_data) {
  MonHttp *http = user_data;
  g_autoptr(GError) error = NULL;

  if (*http->connections >= CONNECTIONS_MAX)
    return TRUE; /* closed when its last reference goes, which is now */
  g_socket_set_timeout(g_socket_connection_get_socket(connection), IDLE_SEC);
  ++*http->connections;
  g_object_weak_ref(G_OBJECT(connection), connection_gone, g_rc_box_acquire(http->connections));
  g_autoptr(GSocketAddress) local = g_socket_connection_get_local_address(connection, NULL);
  g_autoptr(GSocketAddress) remote = g_socket_connection_get_remote_address(connection, NULL);
  if (!soup_server_accept_iostream(http->server, G_IO_STREAM(connection), local, remote, &error))
    g_debug("A connection to the HTTP socket was refused: %s", error->message);
  return TRUE;
}

/* ---- life ---- */
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
static gboolean take_passed(MonHttp *http, GError **error) {
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

void mon_http_use(MonHttp *http) {
  if (!http->next)
    return;
  close_service(&http->own);
  http->own = g_steal_pointer(&http->next);
  g_ptr_array_unref(http->own_sockets);
  http->own_sockets = g_steal_pointer(&http->next_sockets);
  g_free(http->own_text);
  http->own_text = g_strdup(http->daemon->settings.http_listen);
}

MonHttp *mon_http_new(MonDaemon *daemon, GError **error) {
  MonHttp *http = g_new0(MonHttp, 1);

  http->daemon = daemon;
  http->sockets = g_ptr_array_new_with_free_func(g_object_unref);
  http->own_sockets = g_ptr_array_new_with_free_func(g_object_unref);
  http->requests = g_hash_table_new(NULL, NULL);
  http->connections = g_rc_box_new0(guint);
  http->server = soup_server_new("server-header", "waggle-monitord", NULL);
  soup_server_add_handler(http->server, "/metrics", on_metrics, http, NULL);
  soup_server_add_handler(http->server, NULL, on_other, http, NULL);
  if (take_passed(http, error) && mon_http_prepare(http, error)) {
    mon_http_use(http);
    return http;
  }
  mon_http_free(http);
  return NULL;
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

/* Those that a worker compresses for find themselves without a server; the others are freed. */
static void drop_requests(MonHttp *http) {
  GHashTableIter iter;
  gpointer key;

  g_hash_table_iter_init(&iter, http->requests);
  while (g_hash_table_iter_next(&iter, &key, NULL)) {
    Request *request = key;
    request->http = NULL;
    if (request->waits == 0)
      continue;
    mon_metrics_forget(http->daemon->metrics, request->waits);
    request_free(request);
  }
  g_hash_table_unref(http->requests);
}

void mon_http_free(MonHttp *http) {
  if (!http)
    return;
  close_service(&http->service);
  close_service(&http->own);
  drop_requests(http);
  soup_server_disconnect(http->server);
  g_object_unref(http->server);
  g_ptr_array_unref(http->sockets);
  g_ptr_array_unref(http->own_sockets);
  g_rc_box_release(http->connections);
  g_free(http->own_text);
  g_free(http);
}
