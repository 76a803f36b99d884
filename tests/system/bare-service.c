/* bare-service.c: the least that a socket-activated D-Bus service can be.
 *
 * The cold start of a Waggle service is compared with it: what remains is systemd's own time. It
 * has one method without arguments, takes the first connection and leaves when that is closed. A
 * test's program only: it keeps no store, checks no caller and reports no error but by its exit
 * status. */
#include <sys/socket.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-daemon.h>

static int ping(sd_bus_message *m, void *userdata, sd_bus_error *error) {
  return sd_bus_reply_method_return(m, "");
}

static const sd_bus_vtable vtable[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD("Ping", "", "", ping, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_VTABLE_END,
};

int main(void) {
  sd_bus *bus = NULL;
  sd_id128_t id;
  if (sd_listen_fds(1) != 1 || sd_id128_randomize(&id) < 0 || sd_bus_new(&bus) < 0)
    return 1;
  sd_notify(0, "READY=1");
  int fd = accept4(SD_LISTEN_FDS_START, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0 || sd_bus_set_fd(bus, fd, fd) < 0 || sd_bus_set_server(bus, 1, id) < 0 ||
      sd_bus_start(bus) < 0 ||
      sd_bus_add_object_vtable(bus, NULL, "/org/waggle/Messaging1", "org.waggle.Messaging1", vtable,
                               NULL) < 0)
    return 1;
  for (;;) {
    int r = sd_bus_process(bus, NULL);
    if (r < 0)
      return 0;
    if (r == 0 && sd_bus_wait(bus, UINT64_MAX) < 0)
      return 0;
  }
}
