/* address.c: see address.h. */
#include "checks/address.h"

#include "common/error.h"

#include <string.h>

void chk_address_clear(ChkAddress *address) {
  g_clear_pointer(&address->host, g_free);
  g_clear_pointer(&address->path, g_free);
}

static gboolean no_address(const char *text, const char *why, GError **error) {
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
              "'%s' is no address: %s; write HOST:PORT, [V6]:PORT or unix:PATH", text, why);
  return FALSE;
}

gboolean chk_address_parse(const char *text, guint16 port, ChkAddress *ret, GError **error) {
  *ret = (ChkAddress){0};
  if (g_str_has_prefix(text, "unix:")) {
    if (text[5] != '/')
      return no_address(text, "the path of a socket begins with '/'", error);
    ret->path = g_strdup(text + 5);
    return TRUE;
  }
  const char *colon = strrchr(text, ':'), *bracket = strrchr(text, ']');
  if (bracket && colon && colon < bracket)
    colon = NULL;
  if (!bracket && colon && strchr(text, ':') != colon)
    return no_address(text, "an IPv6 address stands in brackets", error);
  gsize length = colon ? (gsize)(colon - text) : strlen(text);
  if (bracket && (text[0] != '[' || bracket + 1 != text + length))
    return no_address(text, "the brackets do not hold an address", error);
  guint64 number = port;
  if (colon && !g_ascii_string_to_unsigned(colon + 1, 10, 1, 65535, &number, NULL))
    return no_address(text, "a port is a number from 1 to 65535", error);
  if (number == 0)
    return no_address(text, "there is no port", error);
  ret->host = bracket ? g_strndup(text + 1, length - 2) : g_strndup(text, length);
  if (*ret->host == 0 || strpbrk(ret->host, " \t/@")) {
    chk_address_clear(ret);
    return no_address(text, "there is no host name in it", error);
  }
  ret->port = (guint16)number;
  return TRUE;
}
