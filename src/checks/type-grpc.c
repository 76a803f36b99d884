/* type-grpc.c: what a server of gRPC says of its health: grpc.health.v1.Health/Check, in clear or
 * over TLS.
 *
 * A connection of its own for each look. Over TLS the server is judged before it is asked: who is
 * not trusted is told nothing, no token either. */
#include "checks/certificate.h"
#include "checks/grpc-call.h"
#include "checks/grpc-health.h"
#include "checks/local.h"
#include "checks/net.h"
#include "checks/subjects.h"
#include "checks/tls-connect.h"
#include "checks/types.h"

#include <string.h>

static const ChkKey options[] = {
    {"service", CHK_TEXT,
     "whose health is asked for, as in package.Service; default: the server's"},
    {"secure", CHK_BOOL, "over TLS; default: in clear"},
    {"server-name", CHK_TEXT, "the name that is asked for and that the certificate must have"},
    {"ca-file", CHK_TEXT, "PEM file of authorities instead of the system's"},
    {"insecure", CHK_BOOL, "take any certificate"},
    {"cert-file", CHK_TEXT, "PEM file of our own certificate, for a server that asks for one"},
    {"key-file", CHK_TEXT, "PEM file of its key; default: the certificate's file"},
    {"token-file", CHK_TEXT, "file whose first line is a bearer token"},
    {NULL},
};

static const ChkKey values[] = {
    {"answered", CHK_BOOL, "there was an answer of gRPC"},
    {"error", CHK_TEXT, "why not, or what is wrong with it"},
    {"status", CHK_TEXT,
     "SERVING, NOT_SERVING, UNKNOWN, SERVICE_UNKNOWN; with an answer of health only"},
    {"grpc-status", CHK_INT,
     "the call's code: 0 it went well, 5 no such service, 12 no such method"},
    {"grpc-message", CHK_TEXT, "what the server says to that code"},
    {"http-status", CHK_INT, "status code of HTTP"},
    {"time", CHK_USEC, "until the answer was read"},
    {"peer", CHK_TEXT, "the address that answered"},
    {NULL},
};

typedef struct {
  ChkAddress address;
  char *token;
  GTlsCertificate *certificate;
  GTlsDatabase *authorities;
  GSocketConnection *connection;
  GIOStream *stream; /* the connection, or TLS over it */
} Place;

static void place_clear(Place *place) {
  chk_address_clear(&place->address);
  g_clear_pointer(&place->token, g_free);
  g_clear_object(&place->certificate);
  g_clear_object(&place->authorities);
  g_clear_object(&place->stream);
  g_clear_object(&place->connection);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Place, place_clear)

/* FALSE: the subject or a file of the options cannot be had, so nothing can be known. */
static gboolean prepare_place(const ChkLook *look, Place *place, GError **error) {
  if (chk_option_bool(look, "secure", FALSE) &&
      !g_tls_backend_supports_tls(g_tls_backend_get_default())) {
    g_set_error_literal(error, WG_ERROR, WG_ERROR_FAILED,
                        "GLib has no TLS here: install glib-networking");
    return FALSE;
  }
  return chk_address_parse(look->subject, 0, &place->address, error) &&
         chk_secret(look, "token-file", &place->token, error) &&
         chk_tls_own_certificate(look, &place->certificate, error) &&
         chk_certificate_database(look, &place->authorities, error);
}

static gboolean is_trusted(const ChkLook *look, const Place *place, GTlsConnection *tls,
                           const char *name, GError **error) {
  GTlsCertificate *certificate = g_tls_connection_get_peer_certificate(tls);

  if (chk_option_bool(look, "insecure", FALSE))
    return TRUE;
  if (certificate == NULL) {
    g_set_error_literal(error, WG_ERROR, WG_ERROR_FAILED, "the server showed no certificate");
    return FALSE;
  }
  g_autofree char *flaws =
      chk_certificate_flaws(chk_certificate_judge(certificate, name, place->authorities));
  if (flaws)
    g_set_error_literal(error, G_TLS_ERROR, G_TLS_ERROR_BAD_CERTIFICATE, flaws);
  return flaws == NULL;
}

static gboolean secure(const ChkLook *look, Place *place, GError **error) {
  static const char *const protocols[] = {"h2", NULL};
  const ChkTlsHow how = {.name = chk_option_text(look, "server-name", place->address.host),
                         .certificate = place->certificate,
                         .protocols = protocols};
  g_autoptr(GTlsConnection) tls =
      chk_tls_connect(look, &place->address, &how, place->connection, error);

  if (tls == NULL || !is_trusted(look, place, tls, how.name, error))
    return FALSE;
  if (g_strcmp0(g_tls_connection_get_negotiated_protocol(tls), "h2") != 0) {
    g_set_error_literal(error, WG_ERROR, WG_ERROR_FAILED,
                        "the server offers no HTTP/2 over TLS, which gRPC is made of");
    return FALSE;
  }
  place->stream = G_IO_STREAM(g_steal_pointer(&tls));
  return TRUE;
}

static gboolean reach(const ChkLook *look, Place *place, GError **error) {
  place->connection = chk_net_connect(look, &place->address, error);
  if (place->connection == NULL)
    return FALSE;
  if (chk_option_bool(look, "secure", FALSE))
    return secure(look, place, error);
  place->stream = G_IO_STREAM(g_object_ref(place->connection));
  return TRUE;
}

static gboolean ask(const ChkLook *look, Place *place, ChkGrpcAnswer *answer, GError **error) {
  g_autoptr(GByteArray) message = chk_grpc_health_request(chk_option_text(look, "service", ""));
  const char *host = place->address.host ? place->address.host : "localhost";
  const char *name = chk_option_text(look, "server-name", host);
  g_autofree char *authority =
      place->address.host == NULL
          ? g_strdup(name)
          : g_strdup_printf(strchr(name, ':') ? "[%s]:%u" : "%s:%u", name, place->address.port);
  const ChkGrpcCall call = {
      .scheme = chk_option_bool(look, "secure", FALSE) ? "https" : "http",
      .authority = authority,
      .path = CHK_GRPC_HEALTH_PATH,
      .token = place->token,
      .timeout = (gint64)look->deadline - g_get_monotonic_time(),
      .message = message,
      .answer_max = CHK_GRPC_ANSWER_MAX,
  };

  return chk_grpc_call(place->stream, &call, look->cancel, answer, error);
}

/* What the call came to, beside the health: the error's text, or NULL. */
static char *judge_call(const ChkGrpcAnswer *answer) {
  const char *name = chk_grpc_code_name(answer->grpc_status);

  if (answer->grpc_status < 0)
    return g_strdup_printf("the server answered HTTP %d and nothing of gRPC", answer->http_status);
  if (answer->grpc_status == 0)
    return NULL;
  g_autofree char *code = name ? g_strdup(name) : g_strdup_printf("code %d", answer->grpc_status);
  return answer->grpc_message && *answer->grpc_message
             ? g_strdup_printf("the server refused the call: %s: %s", code, answer->grpc_message)
             : g_strdup_printf("the server refused the call: %s", code);
}

static void set_health(JsonObject *seen, const ChkGrpcAnswer *answer, char **ret_error) {
  g_autoptr(GError) error = NULL;
  int status = chk_grpc_health_parse(answer->body->data, answer->body->len, &error);

  if (status < 0) {
    *ret_error = g_strdup(error->message);
    return;
  }
  const char *name = chk_grpc_health_name(status);
  g_autofree char *number = name ? NULL : g_strdup_printf("%d", status);
  chk_set_text(seen, "status", name ? name : number);
}

static void tell(const ChkGrpcAnswer *answer, const char *peer, gint64 begin, ChkSight *ret) {
  JsonObject *seen = json_object_new();
  g_autofree char *wrong = judge_call(answer);

  json_object_set_boolean_member(seen, "answered", answer->grpc_status >= 0);
  if (answer->http_status > 0)
    json_object_set_int_member(seen, "http-status", answer->http_status);
  if (answer->grpc_status >= 0) {
    json_object_set_int_member(seen, "grpc-status", answer->grpc_status);
    json_object_set_int_member(seen, "time", g_get_monotonic_time() - begin);
  }
  chk_set_text(seen, "grpc-message", answer->grpc_message);
  chk_set_text(seen, "peer", peer);
  if (answer->grpc_status == 0)
    set_health(seen, answer, &wrong);
  chk_set_text(seen, "error", wrong);
  ret->text = g_steal_pointer(&wrong);
  chk_observed(ret, seen);
}

static void see(ChkLook *look, ChkSight *ret) {
  gint64 begin = g_get_monotonic_time();
  g_auto(ChkGrpcAnswer) answer = {0};
  g_autoptr(GError) error = NULL;
  g_auto(Place) place = {0};

  if (!prepare_place(look, &place, &error)) {
    chk_unknown(ret, "%s", error->message);
    return;
  }
  if (!reach(look, &place, &error) || !ask(look, &place, &answer, &error)) {
    chk_net_own_error(look, &error);
    chk_net_refused(ret, "answered", error);
    return;
  }
  g_autofree char *peer = chk_net_peer(place.connection);
  tell(&answer, peer, begin, ret);
}

const ChkType chk_type_grpc = {
    .name = "grpc",
    .subject_help = "HOST:PORT, [V6]:PORT, unix:PATH",
    .options = options,
    .values = values,
    .default_value = "{\"status\": \"SERVING\"}",
    .sync = see,
    .validate = chk_subject_grpc,
};
