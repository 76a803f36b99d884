/* subject-net.c: subjects that are reached over a network, or a socket. */
#include "checks/address.h"
#include "checks/conninfo.h"
#include "checks/dns-name.h"
#include "checks/port.h"
#include "checks/subjects.h"
#include "checks/url.h"

#include <string.h>

#define SAMPLES_MAX 10000

/* `port`: the one that is meant where none is written; 0: one has to be. */
static gboolean good_address(const char *text, guint16 port, GError **error) {
  g_auto(ChkAddress) address = {0};

  return chk_address_parse(text, port, &address, error);
}

gboolean chk_subject_tcp(const char *subject, JsonObject *given, GError **error) {
  if (g_str_has_prefix(subject, "unix:"))
    return chk_subject_refuse(error, subject, "address of TCP",
                              "a Unix socket is a unix-socket: PATH");
  return good_address(subject, 0, error);
}

gboolean chk_subject_tls(const char *subject, JsonObject *given, GError **error) {
  return good_address(subject, CHK_TLS_PORT, error);
}

gboolean chk_subject_dns(const char *subject, JsonObject *given, GError **error) {
  const char *record = chk_given_text(given, "record"), *server = chk_given_text(given, "server");

  if (record && chk_dns_type(record) < 0)
    return chk_subject_refuse(
        error, record, "kind of record that can be asked for",
        "A, AAAA, CNAME, MX, NS, TXT, SRV, PTR, SOA, CAA, TLSA, SSHFP, NAPTR");
  return chk_dns_name_is_good(subject, error) &&
         (server == NULL || good_address(server, CHK_DNS_PORT, error));
}

gboolean chk_subject_port(const char *subject, JsonObject *given, GError **error) {
  g_auto(ChkPort) port = {0};

  return chk_port_parse(subject, &port, error);
}

gboolean chk_subject_listening(const char *subject, JsonObject *given, GError **error) {
  return strcmp(subject, "tcp") == 0 || strcmp(subject, "udp") == 0 ||
         strcmp(subject, "all") == 0 ||
         chk_subject_refuse(error, subject, "kind of port", "tcp, udp or all");
}

/* ---- databases ---- */
gboolean chk_subject_mysql(const char *subject, JsonObject *given, GError **error) {
  g_auto(ChkUrl) url = {0};

  return chk_url_parse(subject, "mysql", CHK_MYSQL_PORT, &url, error);
}

gboolean chk_subject_redis(const char *subject, JsonObject *given, GError **error) {
  g_auto(ChkUrl) url = {0};

  if (!chk_url_parse(subject, "redis", CHK_REDIS_PORT, &url, error))
    return FALSE;
  return url.name == NULL || g_ascii_string_to_unsigned(url.name, 10, 0, 65535, NULL, NULL) ||
         chk_subject_refuse(error, url.name, "database of Redis", "it has a number");
}

gboolean chk_subject_postgresql(const char *subject, JsonObject *given, GError **error) {
  return chk_conninfo_is_good(subject, error);
}

/* ---- HTTP ---- */
static gboolean is_one_line(JsonNode *node) {
  return JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING &&
         strpbrk(json_node_get_string(node), "\r\n") == NULL;
}

/* RFC 9110: a token */
static gboolean is_token(const char *text) {
  return *text && strspn(text, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                               "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == strlen(text);
}

static gboolean good_headers(JsonObject *given, GError **error) {
  JsonNode *node = given ? json_object_get_member(given, "headers") : NULL;
  JsonObjectIter iter;
  const char *name;
  JsonNode *text;

  if (node == NULL)
    return TRUE;
  if (!JSON_NODE_HOLDS_OBJECT(node))
    return chk_subject_refuse_text(error, "\"headers\" is an object: {\"Accept\": \"text/html\"}");
  json_object_iter_init(&iter, json_node_get_object(node));
  while (json_object_iter_next(&iter, &name, &text)) {
    if (!is_token(name))
      return chk_subject_refuse(error, name, "name of a header", "write it as in Content-Type");
    if (!is_one_line(text))
      return chk_subject_refuse_text(error, "each of \"headers\" is a text of one line");
  }
  return TRUE;
}

static gboolean good_proxy(JsonObject *given, GError **error) {
  static const char *const schemes[] = {"http", "https", "socks4", "socks4a", "socks5", NULL};
  const char *proxy = chk_given_text(given, "proxy");
  g_autoptr(GUri) uri = proxy ? g_uri_parse(proxy, CHK_HTTP_URI_FLAGS, NULL) : NULL;

  if (chk_given_text(given, "key-file") && !chk_given_text(given, "cert-file"))
    return chk_subject_refuse_text(
        error, "\"key-file\" is the key of a certificate: \"cert-file\" is missing");
  if (proxy == NULL)
    return TRUE;
  if (chk_given_text(given, "socket"))
    return chk_subject_refuse_text(error, "\"proxy\" and \"socket\" exclude each other");
  if (uri == NULL || g_uri_get_host(uri) == NULL || *g_uri_get_host(uri) == 0 ||
      !g_strv_contains(schemes, g_uri_get_scheme(uri)))
    return chk_subject_refuse_text(error, "\"proxy\" is a URL: http://HOST:PORT, https or socks5");
  return g_uri_get_password(uri) == NULL ||
         chk_subject_refuse_text(error, "a password does not belong into a file of checks");
}

static gboolean good_url(const char *subject, GError **error) {
  static const char right[] = "write http://HOST/PATH or https://HOST/PATH";
  g_autoptr(GError) own = NULL;
  g_autoptr(GUri) uri = g_uri_parse(subject, CHK_HTTP_URI_FLAGS, &own);
  g_autofree char *both = own ? g_strdup_printf("%s; %s", own->message, right) : NULL;

  if (uri == NULL ||
      (strcmp(g_uri_get_scheme(uri), "http") != 0 && strcmp(g_uri_get_scheme(uri), "https") != 0))
    return chk_subject_refuse(error, subject, "URL of HTTP", both ? both : right);
  if (g_uri_get_host(uri) == NULL || *g_uri_get_host(uri) == 0)
    return chk_subject_refuse(error, subject, "URL with a host", right);
  return g_uri_get_password(uri) == NULL ||
         chk_subject_refuse_text(error, "a password does not belong into a file of checks: name "
                                        "the file it is in with \"password-file\"");
}

gboolean chk_subject_http(const char *subject, JsonObject *given, GError **error) {
  gint64 samples = given ? json_object_get_int_member_with_default(given, "samples", 1) : 1;
  const char *method = chk_given_text(given, "method");

  if (!good_url(subject, error))
    return FALSE;
  if (samples < 1 || samples > SAMPLES_MAX)
    return chk_subject_refuse_text(error, "\"samples\" is a number from 1 to 10000");
  if (method && !is_token(method))
    return chk_subject_refuse(error, method, "method of HTTP", "write it as in GET");
  return good_headers(given, error) && good_proxy(given, error);
}
