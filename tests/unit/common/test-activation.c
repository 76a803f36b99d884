/* test-activation.c: which descriptors are taken and which are refused. Each case runs in a child
 * of its own, since descriptors are passed by number. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "common/activation.h"

#include "common/error.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define FIRST 3 /* SD_LISTEN_FDS_START */

/* A listening socket with an automatic abstract address as descriptor `as`. */
static void pass(int as, int type, gboolean listening) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int fd = fcntl(socket(AF_UNIX, type, 0), F_DUPFD, 20);

  g_assert_cmpint(bind(fd, (struct sockaddr *)&address, sizeof(sa_family_t)), ==, 0);
  if (listening)
    g_assert_cmpint(listen(fd, 1), ==, 0);
  g_assert_cmpint(dup2(fd, as), ==, as);
}

static WgActivation *take(const char *n, const char *names) {
  g_autofree char *self = g_strdup_printf("%i", (int)getpid());

  g_setenv("LISTEN_PID", self, TRUE);
  g_setenv("LISTEN_FDS", n, TRUE);
  g_setenv("LISTEN_FDNAMES", names, TRUE);
  WgActivation *a = wg_activation_take();
  g_assert_null(g_getenv("LISTEN_FDS")); /* children must not believe it is for them */
  return a;
}

static void refuse(WgActivation *a, const char *needle) {
  g_autoptr(GError) error = NULL;

  g_assert_false(wg_activation_check(a, "private", &error));
  g_assert_error(error, WG_ERROR, WG_ERROR_CONFIGURATION);
  g_assert_nonnull(strstr(error->message, needle));
  wg_activation_free(a);
}

static void none(void) {
  guint n = 1;
  g_autoptr(WgActivation) a = wg_activation_take();

  g_assert_true(wg_activation_check(a, "private", NULL));
  wg_activation_fds(a, &n);
  g_assert_cmpuint(n + wg_activation_n_passed(a), ==, 0);
}

static void several(void) {
  guint n;

  pass(FIRST, SOCK_STREAM, TRUE);
  pass(FIRST + 1, SOCK_STREAM, TRUE);
  WgActivation *a = take("2", "private:private");
  g_assert_true(wg_activation_check(a, "private", NULL));
  const int *fds = wg_activation_fds(a, &n);
  g_assert_cmpuint(n, ==, 2);
  g_assert_true(fds[0] == FIRST && fds[1] == FIRST + 1);
  g_assert_true(fcntl(FIRST, F_GETFD) & FD_CLOEXEC);
  wg_activation_free(a);
  g_assert_cmpint(fcntl(FIRST, F_GETFD), >=, 0); /* systemd's: left open */
}

static void other_name(void) {
  pass(FIRST, SOCK_STREAM, TRUE);
  pass(FIRST + 1, SOCK_STREAM, TRUE);
  refuse(take("2", "private:public"), "socket 1 was passed in as 'public'");
}

static void two_protocols(void) {
  guint n;

  pass(FIRST, SOCK_STREAM, TRUE);
  pass(FIRST + 1, SOCK_STREAM, TRUE);
  pass(FIRST + 2, SOCK_STREAM, TRUE);
  g_autoptr(WgActivation) a = take("3", "metrics:private:metrics");
  g_assert_true(wg_activation_extract(a, "metrics", NULL));
  g_assert_true(wg_activation_check(a, "private", NULL));
  g_assert_cmpint(wg_activation_fds(a, &n)[0], ==, FIRST + 1);
  g_assert_cmpuint(n, ==, 1);
  g_assert_cmpint(wg_activation_extra(a, &n)[1], ==, FIRST + 2);
  g_assert_cmpuint(n, ==, 2);
}

static void two_protocols_refused(void) {
  g_autoptr(GError) error = NULL;

  pass(FIRST, SOCK_DGRAM, FALSE);
  g_autoptr(WgActivation) a = take("1", "metrics");
  g_assert_false(wg_activation_extract(a, "metrics", &error));
  g_assert_error(error, WG_ERROR, WG_ERROR_CONFIGURATION);
}

static void other_kind(void) {
  pass(FIRST, SOCK_DGRAM, FALSE);
  refuse(take("1", "private"), "no listening AF_UNIX stream socket");
}

static void not_listening(void) {
  pass(FIRST, SOCK_STREAM, FALSE);
  refuse(take("1", "private"), "no listening AF_UNIX stream socket");
}

static void nonsense(void) {
  g_autoptr(GError) error = NULL;
  g_autoptr(WgActivation) a = take("many", "private");

  g_assert_false(wg_activation_check(a, "private", &error));
  g_assert_nonnull(strstr(error->message, "cannot take the sockets"));
}

static void in_child(gconstpointer data) {
  pid_t pid = fork();
  int status;

  if (pid == 0) {
    ((void (*)(void))data)();
    _exit(0);
  }
  g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
  g_assert_true(WIFEXITED(status));
  g_assert_cmpint(WEXITSTATUS(status), ==, 0);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_data_func("/activation/none", none, in_child);
  g_test_add_data_func("/activation/several", several, in_child);
  g_test_add_data_func("/activation/other-name", other_name, in_child);
  g_test_add_data_func("/activation/two-protocols", two_protocols, in_child);
  g_test_add_data_func("/activation/two-protocols-refused", two_protocols_refused, in_child);
  g_test_add_data_func("/activation/other-kind", other_kind, in_child);
  g_test_add_data_func("/activation/not-listening", not_listening, in_child);
  g_test_add_data_func("/activation/nonsense", nonsense, in_child);
  return g_test_run();
}
