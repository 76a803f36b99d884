/* sockets.c: see sockets.h. */
#include "checks/sockets.h"

#include "checks/local.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define UNIX_MAX (64 * 1024 * 1024)

char *chk_socket_text(int family, const struct in6_addr *address, guint16 port) {
  char text[INET6_ADDRSTRLEN] = "";

  inet_ntop(family, address, text, sizeof text);
  return g_strdup_printf(family == AF_INET6 ? "[%s]:%u" : "%s:%u", text, port);
}

/* The state a socket of `which` has. A bound datagram socket is TCP_CLOSE to the kernel. */
static guint state_of(int protocol, ChkSockets which) {
  if (which == CHK_SOCKETS_ESTABLISHED)
    return TCP_ESTABLISHED;
  return protocol == IPPROTO_TCP ? TCP_LISTEN : TCP_CLOSE;
}

static void add_diag(const struct nlmsghdr *header, int protocol, GArray *ret) {
  const struct inet_diag_msg *m = NLMSG_DATA(header);
  ChkSocket socket = {.family = m->idiag_family, .protocol = protocol};

  if (header->nlmsg_len < NLMSG_LENGTH(sizeof *m))
    return;
  memcpy(&socket.local, m->id.idiag_src, sizeof socket.local);
  memcpy(&socket.peer, m->id.idiag_dst, sizeof socket.peer);
  socket.port = ntohs(m->id.idiag_sport);
  socket.peer_port = ntohs(m->id.idiag_dport);
  socket.uid = m->idiag_uid;
  socket.inode = m->idiag_inode;
  g_array_append_val(ret, socket);
}

/* 1 at the end of the dump, 0 for more, or a negative errno. */
static int take_diag(const char *buffer, gssize n, int protocol, GArray *ret) {
  guint left = (guint)n;

  for (const struct nlmsghdr *h = (const struct nlmsghdr *)buffer; NLMSG_OK(h, left);
       h = NLMSG_NEXT(h, left)) {
    if (h->nlmsg_type == NLMSG_DONE)
      return 1;
    if (h->nlmsg_type == NLMSG_ERROR)
      return h->nlmsg_len >= NLMSG_LENGTH(sizeof(struct nlmsgerr))
                 ? ((const struct nlmsgerr *)NLMSG_DATA(h))->error
                 : -EIO;
    add_diag(h, protocol, ret);
  }
  return 0;
}

static int diag(int fd, int family, int protocol, guint states, GArray *ret) {
  struct {
    struct nlmsghdr header;
    struct inet_diag_req_v2 ask;
  } request = {
      .header = {.nlmsg_len = sizeof request,
                 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
      .ask = {.sdiag_family = (guint8)family,
              .sdiag_protocol = (guint8)protocol,
              .idiag_states = states},
  };
  g_autofree char *buffer = g_malloc(65536);
  int r = 0;

  if (send(fd, &request, sizeof request, 0) < 0)
    return -errno;
  while (r == 0) {
    ssize_t n = recv(fd, buffer, 65536, 0);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return n < 0 ? -errno : -EIO;
    r = take_diag(buffer, n, protocol, ret);
  }
  return r < 0 ? r : 0;
}

/* HEX address in host order of each 32-bit word, ':', HEX port. */
static gboolean address_read(const char *text, int family, struct in6_addr *address,
                             guint16 *port) {
  guint words = family == AF_INET6 ? 4 : 1;

  if (strlen(text) != words * 8 + 5 || text[words * 8] != ':')
    return FALSE;
  for (guint i = 0; i < words; i++) {
    char word[9] = "";
    memcpy(word, text + i * 8, 8);
    address->s6_addr32[i] = (guint32)g_ascii_strtoull(word, NULL, 16);
  }
  *port = (guint16)g_ascii_strtoull(text + words * 8 + 1, NULL, 16);
  return TRUE;
}

void chk_sockets_parse(const char *text, int family, int protocol, ChkSockets which, GArray *ret) {
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

  for (guint i = 0; lines[i]; i++) {
    g_autoptr(GPtrArray) fields = g_ptr_array_new();
    char *rest = NULL;
    for (char *f = strtok_r(lines[i], " ", &rest); f; f = strtok_r(NULL, " ", &rest))
      g_ptr_array_add(fields, f);
    ChkSocket socket = {.family = family, .protocol = protocol};
    if (fields->len < 10 || !address_read(fields->pdata[1], family, &socket.local, &socket.port) ||
        !address_read(fields->pdata[2], family, &socket.peer, &socket.peer_port) ||
        g_ascii_strtoull(fields->pdata[3], NULL, 16) != state_of(protocol, which))
      continue;
    socket.uid = (guint)g_ascii_strtoull(fields->pdata[7], NULL, 10);
    socket.inode = (guint)g_ascii_strtoull(fields->pdata[9], NULL, 10);
    g_array_append_val(ret, socket);
  }
}

static gboolean from_proc(int family, int protocol, ChkSockets which, GArray *ret, GError **error) {
  g_autofree char *path = g_strdup_printf("/proc/net/%s%s", protocol == IPPROTO_TCP ? "tcp" : "udp",
                                          family == AF_INET6 ? "6" : "");
  g_autofree char *text = NULL;

  if (!g_file_get_contents(path, &text, NULL, error))
    return family == AF_INET6 && !g_file_test(path, G_FILE_TEST_EXISTS); /* no IPv6 here */
  chk_sockets_parse(text, family, protocol, which, ret);
  return TRUE;
}

GArray *chk_sockets_inet(int family, int protocol, ChkSockets which, GError **error) {
  g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(ChkSocket));
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
  int r = fd < 0 ? -errno : diag(fd, family, protocol, 1u << state_of(protocol, which), found);

  if (fd >= 0)
    close(fd);
  if (r == 0)
    return g_steal_pointer(&found);
  g_array_set_size(found, 0);
  g_clear_error(error);
  if (!from_proc(family, protocol, which, found, error))
    return NULL;
  g_clear_error(error);
  return g_steal_pointer(&found);
}

static void unix_clear(gpointer data) {
  g_free(((ChkUnixSocket *)data)->path);
}

/* NUM: REFS PROTOCOL FLAGS TYPE STATE INODE PATH; a flag (bit 16) says that it listens. */
static gboolean unix_line(char *line, ChkUnixSocket *ret) {
  g_auto(GStrv) parts = g_strsplit(line, ":", 2);
  guint flags, type, state, inode;
  int at = 0;

  if (parts[0] == NULL || parts[1] == NULL ||
      sscanf(parts[1], " %*x %*x %x %x %x %u %n", &flags, &type, &state, &inode, &at) < 4 ||
      parts[1][at] == 0)
    return FALSE;
  *ret =
      (ChkUnixSocket){g_strdup(parts[1] + at), inode, (flags & 0x10000) != 0 || type == SOCK_DGRAM};
  return TRUE;
}

GArray *chk_sockets_unix(const ChkLook *look, GError **error) {
  g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(ChkUnixSocket));
  g_autofree char *text = chk_local_read(look, "/proc/net/unix", UNIX_MAX, NULL, error);
  g_auto(GStrv) lines = text ? g_strsplit(text, "\n", -1) : NULL;

  if (text == NULL)
    return NULL;
  g_array_set_clear_func(found, unix_clear);
  for (guint i = 0; lines[i]; i++) {
    ChkUnixSocket each;
    if (unix_line(lines[i], &each))
      g_array_append_val(found, each);
  }
  return g_steal_pointer(&found);
}
