/* mock-fixture.c: see mock-fixture.h. */
#include "mock-fixture.h"

#include "common/names.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define TEST_INTERFACE "org.waggle.Test.Systemd"

Mock mock;
static const char *program;

void mock_init(int *argc, char **argv) {
  g_assert_cmpint(*argc, >=, 2);
  program = argv[1];
  for (int i = 1; i < *argc; i++)
    argv[i] = argv[i + 1];
  (*argc)--;
  mock.broker = broker_up();
}

void mock_end(void) {
  broker_down(mock.broker);
}

static void dies_with_us(gpointer data) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
}

static void remove_tree(const char *path) {
  g_autoptr(GDir) dir =
      g_file_test(path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open(path, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name(dir))) {
    g_autofree char *inside = g_build_filename(path, name, NULL);
    remove_tree(inside);
  }
  g_assert_cmpint(remove(path), ==, 0);
}

void mock_spawn(void) {
  char ready[16] = "";
  int out;

  const char *argv[] = {"/usr/bin/python3", program, g_test_dbus_get_bus_address(mock.broker),
                        mock.directory, NULL};
  g_assert_true(g_spawn_async_with_pipes(NULL, (char **)argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD,
                                         dies_with_us, NULL, &mock.pid, NULL, &out, NULL, NULL));
  for (gsize n = 0; strchr(ready, '\n') == NULL; n++)
    g_assert_cmpint(read(out, ready + n, 1), ==, 1);
  g_assert_cmpstr(ready, ==, "ready\n");
  close(out);
}

void mock_up(void) {
  mock.directory = g_dir_make_tmp("waggle-units-XXXXXX", NULL);
  connection_open(&mock.ours, mock.broker);
  mock.bus = mock.ours.bus;
  mock.blocking = broker_open(mock.broker);
  mock_spawn();
}

static void reap(int number) {
  if (mock.pid == 0)
    return;
  kill(mock.pid, number);
  g_assert_cmpint(waitpid(mock.pid, NULL, 0), ==, mock.pid);
  mock.pid = 0;
}

void mock_kill(void) {
  reap(SIGKILL);
  broker_wait_gone(mock.broker, WG_BUS_SYSTEMD);
}

void mock_down(void) {
  reap(SIGTERM);
  connection_close(&mock.ours);
  mock.bus = NULL;
  sd_bus_close_unref(mock.blocking);
  remove_tree(mock.directory);
  g_clear_pointer(&mock.directory, g_free);
}

void mock_with(gconstpointer test) {
  mock_up();
  ((void (*)(void))test)();
  mock_down();
}

void mock_write(const char *name, const char *format, ...) {
  g_autofree char *path = g_build_filename(mock.directory, name, NULL);
  g_autofree char *parent = g_path_get_dirname(path);
  va_list args;

  va_start(args, format);
  g_autofree char *text = g_strdup_vprintf(format, args);
  va_end(args);
  g_assert_cmpint(g_mkdir_with_parents(parent, 0755), ==, 0);
  g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static void call(const char *interface, const char *method, const char *types, va_list args) {
  sd_bus_message *m = NULL, *reply = NULL;
  sd_bus_error error = SD_BUS_ERROR_NULL;

  g_assert_cmpint(sd_bus_message_new_method_call(mock.blocking, &m, WG_BUS_SYSTEMD, WG_PATH_SYSTEMD,
                                                 interface, method),
                  >=, 0);
  g_assert_cmpint(sd_bus_message_appendv(m, types, args), >=, 0);
  if (sd_bus_call(mock.blocking, m, 0, &error, &reply) < 0)
    g_error("%s: %s", method, error.message);
  sd_bus_message_unref(m);
  sd_bus_message_unref(reply);
}

void mock_test(const char *method, const char *types, ...) {
  va_list args;

  va_start(args, types);
  call(TEST_INTERFACE, method, types, args);
  va_end(args);
}

void mock_call(const char *method, const char *types, ...) {
  va_list args;

  va_start(args, types);
  call(WG_IFACE_SYSTEMD_MANAGER, method, types, args);
  va_end(args);
}

static void call_broker(sd_bus *bus, const char *method, const char *argument, char **ret) {
  sd_bus_message *reply = NULL;
  const char *text;

  g_assert_cmpint(sd_bus_call_method(bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                     "org.freedesktop.DBus", method, NULL, &reply,
                                     argument ? "s" : "", argument),
                  >=, 0);
  g_assert_cmpint(sd_bus_message_read(reply, "s", &text), >, 0);
  if (ret)
    *ret = g_strdup(text);
  sd_bus_message_unref(reply);
}

char *mock_leave(void) {
  char *own_name;

  call_broker(mock.blocking, "GetNameOwner", WG_BUS_SYSTEMD, &own_name);
  mock_test("Leave", "");
  return own_name;
}

void mock_return(const char *own_name) {
  call_broker(mock.bus, "GetId", NULL, NULL); /* what we sent before has come to nobody by now */
  g_assert_cmpint(sd_bus_call_method(mock.blocking, own_name, WG_PATH_SYSTEMD, TEST_INTERFACE,
                                     "Return", NULL, NULL, ""),
                  >=, 0);
}

static char **calls(void) {
  sd_bus_message *reply = NULL;
  char **list = NULL;

  g_assert_cmpint(sd_bus_call_method(mock.blocking, WG_BUS_SYSTEMD, WG_PATH_SYSTEMD, TEST_INTERFACE,
                                     "Calls", NULL, &reply, ""),
                  >=, 0);
  g_assert_cmpint(sd_bus_message_read_strv(reply, &list), >=, 0);
  sd_bus_message_unref(reply);
  return list;
}

static void free_calls(char **list) {
  for (char **line = list; line && *line; line++)
    free(*line);
  free(list);
}

guint mock_count(const char *beginning) {
  char **list = calls();
  guint n = 0;

  for (char **line = list; line && *line; line++)
    n += g_str_has_prefix(*line, beginning);
  free_calls(list);
  return n;
}

int mock_index(const char *beginning) {
  char **list = calls();
  int found = -1;

  for (int i = 0; list && list[i] && found < 0; i++)
    if (g_str_has_prefix(list[i], beginning))
      found = i;
  free_calls(list);
  return found;
}

static gboolean tick(gpointer data) {
  return G_SOURCE_CONTINUE;
}

void mock_until(gboolean (*holds)(gpointer data), gpointer data) {
  guint guard = g_timeout_add(PAIR_PATIENCE_MSEC, pair_out_of_patience, NULL);
  guint source = g_timeout_add(10, tick, NULL);

  while (!holds(data))
    g_main_context_iteration(NULL, TRUE);
  g_source_remove(source);
  g_source_remove(guard);
}
