/* bind-peer.c: from an address to the processes that hold the socket which answers there.
 *
 * What answers a new connection is a listening socket: the one of the exact address, else one of
 * any address. Several can share an address (SO_REUSEPORT); then all their holders count, since
 * each of them may answer the next time. */
#include "checks/bind-look.h"
#include "checks/port.h"
#include "checks/sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* How well a socket fits: 3 exact, 2 any address of the family, 1 any of IPv6 for IPv4, 0 not. */
static guint fits(const ChkPort *peer, const ChkSocket *at) {
  gsize size = peer->family == AF_INET6 ? 16 : 4;
  gboolean any6 = IN6_IS_ADDR_UNSPECIFIED(&at->local);
  struct in6_addr mapped = {.s6_addr = {[10] = 0xff, [11] = 0xff}};

  if (at->port != peer->port)
    return 0;
  if (at->family == peer->family) {
    if (memcmp(&at->local, &peer->address, size) == 0)
      return 3;
    return (size == 16 ? any6 : at->local.s6_addr32[0] == 0) ? 2 : 0;
  }
  if (peer->family != AF_INET || at->family != AF_INET6)
    return 0;
  memcpy(&mapped.s6_addr[12], &peer->address, 4);
  return memcmp(&at->local, &mapped, 16) == 0 ? 3 : any6 ? 1 : 0;
}

/* The inodes of the sockets that fit best. */
static gboolean best_of(const ChkPort *peer, int protocol, GHashTable *inodes, GError **error) {
  static const int families[] = {AF_INET, AF_INET6};
  guint best = 1;

  for (guint f = 0; f < G_N_ELEMENTS(families); f++) {
    g_autoptr(GArray) all = chk_sockets_inet(families[f], protocol, CHK_SOCKETS_LISTENING, error);
    if (all == NULL)
      return FALSE;
    for (guint i = 0; i < all->len; i++) {
      const ChkSocket *each = &g_array_index(all, ChkSocket, i);
      guint how = fits(peer, each);
      if (how < best)
        continue;
      if (how > best)
        g_hash_table_remove_all(inodes);
      best = how;
      g_hash_table_add(inodes, GUINT_TO_POINTER(each->inode));
    }
  }
  return TRUE;
}

static gboolean inet_inodes(const char *peer, GHashTable *inodes, GError **error) {
  g_autofree char *subject = g_strconcat("tcp:", peer, NULL);
  g_auto(ChkPort) port = {0};

  if (!chk_port_parse(subject, &port, error) || !best_of(&port, IPPROTO_TCP, inodes, error))
    return FALSE;
  return g_hash_table_size(inodes) > 0 || best_of(&port, IPPROTO_UDP, inodes, error);
}

static gboolean unix_inodes(const char *peer, const ChkLook *look, GHashTable *inodes,
                            GError **error) {
  g_autoptr(GArray) all = chk_sockets_unix(look, error);

  for (guint i = 0; all && i < all->len; i++) {
    const ChkUnixSocket *each = &g_array_index(all, ChkUnixSocket, i);
    if (each->listening && strcmp(each->path, peer) == 0)
      g_hash_table_add(inodes, GUINT_TO_POINTER(each->inode));
  }
  return all != NULL;
}

/* Who called listen(), as the kernel tells it who connects; 0: nobody tells. */
static pid_t unix_listener(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  struct ucred who = {0};
  socklen_t size = sizeof who;
  gsize length = strlen(path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

  if (fd < 0 || length >= sizeof address.sun_path) {
    if (fd >= 0)
      close(fd);
    return 0;
  }
  memcpy(address.sun_path, path, length);
  if (*path == '@')
    address.sun_path[0] = 0;
  socklen_t used = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
  gboolean good = connect(fd, (struct sockaddr *)&address, used) == 0 &&
                  getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0;
  close(fd);
  return good ? who.pid : 0;
}

GPtrArray *chk_bind_holders(const char *peer, const ChkLook *look, ChkSight *ret) {
  g_autoptr(GHashTable) inodes = g_hash_table_new(NULL, NULL);
  g_autoptr(GError) error = NULL;
  gboolean is_unix = *peer == '/' || *peer == '@';

  if (!(is_unix ? unix_inodes(peer, look, inodes, &error) : inet_inodes(peer, inodes, &error))) {
    chk_unknown(ret, "who answers at %s cannot be told: %s", peer, error->message);
    return NULL;
  }
  g_autoptr(GPtrArray) pids = chk_socket_holders(look, inodes);
  pid_t listener = is_unix && pids->len == 0 ? unix_listener(peer) : 0;
  if (listener > 1)
    g_ptr_array_add(pids, GINT_TO_POINTER(listener));
  if (pids->len > 0)
    return g_steal_pointer(&pids);
  if (g_hash_table_size(inodes) == 0 && !is_unix)
    chk_unknown(ret, "nothing listens at %s on this machine: who answers there cannot be told",
                peer);
  else
    chk_unknown(ret, "who listens at %s cannot be told: this user may not look into its process",
                peer);
  return NULL;
}
