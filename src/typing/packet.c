/* packet.c: packets between the typist and the hand: one GVariant each, kept whole by the socket
 * (SOCK_SEQPACKET). Bytes from the other side are checked before anything looks into them: size,
 * normal form, type. Never blocks and never logs. */
#include "typing/packet.h"

#include "common/error.h"
#include "typing/hand-protocol.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/* Room for two packets of the largest size, with what the kernel adds. */
#define BUFFER (4 * HAND_PACKET_MAX)

gboolean typ_packet_pair(int ret_fds[2], GError **error) {
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ret_fds) < 0)
    return wg_error_set_errno(error, errno, "Cannot make a pair of sockets");
  for (int i = 0; i < 2; i++) {
    int size = BUFFER;
    /* best effort: the kernel's default holds one of the largest packets as well */
    (void)setsockopt(ret_fds[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  }
  return TRUE;
}

gboolean typ_packet_send(int fd, guint32 serial, const char *kind, GVariant *arguments,
                         GError **error) {
  g_autoptr(GVariant) args =
      g_variant_ref_sink(arguments ? arguments : g_variant_new("a{sv}", NULL));
  g_autoptr(GVariant) packet = g_variant_ref_sink(g_variant_new("(us@a{sv})", serial, kind, args));
  gsize size = g_variant_get_size(packet);

  if (size > HAND_PACKET_MAX) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                "'%s' has %" G_GSIZE_FORMAT " bytes; at most %d go over", kind, size,
                HAND_PACKET_MAX);
    return FALSE;
  }
  gconstpointer bytes = g_variant_get_data(packet);
  ssize_t sent;
  do
    sent = send(fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
  while (sent < 0 && errno == EINTR);
  if (sent >= 0)
    return TRUE;
  if (errno == EAGAIN || errno == ENOBUFS) {
    g_set_error(error, WG_ERROR, WG_ERROR_LIMITS_EXCEEDED,
                "'%s' cannot be sent: the other side does not read", kind);
    return FALSE;
  }
  return wg_error_set_errno(error, errno, "Cannot send '%s'", kind);
}

static TypPacketStatus bad(GError **error, const char *what) {
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "A packet is refused: %s", what);
  return TYP_PACKET_ERROR;
}

TypPacketStatus typ_packet_receive(int fd, guint32 *ret_serial, char **ret_kind,
                                   GVariant **ret_arguments, GError **error) {
  g_autofree guint8 *bytes = g_malloc(HAND_PACKET_MAX + 1);
  ssize_t got;

  do
    got = recv(fd, bytes, HAND_PACKET_MAX + 1, MSG_DONTWAIT);
  while (got < 0 && errno == EINTR);
  if (got < 0 && errno == EAGAIN)
    return TYP_PACKET_AGAIN;
  if (got < 0 && errno == ECONNRESET)
    return TYP_PACKET_END;
  if (got < 0) {
    wg_error_set_errno(error, errno, "Cannot receive a packet");
    return TYP_PACKET_ERROR;
  }
  if (got == 0)
    return TYP_PACKET_END;
  if (got > HAND_PACKET_MAX)
    return bad(error, "it is too large");
  g_autoptr(GBytes) owned = g_bytes_new_take(g_steal_pointer(&bytes), (gsize)got);
  g_autoptr(GVariant) packet =
      g_variant_ref_sink(g_variant_new_from_bytes(G_VARIANT_TYPE(HAND_PACKET_TYPE), owned, FALSE));
  if (!g_variant_is_normal_form(packet))
    return bad(error, "it is not in normal form");
  g_variant_get(packet, "(us@a{sv})", ret_serial, ret_kind, ret_arguments);
  return TYP_PACKET_TAKEN;
}
