/* certificate.h: a server's certificate as values of a check. Any thread. */
#pragma once

#include "checks/check.h"

/* "trusted", "problems", "days-left", "not-before", "not-after", "subject", "issuer", "names",
 * "fingerprint", each with `prefix` before its name. `problems`: what the handshake found. */
void chk_certificate_set(JsonObject *values, const char *prefix, GTlsCertificate *certificate,
                         GTlsCertificateFlags problems);
/* NULL without an option "ca-file": the system's own. FALSE: it cannot be read. */
gboolean chk_certificate_database(const ChkLook *look, GTlsDatabase **ret, GError **error);
