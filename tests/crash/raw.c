/* raw.c: see raw.h. */
#include "raw.h"

#include "common/names.h"

#include <errno.h>
#include <gio/gio.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PATIENCE_MS 20000

static const char handshake[] = "\0AUTH EXTERNAL\r\nDATA\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n";

int raw_connect(Rig *rig) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_assert_cmpint(fd, >=, 0);
  strcpy(address.sun_path, rig->socket);
  g_assert_cmpint(connect(fd, (struct sockaddr *)&address, sizeof address), ==, 0);
  return fd;
}

/* The last thing that is said before BEGIN is AGREE_UNIX_FD. */
int raw_open(Rig *rig) {
  g_autoptr(GString) said = g_string_new(NULL);
  int fd = raw_connect(rig);

  raw_say(fd, handshake, sizeof handshake - 1);
  while (strstr(said->str, "AGREE_UNIX_FD\r\n") == NULL) {
    struct pollfd p = {fd, POLLIN, 0};
    char c;
    g_assert_cmpint(poll(&p, 1, PATIENCE_MS), ==, 1);
    g_assert_cmpint(read(fd, &c, 1), ==, 1);
    g_string_append_c(said, c);
  }
  return fd;
}

gsize raw_say(int fd, const void *bytes, gsize n) {
  gssize done = send(fd, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT);

  if (done < 0)
    g_assert_true(errno == EAGAIN || errno == EPIPE || errno == ECONNRESET);
  return MAX(done, 0);
}

void raw_wait_end(int fd, guint seconds) {
  struct pollfd p = {fd, 0, 0};

  g_assert_cmpint(poll(&p, 1, (int)seconds * 1000), ==, 1);
  g_assert_true(p.revents & (POLLHUP | POLLERR));
  close(fd);
}

guint8 *raw_call(const char *member, GVariant *body, guint32 serial, gsize *ret_size) {
  g_autoptr(GError) error = NULL;
  GDBusMessage *m =
      g_dbus_message_new_method_call(NULL, WG_PATH_MESSAGING, WG_IFACE_MESSAGING, member);

  g_dbus_message_set_serial(m, serial);
  g_dbus_message_set_body(m, body);
  guint8 *bytes = g_dbus_message_to_blob(m, ret_size, G_DBUS_CAPABILITY_FLAGS_NONE, &error);
  g_assert_no_error(error);
  g_object_unref(m);
  return bytes;
}
