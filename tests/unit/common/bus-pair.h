/* bus-pair.h: two sd-bus connections over a socketpair, for the tests of the bus parts.
 *
 * No broker and no network. The server half answers org.waggle.Test at /test: Empty() answers at
 * once, Never() never does, Big(u) answers with as many bytes, Noted() sends the signal Note first
 * and answers then. `n_calls` counts what was handled. */
#pragma once

#undef NDEBUG
#undef G_DISABLE_ASSERT

#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-id128.h>
#include <unistd.h>

#define PAIR_PATH "/test"
#define PAIR_IFACE "org.waggle.Test"
/* No test may hang: longer than any machine needs, shorter than the runner's patience. */
#define PAIR_PATIENCE_MSEC 60000

static guint pair_n_calls;

static inline int pair_empty(sd_bus_message *m, void *data, sd_bus_error *e) {
  g_atomic_int_inc((gint *)&pair_n_calls);
  return sd_bus_reply_method_return(m, NULL);
}

static inline int pair_never(sd_bus_message *m, void *data, sd_bus_error *e) {
  return 1;
}

static inline int pair_big(sd_bus_message *m, void *data, sd_bus_error *e) {
  uint32_t n = 0;
  void *space = NULL;
  sd_bus_message *reply = NULL;
  pair_n_calls++;
  g_assert_cmpint(sd_bus_message_read(m, "u", &n), >=, 0);
  g_assert_cmpint(sd_bus_message_new_method_return(m, &reply), >=, 0);
  g_assert_cmpint(sd_bus_message_append_array_space(reply, 'y', n, &space), >=, 0);
  memset(space, 7, n);
  g_assert_cmpint(sd_bus_send(NULL, reply, NULL), >=, 0);
  sd_bus_message_unref(reply);
  return 1;
}

static inline int pair_noted(sd_bus_message *m, void *data, sd_bus_error *e) {
  sd_bus_emit_signal(sd_bus_message_get_bus(m), PAIR_PATH, PAIR_IFACE, "Note", NULL);
  return sd_bus_reply_method_return(m, NULL);
}

static const sd_bus_vtable pair_vtable[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD("Empty", "", "", pair_empty, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("Never", "", "", pair_never, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("Big", "u", "ay", pair_big, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("Noted", "", "", pair_noted, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_SIGNAL("Note", "", 0),
    SD_BUS_VTABLE_END,
};

/* A server on `fd`; `fd_write` may be a dup of it (split) or the same. */
static inline sd_bus *pair_server(int fd, int fd_write) {
  sd_bus *bus = NULL;
  sd_id128_t id;
  g_assert_cmpint(sd_id128_randomize(&id), >=, 0);
  g_assert_cmpint(sd_bus_new(&bus), >=, 0);
  g_assert_cmpint(sd_bus_set_fd(bus, fd, fd_write), >=, 0);
  g_assert_cmpint(sd_bus_set_server(bus, 1, id), >=, 0);
  g_assert_cmpint(sd_bus_add_object_vtable(bus, NULL, PAIR_PATH, PAIR_IFACE, pair_vtable, NULL), >=,
                  0);
  g_assert_cmpint(sd_bus_start(bus), >=, 0);
  return bus;
}

static inline sd_bus *pair_client_split(int fd, int fd_write) {
  sd_bus *bus = NULL;
  g_assert_cmpint(sd_bus_new(&bus), >=, 0);
  g_assert_cmpint(sd_bus_set_fd(bus, fd, fd_write), >=, 0);
  g_assert_cmpint(sd_bus_start(bus), >=, 0);
  return bus;
}

static inline sd_bus *pair_client(int fd) {
  return pair_client_split(fd, fd);
}

static inline void pair_call(sd_bus *bus, const char *member, sd_bus_message_handler_t done,
                             gpointer data) {
  g_assert_cmpint(
      sd_bus_call_method_async(bus, NULL, NULL, PAIR_PATH, PAIR_IFACE, member, done, data, NULL),
      >=, 0);
}

static inline gboolean pair_out_of_patience(gpointer data) {
  g_print("Bail out! %s waited in vain\n", g_test_get_path());
  abort(); /* g_error() would write where some tests collect the log */
  return G_SOURCE_REMOVE;
}

/* Turns the default context until `*counter` has reached `n`. */
static inline void pair_wait(const guint *counter, guint n) {
  guint guard = g_timeout_add(PAIR_PATIENCE_MSEC, pair_out_of_patience, NULL);
  while (*counter < n)
    g_main_context_iteration(NULL, TRUE);
  g_source_remove(guard);
}
