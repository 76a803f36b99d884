/* web-config.h: who may read metrics over TCP, and how: TLS and users, as a file of Prometheus' web
 * configuration has it (tls_server_config, basic_auth_users), [Http] WebConfig= of monitord.conf.
 *
 * A MonWeb is immutable and counted; certificates, keys and authorities are read with it, so that a
 * reload is a new one as a whole or none. What the form has and we do not is a problem, never left
 * out in silence: it would be a lock that does not close. Hashes are secrets, and no message has
 * one. Loop's thread. */
#pragma once

#include "common/problems.h"

#include <gio/gio.h>

typedef enum {
  MON_CLIENT_NO_CERT,
  MON_CLIENT_REQUEST_CERT,
  MON_CLIENT_REQUIRE_ANY_CERT,
  MON_CLIENT_VERIFY_IF_GIVEN,
  MON_CLIENT_REQUIRE_AND_VERIFY,
} MonClientAuth;

typedef struct {
  gatomicrefcount n_refs;
  GTlsCertificate *certificate; /* with its key; NULL: no TLS */
  GTlsDatabase *client_ca;      /* NULL: none */
  MonClientAuth client_auth;
  GTlsProtocolVersion min_version;
  GHashTable *users; /* name -> hash of bcrypt; empty: nobody is asked for a password */
} MonWeb;

/* `dir`: where file names without a leading / begin. NULL exactly when the problems refuse it.
 * Blocks: reads files. */
MonWeb *mon_web_parse(const char *bytes, gsize size, const char *dir, WgProblems *problems);
/* `path` "": neither TLS nor users. CONFIGURATION with every problem. */
MonWeb *mon_web_load(const char *path, GError **error);
MonWeb *mon_web_ref(MonWeb *web);
void mon_web_unref(MonWeb *web);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MonWeb, mon_web_unref)
