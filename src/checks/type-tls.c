/* type-tls.c: the TLS of a server: whether it can be trusted, and for how long yet.
 *
 * The handshake is made whatever the certificate is: what is wrong with it are values. */
#include "checks/certificate.h"
#include "checks/local.h"
#include "checks/net.h"
#include "checks/subjects.h"
#include "checks/tls-connect.h"
#include "checks/types.h"

static const ChkKey options[] = {
    {"server-name", CHK_TEXT, "the name that is asked for and that the certificate must have"},
    {"ca-file", CHK_TEXT, "PEM file of authorities instead of the system's"},
    {NULL},
};

static const ChkKey values[] = {
    {"connected", CHK_BOOL, "the handshake went through"},
    {"error", CHK_TEXT, "why not; absent when it did"},
    {"trusted", CHK_BOOL, "the certificate is valid, for this name, from a known authority"},
    {"problems", CHK_TEXTS, "what is wrong with it"},
    {"days-left", CHK_NUMBER, "until it expires; negative: it has"},
    {"not-before", CHK_TEXT, "begin of its life, RFC 3339"},
    {"not-after", CHK_TEXT, "end of its life, RFC 3339"},
    {"subject", CHK_TEXT, "its distinguished name"},
    {"issuer", CHK_TEXT, "the distinguished name of who signed it"},
    {"names", CHK_TEXTS, "the DNS names it is for, sorted"},
    {"fingerprint", CHK_TEXT, "SHA-256 of it, hexadecimal"},
    {"protocol", CHK_TEXT, "TLS 1.2, TLS 1.3"},
    {"cipher", CHK_TEXT, "the cipher suite, as the library names it"},
    {"time", CHK_USEC, "until the handshake was through"},
    {"peer", CHK_TEXT, "the address that answered"},
    {NULL},
};

static void set_protocol(JsonObject *seen, GTlsConnection *tls) {
  static const char *const names[] = {
      [G_TLS_PROTOCOL_VERSION_SSL_3_0] = "SSL 3.0", [G_TLS_PROTOCOL_VERSION_TLS_1_0] = "TLS 1.0",
      [G_TLS_PROTOCOL_VERSION_TLS_1_1] = "TLS 1.1", [G_TLS_PROTOCOL_VERSION_TLS_1_2] = "TLS 1.2",
      [G_TLS_PROTOCOL_VERSION_TLS_1_3] = "TLS 1.3",
  };
  GTlsProtocolVersion version = g_tls_connection_get_protocol_version(tls);
  g_autofree char *cipher = g_tls_connection_get_ciphersuite_name(tls);

  if ((gsize)version < G_N_ELEMENTS(names))
    chk_set_text(seen, "protocol", names[version]);
  chk_set_text(seen, "cipher", cipher);
}

static void see(ChkLook *look, ChkSight *ret) {
  gint64 begin = g_get_monotonic_time();
  g_autoptr(GTlsDatabase) authorities = NULL;
  g_auto(ChkAddress) address = {0};
  g_autoptr(GError) error = NULL;

  if (!g_tls_backend_supports_tls(g_tls_backend_get_default())) {
    chk_unknown(ret, "GLib has no TLS here: install glib-networking");
    return;
  }
  if (!chk_address_parse(look->subject, CHK_TLS_PORT, &address, &error) ||
      !chk_certificate_database(look, &authorities, &error)) {
    chk_unknown(ret, "%s", error->message);
    return;
  }
  const ChkTlsHow how = {.name = chk_option_text(look, "server-name", address.host)};
  g_autoptr(GSocketConnection) connection = chk_net_connect(look, &address, &error);
  g_autoptr(GTlsConnection) tls =
      connection ? chk_tls_connect(look, &address, &how, connection, &error) : NULL;
  GTlsCertificate *certificate = tls ? g_tls_connection_get_peer_certificate(tls) : NULL;
  if (certificate == NULL) {
    if (error == NULL)
      g_set_error(&error, G_IO_ERROR, G_IO_ERROR_FAILED, "the server showed no certificate");
    chk_net_refused(ret, "connected", error);
    return;
  }
  GTlsCertificateFlags problems = chk_certificate_judge(certificate, how.name, authorities);
  JsonObject *seen = json_object_new();
  g_autofree char *peer = chk_net_peer(connection);
  json_object_set_boolean_member(seen, "connected", TRUE);
  json_object_set_int_member(seen, "time", g_get_monotonic_time() - begin);
  chk_set_text(seen, "peer", peer);
  chk_certificate_set(seen, "", certificate, problems);
  set_protocol(seen, tls);
  ret->text = chk_certificate_flaws(problems);
  chk_observed(ret, seen);
}

const ChkType chk_type_tls = {
    .name = "tls",
    .subject_help = "HOST, HOST:PORT, [V6]:PORT, unix:PATH",
    .options = options,
    .values = values,
    .default_value = "{\"connected\": true, \"trusted\": true}",
    .sync = see,
    .validate = chk_subject_tls,
};
