/* web-config.c: see web-config.h. */
#include "monitoring/web-config.h"

#include "common/error.h"
#include "common/reader.h"

#include <string.h>

#define COST_MIN 4
#define COST_MAX 16 /* one check of a password takes about 5 s: beyond, nobody is served */

static const char *const client_auths[] = {"NoClientCert",
                                           "RequestClientCert",
                                           "RequireAnyClientCert",
                                           "VerifyClientCertIfGiven",
                                           "RequireAndVerifyClientCert",
                                           NULL};
static const char *const versions[] = {"TLS12", "TLS13", NULL};

MonWeb *mon_web_ref(MonWeb *web) {
  g_atomic_ref_count_inc(&web->n_refs);
  return web;
}

void mon_web_unref(MonWeb *web) {
  if (!web || !g_atomic_ref_count_dec(&web->n_refs))
    return;
  g_clear_object(&web->certificate);
  g_clear_object(&web->client_ca);
  g_hash_table_unref(web->users);
  g_free(web);
}

static MonWeb *web_new(void) {
  MonWeb *web = g_new0(MonWeb, 1);

  g_atomic_ref_count_init(&web->n_refs);
  web->min_version = G_TLS_PROTOCOL_VERSION_TLS_1_2;
  web->users = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  return web;
}

/* ---- tls_server_config ---- */
/* What Prometheus has, and GnuTLS decides by the policy of the machine; or what we do not have. */
static void refuse_foreign(WgReader *tls) {
  static const struct {
    const char *key, *instead;
  } foreign[] = {
      {"cert", "write it into a file and name that by cert_file"},
      {"key", "write it into a file and name that by key_file"},
      {"client_ca", "write it into a file and name that by client_ca_file"},
      {"client_allowed_sans", "let client_ca_file have an authority for these clients alone"},
      {"max_version", "the newest that both sides have is taken"},
      {"cipher_suites", "the policy of the machine decides (GnuTLS)"},
      {"curve_preferences", "the policy of the machine decides (GnuTLS)"},
      {"prefer_server_cipher_suites", "the policy of the machine decides (GnuTLS)"},
  };

  for (guint i = 0; i < G_N_ELEMENTS(foreign); i++)
    if (wg_reader_has(tls, foreign[i].key))
      wg_reader_problem(tls, foreign[i].key, "is not had here: %s", foreign[i].instead);
}

static char *path_of(WgReader *tls, const char *key, const char *dir) {
  const char *name = wg_reader_text(tls, key, NULL);

  if (!name || !*name)
    return NULL;
  return g_path_is_absolute(name) ? g_strdup(name) : g_build_filename(dir, name, NULL);
}

static void read_certificate(WgReader *tls, const char *dir, MonWeb *web) {
  g_autofree char *cert = path_of(tls, "cert_file", dir), *key = path_of(tls, "key_file", dir);
  g_autoptr(GError) error = NULL;

  if (!cert || !key) {
    wg_reader_problem(tls, cert ? "key_file" : "cert_file", "is missing: TLS needs %s",
                      cert ? "the key of cert_file" : "a certificate and its key");
    return;
  }
  if (!g_tls_backend_supports_tls(g_tls_backend_get_default())) {
    wg_reader_problem(tls, NULL, "this machine has no TLS: install glib-networking");
    return;
  }
  web->certificate = g_tls_certificate_new_from_files(cert, key, &error);
  if (web->certificate)
    return;
  /* which of the two it is */
  g_autoptr(GTlsCertificate) alone = g_tls_certificate_new_from_file(cert, NULL);
  const char *member = alone ? "key_file" : "cert_file";
  wg_reader_problem(tls, member, "%s cannot be read: %s", alone ? key : cert, error->message);
}

static void read_client(WgReader *tls, const char *dir, MonWeb *web) {
  g_autofree char *ca = path_of(tls, "client_ca_file", dir);
  g_autoptr(GError) error = NULL;

  web->client_auth =
      (MonClientAuth)wg_reader_word(tls, "client_auth_type", client_auths, MON_CLIENT_NO_CERT);
  if (ca && web->client_auth == MON_CLIENT_NO_CERT)
    wg_reader_problem(tls, "client_ca_file",
                      "without client_auth_type no certificate is asked for: "
                      "RequireAndVerifyClientCert is what it is mostly for");
  else if (!ca && web->client_auth >= MON_CLIENT_VERIFY_IF_GIVEN)
    wg_reader_problem(tls, "client_auth_type", "needs client_ca_file: whose certificates are good");
  if (!ca)
    return;
  web->client_ca = g_tls_file_database_new(ca, &error);
  if (!web->client_ca)
    wg_reader_problem(tls, "client_ca_file", "%s cannot be read: %s", ca, error->message);
}

static void read_tls(WgReader *top, const char *dir, MonWeb *web) {
  WgReader *tls = wg_reader_object(top, "tls_server_config");

  if (!tls)
    return;
  read_certificate(tls, dir, web);
  read_client(tls, dir, web);
  if (wg_reader_word(tls, "min_version", versions, 0) == 1)
    web->min_version = G_TLS_PROTOCOL_VERSION_TLS_1_3;
  refuse_foreign(tls);
  wg_reader_end(tls);
}

/* ---- basic_auth_users ---- */
/* "$2b$10$" and 53 characters. NULL: it is one; otherwise what is wrong. */
static const char *problem_of_hash(const char *hash) {
  static const char *const letters =
      "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

  if (strlen(hash) != 60 || hash[0] != '$' || hash[1] != '2' || !strchr("aby", hash[2]) ||
      hash[3] != '$' || !g_ascii_isdigit(hash[4]) || !g_ascii_isdigit(hash[5]) || hash[6] != '$' ||
      strspn(hash + 7, letters) != 53)
    return "is no hash of bcrypt; \"htpasswd -nBC 10 NAME\" makes one";
  int cost = (hash[4] - '0') * 10 + hash[5] - '0';
  if (cost < COST_MIN || cost > COST_MAX)
    return "has a cost that is not from 4 to 16; 10 is the usual one";
  return NULL;
}

static void read_users(WgReader *top, MonWeb *web) {
  WgReader *users = wg_reader_object(top, "basic_auth_users");

  if (!users)
    return;
  g_autofree const char **names = wg_reader_keys(users);
  for (guint i = 0; names[i]; i++) {
    const char *hash = wg_reader_text(users, names[i], NULL);
    const char *problem = hash ? problem_of_hash(hash) : NULL;
    if (problem)
      wg_reader_problem(users, names[i], "%s", problem);
    else if (*names[i] == '\0' || strchr(names[i], ':'))
      wg_reader_problem(users, names[i], "a name is not empty and has no colon");
    else if (hash)
      g_hash_table_replace(web->users, g_strdup(names[i]), g_strdup(hash));
  }
  if (*names == NULL)
    wg_reader_problem(top, "basic_auth_users",
                      "has no user, which would let everybody in: leave it out if that is meant");
  wg_reader_end(users);
}

/* Prometheus' own keys of how HTTP is spoken. */
static void read_http(WgReader *top) {
  WgReader *http = wg_reader_object(top, "http_server_config");

  if (!http)
    return;
  wg_reader_bool(http, "http2", FALSE); /* HTTP/1.1 is what every scraper has as well */
  if (wg_reader_has(http, "headers"))
    wg_reader_problem(http, "headers", "is not had here: these are for pages in a browser");
  wg_reader_end(http);
}

/* ---- the file ---- */
MonWeb *mon_web_parse(const char *bytes, gsize size, const char *dir, WgProblems *problems) {
  const WgDocBounds bounds = {"the web configuration", 256 * 1024, 16, 10000};
  g_autoptr(MonWeb) web = web_new();
  g_autoptr(WgDoc) doc = wg_doc_parse_within(bytes, size, WG_DOC_AUTO, &bounds, problems);

  if (doc) {
    WgReader *top = wg_reader_new(doc, wg_doc_root(doc), "", problems);
    read_tls(top, dir, web);
    read_users(top, web);
    read_http(top);
    if (wg_reader_has(top, "rate_limit"))
      wg_reader_problem(
          top, "rate_limit",
          "is not had here: connections and checks of passwords are bounded as they are");
    wg_reader_end(top);
  }
  return wg_problems_refuse(problems) ? NULL : g_steal_pointer(&web);
}

MonWeb *mon_web_load(const char *path, GError **error) {
  g_autoptr(WgProblems) problems = wg_problems_new();
  g_autoptr(GError) local = NULL;
  g_autofree char *bytes = NULL;
  gsize size = 0;

  if (!*path)
    return web_new();
  if (!g_path_is_absolute(path)) {
    g_set_error(error, WG_ERROR, WG_ERROR_CONFIGURATION,
                "[Http] WebConfig=: \"%s\" is no path from / on", path);
    return NULL;
  }
  g_autofree char *dir = g_path_get_dirname(path);
  if (!g_file_get_contents(path, &bytes, &size, &local))
    wg_problems_add(problems, 0, "", "%s", local->message);
  MonWeb *web = bytes ? mon_web_parse(bytes, size, dir, problems) : NULL;
  if (web)
    return web;
  g_autofree char *text = wg_problems_text(problems, path);
  g_set_error(error, WG_ERROR, WG_ERROR_CONFIGURATION, "%s", g_strchomp(text));
  return NULL;
}
