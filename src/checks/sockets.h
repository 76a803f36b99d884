/* sockets.h: the sockets of this network namespace: asked of the kernel by sock_diag(7), or read
 * from /proc/net where that is not to be had. No program is run. Any thread. */
#pragma once

#include "checks/check.h"

#include <netinet/in.h>

typedef struct {
  int family, protocol;        /* AF_INET or AF_INET6; IPPROTO_TCP or IPPROTO_UDP */
  struct in6_addr local, peer; /* IPv4: the first four bytes */
  guint16 port, peer_port;
  guint uid, inode; /* inode 0: not accepted yet, or nobody's any more */
} ChkSocket;

typedef enum {
  CHK_SOCKETS_LISTENING,   /* TCP: listening; UDP: bound without a peer */
  CHK_SOCKETS_ESTABLISHED, /* with a peer */
} ChkSockets;

/* Of ChkSocket; NULL with an error. */
GArray *chk_sockets_inet(int family, int protocol, ChkSockets which, GError **error);
/* The table of /proc/net/{tcp,udp}{,6} as text: what chk_sockets_inet() falls back to. Lines that
 * are none are left out. */
void chk_sockets_parse(const char *text, int family, int protocol, ChkSockets which, GArray *ret);

typedef struct {
  char *path; /* '@' in front: abstract */
  guint inode;
  gboolean listening; /* or a bound datagram socket */
} ChkUnixSocket;

/* Those with a name, of /proc/net/unix: of ChkUnixSocket. */
GArray *chk_sockets_unix(const ChkLook *look, GError **error);

/* "127.0.0.1:80", "[::1]:80" */
char *chk_socket_text(int family, const struct in6_addr *address, guint16 port);
