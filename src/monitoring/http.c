/* http.c: see http.h. libsoup speaks HTTP; requests are answered here. */
#include "monitoring/exposition.h"
#include "monitoring/http-private.h"
#include "monitoring/metrics.h"

#include "common/log.h"
#include "common/trace-context.h"

#include <string.h>

#define COMPRESS_MIN 1024

/* One request whose answer is under way. */
typedef struct {
  MonHttp *http; /* NULL: the service leaves */
  SoupServerMessage *message;
  char *path;
  guint waits;       /* for fresh values; 0: no more */
  gboolean is_asked; /* who it is: waits for the answer */
  gboolean paused, gone, gzip;
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
  g_free(request->path);
  g_signal_handlers_disconnect_by_data(request->message, request);
  g_object_unref(request->message);
  g_free(request);
}

/* The client went before the answer. */
static void on_gone(SoupServerMessage *message, gpointer user_data) {
  ((Request *)user_data)->gone = TRUE;
}

/* It is answered, or nobody waits for it any more. */
static void end(Request *request) {
  if (request->http) {
    g_hash_table_remove(request->http->requests, request);
    if (request->paused && !request->gone)
      soup_server_message_unpause(request->message);
  }
  request_free(request);
}

static void answer(Request *request) {
  SoupServerMessage *message = request->message;

  if (request->http && !request->gone) {
    SoupMessageBody *body = soup_server_message_get_response_body(message);
    soup_server_message_set_status(message, SOUP_STATUS_OK, NULL);
    if (request->gzip)
      soup_message_headers_replace(soup_server_message_get_response_headers(message),
                                   "Content-Encoding", "gzip");
    soup_message_body_append_bytes(body, request->body);
    count(request->http, message);
  }
  end(request);
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

static gboolean is_unix(SoupServerMessage *message) {
  GSocketAddress *local = soup_server_message_get_local_address(message);

  return local && g_socket_address_get_family(local) == G_SOCKET_FAMILY_UNIX;
}

/* Whoever reaches the Unix socket is no web page. */
static gboolean is_for_us(MonHttp *http, SoupServerMessage *message) {
  const char *host =
      soup_message_headers_get_one(soup_server_message_get_request_headers(message), "Host");

  if (host == NULL || is_unix(message) ||
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

/* ---- who asks ---- */
static void refuse_user(MonHttp *http, SoupServerMessage *message) {
  soup_message_headers_replace(soup_server_message_get_response_headers(message),
                               "WWW-Authenticate", "Basic realm=\"waggle\", charset=\"UTF-8\"");
  refuse(http, message, SOUP_STATUS_UNAUTHORIZED,
         "Name and password are wanted, of basic_auth_users in the file that WebConfig= in the "
         "section [Http] of monitord.conf names.\n");
}

static void pause_it(Request *request) {
  if (!request->paused)
    soup_server_message_pause(request->message);
  request->paused = TRUE;
}

static void serve(Request *request) {
  MonHttp *http = request->http;
  gboolean is_root = strcmp(request->path, "/") == 0;

  if (strcmp(request->path, "/metrics") == 0) {
    pause_it(request);
    request->waits = mon_metrics_fresh(http->daemon->metrics, fresh, request);
    return;
  }
  refuse(http, request->message, is_root ? SOUP_STATUS_OK : SOUP_STATUS_NOT_FOUND,
         is_root ? "waggle-monitord: /metrics, as Prometheus' text or OpenMetrics.\n"
                 : "Nothing is here; try /metrics.\n");
  end(request);
}

static void on_checked(gboolean good, gpointer user_data) {
  Request *request = user_data;

  request->is_asked = FALSE;
  if (good && !request->gone) {
    serve(request);
    return;
  }
  if (!request->gone)
    refuse_user(request->http, request->message);
  end(request);
}

static void on_request(SoupServer *server, SoupServerMessage *message, const char *path,
                       GHashTable *query, gpointer user_data) {
  MonHttp *http = user_data;
  SoupMessageHeaders *in = soup_server_message_get_request_headers(message);
  Request *request;

  /* libsoup closes where it has not accepted itself; whoever asks has to know before it asks again
   */
  soup_message_headers_replace(soup_server_message_get_response_headers(message), "Connection",
                               "close");
  if (!is_taken(http, message))
    return;
  request = g_new0(Request, 1);
  request->http = http;
  request->path = g_strdup(path);
  request->message = g_object_ref(message);
  g_signal_connect(message, "disconnected", G_CALLBACK(on_gone), request);
  g_signal_connect(message, "finished", G_CALLBACK(on_gone), request);
  g_hash_table_add(http->requests, request);
  MonAuthAnswer answered =
      is_unix(message)
          ? MON_AUTH_YES
          : mon_auth_check(http->auth, http->web, soup_message_headers_get_one(in, "Authorization"),
                           on_checked, request);
  request->is_asked = answered == MON_AUTH_LATER;
  if (request->is_asked)
    pause_it(request);
  else
    on_checked(answered == MON_AUTH_YES, request);
}

/* ---- life ---- */
MonHttp *mon_http_new(MonDaemon *daemon, GError **error) {
  MonWeb *web = mon_web_load(daemon->settings.http_web, error);
  MonHttp *http;

  if (!web)
    return NULL;
  http = g_new0(MonHttp, 1);
  http->daemon = daemon;
  http->web = web;
  http->auth = mon_auth_new();
  http->requests = g_hash_table_new(NULL, NULL);
  mon_http_connect_init(http);
  http->server = soup_server_new("server-header", "waggle-monitord", NULL);
  soup_server_add_handler(http->server, NULL, on_request, http, NULL);
  if (mon_http_take_passed(http, error) && mon_http_prepare(http, error)) {
    mon_http_use(http, mon_web_ref(web));
    return http;
  }
  mon_http_free(http);
  return NULL;
}

/* Those that a worker compresses for find themselves without a server; the others are freed. */
static void drop_requests(MonHttp *http) {
  GHashTableIter iter;
  gpointer key;

  g_hash_table_iter_init(&iter, http->requests);
  while (g_hash_table_iter_next(&iter, &key, NULL)) {
    Request *request = key;
    request->http = NULL;
    if (request->is_asked)
      mon_auth_forget(http->auth, request);
    else if (request->waits != 0)
      mon_metrics_forget(http->daemon->metrics, request->waits);
    else
      continue;
    request_free(request);
  }
  g_hash_table_unref(http->requests);
}

void mon_http_free(MonHttp *http) {
  if (!http)
    return;
  mon_http_connect_stop(http);
  drop_requests(http);
  soup_server_disconnect(http->server);
  g_object_unref(http->server);
  mon_auth_free(http->auth);
  mon_web_unref(http->web);
  mon_http_connect_clear(http);
  g_free(http);
}
