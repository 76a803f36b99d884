/* test-mem-pressure.c: pressure told by a FIFO, a socket and a file, as systemd's protocol has it.
 * What a kernel tells is no matter of a test: few build machines have PSI. */
#undef NDEBUG
#undef G_DISABLE_ASSERT

#include "common/mem-pressure.h"
#include "common/names.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define TRIGGER "some 10000 50000" /* 50 ms: over after 150 */

static char *dir, *path;
static guint n_on, n_off;

static void told(gboolean is_short, gpointer data) {
  g_assert_true(data == &n_on);
  n_on += is_short;
  n_off += !is_short;
  g_assert_cmpuint(n_on - n_off, ==, is_short); /* by turns */
}

static gboolean out_of_patience(gpointer data) {
  g_error("waited in vain");
  return G_SOURCE_REMOVE;
}

static void until(guint on, guint off) {
  guint guard = g_timeout_add_seconds(60, out_of_patience, NULL);

  while (n_on < on || n_off < off)
    g_main_context_iteration(NULL, TRUE);
  g_source_remove(guard);
}

static WgMemPressure *watch(const char *trigger) {
  g_autofree char *coded = g_base64_encode((const guchar *)trigger, strlen(trigger) + 1);

  n_on = n_off = 0;
  g_setenv(WG_ENV_MEMORY_PRESSURE_WATCH, path, TRUE);
  g_setenv(WG_ENV_MEMORY_PRESSURE_WRITE, coded, TRUE);
  return wg_mem_pressure_new(told, &n_on);
}

static void test_fifo(void) {
  g_assert_cmpint(mkfifo(path, 0600), ==, 0);
  WgMemPressure *p = watch(TRIGGER);
  g_assert_nonnull(p);
  for (guint round = 1; round <= 2; round++) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    g_assert_cmpint(write(fd, "much", 4), ==, 4);
    g_assert_cmpint(close(fd), ==, 0); /* no end of it */
    until(round, round - 1);
    until(round, round);
  }
  wg_mem_pressure_free(p);
}

/* While it goes on it is not over, and is told once. */
static void test_goes_on(void) {
  g_assert_cmpint(mkfifo(path, 0600), ==, 0);
  WgMemPressure *p = watch("some 1 20000000");
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  for (guint i = 0; i < 3; i++) {
    g_assert_cmpint(write(fd, "x", 1), ==, 1);
    g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(n_on, ==, 1);
    g_assert_cmpuint(n_off, ==, 0);
  }
  close(fd);
  wg_mem_pressure_free(p);
}

static void test_socket(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  char got[sizeof TRIGGER];
  int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_strlcpy(address.sun_path, path, sizeof address.sun_path);
  g_assert_cmpint(bind(listener, (struct sockaddr *)&address, sizeof address), ==, 0);
  g_assert_cmpint(listen(listener, 1), ==, 0);
  WgMemPressure *p = watch(TRIGGER);
  g_assert_nonnull(p);
  int fd = accept(listener, NULL, NULL);
  g_assert_cmpint(recv(fd, got, sizeof got, MSG_WAITALL), ==, sizeof got);
  g_assert_cmpstr(got, ==, TRIGGER);
  g_assert_cmpint(write(fd, "x", 1), ==, 1);
  until(1, 0);
  g_assert_cmpint(write(fd, "x", 1), ==, 1);
  close(fd); /* what lasts ends all the same */
  until(1, 1);
  wg_mem_pressure_free(p);
  close(listener);
}

/* The trigger goes in; a file that is none of PSI never tells anything. */
static void test_file(void) {
  g_autofree char *text = NULL;
  gsize size;

  g_assert_true(g_file_set_contents(path, "", 0, NULL));
  WgMemPressure *p = watch(TRIGGER);
  g_assert_nonnull(p);
  g_assert_true(g_file_get_contents(path, &text, &size, NULL));
  g_assert_cmpmem(text, size, TRIGGER, sizeof TRIGGER);
  while (g_main_context_iteration(NULL, FALSE))
    ;
  g_assert_cmpuint(n_on, ==, 0);
  wg_mem_pressure_free(p);
}

static void test_none(void) {
  g_assert_null(watch(TRIGGER)); /* it is not there */
  g_setenv(WG_ENV_MEMORY_PRESSURE_WATCH, "/dev/null", TRUE);
  g_assert_null(wg_mem_pressure_new(told, &n_on));
  g_setenv(WG_ENV_MEMORY_PRESSURE_WATCH, "here", TRUE);
  g_assert_null(wg_mem_pressure_new(told, &n_on));
  g_unsetenv(WG_ENV_MEMORY_PRESSURE_WATCH);
  wg_mem_pressure_free(wg_mem_pressure_new(told, &n_on)); /* whatever this machine has */
}

static void with_path(gconstpointer test) {
  g_unlink(path);
  ((void (*)(void))test)();
}

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    void (*test)(void);
  } tests[] = {{"fifo", test_fifo},
               {"goes-on", test_goes_on},
               {"socket", test_socket},
               {"file", test_file},
               {"none", test_none}};

  g_test_init(&argc, &argv, NULL);
  dir = g_dir_make_tmp("waggle-pressure-XXXXXX", NULL);
  path = g_build_filename(dir, "pressure", NULL);
  for (guint i = 0; i < G_N_ELEMENTS(tests); i++) {
    g_autofree char *name = g_strconcat("/mem-pressure/", tests[i].name, NULL);
    g_test_add_data_func(name, (gconstpointer)tests[i].test, with_path);
  }
  int status = g_test_run();
  g_unlink(path);
  g_rmdir(dir);
  g_free(path);
  g_free(dir);
  return status;
}
