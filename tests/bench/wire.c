/* wire.c: see wire.h.
 *
 * The program's own recvmsg() and sendmsg() take the C library's place, also for libsystemd. For a
 * descriptor that was not attached, and for a message with descriptors, they are what they were. */
#include "wire.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FD_MAX 4096
#define READ_BYTES 65536
#define WRITE_BYTES 16384 /* what waits longer keeps the other side idle */

typedef struct {
  guint8 input[READ_BYTES];
  gsize begin, end;
  GByteArray *output;
} Wire;

static Wire *wires[FD_MAX];

static Wire *wire_of(int fd) {
  return fd >= 0 && fd < FD_MAX ? wires[fd] : NULL;
}

void wire_attach(int fd) {
  g_return_if_fail(fd >= 0 && fd < FD_MAX && !wires[fd]);
  wires[fd] = g_new0(Wire, 1);
  wires[fd]->output = g_byte_array_new();
}

void wire_detach(int fd) {
  Wire *wire = wire_of(fd);

  if (!wire)
    return;
  wire_flush(fd);
  wires[fd] = NULL;
  g_byte_array_unref(wire->output);
  g_free(wire);
}

/* An error is not lost: the next read meets it. */
gboolean wire_flush(int fd) {
  Wire *wire = wire_of(fd);

  if (!wire || wire->output->len == 0)
    return FALSE;
  gssize n = send(fd, wire->output->data, wire->output->len, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (n < 0 && errno != EAGAIN && errno != EINTR)
    n = wire->output->len;
  if (n > 0)
    g_byte_array_remove_range(wire->output, 0, (guint)n);
  return wire->output->len > 0;
}

ssize_t recvmsg(int fd, struct msghdr *msg, int flags) {
  Wire *wire = wire_of(fd);
  gsize copied = 0;

  if (!wire)
    return syscall(SYS_recvmsg, fd, msg, flags);
  if (wire->begin == wire->end) {
    gssize n = recv(fd, wire->input, sizeof wire->input, MSG_DONTWAIT);
    if (n <= 0)
      return n;
    wire->begin = 0;
    wire->end = (gsize)n;
  }
  for (gsize i = 0; i < msg->msg_iovlen && wire->begin < wire->end; i++) {
    gsize n = MIN(msg->msg_iov[i].iov_len, wire->end - wire->begin);
    memcpy(msg->msg_iov[i].iov_base, wire->input + wire->begin, n);
    wire->begin += n;
    copied += n;
  }
  msg->msg_controllen = 0;
  msg->msg_flags = 0;
  return (ssize_t)copied;
}

ssize_t sendmsg(int fd, const struct msghdr *msg, int flags) {
  Wire *wire = wire_of(fd);
  gsize copied = 0;

  if (!wire)
    return syscall(SYS_sendmsg, fd, msg, flags);
  if ((msg->msg_controllen > 0 || wire->output->len >= WRITE_BYTES) && wire_flush(fd)) {
    errno = EAGAIN; /* sd-bus keeps it and comes back */
    return -1;
  }
  if (msg->msg_controllen > 0)
    return syscall(SYS_sendmsg, fd, msg, flags);
  for (gsize i = 0; i < msg->msg_iovlen; i++) {
    g_byte_array_append(wire->output, msg->msg_iov[i].iov_base, msg->msg_iov[i].iov_len);
    copied += msg->msg_iov[i].iov_len;
  }
  return (ssize_t)copied;
}
