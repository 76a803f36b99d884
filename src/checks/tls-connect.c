/* tls-connect.c: see tls-connect.h. */
#include "checks/tls-connect.h"

#include "checks/net.h"

/* What it says of itself is looked at afterwards. */
static gboolean on_certificate(GTlsConnection *tls, GTlsCertificate *certificate,
                               GTlsCertificateFlags problems, gpointer user_data) {
  return TRUE;
}

/* The library resumes sessions of the connections that it knows the peer of. It is not told: each
 * look has to see the certificate that the server shows now. */
GTlsConnection *chk_tls_connect(const ChkLook *look, const ChkAddress *address,
                                const ChkTlsHow *how, GSocketConnection *connection,
                                GError **error) {
  g_autoptr(GSocketConnectable) identity =
      how->name ? g_network_address_new(how->name, address->port ? address->port : 1) : NULL;
  g_autoptr(GIOStream) plain =
      g_simple_io_stream_new(g_io_stream_get_input_stream(G_IO_STREAM(connection)),
                             g_io_stream_get_output_stream(G_IO_STREAM(connection)));
  g_autoptr(GError) own = NULL;

  g_autoptr(GIOStream) stream = g_tls_client_connection_new(plain, identity, error);
  if (stream == NULL)
    return NULL;
  g_signal_connect(stream, "accept-certificate", G_CALLBACK(on_certificate), NULL);
  if (how->certificate)
    g_tls_connection_set_certificate(G_TLS_CONNECTION(stream), how->certificate);
  if (how->protocols)
    g_tls_connection_set_advertised_protocols(G_TLS_CONNECTION(stream), how->protocols);
  if (g_tls_connection_handshake(G_TLS_CONNECTION(stream), look->cancel, &own))
    return G_TLS_CONNECTION(g_steal_pointer(&stream));
  chk_net_own_error(look, &own);
  g_propagate_error(error, g_steal_pointer(&own));
  return NULL;
}

gboolean chk_tls_own_certificate(const ChkLook *look, GTlsCertificate **ret, GError **error) {
  const char *root = chk_world_root(look->world);
  const char *file = chk_option_text(look, "cert-file", NULL);
  const char *key = chk_option_text(look, "key-file", file);

  *ret = NULL;
  if (file == NULL)
    return TRUE;
  g_autofree char *real_file = g_strconcat(root, file, NULL);
  g_autofree char *real_key = g_strconcat(root, key, NULL);
  *ret = g_tls_certificate_new_from_files(real_file, real_key, error);
  if (*ret == NULL)
    g_prefix_error(error, "the certificate %s with the key %s: ", real_file, real_key);
  return *ret != NULL;
}
