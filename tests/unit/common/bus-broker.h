/* bus-broker.h: a private dbus-daemon and connections to it, for tests that need a broker.
 *
 * GTestDBus starts and ends the daemon; no root, nothing of the machine's buses is touched. Each
 * connection is attached to the default context; calls that block are made on one that is not. */
#pragma once

#include "bus-pair.h"

#include "common/bus-source.h"

#include <gio/gio.h>

typedef struct {
  sd_bus *bus;
  GSource *source;
  guint n_closed;
} Connection;

static inline GTestDBus *broker_up(void) {
  GTestDBus *broker = g_test_dbus_new(G_TEST_DBUS_NONE);
  g_test_dbus_up(broker);
  return broker;
}

static inline void broker_down(GTestDBus *broker) {
  g_test_dbus_stop(broker);
  g_object_unref(broker);
}

static inline void connection_closed(sd_bus *bus, int r, gpointer data) {
  ((Connection *)data)->n_closed++;
}

static inline sd_bus *broker_open(GTestDBus *broker) {
  sd_bus *bus = NULL;
  const char *name = NULL;
  g_assert_cmpint(sd_bus_new(&bus), >=, 0);
  g_assert_cmpint(sd_bus_set_address(bus, g_test_dbus_get_bus_address(broker)), >=, 0);
  g_assert_cmpint(sd_bus_set_bus_client(bus, 1), >=, 0);
  g_assert_cmpint(sd_bus_start(bus), >=, 0);
  g_assert_cmpint(sd_bus_get_unique_name(bus, &name), >=, 0); /* blocks until it is there */
  return bus;
}

static inline void connection_open(Connection *c, GTestDBus *broker) {
  c->bus = broker_open(broker);
  c->source = wg_bus_source_attach(c->bus, NULL, connection_closed, c);
}

static inline void connection_close(Connection *c) {
  g_clear_pointer(&c->source, wg_bus_source_destroy);
  if (c->bus)
    sd_bus_flush(c->bus);
  c->bus = sd_bus_close_unref(c->bus);
}

/* Blocks until the broker says that nobody has `name`; the default context does not turn. */
static inline void broker_wait_gone(GTestDBus *broker, const char *name) {
  sd_bus *bus = broker_open(broker);
  for (int owned = 1; owned;) {
    sd_bus_message *reply = NULL;
    g_assert_cmpint(sd_bus_call_method(bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                       "org.freedesktop.DBus", "NameHasOwner", NULL, &reply, "s",
                                       name),
                    >=, 0);
    g_assert_cmpint(sd_bus_message_read(reply, "b", &owned), >=, 0);
    sd_bus_message_unref(reply);
  }
  sd_bus_close_unref(bus);
}
