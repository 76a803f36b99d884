/* fuzz-packet.c: any bytes as a packet between the typist and its hand. Either it is refused, or it
 * is a request or an answer that goes over again as the same one. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "typing/packet.h"

#include "common/error.h"

#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
  guint32 serial;
  char *kind;
  GVariant *arguments;
} Packet;

static void packet_clear(Packet *packet) {
  g_free(packet->kind);
  g_clear_pointer(&packet->arguments, g_variant_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Packet, packet_clear)

static TypPacketStatus receive(int fd, Packet *packet, GError **error) {
  return typ_packet_receive(fd, &packet->serial, &packet->kind, &packet->arguments, error);
}

static void goes_over_again(int fds[2], const Packet *packet) {
  g_auto(Packet) again = {0};
  g_autoptr(GError) error = NULL;

  g_assert_true(typ_packet_send(fds[1], packet->serial, packet->kind, packet->arguments, &error));
  g_assert_no_error(error);
  g_assert_cmpint(receive(fds[0], &again, &error), ==, TYP_PACKET_TAKEN);
  g_assert_cmpuint(again.serial, ==, packet->serial);
  g_assert_cmpstr(again.kind, ==, packet->kind);
  g_assert_true(g_variant_equal(again.arguments, packet->arguments));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  g_auto(Packet) packet = {0};
  g_autoptr(GError) error = NULL;
  int fds[2];

  if (size == 0)
    return 0; /* the end of the stream, not a packet */
  g_assert_true(typ_packet_pair(fds, NULL));
  if (send(fds[1], data, size, MSG_NOSIGNAL) == (ssize_t)size) {
    switch (receive(fds[0], &packet, &error)) {
    case TYP_PACKET_TAKEN:
      goes_over_again(fds, &packet);
      break;
    case TYP_PACKET_ERROR:
      g_assert_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT);
      g_assert_null(packet.arguments);
      break;
    default:
      g_assert_not_reached();
    }
  }
  close(fds[0]);
  close(fds[1]);
  return 0;
}
