/* certificate.c: see certificate.h. */
#include "checks/certificate.h"

#include "checks/local.h"

static const struct {
  GTlsCertificateFlags flag;
  const char *text;
} flaws[] = {
    {G_TLS_CERTIFICATE_UNKNOWN_CA, "signed by an unknown authority"},
    {G_TLS_CERTIFICATE_BAD_IDENTITY, "not for this name"},
    {G_TLS_CERTIFICATE_NOT_ACTIVATED, "not valid yet"},
    {G_TLS_CERTIFICATE_EXPIRED, "expired"},
    {G_TLS_CERTIFICATE_REVOKED, "revoked"},
    {G_TLS_CERTIFICATE_INSECURE, "made with an insecure algorithm"},
    {G_TLS_CERTIFICATE_GENERIC_ERROR, "could not be validated"},
};

static void set_problems(JsonObject *values, const char *key, GTlsCertificateFlags problems) {
  JsonArray *found = json_array_new();

  for (guint i = 0; i < G_N_ELEMENTS(flaws); i++)
    if (problems & flaws[i].flag)
      json_array_add_string_element(found, flaws[i].text);
  json_object_set_array_member(values, key, found);
}

static void set_names(JsonObject *values, const char *key, GTlsCertificate *certificate) {
  g_autoptr(GPtrArray) names = g_tls_certificate_get_dns_names(certificate);
  GPtrArray *texts = g_ptr_array_new_with_free_func(g_free);

  for (guint i = 0; names && i < names->len; i++) {
    gsize size;
    const char *bytes = g_bytes_get_data(names->pdata[i], &size);
    g_ptr_array_add(texts, g_strndup(bytes, size));
  }
  chk_set_sorted(values, key, texts);
}

static void set_fingerprint(JsonObject *values, const char *key, GTlsCertificate *certificate) {
  g_autoptr(GByteArray) der = NULL;

  g_object_get(certificate, "certificate", &der, NULL);
  if (der == NULL)
    return;
  g_autofree char *digest = g_compute_checksum_for_data(G_CHECKSUM_SHA256, der->data, der->len);
  chk_set_text(values, key, digest);
}

static void set_time(JsonObject *values, const char *key, GDateTime *time) {
  if (time)
    chk_set_time(values, key, (guint64)MAX(g_date_time_to_unix(time), 0) * G_USEC_PER_SEC);
}

char *chk_certificate_flaws(GTlsCertificateFlags problems) {
  g_autoptr(GPtrArray) texts = g_ptr_array_new();

  for (guint i = 0; i < G_N_ELEMENTS(flaws); i++)
    if (problems & flaws[i].flag)
      g_ptr_array_add(texts, (gpointer)flaws[i].text);
  if (texts->len == 0)
    return NULL;
  g_ptr_array_add(texts, NULL);
  g_autofree char *list = g_strjoinv(", ", (char **)texts->pdata);
  return g_strconcat("the server's certificate: ", list, NULL);
}

GTlsCertificateFlags chk_certificate_judge(GTlsCertificate *certificate, const char *host,
                                           GTlsDatabase *authorities) {
  g_autoptr(GSocketConnectable) identity = host ? g_network_address_new(host, 443) : NULL;
  g_autoptr(GTlsDatabase) known =
      authorities ? g_object_ref(authorities)
                  : g_tls_backend_get_default_database(g_tls_backend_get_default());
  g_autoptr(GError) error = NULL;

  if (known == NULL)
    return G_TLS_CERTIFICATE_GENERIC_ERROR;
  GTlsCertificateFlags problems =
      g_tls_database_verify_chain(known, certificate, G_TLS_DATABASE_PURPOSE_AUTHENTICATE_SERVER,
                                  identity, NULL, G_TLS_DATABASE_VERIFY_NONE, NULL, &error);
  return error ? problems | G_TLS_CERTIFICATE_GENERIC_ERROR : problems;
}

void chk_certificate_set(JsonObject *values, const char *prefix, GTlsCertificate *certificate,
                         GTlsCertificateFlags problems) {
  g_autoptr(GDateTime) begin = g_tls_certificate_get_not_valid_before(certificate);
  g_autoptr(GDateTime) end = g_tls_certificate_get_not_valid_after(certificate);
  g_autofree char *subject = g_tls_certificate_get_subject_name(certificate);
  g_autofree char *issuer = g_tls_certificate_get_issuer_name(certificate);
  static const char *const names[] = {"trusted", "problems", "days-left", "not-before", "not-after",
                                      "subject", "issuer",   "names",     "fingerprint"};
  g_auto(GStrv) key = g_new0(char *, G_N_ELEMENTS(names) + 1);

  for (guint i = 0; i < G_N_ELEMENTS(names); i++)
    key[i] = g_strconcat(prefix, names[i], NULL);
  json_object_set_boolean_member(values, key[0], problems == 0);
  set_problems(values, key[1], problems);
  if (end) {
    double left = (double)g_date_time_to_unix(end) - (double)g_get_real_time() / G_USEC_PER_SEC;
    json_object_set_double_member(values, key[2], left / (24 * 3600));
  }
  set_time(values, key[3], begin);
  set_time(values, key[4], end);
  chk_set_text(values, key[5], subject);
  chk_set_text(values, key[6], issuer);
  set_names(values, key[7], certificate);
  set_fingerprint(values, key[8], certificate);
}

gboolean chk_certificate_database(const ChkLook *look, GTlsDatabase **ret, GError **error) {
  const char *path = chk_option_text(look, "ca-file", NULL);

  *ret = NULL;
  if (path == NULL)
    return TRUE;
  g_autofree char *real = g_strconcat(chk_world_root(look->world), path, NULL);
  *ret = g_tls_file_database_new(real, error);
  return *ret != NULL;
}
