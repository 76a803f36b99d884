/* url.c: see url.h. */
#include "checks/url.h"

#include "common/error.h"

#include <string.h>

void chk_url_clear(ChkUrl *url) {
  chk_address_clear(&url->address);
  g_clear_pointer(&url->user, g_free);
  g_clear_pointer(&url->name, g_free);
}

static gboolean no_url(const char *text, const char *scheme, const char *why, GError **error) {
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
              "'%s' is no address of this kind: %s; write %s://USER@HOST:PORT/NAME or unix:PATH",
              text, why, scheme);
  return FALSE;
}

gboolean chk_url_parse(const char *text, const char *scheme, guint16 port, ChkUrl *ret,
                       GError **error) {
  g_autoptr(GError) own = NULL;

  *ret = (ChkUrl){0};
  if (g_str_has_prefix(text, "unix:"))
    return chk_address_parse(text, port, &ret->address, error);
  g_autoptr(GUri) uri = g_uri_parse(text, G_URI_FLAGS_HAS_PASSWORD, &own);
  if (uri == NULL)
    return no_url(text, scheme, own->message, error);
  if (!g_str_equal(g_uri_get_scheme(uri), scheme))
    return no_url(text, scheme, "another scheme", error);
  if (g_uri_get_password(uri)) {
    g_set_error_literal(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                        "a password does not belong into a file of checks: name the file it is in "
                        "with \"password-file\"");
    return FALSE;
  }
  if (g_uri_get_query(uri) || g_uri_get_fragment(uri))
    return no_url(text, scheme, "there is something after the name", error);
  const char *host = g_uri_get_host(uri), *path = g_uri_get_path(uri);
  if (host == NULL || *host == 0)
    return no_url(text, scheme, "there is no host", error);
  ret->address.host = g_strdup(host);
  ret->address.port = g_uri_get_port(uri) > 0 ? (guint16)g_uri_get_port(uri) : port;
  ret->user = g_strdup(g_uri_get_user(uri));
  ret->name = *path && path[1] ? g_strdup(path + 1) : NULL;
  return TRUE;
}
