/* tls-connect.h: TLS over a connection that stands, as a client. Worker threads only. */
#pragma once

#include "checks/address.h"
#include "checks/check.h"

typedef struct {
  const char *name;             /* that is asked for, and that the certificate must have; or NULL */
  GTlsCertificate *certificate; /* ours, for a server that asks; NULL: none */
  const char *const *protocols; /* of ALPN; NULL: none is asked for */
} ChkTlsHow;

/* The handshake is made whatever the server's certificate is: the caller judges it before it tells
 * the server anything (chk_certificate_judge()). NULL with an error. */
GTlsConnection *chk_tls_connect(const ChkLook *look, const ChkAddress *address,
                                const ChkTlsHow *how, GSocketConnection *connection,
                                GError **error);

/* Our own certificate by the options "cert-file" and "key-file", PEM; the key may stand in the
 * certificate's file. Without them TRUE and NULL. */
gboolean chk_tls_own_certificate(const ChkLook *look, GTlsCertificate **ret, GError **error);
