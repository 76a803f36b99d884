/* http-request.c: see http-request.h. */
#include "checks/http-request.h"

#include "checks/certificate.h"
#include "checks/local.h"
#include "checks/net.h"
#include "checks/tls-connect.h"

#include <gio/gunixconnection.h>
#include <gio/gunixsocketaddress.h>
#include <string.h>

#define BODY_MAX (1024 * 1024)

typedef struct {
  GByteArray *kept; /* borrowed; at most max-body */
  guint64 size;     /* of what was read */
  gboolean is_whole;
} Body;

struct ChkHttp {
  const ChkLook *look;
  SoupSession *session;
  GMainContext *context; /* of this thread alone: libsoup binds a session to one */
  GCancellable *cancel;  /* of this thread alone: see on_cancelled() */
  gulong cancelled;
  char *authorization;
  GTlsCertificate *certificate; /* ours, for a server that asks; NULL: none */
  guint redirects;
  GTlsDatabase *authorities; /* of ca-file; NULL: the system's */
  GTlsCertificateFlags problems;
  gboolean refused; /* the server's certificate */
  gboolean is_cut;  /* of the last answer's body only the beginning was kept */
  char *peer;
};

void chk_http_prepare(void) {
  const GType types[] = {G_TYPE_INET_ADDRESS,        G_TYPE_INET_SOCKET_ADDRESS,
                         G_TYPE_UNIX_SOCKET_ADDRESS, G_TYPE_SOCKET,
                         G_TYPE_SOCKET_CLIENT,       G_TYPE_TCP_CONNECTION,
                         G_TYPE_UNIX_CONNECTION,     G_TYPE_NETWORK_ADDRESS,
                         SOUP_TYPE_SESSION,          SOUP_TYPE_MESSAGE};

  for (guint i = 0; i < G_N_ELEMENTS(types); i++)
    g_type_class_ref(types[i]);                        /* for ever, as classes are */
  g_autoptr(SoupSession) session = soup_session_new(); /* and what it is made of */
  g_autoptr(SoupMessage) message = soup_message_new("GET", "http://localhost/");
}

static char *basic(const char *user, const char *password) {
  g_autofree char *pair = g_strdup_printf("%s:%s", user, password ? password : "");
  g_autofree char *encoded = g_base64_encode((const guchar *)pair, strlen(pair));

  return g_strconcat("Basic ", encoded, NULL);
}

static gboolean set_authorization(ChkHttp *http, GError **error) {
  const char *user = chk_option_text(http->look, "user", NULL);
  g_autofree char *password = NULL, *token = NULL;

  if (!chk_secret(http->look, "password-file", &password, error) ||
      !chk_secret(http->look, "token-file", &token, error))
    return FALSE;
  if (token)
    http->authorization = g_strconcat("Bearer ", token, NULL);
  else if (user)
    http->authorization = basic(user, password);
  return TRUE;
}

/* What is checked is that host, not the proxy that this user's environment names. */
static void set_proxy(const ChkHttp *http, SoupSession *session) {
  const char *proxy = chk_option_text(http->look, "proxy", NULL);
  g_autoptr(GProxyResolver) resolver = proxy ? g_simple_proxy_resolver_new(proxy, NULL) : NULL;

  soup_session_set_proxy_resolver(session, resolver);
}

static SoupSession *make_session(ChkHttp *http, GError **error) {
  const char *path = chk_option_text(http->look, "socket", NULL);
  g_autofree char *real = path ? g_strconcat(chk_world_root(http->look->world), path, NULL) : NULL;
  g_autoptr(GSocketAddress) remote = real ? g_unix_socket_address_new(real) : NULL;

  if (!chk_certificate_database(http->look, &http->authorities, error))
    return NULL;
  SoupSession *session = soup_session_new_with_options(
      "remote-connectable", remote, "user-agent", "waggle-verify/" WG_VERSION, "timeout", 0, NULL);
  set_proxy(http, session);
  if (http->authorities)
    soup_session_set_tls_database(session, http->authorities);
  return session;
}

static gboolean cancel_here(gpointer cancel) {
  g_cancellable_cancel(cancel);
  return G_SOURCE_REMOVE;
}

/* In the thread that cancels the look. A GCancellableSource that ends while another thread cancels
 * may be left over (GLib keeps it alive for that thread, which may be past it by then), so those of
 * this session are of a cancellable that its own thread alone cancels. */
static void on_cancelled(GCancellable *cancel, ChkHttp *http) {
  g_autoptr(GSource) source = g_idle_source_new();

  g_source_set_priority(source, G_PRIORITY_DEFAULT);
  g_source_set_callback(source, cancel_here, g_object_ref(http->cancel), g_object_unref);
  g_source_attach(source, http->context);
}

ChkHttp *chk_http_new(const ChkLook *look, GError **error) {
  ChkHttp *http = g_new0(ChkHttp, 1);

  http->look = look;
  http->context = g_main_context_new();
  g_main_context_push_thread_default(http->context);
  http->cancel = g_cancellable_new();
  http->cancelled = g_cancellable_connect(look->cancel, G_CALLBACK(on_cancelled), http, NULL);
  if (set_authorization(http, error) &&
      chk_tls_own_certificate(http->look, &http->certificate, error))
    http->session = make_session(http, error);
  if (http->session)
    return http;
  chk_http_free(http);
  return NULL;
}

void chk_http_free(ChkHttp *http) {
  g_cancellable_disconnect(http->look->cancel, http->cancelled);
  g_clear_object(&http->session);
  g_main_context_pop_thread_default(http->context);
  g_main_context_unref(http->context);
  g_clear_object(&http->cancel);
  g_clear_object(&http->certificate);
  g_clear_object(&http->authorities);
  g_free(http->authorization);
  g_free(http->peer);
  g_free(http);
}

static void on_restarted(SoupMessage *message, ChkHttp *http) {
  http->redirects++;
}

/* What it says of itself is told in any case; it is refused only here and in on_shown(). */
static gboolean on_certificate(SoupMessage *message, GTlsCertificate *certificate,
                               GTlsCertificateFlags problems, ChkHttp *http) {
  http->problems = problems;
  http->refused = !chk_option_bool(http->look, "insecure", FALSE);
  return !http->refused;
}

/* Before the request is sent. Of a session that is resumed the library asks nobody, and it keeps
 * sessions for the whole process: also one of a check that takes any certificate. */
static void on_shown(SoupMessage *message, GParamSpec *pspec, ChkHttp *http) {
  GTlsCertificate *certificate = soup_message_get_tls_peer_certificate(message);
  const char *host = g_uri_get_host(soup_message_get_uri(message));

  if (certificate == NULL || http->refused)
    return;
  http->problems |= chk_certificate_judge(certificate, host, http->authorities);
  if (http->problems == 0 || chk_option_bool(http->look, "insecure", FALSE))
    return;
  http->refused = TRUE;
  g_cancellable_cancel(http->cancel);
}

/* In place of what the library says of a certificate that was refused: why. */
static void tell_refusal(const ChkHttp *http, GError **error) {
  g_autofree char *flaws = http->refused ? chk_certificate_flaws(http->problems) : NULL;

  if (flaws == NULL || error == NULL)
    return;
  g_clear_error(error);
  g_set_error_literal(error, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE, flaws);
}

/* The kernel may still tell it while the answer is on its way; later the connection may be closed.
 */
static void on_headers(SoupMessage *message, ChkHttp *http) {
  GSocketAddress *address = soup_message_get_remote_address(message);

  g_clear_pointer(&http->peer, g_free);
  if (address && G_IS_UNIX_SOCKET_ADDRESS(address))
    http->peer = g_strdup(g_unix_socket_address_get_path(G_UNIX_SOCKET_ADDRESS(address)));
  else if (address)
    http->peer = g_socket_connectable_to_string(G_SOCKET_CONNECTABLE(address));
}

static void set_request(ChkHttp *http, SoupMessage *message) {
  SoupMessageHeaders *headers = soup_message_get_request_headers(message);
  const char *body = chk_option_text(http->look, "body", NULL);
  JsonNode *given =
      http->look->options ? json_object_get_member(http->look->options, "headers") : NULL;

  if (body) {
    g_autoptr(GBytes) bytes = g_bytes_new(body, strlen(body));
    soup_message_set_request_body_from_bytes(
        message, chk_option_text(http->look, "content-type", "application/json"), bytes);
  }
  if (http->certificate)
    soup_message_set_tls_client_certificate(message, http->certificate);
  if (http->authorization)
    soup_message_headers_replace(headers, "Authorization", http->authorization);
  g_autoptr(GList) names = given ? json_object_get_members(json_node_get_object(given)) : NULL;
  for (GList *l = names; l; l = l->next)
    soup_message_headers_replace(
        headers, l->data, json_object_get_string_member(json_node_get_object(given), l->data));
  if (!chk_option_bool(http->look, "follow-redirects", TRUE))
    soup_message_add_flags(message, SOUP_MESSAGE_NO_REDIRECT);
  soup_message_add_flags(message, SOUP_MESSAGE_DO_NOT_USE_AUTH_CACHE);
  g_signal_connect(message, "restarted", G_CALLBACK(on_restarted), http);
  g_signal_connect(message, "accept-certificate", G_CALLBACK(on_certificate), http);
  g_signal_connect(message, "notify::tls-peer-certificate", G_CALLBACK(on_shown), http);
  g_signal_connect(message, "got-headers", G_CALLBACK(on_headers), http);
}

static void keep_result(GObject *source, GAsyncResult *result, gpointer data) {
  *(GAsyncResult **)data = g_object_ref(result);
}

/* Nothing here may block without turning the context: a server that asks for a certificate is
 * answered in it, and with a blocking call both would wait for each other. */
static void wait_for(ChkHttp *http, GAsyncResult **result) {
  while (*result == NULL)
    g_main_context_iteration(http->context, TRUE);
}

static GInputStream *send_request(ChkHttp *http, SoupMessage *message, GError **error) {
  g_autoptr(GAsyncResult) result = NULL;

  soup_session_send_async(http->session, message, G_PRIORITY_DEFAULT, http->cancel, keep_result,
                          &result);
  wait_for(http, &result);
  return soup_session_send_finish(http->session, result, error);
}

static gboolean read_some(ChkHttp *http, GInputStream *in, guint8 *buffer, gsize size, gsize *ret,
                          GError **error) {
  g_autoptr(GAsyncResult) result = NULL;

  g_input_stream_read_all_async(in, buffer, size, G_PRIORITY_DEFAULT, http->cancel, keep_result,
                                &result);
  wait_for(http, &result);
  return g_input_stream_read_all_finish(in, result, ret, error);
}

/* At most max-body of it is kept; of what is longer the rest is read only where the size counts. */
static gboolean read_body(ChkHttp *http, SoupMessage *message, Body *body, GError **error) {
  gsize max = (gsize)chk_option_bytes(http->look, "max-body", BODY_MAX), n = 1;
  g_autoptr(GInputStream) in = send_request(http, message, error);
  gboolean counts = chk_asks(http->look, "size");
  guint8 buffer[16384];

  if (in == NULL)
    return FALSE;
  while (n > 0 && (body->size <= max || counts)) {
    if (!read_some(http, in, buffer, sizeof buffer, &n, error))
      return FALSE;
    g_byte_array_append(body->kept, buffer, (guint)MIN(n, max - body->kept->len));
    body->size += n;
  }
  body->is_whole = n == 0;
  return TRUE;
}

static void set_headers(JsonObject *seen, SoupMessage *message) {
  g_autoptr(GString) lines = g_string_new(NULL);
  JsonObject *object = json_object_new();
  SoupMessageHeadersIter iter;
  const char *name, *text;

  soup_message_headers_iter_init(&iter, soup_message_get_response_headers(message));
  while (soup_message_headers_iter_next(&iter, &name, &text)) {
    g_autofree char *key = g_ascii_strdown(name, -1);
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    const char *before = json_object_get_string_member_with_default(object, key, NULL);
    g_autofree char *both = before ? g_strdup_printf("%s, %s", before, valid) : NULL;
    json_object_set_string_member(object, key, both ? both : valid);
    g_string_append_printf(lines, "%s: %s\n", name, valid);
  }
  chk_set_text_n(seen, "header-lines", lines->str, lines->len);
  json_object_set_object_member(seen, "headers", object);
}

static void set_body(const ChkHttp *http, JsonObject *seen, const Body *whole) {
  const GByteArray *body = whole->kept;

  chk_set_text_n(seen, "body", (const char *)body->data, body->len);
  if (whole->is_whole)
    json_object_set_int_member(seen, "size", (gint64)whole->size);
  if (!chk_wants(http->look, "json") || body->len == 0)
    return;
  g_autoptr(JsonParser) parser = json_parser_new_immutable();
  if (json_parser_load_from_data(parser, (const char *)body->data, body->len, NULL) &&
      json_parser_get_root(parser))
    json_object_set_member(seen, "json", json_node_copy(json_parser_get_root(parser)));
}

static void set_answer(const ChkHttp *http, JsonObject *seen, SoupMessage *message) {
  static const char *const versions[] = {
      [SOUP_HTTP_1_0] = "1.0", [SOUP_HTTP_1_1] = "1.1", [SOUP_HTTP_2_0] = "2"};
  GTlsCertificate *certificate = soup_message_get_tls_peer_certificate(message);
  SoupHTTPVersion version = soup_message_get_http_version(message);
  g_autofree char *url =
      g_uri_to_string_partial(soup_message_get_uri(message), G_URI_HIDE_PASSWORD);

  json_object_set_boolean_member(seen, "reachable", TRUE);
  json_object_set_int_member(seen, "status", (gint64)soup_message_get_status(message));
  if ((gsize)version < G_N_ELEMENTS(versions))
    chk_set_text(seen, "http-version", versions[version]);
  json_object_set_int_member(seen, "redirects", http->redirects);
  chk_set_text(seen, "url", url);
  chk_set_text(seen, "peer", http->peer);
  set_headers(seen, message);
  if (certificate)
    chk_certificate_set(seen, "certificate-", certificate, http->problems);
}

gboolean chk_http_ask(ChkHttp *http, JsonObject *seen, GError **error) {
  g_autoptr(SoupMessage) message =
      soup_message_new(chk_option_text(http->look, "method", "GET"), http->look->subject);
  g_autoptr(GByteArray) kept = g_byte_array_new();
  Body body = {.kept = kept};

  if (message == NULL) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "'%s' is no URL", http->look->subject);
    return FALSE;
  }
  http->redirects = 0;
  http->problems = 0;
  http->refused = FALSE;
  set_request(http, message);
  if (!read_body(http, message, &body, error)) {
    tell_refusal(http, error);
    return FALSE;
  }
  set_answer(http, seen, message);
  set_body(http, seen, &body);
  http->is_cut = !body.is_whole || body.size > kept->len;
  return TRUE;
}

gboolean chk_http_is_cut(const ChkHttp *http) {
  return http->is_cut;
}
