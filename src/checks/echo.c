/* echo.c: see echo.h. */
#include "checks/echo.h"

#include "common/error.h"

#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <string.h>
#include <sys/socket.h>

/* Type, code, checksum, identifier, sequence number: both protocols begin alike. The kernel fills
 * in the checksum and the identifier. */
#define HEAD 8

static gboolean is_six(GSocket *socket) {
  return g_socket_get_family(socket) == G_SOCKET_FAMILY_IPV6;
}

GSocket *chk_echo_open(GInetAddress *address, GError **error) {
  GSocketFamily family = g_inet_address_get_family(address);
  int protocol = family == G_SOCKET_FAMILY_IPV6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
  int fd = socket((int)family, SOCK_DGRAM | SOCK_CLOEXEC, protocol);

  if (fd < 0 && errno == EACCES) {
    g_set_error_literal(error, WG_ERROR, WG_ERROR_NOT_AUTHORIZED,
                        "the kernel lets this user send no echo requests: none of its groups is in "
                        "net.ipv4.ping_group_range; set it, as in sysctl -w "
                        "net.ipv4.ping_group_range=\"0 2147483647\", and in a file of sysctl.d(5)");
    return NULL;
  }
  if (fd < 0) {
    g_set_error(error, WG_ERROR, WG_ERROR_FAILED, "no socket for echo requests of %s: %s",
                family == G_SOCKET_FAMILY_IPV6 ? "IPv6" : "IPv4", g_strerror(errno));
    return NULL;
  }
  return g_socket_new_from_fd(fd, error);
}

gboolean chk_echo_connect(GSocket *socket, GInetAddress *address, GCancellable *cancel,
                          GError **error) {
  g_autoptr(GSocketAddress) to = g_inet_socket_address_new(address, 0);

  return g_socket_connect(socket, to, cancel, error);
}

int chk_echo_number(const guint8 *bytes, gsize size, gboolean six, const guint8 *mark) {
  guint8 wanted = six ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY;

  if (size < HEAD + CHK_ECHO_MARK || bytes[0] != wanted || bytes[1] != 0 ||
      memcmp(bytes + HEAD, mark, CHK_ECHO_MARK) != 0)
    return -1;
  return bytes[6] << 8 | bytes[7];
}

typedef struct {
  ChkEcho *echo;
  GSocket *socket;
  GCancellable *cancel;
  guint8 mark[CHK_ECHO_MARK];
  gint64 sent[CHK_ECHO_COUNT_MAX];
} Run;

static gboolean send_one(Run *run, GError **error) {
  ChkEcho *echo = run->echo;
  gsize size = HEAD + echo->size;
  g_autofree guint8 *packet = g_malloc0(size);
  guint number = echo->n_sent;

  packet[0] = is_six(run->socket) ? ICMP6_ECHO_REQUEST : ICMP_ECHO;
  packet[6] = (guint8)(number >> 8);
  packet[7] = (guint8)number;
  memcpy(packet + HEAD, run->mark, CHK_ECHO_MARK);
  run->sent[number] = g_get_monotonic_time();
  echo->times[number] = -1;
  if (g_socket_send(run->socket, (const char *)packet, size, run->cancel, error) < 0)
    return FALSE;
  echo->n_sent++;
  return TRUE;
}

static gboolean receive_one(Run *run, GError **error) {
  guint8 bytes[HEAD + CHK_ECHO_SIZE_MAX];
  gssize size = g_socket_receive_with_blocking(run->socket, (char *)bytes, sizeof bytes, FALSE,
                                               run->cancel, error);
  gint64 now = g_get_monotonic_time();

  if (size < 0)
    return FALSE;
  int number = chk_echo_number(bytes, (gsize)size, is_six(run->socket), run->mark);
  /* an answer that comes twice counts once */
  if (number >= 0 && (guint)number < run->echo->n_sent && run->echo->times[number] < 0) {
    run->echo->times[number] = now - run->sent[number];
    run->echo->n_received++;
  }
  return TRUE;
}

/* Takes answers until `end`, or until all are there that can come. */
static gboolean listen_until(Run *run, gint64 end, gboolean last, GError **error) {
  for (;;) {
    g_autoptr(GError) own = NULL;
    gint64 left = end - g_get_monotonic_time();
    if (left <= 0 || (last && run->echo->n_received == run->echo->n_sent))
      return TRUE;
    if (g_socket_condition_timed_wait(run->socket, G_IO_IN, left, run->cancel, &own)
            ? receive_one(run, &own)
            : g_error_matches(own, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
      continue;
    if (g_error_matches(own, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
      continue; /* a packet that the kernel dropped when it looked closer */
    g_propagate_error(error, g_steal_pointer(&own));
    return FALSE;
  }
}

gboolean chk_echo_run(ChkEcho *echo, GSocket *socket, GCancellable *cancel, GError **error) {
  Run run = {.echo = echo, .socket = socket, .cancel = cancel};

  for (guint i = 0; i < CHK_ECHO_MARK; i += sizeof(guint32)) {
    guint32 random = g_random_int();
    memcpy(run.mark + i, &random, sizeof random);
  }
  gint64 begin = g_get_monotonic_time();
  for (guint i = 0; i < echo->count; i++) {
    gboolean last = i + 1 == echo->count;
    gint64 end =
        last ? g_get_monotonic_time() + echo->wait : begin + (gint64)(i + 1) * echo->interval;
    if (!send_one(&run, error) || !listen_until(&run, end, last, error))
      return FALSE;
  }
  return TRUE;
}
