/* port.h: the subjects of a port: "tcp:80", "tcp6:[::1]:80", "udp:0.0.0.0:53", "unix:/path",
 * "unix:@name". A port without an address means any. Pure. */
#pragma once

#include "common/error.h"

#include <netinet/in.h>

typedef struct {
  gboolean is_unix;
  int protocol, family;    /* IPPROTO_TCP, IPPROTO_UDP; AF_UNSPEC: tcp and udp mean both families */
  gboolean any;            /* no address was given */
  struct in6_addr address; /* IPv4: the first four bytes */
  guint16 port;
  char *path;
} ChkPort;

gboolean chk_port_parse(const char *text, ChkPort *ret, GError **error);
void chk_port_clear(ChkPort *port);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ChkPort, chk_port_clear)
