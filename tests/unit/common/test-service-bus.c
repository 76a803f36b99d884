/* test-service-bus.c: a service and its bus: the name, losing and regaining the connection, and
 * exit on idle while calls come in, on a dbus-daemon of our own. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "service-fixture.h"
#include "tiny-service.h"

#include "common/names.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Calls at a pace around the idle limit. Every one that is lost fails the test; more of them only
 * make it longer. */
#define N_CALLS 300
#define IDLE_MSEC "3ms"
#define PAUSE_MAX_USEC 6000

typedef struct {
  Fixture f; /* first: it is what the fixture's functions get */
  char *bus_path, *bus_config, *services;
  pid_t broker;
} BusFixture;

/* A test that fails leaves no process behind. */
static void die_with_test(gpointer data) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static void start_broker(BusFixture *b) {
  g_autofree char *config = g_strconcat("--config-file=", b->bus_config, NULL);
  int out = -1;
  GPid pid;
  char line[256];

  /* It speaks to a manager as well, which here is not its own. */
  g_auto(GStrv) env = g_environ_unsetenv(g_strdupv(b->f.environment), "NOTIFY_SOCKET");
  (void)unlink(b->bus_path);
  const char *argv[] = {"dbus-daemon", "--nofork", "--nopidfile", "--print-address", config, NULL};
  g_assert_true(g_spawn_async_with_pipes(NULL, (char **)argv, env,
                                         G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD |
                                             G_SPAWN_STDERR_TO_DEV_NULL,
                                         die_with_test, NULL, &pid, NULL, &out, NULL, NULL));
  g_assert_cmpint(read(out, line, sizeof line), >, 0); /* it listens from now on */
  close(out);
  b->broker = pid;
}

static void stop_broker(BusFixture *b) {
  if (b->broker <= 0)
    return;
  kill(b->broker, SIGKILL);
  fixture_reap(b->broker);
  b->broker = 0;
}

static void setup(BusFixture *b, gconstpointer data) {
  fixture_setup(&b->f, NULL);
  b->bus_path = g_build_filename(b->f.dir, "bus", NULL);
  b->bus_config = g_build_filename(b->f.dir, "bus.conf", NULL);
  b->services = g_build_filename(b->f.dir, "services", NULL);
  g_autofree char *address = g_strconcat("unix:path=", b->bus_path, NULL);
  fixture_setenv(&b->f, "DBUS_SESSION_BUS_ADDRESS", address);
  g_assert_cmpint(g_mkdir_with_parents(b->services, 0700), ==, 0);
  g_autofree char *text = g_strdup_printf(
      "<busconfig><type>session</type><listen>%s</listen><servicedir>%s</servicedir>"
      "<policy context=\"default\"><allow send_destination=\"*\" eavesdrop=\"true\"/>"
      "<allow eavesdrop=\"true\"/><allow own=\"*\"/></policy>"
      "</busconfig>",
      address, b->services);
  g_assert_true(g_file_set_contents(b->bus_config, text, -1, NULL));
  b->broker = 0;
}

static void teardown(BusFixture *b, gconstpointer data) {
  stop_broker(b);
  fixture_teardown(&b->f, NULL);
  g_free(b->bus_path);
  g_free(b->bus_config);
  g_free(b->services);
}

static sd_bus *connect_bus(BusFixture *b) {
  g_autofree char *address = g_strconcat("unix:path=", b->bus_path, NULL);
  sd_bus *bus = NULL;

  g_assert_cmpint(sd_bus_new(&bus), >=, 0);
  g_assert_cmpint(sd_bus_set_address(bus, address), >=, 0);
  g_assert_cmpint(sd_bus_set_bus_client(bus, TRUE), >=, 0);
  g_assert_cmpint(sd_bus_start(bus), >=, 0);
  return bus;
}

static void assert_serves_privately(BusFixture *b) {
  sd_bus *bus = fixture_connect(&b->f);

  fixture_call(bus, "Echo", "s", "x");
  sd_bus_unref(bus);
}

static void test_name(BusFixture *b, gconstpointer data) {
  start_broker(b);
  START(&b->f, "--user");
  g_autofree char *ready = fixture_wait_notify(&b->f, "READY=1");
  g_assert_cmpstr(ready, ==, "READY=1\nSTATUS=Running");
  sd_bus *bus = connect_bus(b);
  fixture_call(bus, "Echo", "s", "x"); /* READY: the name is owned and serves */
  assert_serves_privately(b);
  kill(b->f.pid, SIGTERM);
  g_assert_cmpint(fixture_wait_exit(&b->f), ==, 0);
  g_assert_cmpint(sd_bus_call_method(bus, TINY_BUS_NAME, TINY_PATH, TINY_INTERFACE, "Echo", NULL,
                                     NULL, "s", "x"),
                  <, 0);
  sd_bus_unref(bus);
}

static void test_lost_and_back(BusFixture *b, gconstpointer data) {
  start_broker(b);
  START(&b->f, "--user");
  g_free(fixture_wait_notify(&b->f, "READY=1"));
  stop_broker(b);
  g_free(fixture_wait_notify(&b->f, "STATUS=Running; degraded: bus: "));
  fixture_wait_log(&b->f, "The message bus is lost");
  assert_serves_privately(b);
  start_broker(b);
  g_autofree char *back = fixture_wait_notify(&b->f, "STATUS=Running");
  while (strstr(back, "degraded")) { /* the attempts in between say why they failed */
    g_free(back);
    back = fixture_wait_notify(&b->f, "STATUS=Running");
  }
  fixture_wait_log(&b->f, "On the message bus again");
  sd_bus *bus = connect_bus(b);
  fixture_call(bus, "Echo", "s", "x");
  sd_bus_unref(bus);
}

static void test_absent_at_start(BusFixture *b, gconstpointer data) {
  START(&b->f, "--user");
  g_free(fixture_wait_notify(&b->f, "READY=1\nSTATUS=Running; degraded: bus: cannot connect"));
  assert_serves_privately(b);
  start_broker(b);
  fixture_wait_log(&b->f, "No longer degraded: bus");
  sd_bus *bus = connect_bus(b);
  fixture_call(bus, "Echo", "s", "x");
  sd_bus_unref(bus);
}

static void test_name_taken(BusFixture *b, gconstpointer data) {
  start_broker(b);
  sd_bus *other = connect_bus(b);
  g_assert_cmpint(sd_bus_request_name(other, TINY_BUS_NAME, SD_BUS_NAME_ALLOW_REPLACEMENT), >=, 0);
  START(&b->f, "--user");
  g_free(fixture_wait_notify(&b->f, "belongs to another process"));
  assert_serves_privately(b);
  g_assert_cmpint(sd_bus_release_name(other, TINY_BUS_NAME), >=, 0);
  fixture_wait_log(&b->f, "No longer degraded: bus");
  /* And it is not given away either. */
  g_assert_cmpint(sd_bus_request_name(other, TINY_BUS_NAME, SD_BUS_NAME_REPLACE_EXISTING), <, 0);
  fixture_call(other, "Echo", "s", "x");
  sd_bus_unref(other);
}

/* SIGTERM while a call waits for its answer over the bus. */
static int on_reply(sd_bus_message *m, void *user_data, sd_bus_error *ret_error) {
  *(int *)user_data = sd_bus_message_is_method_error(m, NULL) ? -1 : 1;
  return 1;
}

static void test_drain(BusFixture *b, gconstpointer data) {
  int answer = 0;

  start_broker(b);
  START(&b->f, "--user");
  g_free(fixture_wait_notify(&b->f, "READY=1"));
  sd_bus *bus = connect_bus(b);
  g_assert_cmpint(sd_bus_call_method_async(bus, NULL, TINY_BUS_NAME, TINY_PATH, TINY_INTERFACE,
                                           "Hold", on_reply, &answer, NULL),
                  >=, 0);
  fixture_call(bus, "Echo", "s", "x");
  kill(b->f.pid, SIGTERM);
  while (answer == 0) {
    g_assert_cmpint(sd_bus_wait(bus, WAIT_MSEC * 1000ull), >=, 0); /* 0: queued already */
    while (sd_bus_process(bus, NULL) > 0)
      ;
  }
  g_assert_cmpint(answer, ==, 1);
  g_assert_cmpint(fixture_wait_exit(&b->f), ==, 0);
  sd_bus_unref(bus);
}

/* The bus accepts connections and says nothing. A SIGHUP that comes meanwhile waits. */
static void test_mute_at_start(BusFixture *b, gconstpointer data) {
  start_broker(b);
  kill(b->broker, SIGSTOP);
  START(&b->f, "--user");
  g_free(fixture_wait_notify(&b->f, "STATUS=Starting"));
  assert_serves_privately(b);
  kill(b->f.pid, SIGHUP);
  assert_serves_privately(b);
  g_assert_false(fixture_notified(&b->f, "READY=1"));
  g_assert_false(fixture_notified(&b->f, "RELOADING=1"));
  kill(b->broker, SIGCONT);
  g_free(fixture_wait_notify(&b->f, "READY=1"));
  g_free(fixture_wait_notify(&b->f, "RELOADING=1"));
  g_free(fixture_wait_notify(&b->f, "READY=1"));
}

/* A bus that says nothing does not keep the service from leaving, however far it has come. */
static void test_mute_at_exit(BusFixture *b, gconstpointer data) {
  gboolean ready = GPOINTER_TO_INT(data);

  fixture_config(&b->f, "[Service]\nDrainSec=20ms\n");
  start_broker(b);
  if (!ready)
    kill(b->broker, SIGSTOP);
  START(&b->f, "--user");
  g_free(fixture_wait_notify(&b->f, ready ? "READY=1" : "STATUS=Starting"));
  assert_serves_privately(b);
  kill(b->broker, SIGSTOP);
  kill(b->f.pid, SIGTERM);
  g_free(fixture_wait_notify(&b->f, "STOPPING=1"));
  fixture_wait_log(&b->f, "the bus did not answer in DrainSec=");
  g_assert_cmpint(fixture_wait_exit(&b->f), ==, 0);
}

static guint count_entries(const char *dir, const char *prefix) {
  g_autoptr(GDir) d = g_dir_open(dir, 0, NULL);
  guint n = 0;

  for (const char *name; (name = g_dir_read_name(d));)
    n += g_str_has_prefix(name, prefix) ? 1 : 0;
  return n;
}

/* The broker starts the service for each call that finds it gone; none may be lost. Each process
 * has a state directory of its own, since nobody makes the next one wait for the end of the
 * last as systemd does. */
static void test_idle_on_bus(BusFixture *b, gconstpointer data) {
  g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
  g_autofree char *file = g_build_filename(b->services, "tiny.service", NULL);
  g_autofree char *text =
      g_strdup_printf("[D-BUS Service]\nName=" TINY_BUS_NAME "\n"
                      "Exec=/bin/sh -c \"exec '%s' " AS_DAEMON " --user --state-dir='%s'.$$\"\n",
                      self, b->f.state_dir);

  g_assert_true(g_file_set_contents(file, text, -1, NULL));
  fixture_setenv(&b->f, WG_ENV_IDLE_EXIT, IDLE_MSEC);
  b->f.environment = g_environ_unsetenv(b->f.environment, "NOTIFY_SOCKET");
  start_broker(b);
  sd_bus *bus = connect_bus(b);
  for (guint i = 0; i < N_CALLS; i++) {
    fixture_call(bus, "Echo", "s", "x");
    g_usleep(g_test_rand_int_range(0, PAUSE_MAX_USEC));
  }
  sd_bus_unref(bus);
  guint n = count_entries(b->f.dir, "state.");
  g_test_message("%u processes for %u calls", n, N_CALLS);
  g_assert_cmpuint(n, >, 5);
}

/* Does what systemd does for a socket unit: while nobody serves, wait for a client, start. */
static pid_t start_manager(BusFixture *b) {
  pid_t manager = fork();

  if (manager != 0)
    return manager;
  setpgid(0, 0);
  for (guint n = 1;; n++) {
    struct pollfd p = {.fd = b->f.listen_fd, .events = POLLIN};
    g_autofree char *started = g_strdup_printf("%s/start.%u", b->f.dir, n);
    if (poll(&p, 1, -1) <= 0)
      _exit(1);
    g_file_set_contents(started, "", 0, NULL);
    START(&b->f, "--no-bus");
    if (fixture_wait_exit(&b->f) != 0)
      _exit(1);
    fixture_notified(&b->f, ""); /* nobody else reads them */
  }
}

static void test_idle_on_socket(BusFixture *b, gconstpointer data) {
  fixture_setenv(&b->f, WG_ENV_IDLE_EXIT, IDLE_MSEC);
  pid_t manager = start_manager(b);
  for (guint i = 0; i < N_CALLS; i++) {
    assert_serves_privately(b);
    g_usleep(g_test_rand_int_range(0, PAUSE_MAX_USEC));
  }
  kill(-manager, SIGKILL);
  g_assert_cmpint(waitpid(manager, NULL, 0), ==, manager);
  guint n = count_entries(b->f.dir, "start.");
  g_test_message("%u processes for %u calls", n, N_CALLS);
  g_assert_cmpuint(n, >, 5);
}

static void test_idle_waits(BusFixture *b, gconstpointer data) {
  START(&b->f, "--no-bus");
  sd_bus *bus = fixture_connect(&b->f);
  fixture_config(&b->f, "[Service]\nIdleExitSec=1ms\n"); /* only now, when we are there */
  fixture_call(bus, "Reload", NULL);
  for (guint i = 0; i < 50; i++) {
    fixture_call(bus, "Echo", "s", "x");
    g_usleep(2000);
  }
  g_assert_false(fixture_notified(&b->f, "STOPPING=1")); /* a connected client holds it */
  fixture_call(bus, "Set", "sb", "busy", TRUE);
  sd_bus_unref(bus);
  bus = fixture_connect(&b->f); /* it is still there, because it says that it is busy */
  g_assert_false(fixture_notified(&b->f, "STOPPING=1"));
  fixture_call(bus, "Set", "sb", "busy", FALSE);
  sd_bus_unref(bus);
  g_free(fixture_wait_notify(&b->f, "STOPPING=1"));
  g_assert_cmpint(fixture_wait_exit(&b->f), ==, 0);
  fixture_wait_log(&b->f, "Leaving: idle");
}

int main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], AS_DAEMON) == 0) {
    argv[1] = argv[0];
    return tiny_main(argc - 1, argv + 1);
  }
  g_test_init(&argc, &argv, NULL);
#define ADD(name, func) g_test_add("/service-bus/" name, BusFixture, NULL, setup, func, teardown)
  ADD("name", test_name);
  ADD("lost-and-back", test_lost_and_back);
  ADD("absent-at-start", test_absent_at_start);
  ADD("name-taken", test_name_taken);
  ADD("drain", test_drain);
  ADD("mute-at-start", test_mute_at_start);
  ADD("mute-at-exit", test_mute_at_exit);
  g_test_add("/service-bus/mute-at-exit/ready", BusFixture, GINT_TO_POINTER(TRUE), setup,
             test_mute_at_exit, teardown);
  ADD("idle-on-bus", test_idle_on_bus);
  ADD("idle-on-socket", test_idle_on_socket);
  ADD("idle-waits", test_idle_waits);
  return g_test_run();
}
