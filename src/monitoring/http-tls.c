/* http-tls.c: TLS on a connection that was accepted, see http-private.h. The handshake's arithmetic
 * is a worker thread's (GLib's). */
#include "monitoring/http-private.h"

#include "common/log.h"
#include "common/message-ids.h"
#include "common/names.h"

#define HANDSHAKES_MAX 8
#define HANDSHAKE_SEC 10

typedef struct {
  MonHttp *http; /* NULL: it is gone */
  MonWeb *web;   /* as it was when the connection came */
  GSocketConnection *connection;
  GIOStream *tls;
  GCancellable *cancellable;
  guint timeout;
} Handshake;

static void handshake_free(Handshake *shake) {
  g_clear_handle_id(&shake->timeout, g_source_remove);
  g_object_unref(shake->cancellable);
  g_clear_object(&shake->tls);
  g_object_unref(shake->connection);
  mon_web_unref(shake->web);
  g_free(shake);
}

/* Asked about each, also a good one. Who asks for a certificate and does not look at it takes any.
 */
static gboolean on_certificate(GTlsConnection *tls, GTlsCertificate *certificate,
                               GTlsCertificateFlags errors, gpointer user_data) {
  const Handshake *shake = user_data;

  return errors == 0 || shake->web->client_auth < MON_CLIENT_VERIFY_IF_GIVEN;
}

static GTlsAuthenticationMode mode_of(MonClientAuth auth) {
  switch (auth) {
  case MON_CLIENT_REQUEST_CERT:
  case MON_CLIENT_VERIFY_IF_GIVEN:
    return G_TLS_AUTHENTICATION_REQUESTED;
  case MON_CLIENT_REQUIRE_ANY_CERT:
  case MON_CLIENT_REQUIRE_AND_VERIFY:
    return G_TLS_AUTHENTICATION_REQUIRED;
  default:
    return G_TLS_AUTHENTICATION_NONE;
  }
}

/* A scanner of ports makes many; one line says that it happens. */
static void tell_failure(const char *why) {
  static WgLogRate rate = {.interval_usec = 600 * G_USEC_PER_SEC, .burst = 1};
  guint suppressed;

  if (wg_log_rate_ok(&rate, &suppressed))
    wg_log(LOG_NOTICE, WG_MSG_HTTP_TLS_FAILED, WG_FIELDS(WG_FIELD_ERROR, why),
           "A reader of metrics and this service could not agree on TLS: %s", why);
  else
    g_debug("No TLS with a reader of metrics: %s", why);
}

static gboolean is_good(Handshake *shake, GAsyncResult *result, GError **error) {
  GTlsConnection *tls = G_TLS_CONNECTION(shake->tls);

  if (!g_tls_connection_handshake_finish(tls, result, error))
    return FALSE;
  if (g_tls_connection_get_protocol_version(tls) >= shake->web->min_version)
    return TRUE;
  g_set_error_literal(error, G_TLS_ERROR, G_TLS_ERROR_HANDSHAKE,
                      "the version is older than min_version");
  return FALSE;
}

static void shaken(GObject *source, GAsyncResult *result, gpointer user_data) {
  Handshake *shake = user_data;
  g_autoptr(GError) error = NULL;
  gboolean good = is_good(shake, result, &error);

  if (shake->http) {
    g_ptr_array_remove_fast(shake->http->handshakes, shake);
    if (good)
      mon_http_serve_on(shake->http, shake->tls, shake->connection);
    else if (!g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
      tell_failure(error->message);
  }
  handshake_free(shake);
}

static gboolean too_late(gpointer user_data) {
  Handshake *shake = user_data;

  shake->timeout = 0;
  g_cancellable_cancel(shake->cancellable);
  return G_SOURCE_REMOVE;
}

void mon_http_secure(MonHttp *http, GSocketConnection *connection) {
  g_autoptr(GError) error = NULL;

  if (http->handshakes->len >= HANDSHAKES_MAX)
    return;
  g_autoptr(GIOStream) tls =
      g_tls_server_connection_new(G_IO_STREAM(connection), http->web->certificate, &error);
  if (!tls) {
    tell_failure(error->message);
    return;
  }
  Handshake *shake = g_new0(Handshake, 1);
  *shake = (Handshake){http,
                       mon_web_ref(http->web),
                       g_object_ref(connection),
                       g_steal_pointer(&tls),
                       g_cancellable_new(),
                       0};
  g_object_set(shake->tls, "authentication-mode", mode_of(http->web->client_auth), NULL);
  if (http->web->client_ca)
    g_tls_connection_set_database(G_TLS_CONNECTION(shake->tls), http->web->client_ca);
  g_tls_connection_set_require_close_notify(G_TLS_CONNECTION(shake->tls), FALSE);
  g_signal_connect(shake->tls, "accept-certificate", G_CALLBACK(on_certificate), shake);
  shake->timeout = g_timeout_add_seconds(HANDSHAKE_SEC, too_late, shake);
  g_ptr_array_add(http->handshakes, shake);
  g_tls_connection_handshake_async(G_TLS_CONNECTION(shake->tls), G_PRIORITY_DEFAULT,
                                   shake->cancellable, shaken, shake);
}

/* Each is freed by its own end. */
void mon_http_secure_stop(MonHttp *http) {
  for (guint i = 0; i < http->handshakes->len; i++) {
    Handshake *shake = http->handshakes->pdata[i];
    shake->http = NULL;
    g_cancellable_cancel(shake->cancellable);
  }
  g_ptr_array_set_size(http->handshakes, 0);
}
