/* conninfo.c: see conninfo.h. Both grammars are those of libpq's manual, "Connection Strings". */
#include "checks/conninfo.h"

#include "common/error.h"
#include "common/nearest.h"

#include <string.h>

#define SPACE " \t\n\v\f\r"

const char *const chk_conninfo_keywords[] = {"application_name",
                                             "authtype",
                                             "channel_binding",
                                             "client_encoding",
                                             "connect_timeout",
                                             "dbname",
                                             "fallback_application_name",
                                             "gssdelegation",
                                             "gssencmode",
                                             "gsslib",
                                             "host",
                                             "hostaddr",
                                             "keepalives",
                                             "keepalives_count",
                                             "keepalives_idle",
                                             "keepalives_interval",
                                             "krbsrvname",
                                             "load_balance_hosts",
                                             "max_protocol_version",
                                             "min_protocol_version",
                                             "oauth_client_id",
                                             "oauth_client_secret",
                                             "oauth_issuer",
                                             "oauth_scope",
                                             "options",
                                             "passfile",
                                             "password",
                                             "port",
                                             "replication",
                                             "require_auth",
                                             "requirepeer",
                                             "requiressl",
                                             "scram_client_key",
                                             "scram_server_key",
                                             "service",
                                             "servicefile",
                                             "ssl_max_protocol_version",
                                             "ssl_min_protocol_version",
                                             "sslcert",
                                             "sslcertmode",
                                             "sslcompression",
                                             "sslcrl",
                                             "sslcrldir",
                                             "sslkey",
                                             "sslkeylogfile",
                                             "sslmode",
                                             "sslnegotiation",
                                             "sslpassword",
                                             "sslrootcert",
                                             "sslsni",
                                             "target_session_attrs",
                                             "tcp_user_timeout",
                                             "tty",
                                             "user",
                                             NULL};

static gboolean refuse(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

static gboolean refuse(GError **error, const char *format, ...) {
  va_list args;

  va_start(args, format);
  g_autofree char *why = g_strdup_vprintf(format, args);
  va_end(args);
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
              "this is not where a PostgreSQL server is: %s; write "
              "postgresql://USER@HOST:PORT/DATABASE or host=HOST dbname=DATABASE",
              why);
  return FALSE;
}

/* Of several hosts each may have one, and an empty one is the default. */
static gboolean good_ports(const char *text, GError **error) {
  g_auto(GStrv) ports = g_strsplit(text, ",", -1);

  for (guint i = 0; ports[i]; i++)
    if (*ports[i] && !g_ascii_string_to_unsigned(ports[i], 10, 1, 65535, NULL, NULL))
      return refuse(error, "'%s' is no port, which is a number from 1 to 65535", ports[i]);
  return TRUE;
}

static gboolean take(const char *keyword, const char *value, GError **error) {
  if (!g_strv_contains(chk_conninfo_keywords, keyword)) {
    g_autofree char *hint = wg_nearest_hint(keyword, chk_conninfo_keywords);
    return refuse(error, "it has no \"%s\"%s%s", keyword, hint ? "; " : "", hint ? hint : "");
  }
  if (strcmp(keyword, "port") == 0)
    return good_ports(value, error);
  if (strcmp(keyword, "password") != 0 || *value == 0)
    return TRUE;
  g_set_error_literal(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                      "a password does not belong into a file of checks: name the file it is in "
                      "with \"password-file\"");
  return FALSE;
}

/* ---- host=... dbname=... ---- */

/* The value at *p, which is left behind it; NULL: a quote is not closed. A backslash takes the next
 * character as it is. */
static char *value_at(const char **p) {
  GString *value = g_string_new(NULL);
  gboolean quoted = **p == '\'';

  for (*p += quoted ? 1 : 0; **p && (quoted ? **p != '\'' : strchr(SPACE, **p) == NULL); (*p)++) {
    if (**p == '\\' && *++*p == 0)
      break;
    g_string_append_c(value, **p);
  }
  if (!quoted)
    return g_string_free(value, FALSE);
  if (**p == '\'') {
    (*p)++;
    return g_string_free(value, FALSE);
  }
  g_string_free(value, TRUE);
  return NULL;
}

static gboolean good_words(const char *text, GError **error) {
  const char *p = text + strspn(text, SPACE);

  while (*p) {
    gsize length = strcspn(p, "=" SPACE);
    g_autofree char *keyword = g_strndup(p, length);
    p += length;
    p += strspn(p, SPACE);
    if (*p != '=')
      return refuse(error, "a \"=\" is missing after '%s'", keyword);
    p++;
    p += strspn(p, SPACE);
    g_autofree char *value = value_at(&p);
    if (value == NULL)
      return refuse(error, "the quote after '%s=' is not closed", keyword);
    if (!take(keyword, value, error))
      return FALSE;
    p += strspn(p, SPACE);
  }
  return TRUE;
}

/* ---- postgresql://... ---- */
static gboolean take_encoded(const char *keyword, const char *value, gsize length, GError **error) {
  g_autofree char *decoded = g_uri_unescape_segment(value, value + length, NULL);

  if (decoded == NULL)
    return refuse(error, "what stands after a \"%%\" of its %s are not two hexadecimal digits",
                  keyword);
  return take(keyword, decoded, error);
}

static gboolean good_user(const char *text, gsize length, GError **error) {
  const char *colon = memchr(text, ':', length);
  gsize user = colon ? (gsize)(colon - text) : length;

  return take_encoded("user", text, user, error) &&
         (!colon || take_encoded("password", colon + 1, length - user - 1, error));
}

/* HOST, HOST:PORT, [V6]:PORT, one or several with commas; at the end *p is behind them. */
static gboolean good_hosts(const char **p, GError **error) {
  for (;; (*p)++) {
    const char *begin = *p;
    if (*begin == '[') {
      const char *end = strchr(begin, ']');
      if (end == NULL || end == begin + 1 || (end[1] && strchr(":/?,", end[1]) == NULL))
        return refuse(error, "the brackets do not hold an address");
      *p = end + 1;
    } else {
      *p += strcspn(begin, ":/?,");
      if (!take_encoded("host", begin, (gsize)(*p - begin), error))
        return FALSE;
    }
    if (**p == ':') {
      gsize length = strcspn(*p + 1, "/?,");
      if (!take_encoded("port", *p + 1, length, error))
        return FALSE;
      *p += 1 + length;
    }
    if (**p != ',')
      return TRUE;
  }
}

static gboolean good_parameters(const char *text, GError **error) {
  g_auto(GStrv) pairs = g_strsplit(text, "&", -1);

  for (guint i = 0; pairs[i] && (*pairs[i] || i == 0 || pairs[i + 1]);
       i++) { /* one '&' may end it */
    char *equals = strchr(pairs[i], '=');
    if (equals == NULL || strchr(equals + 1, '='))
      return refuse(error, "'%s' has %s \"=\"", pairs[i], equals ? "more than one" : "no");
    *equals = 0;
    g_autofree char *keyword = g_uri_unescape_string(pairs[i], NULL);
    gboolean of_jdbc = g_strcmp0(keyword, "ssl") == 0 && strcmp(equals + 1, "true") == 0;
    if (!of_jdbc &&
        !take_encoded(keyword ? keyword : pairs[i], equals + 1, strlen(equals + 1), error))
      return FALSE;
  }
  return TRUE;
}

static gboolean good_uri(const char *rest, GError **error) {
  gsize before = strcspn(rest, "@/");
  const char *p = rest;

  if (rest[before] == '@') {
    if (!good_user(rest, before, error))
      return FALSE;
    p += before + 1;
  }
  if (!good_hosts(&p, error))
    return FALSE;
  if (*p == '/') {
    gsize length = strcspn(p + 1, "?");
    if (!take_encoded("dbname", p + 1, length, error))
      return FALSE;
    p += 1 + length;
  }
  return *p != '?' || p[1] == 0 || good_parameters(p + 1, error);
}

gboolean chk_conninfo_is_good(const char *text, GError **error) {
  static const char *const schemes[] = {"postgresql://", "postgres://"};

  for (guint i = 0; i < G_N_ELEMENTS(schemes); i++)
    if (g_str_has_prefix(text, schemes[i]))
      return good_uri(text + strlen(schemes[i]), error);
  return good_words(text, error);
}
