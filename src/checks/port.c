/* port.c: see port.h. */
#include "checks/port.h"

#include <arpa/inet.h>
#include <string.h>

void chk_port_clear(ChkPort *port) {
  g_free(port->path);
  *port = (ChkPort){0};
}

static const struct {
  const char *name;
  int protocol, family;
} kinds[] = {
    {"tcp", IPPROTO_TCP, AF_UNSPEC}, {"tcp4", IPPROTO_TCP, AF_INET},
    {"tcp6", IPPROTO_TCP, AF_INET6}, {"udp", IPPROTO_UDP, AF_UNSPEC},
    {"udp4", IPPROTO_UDP, AF_INET},  {"udp6", IPPROTO_UDP, AF_INET6},
};

static gboolean refuse(const char *text, GError **error) {
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
              "'%s' is no port: write tcp:80, udp:53, tcp6:[::1]:80, tcp:127.0.0.1:80, unix:/path "
              "or unix:@name",
              text);
  return FALSE;
}

static gboolean number_read(const char *text, guint16 *ret) {
  guint64 number;

  if (!g_ascii_string_to_unsigned(text, 10, 1, G_MAXUINT16, &number, NULL))
    return FALSE;
  *ret = (guint16)number;
  return TRUE;
}

/* ADDRESS:PORT, [ADDRESS]:PORT or PORT */
static gboolean inet_read(const char *rest, ChkPort *ret) {
  const char *colon = strrchr(rest, ':');

  if (colon == NULL) {
    ret->any = TRUE;
    return number_read(rest, &ret->port);
  }
  g_autofree char *address = g_strndup(rest, (gsize)(colon - rest));
  gsize length = strlen(address);
  gboolean bracketed = length > 1 && address[0] == '[' && address[length - 1] == ']';
  if (bracketed)
    address[length - 1] = 0;
  const char *bare = address + (bracketed ? 1 : 0);
  int family = strchr(bare, ':') ? AF_INET6 : AF_INET;
  if ((family == AF_INET6 && !bracketed) || (ret->family != AF_UNSPEC && ret->family != family) ||
      inet_pton(family, bare, &ret->address) != 1)
    return FALSE;
  ret->family = family;
  return number_read(colon + 1, &ret->port);
}

gboolean chk_port_parse(const char *text, ChkPort *ret, GError **error) {
  const char *colon = strchr(text, ':');
  gsize length = colon ? (gsize)(colon - text) : 0;

  *ret = (ChkPort){0};
  if (length == 4 && strncmp(text, "unix", 4) == 0) {
    if (colon[1] != '/' && (colon[1] != '@' || colon[2] == 0))
      return refuse(text, error);
    ret->is_unix = TRUE;
    ret->path = g_strdup(colon + 1);
    return TRUE;
  }
  for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
    if (length != strlen(kinds[i].name) || strncmp(text, kinds[i].name, length) != 0)
      continue;
    ret->protocol = kinds[i].protocol;
    ret->family = kinds[i].family;
    return inet_read(colon + 1, ret) || refuse(text, error);
  }
  return refuse(text, error);
}
