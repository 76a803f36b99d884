/* subject-net.c: subjects that are reached over a network, or a socket. */
#include "checks/address.h"
#include "checks/conninfo.h"
#include "checks/dns-name.h"
#include "checks/echo.h"
#include "checks/grpc-health.h"
#include "checks/hex.h"
#include "checks/port.h"
#include "checks/subjects.h"
#include "checks/url.h"

#include <string.h>

#define SAMPLES_MAX 10000
#define TIME_MAX                                                                                   \
  (G_GUINT64_CONSTANT(3600) * G_USEC_PER_SEC) /* of the options that have no other bound */

/* `port`: the one that is meant where none is written; 0: one has to be. */
static void judge_address(const char *option, const char *text, guint16 port, ChkFlaws *flaws) {
  g_auto(ChkAddress) address = {0};
  GError *error = NULL;

  if (!chk_address_parse(text, port, &address, &error))
    chk_flaw_error(flaws, option, error);
}

void chk_subject_tcp(const char *subject, JsonObject *given, ChkFlaws *flaws) {
  const char *local = chk_given_text(given, "local-address");

  if (local && !g_hostname_is_ip_address(local))
    chk_flaw(flaws, "local-address", "an address in numbers, as 192.0.2.1, is needed");
  if (g_str_has_prefix(subject, "unix:"))
    chk_flaw_value(flaws, NULL, subject, "address of TCP", "a Unix socket is a unix-socket: PATH");
  else
    judge_address(NULL, subject, 0, flaws);
}

/* What stands nowhere is within its bounds. */
static void judge_time(JsonObject *given, const char *option, guint64 least, const char *text,
                       ChkFlaws *flaws) {
  const ChkLook look = {.options = given};
  guint64 value = chk_option_usec(&look, option, least);

  if (value < least || value > TIME_MAX)
    chk_flaw(flaws, option, text);
}

void chk_subject_udp(const char *subject, JsonObject *given, ChkFlaws *flaws) {
  const char *hex = chk_given_text(given, "send-hex");
  GError *error = NULL;

  if (g_str_has_prefix(subject, "unix:"))
    chk_flaw_value(flaws, NULL, subject, "address of UDP", "write HOST:PORT or [V6]:PORT");
  else
    judge_address(NULL, subject, 0, flaws);
  if (hex && chk_given_text(given, "send"))
    chk_flaw(flaws, "send-hex", "\"send\" and \"send-hex\" exclude each other");
  g_autoptr(GByteArray) bytes = hex ? chk_hex_parse(hex, &error) : NULL;
  chk_flaw_error(flaws, "send-hex", error);
  judge_time(given, "again", 1000, "\"again\" is from 1ms to 1h", flaws);
}

void chk_subject_icmp(const char *subject, JsonObject *given, ChkFlaws *flaws) {
  const ChkLook look = {.options = given};
  const char *family = chk_given_text(given, "family");
  gint64 count = chk_option_int(&look, "count", CHK_ECHO_COUNT);
  guint64 size = chk_option_bytes(&look, "size", CHK_ECHO_SIZE);
  GError *error = NULL;

  if (!chk_dns_name_is_good(subject, &error))
    chk_flaw_error(flaws, NULL, error);
  if (family && strcmp(family, "ipv4") != 0 && strcmp(family, "ipv6") != 0)
    chk_flaw_value(flaws, "family", family, "family of addresses", "ipv4 or ipv6");
  judge_time(given, "spacing", CHK_ECHO_INTERVAL_MIN,
             "\"spacing\" is from 10ms, for who is asked has other work, to 1h", flaws);
  judge_time(given, "wait", 1000, "\"wait\" is from 1ms to 1h", flaws);
  if (count < 1 || count > CHK_ECHO_COUNT_MAX)
    chk_flaw(flaws, "count", "\"count\" is a number from 1 to 100");
  if (size < CHK_ECHO_SIZE_MIN || size > CHK_ECHO_SIZE_MAX)
    chk_flaw(flaws, "size", "\"size\" is from 16 to 1400 bytes");
}

void chk_subject_grpc(const char *subject, JsonObject *given, ChkFlaws *flaws) {
  static const char *const of_tls[] = {"ca-file", "insecure", "cert-file", NULL};
  const ChkLook look = {.options = given};
  const char *service = chk_given_text(given, "service");
  gboolean secure = chk_option_bool(&look, "secure", FALSE);

  judge_address(NULL, subject, 0, flaws);
  if (service && strlen(service) > CHK_GRPC_SERVICE_MAX)
    chk_flaw(flaws, "service", "the name of a service has at most 1024 bytes");
  if (chk_given_text(given, "key-file") && !chk_given_text(given, "cert-file"))
    chk_flaw(flaws, "key-file",
             "\"key-file\" is the key of a certificate: \"cert-file\" is missing");
  for (guint i = 0; of_tls[i]; i++)
    if (given && json_object_has_member(given, of_tls[i]) && !secure)
      chk_flaw(flaws, of_tls[i], "that is for TLS: \"secure: true\" is missing");
}

void chk_subject_tls(const char *subject, JsonObject *given, ChkFlaws *flaws) {
  judge_address(NULL, subject, CHK_TLS_PORT, flaws);
}

void chk_subject_dns(const char *subject, JsonObject *given, ChkFlaws *flaws) {
  const char *record = chk_given_text(given, "record"), *server = chk_given_text(given, "server");
  GError *error = NULL;

  if (!chk_dns_name_is_good(subject, &error))
    chk_flaw_error(flaws, NULL, error);
  if (record && chk_dns_type(record) < 0)
    chk_flaw_value(flaws, "record", record, "kind of record that can be asked for",
                   "A, AAAA, CNAME, MX, NS, TXT, SRV, PTR, SOA, CAA, TLSA, SSHFP, NAPTR");
  if (server)
    judge_address("server", server, CHK_DNS_PORT, flaws);
}

void chk_subject_port(const char *subject, JsonObject *given, ChkFlaws *flaws) {
  g_auto(ChkPort) port = {0};
  GError *error = NULL;

  if (!chk_port_parse(subject, &port, &error))
    chk_flaw_error(flaws, NULL, error);
}

void chk_subject_listening(const char *subject, JsonObject *given, ChkFlaws *flaws) {
  if (strcmp(subject, "tcp") != 0 && strcmp(subject, "udp") != 0 && strcmp(subject, "all") != 0)
    chk_flaw_value(flaws, NULL, subject, "kind of port", "tcp, udp or all");
}

/* ---- databases ---- */
static gboolean judge_database(const char *subject, const char *scheme, guint16 port, ChkUrl *url,
                               ChkFlaws *flaws) {
  GError *error = NULL;

  if (chk_url_parse(subject, scheme, port, url, &error))
    return TRUE;
  chk_flaw_error(flaws, NULL, error);
  return FALSE;
}

void chk_subject_mysql(const char *subject, JsonObject *given, ChkFlaws *flaws) {
  g_auto(ChkUrl) url = {0};

  judge_database(subject, "mysql", CHK_MYSQL_PORT, &url, flaws);
}

void chk_subject_redis(const char *subject, JsonObject *given, ChkFlaws *flaws) {
  g_auto(ChkUrl) url = {0};

  if (judge_database(subject, "redis", CHK_REDIS_PORT, &url, flaws) && url.name &&
      !g_ascii_string_to_unsigned(url.name, 10, 0, 65535, NULL, NULL))
    chk_flaw_value(flaws, NULL, url.name, "database of Redis", "it has a number");
}

void chk_subject_postgresql(const char *subject, JsonObject *given, ChkFlaws *flaws) {
  GError *error = NULL;

  if (!chk_conninfo_is_good(subject, &error))
    chk_flaw_error(flaws, NULL, error);
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

static void judge_headers(JsonObject *given, ChkFlaws *flaws) {
  JsonNode *node = given ? json_object_get_member(given, "headers") : NULL;
  JsonObjectIter iter;
  const char *name;
  JsonNode *text;

  if (node && !JSON_NODE_HOLDS_OBJECT(node))
    chk_flaw(flaws, "headers", "\"headers\" is an object: {\"Accept\": \"text/html\"}");
  if (node == NULL || !JSON_NODE_HOLDS_OBJECT(node))
    return;
  json_object_iter_init_ordered(&iter, json_node_get_object(node));
  while (json_object_iter_next_ordered(&iter, &name, &text)) {
    if (!is_token(name))
      chk_flaw_value(flaws, "headers", name, "name of a header", "write it as in Content-Type");
    if (!is_one_line(text))
      chk_flaw(flaws, "headers", "each of \"headers\" is a text of one line");
  }
}

static void judge_proxy(JsonObject *given, ChkFlaws *flaws) {
  static const char *const schemes[] = {"http", "https", "socks4", "socks4a", "socks5", NULL};
  const char *proxy = chk_given_text(given, "proxy");
  g_autoptr(GUri) uri = proxy ? g_uri_parse(proxy, CHK_HTTP_URI_FLAGS, NULL) : NULL;

  if (proxy == NULL)
    return;
  if (chk_given_text(given, "socket"))
    chk_flaw(flaws, "proxy", "\"proxy\" and \"socket\" exclude each other");
  if (uri == NULL || g_uri_get_host(uri) == NULL || *g_uri_get_host(uri) == 0 ||
      !g_strv_contains(schemes, g_uri_get_scheme(uri)))
    chk_flaw(flaws, "proxy", "\"proxy\" is a URL: http://HOST:PORT, https or socks5");
  else if (g_uri_get_password(uri))
    chk_flaw(flaws, "proxy", "a password does not belong into a file of checks");
}

static void judge_url(const char *subject, ChkFlaws *flaws) {
  static const char right[] = "write http://HOST/PATH or https://HOST/PATH";
  g_autoptr(GError) own = NULL;
  g_autoptr(GUri) uri = g_uri_parse(subject, CHK_HTTP_URI_FLAGS, &own);
  g_autofree char *both = own ? g_strdup_printf("%s; %s", own->message, right) : NULL;

  if (uri == NULL ||
      (strcmp(g_uri_get_scheme(uri), "http") != 0 && strcmp(g_uri_get_scheme(uri), "https") != 0))
    chk_flaw_value(flaws, NULL, subject, "URL of HTTP", both ? both : right);
  else if (g_uri_get_host(uri) == NULL || *g_uri_get_host(uri) == 0)
    chk_flaw_value(flaws, NULL, subject, "URL with a host", right);
  else if (g_uri_get_password(uri))
    chk_flaw(flaws, NULL,
             "a password does not belong into a file of checks: name the file it is "
             "in with \"password-file\"");
}

void chk_subject_http(const char *subject, JsonObject *given, ChkFlaws *flaws) {
  gint64 samples = given ? json_object_get_int_member_with_default(given, "samples", 1) : 1;
  const char *method = chk_given_text(given, "method");

  judge_url(subject, flaws);
  if (samples < 1 || samples > SAMPLES_MAX)
    chk_flaw(flaws, "samples", "\"samples\" is a number from 1 to 10000");
  if (method && !is_token(method))
    chk_flaw_value(flaws, "method", method, "method of HTTP", "write it as in GET");
  judge_headers(given, flaws);
  if (chk_given_text(given, "key-file") && !chk_given_text(given, "cert-file"))
    chk_flaw(flaws, "key-file",
             "\"key-file\" is the key of a certificate: \"cert-file\" is missing");
  judge_proxy(given, flaws);
}
