/* certificate.h: a server's certificate as values of a check. Any thread. */
#pragma once

#include "checks/check.h"

/* "trusted", "problems", "days-left", "not-before", "not-after", "subject", "issuer", "names",
 * "fingerprint", each with `prefix` before its name. `problems`: what the handshake found. */
void chk_certificate_set(JsonObject *values, const char *prefix, GTlsCertificate *certificate,
                         GTlsCertificateFlags problems);
/* What speaks against it for `host` (NULL: any name). `authorities` NULL: the system's own. To be
 * asked of every connection: a session that is resumed is not validated by the library, and another
 * check of the same server may have begun it without asking for trust. */
GTlsCertificateFlags chk_certificate_judge(GTlsCertificate *certificate, const char *host,
                                           GTlsDatabase *authorities);
/* "the server's certificate: expired, not for this name"; NULL: nothing. Free it. */
char *chk_certificate_flaws(GTlsCertificateFlags problems);
/* NULL without an option "ca-file": the system's own. FALSE: it cannot be read. */
gboolean chk_certificate_database(const ChkLook *look, GTlsDatabase **ret, GError **error);
