/* test-logcontrol.c: org.freedesktop.LogControl1 over a broker and over a socket. */
#include "bus-broker.h"

#include "common/log.h"
#include "common/logcontrol.h"

#include <errno.h>

#define LOG_PATH "/org/freedesktop/LogControl1"
#define LOG_IFACE "org.freedesktop.LogControl1"

typedef struct {
  GTestDBus *broker;
  Connection service, client;
  guint n_done;
  char *value, *error;
} Fixture;

static void setup_pair(Fixture *f) {
  int ends[2];
  g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), ==, 0);
  f->service.bus = pair_server(ends[0], ends[0]);
  f->client.bus = pair_client(ends[1]);
  f->service.source = wg_bus_source_attach(f->service.bus, NULL, connection_closed, &f->service);
  f->client.source = wg_bus_source_attach(f->client.bus, NULL, connection_closed, &f->client);
}

static void setup(Fixture *f, gconstpointer on_broker) {
  if (on_broker) {
    f->broker = broker_up();
    connection_open(&f->service, f->broker);
    connection_open(&f->client, f->broker);
  } else {
    setup_pair(f);
  }
  g_assert_cmpint(wg_logcontrol_attach(f->service.bus, "waggle-test"), >=, 0);
}

static void teardown(Fixture *f, gconstpointer data) {
  connection_close(&f->client);
  connection_close(&f->service);
  if (f->broker)
    broker_down(f->broker);
  g_free(f->value);
  g_free(f->error);
}

static const char *service_name(Fixture *f) {
  const char *name = NULL;
  if (f->broker)
    g_assert_cmpint(sd_bus_get_unique_name(f->service.bus, &name), >=, 0);
  return name;
}

static int on_reply(sd_bus_message *m, void *data, sd_bus_error *reterr) {
  Fixture *f = data;
  const sd_bus_error *e = sd_bus_message_get_error(m);
  const char *value = NULL;
  g_clear_pointer(&f->value, g_free);
  g_clear_pointer(&f->error, g_free);
  if (e)
    f->error = g_strdup(e->name);
  else if (sd_bus_message_read(m, "v", "s", &value) > 0)
    f->value = g_strdup(value);
  f->n_done++;
  return 0;
}

static const char *get(Fixture *f, const char *property) {
  guint n = f->n_done;
  g_assert_cmpint(sd_bus_call_method_async(f->client.bus, NULL, service_name(f), LOG_PATH,
                                           "org.freedesktop.DBus.Properties", "Get", on_reply, f,
                                           "ss", LOG_IFACE, property),
                  >=, 0);
  pair_wait(&f->n_done, n + 1);
  g_assert_null(f->error);
  return f->value;
}

/* The name of the error, or NULL. */
static const char *set(Fixture *f, const char *property, const char *value) {
  guint n = f->n_done;
  g_assert_cmpint(sd_bus_call_method_async(f->client.bus, NULL, service_name(f), LOG_PATH,
                                           "org.freedesktop.DBus.Properties", "Set", on_reply, f,
                                           "ssv", LOG_IFACE, property, "s", value),
                  >=, 0);
  pair_wait(&f->n_done, n + 1);
  return f->error;
}

static void test_level(Fixture *f, gconstpointer data) {
  static const char *const names[] = {"emerg",   "alert",  "crit", "err",
                                      "warning", "notice", "info", "debug"};
  for (int i = 0; i < (int)G_N_ELEMENTS(names); i++) {
    g_assert_cmpstr(set(f, "LogLevel", names[i]), ==, NULL);
    g_assert_cmpint(wg_log_max_level(), ==, i);
    g_assert_cmpstr(get(f, "LogLevel"), ==, names[i]);
  }
  g_assert_cmpstr(set(f, "LogLevel", "loud"), ==, SD_BUS_ERROR_INVALID_ARGS);
  g_assert_cmpint(wg_log_max_level(), ==, LOG_DEBUG);
  g_assert_cmpstr(set(f, "LogLevel", "info"), ==, NULL);
}

static void test_target(Fixture *f, gconstpointer data) {
  g_assert_cmpstr(set(f, "LogTarget", "console"), ==, NULL);
  g_assert_cmpstr(wg_log_target(), ==, "console");
  g_assert_cmpstr(get(f, "LogTarget"), ==, "console");
  g_assert_cmpstr(set(f, "LogTarget", "moon"), ==, SD_BUS_ERROR_INVALID_ARGS);
  g_assert_cmpstr(wg_log_target(), ==, "console");
  g_assert_cmpstr(set(f, "LogTarget", "auto"), ==, NULL);
}

static void test_others(Fixture *f, gconstpointer data) {
  g_assert_cmpstr(get(f, "SyslogIdentifier"), ==, "waggle-test");
  g_assert_cmpstr(set(f, "SyslogIdentifier", "x"), ==, SD_BUS_ERROR_PROPERTY_READ_ONLY);
  g_assert_cmpstr(set(f, "Nothing", "x"), ==, SD_BUS_ERROR_UNKNOWN_PROPERTY);
  g_assert_cmpstr(get(f, "SyslogIdentifier"), ==, "waggle-test");
}

static int set_level_blocking(sd_bus *bus) {
  return sd_bus_call_method(bus, NULL, LOG_PATH, "org.freedesktop.DBus.Properties", "Set", NULL,
                            NULL, "ssv", LOG_IFACE, "LogLevel", "s", "debug");
}

typedef struct {
  int fd;
  int result;
  guint done;
} Other;

static gpointer call_from_thread(gpointer data) {
  Other *o = data;
  sd_bus *bus = pair_client(o->fd);
  o->result = set_level_blocking(bus);
  sd_bus_close_unref(bus);
  g_atomic_int_set(&o->done, 1);
  g_main_context_wakeup(NULL);
  return NULL;
}

/* A socketpair made with another effective uid carries that uid; only root can do so. */
static void test_other_uid(void) {
  int ends[2];
  Connection service = {0};
  if (geteuid() != 0) {
    g_test_skip("only root can be somebody else");
    return;
  }
  g_assert_cmpint(seteuid(65534), ==, 0);
  g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), ==, 0);
  g_assert_cmpint(seteuid(0), ==, 0);
  service.bus = pair_server(ends[0], ends[0]);
  service.source = wg_bus_source_attach(service.bus, NULL, connection_closed, &service);
  g_assert_cmpint(wg_logcontrol_attach(service.bus, "waggle-test"), >=, 0);
  Other o = {.fd = ends[1]};
  int before = wg_log_max_level();
  GThread *thread = g_thread_new("other", call_from_thread, &o);
  pair_wait(&o.done, 1);
  g_thread_join(thread);
  g_assert_cmpint(o.result, ==, -EACCES);
  g_assert_cmpint(wg_log_max_level(), ==, before);
  connection_close(&service);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
#define ADD(name, func)                                                                            \
  g_test_add("/common/logcontrol/bus/" name, Fixture, "broker", setup, func, teardown);            \
  g_test_add("/common/logcontrol/socket/" name, Fixture, NULL, setup, func, teardown)
  ADD("level", test_level);
  ADD("target", test_target);
  ADD("others", test_others);
  g_test_add_func("/common/logcontrol/other-uid", test_other_uid);
  return g_test_run();
}
