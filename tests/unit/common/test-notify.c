/* test-notify.c: a status never waits for a manager that does not read, and is told again once it
 * does; the manager here is a socket of ours. */
#undef G_DISABLE_ASSERT
#include "common/notify.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int listen_at(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

  g_assert_cmpuint(strlen(path), <, sizeof address.sun_path);
  strcpy(address.sun_path, path);
  g_assert_cmpint(bind(fd, (struct sockaddr *)&address, sizeof address), ==, 0);
  return fd;
}

/* How many lie there; the last one in `buffer`. */
static guint drain(int fd, char *buffer, gsize size) {
  guint n = 0;

  for (gssize got; (got = recv(fd, buffer, size - 1, 0)) >= 0; n++)
    buffer[got] = '\0';
  return n;
}

typedef struct {
  char *directory, *path;
  int fd;
} Manager;

static Manager manager_new(void) {
  Manager m = {.directory = g_dir_make_tmp("waggle-notify-XXXXXX", NULL)};

  m.path = g_build_filename(m.directory, "notify", NULL);
  m.fd = listen_at(m.path);
  g_setenv("NOTIFY_SOCKET", m.path, TRUE);
  return m;
}

static void manager_end(Manager *m) {
  g_unsetenv("NOTIFY_SOCKET");
  close(m->fd);
  g_unlink(m->path);
  g_rmdir(m->directory);
  g_free(m->path);
  g_free(m->directory);
}

static void test_full(void) {
  char last[256] = "";
  Manager m = manager_new();
  WgNotify *notify = wg_notify_new();

  for (guint i = 0; i < 2000; i++) {
    g_autofree char *text = g_strdup_printf("number %u", i);
    wg_notify_status(notify, text);
  }
  guint n = drain(m.fd, last, sizeof last);
  g_assert_cmpuint(n, >, 0);
  g_assert_cmpuint(n, <, 2000);
  wg_notify_status(notify, "number 1999"); /* was not taken before, so it is told now */
  g_assert_cmpuint(drain(m.fd, last, sizeof last), ==, 1);
  g_assert_cmpstr(last, ==, "STATUS=number 1999");
  wg_notify_status(notify, "number 1999");
  g_assert_cmpuint(drain(m.fd, last, sizeof last), ==, 0);

  wg_notify_free(notify);
  manager_end(&m);
}

/* systemd takes no message of more than 4096 bytes: a long status must not cost the READY=1. */
static void test_long(void) {
  g_autoptr(GString) text = g_string_new("x");
  char last[8192] = "";
  Manager m = manager_new();
  WgNotify *notify = wg_notify_new();

  while (text->len < 6000)
    g_string_append(text, "\u00e9");
  wg_notify_ready(notify, text->str);
  g_assert_cmpuint(drain(m.fd, last, sizeof last), ==, 1);
  g_assert_true(g_str_has_prefix(last, "READY=1\nSTATUS=x\u00e9"));
  g_assert_true(g_str_has_suffix(last, "\u00e9..."));
  g_assert_cmpuint(strlen(last), <=, 1100);
  g_assert_cmpuint(strlen(last), >=, 1000);
  g_assert_true(g_utf8_validate(last, -1, NULL));
  wg_notify_status(notify, text->str);
  g_assert_cmpuint(drain(m.fd, last, sizeof last), ==, 0);
  wg_notify_stopping(notify, text->str);
  g_assert_cmpuint(drain(m.fd, last, sizeof last), ==, 1);
  g_assert_cmpuint(strlen(last), <=, 1100);
  wg_notify_free(notify);
  manager_end(&m);
}

static void test_no_manager(void) {
  WgNotify *notify = wg_notify_new();

  g_unsetenv("NOTIFY_SOCKET");
  wg_notify_status(notify, "a\nb");
  g_setenv("NOTIFY_SOCKET", "/nonexistent/socket", TRUE);
  wg_notify_status(notify, "c");
  g_unsetenv("NOTIFY_SOCKET");
  wg_notify_free(notify);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/notify/full", test_full);
  g_test_add_func("/notify/long", test_long);
  g_test_add_func("/notify/no-manager", test_no_manager);
  return g_test_run();
}
