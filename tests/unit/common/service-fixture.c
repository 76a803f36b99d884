/* service-fixture.c: see service-fixture.h. The daemon is this same program, started anew with
 * AS_DAEMON, so that it really is another process with an environment of its own. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "service-fixture.h"

#include "common/names.h"
#include "tiny-service.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int bind_unix(const char *path, int type) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

  g_strlcpy(address.sun_path, path, sizeof address.sun_path);
  g_assert_cmpint(bind(fd, (struct sockaddr *)&address, sizeof address), ==, 0);
  if (type == SOCK_STREAM)
    g_assert_cmpint(listen(fd, 4096), ==, 0);
  return fd;
}

void fixture_setup(Fixture *f, gconstpointer data) {
  *f = (Fixture){.fd_name = WG_FD_NAME_PRIVATE, .log_fd = -1};
  f->dir = g_dir_make_tmp("test-service-XXXXXX", NULL);
  f->socket_path = g_build_filename(f->dir, "socket", NULL);
  f->notify_path = g_build_filename(f->dir, "notify", NULL);
  f->state_dir = g_build_filename(f->dir, "state", NULL);
  f->config_dir = g_build_filename(f->dir, "config", NULL);
  g_assert_cmpint(g_mkdir_with_parents(f->config_dir, 0700), ==, 0);
  f->listen_fd = bind_unix(f->socket_path, SOCK_STREAM);
  f->notify_fd = bind_unix(f->notify_path, SOCK_DGRAM | SOCK_NONBLOCK);
  f->log = g_string_new(NULL);
  f->notified = g_string_new(NULL);
  f->environment = g_get_environ();
  fixture_setenv(f, "NOTIFY_SOCKET", f->notify_path);
  fixture_setenv(f, WG_ENV_CONFIG_PATH, f->config_dir);
  fixture_setenv(f, "DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent");
  fixture_setenv(f, "DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent");
  for (const char *const *n = (const char *const[]){"JOURNAL_STREAM", "STATE_DIRECTORY",
                                                    WG_ENV_IDLE_EXIT, "WATCHDOG_USEC", NULL};
       *n; n++)
    f->environment = g_environ_unsetenv(f->environment, *n);
}

static void remove_tree(const char *path) {
  g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);

  for (const char *name; dir && (name = g_dir_read_name(dir));) {
    g_autofree char *child = g_build_filename(path, name, NULL);
    remove_tree(child);
  }
  (void)remove(path);
}

void fixture_teardown(Fixture *f, gconstpointer data) {
  if (f->pid > 0) {
    kill(f->pid, SIGKILL);
    fixture_reap(f->pid);
  }
  close(f->listen_fd);
  close(f->notify_fd);
  if (f->log_fd >= 0)
    close(f->log_fd);
  remove_tree(f->dir);
  g_string_free(f->log, TRUE);
  g_string_free(f->notified, TRUE);
  g_strfreev(f->environment);
  for (char **p =
           (char *[]){f->dir, f->socket_path, f->notify_path, f->state_dir, f->config_dir, NULL};
       *p; p++)
    g_free(*p);
}

void fixture_config(Fixture *f, const char *text) {
  g_autofree char *path = g_build_filename(f->config_dir, TINY_NAME ".conf", NULL);

  g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

void fixture_setenv(Fixture *f, const char *name, const char *value) {
  f->environment = g_environ_setenv(f->environment, name, value, TRUE);
}

static pid_t spawn(Fixture *f, char **argv, gboolean pass_socket) {
  int log[2];

  if (f->log_fd >= 0)
    close(f->log_fd);
  g_assert_true(g_unix_open_pipe(log, FD_CLOEXEC, NULL));
  pid_t pid = fork();
  g_assert_cmpint(pid, >=, 0);
  if (pid == 0) {
    g_autofree char *self = g_strdup_printf("%i", (int)getpid());
    char **env = g_strdupv(f->environment);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves no process behind */
    dup2(log[1], STDERR_FILENO);
    dup2(log[1], STDOUT_FILENO);
    if (pass_socket) {
      dup2(f->listen_fd, 3);
      if (f->listen_fd == 3)
        fcntl(3, F_SETFD, 0);
      env = g_environ_setenv(env, "LISTEN_PID", self, TRUE);
      env = g_environ_setenv(env, "LISTEN_FDS", "1", TRUE);
      env = g_environ_setenv(env, "LISTEN_FDNAMES", f->fd_name, TRUE);
    }
    execve("/proc/self/exe", argv, env);
    _exit(127);
  }
  close(log[1]);
  f->log_fd = log[0];
  return pid;
}

static char **make_argv(const char *first, const char *state_dir, const char *const *args) {
  g_autoptr(GStrvBuilder) b = g_strv_builder_new();

  g_strv_builder_add(b, first);
  g_strv_builder_add(b, AS_DAEMON);
  if (state_dir) {
    g_autofree char *option = g_strconcat("--state-dir=", state_dir, NULL);
    g_strv_builder_add(b, option);
  }
  g_strv_builder_addv(b, (const char **)args);
  return g_strv_builder_end(b);
}

void fixture_start(Fixture *f, const char *const *args) {
  g_auto(GStrv) argv = make_argv("waggle-tinyd", f->state_dir, args);

  f->pid = spawn(f, argv, TRUE);
}

int fixture_run(Fixture *f, const char *const *args, gboolean pass_socket) {
  g_auto(GStrv) argv = make_argv("waggle-tinyd", NULL, args);

  fixture_notified(f, ""); /* a full socket would make sd_notify() wait */
  return fixture_reap(spawn(f, argv, pass_socket));
}

int fixture_reap(pid_t pid) {
  struct pollfd p = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};
  int status = 0;

  g_assert_cmpint(p.fd, >=, 0);
  if (poll(&p, 1, WAIT_MSEC) <= 0) {
    kill(pid, SIGABRT);
    g_error("process %i does not end", (int)pid);
  }
  close(p.fd);
  g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int fixture_wait_exit(Fixture *f) {
  pid_t pid = f->pid;

  f->pid = 0;
  return fixture_reap(pid);
}

static gboolean wait_readable(int fd) {
  struct pollfd p = {.fd = fd, .events = POLLIN};

  return poll(&p, 1, WAIT_MSEC) > 0;
}

char *fixture_wait_notify(Fixture *f, const char *needle) {
  char buffer[4096];

  for (;;) {
    if (!wait_readable(f->notify_fd))
      g_error("no '%s' came; there was:\n%s", needle, f->notified->str);
    ssize_t n = recv(f->notify_fd, buffer, sizeof buffer - 1, 0);
    g_assert_cmpint(n, >=, 0);
    buffer[n] = '\0';
    g_string_append_printf(f->notified, "%s\n\n", buffer);
    if (strstr(buffer, needle))
      return g_strdup(buffer);
  }
}

gboolean fixture_notified(Fixture *f, const char *needle) {
  char buffer[4096];
  ssize_t n;

  while ((n = recv(f->notify_fd, buffer, sizeof buffer - 1, 0)) >= 0) {
    buffer[n] = '\0';
    g_string_append_printf(f->notified, "%s\n\n", buffer);
  }
  return strstr(f->notified->str, needle) != NULL;
}

void fixture_wait_log(Fixture *f, const char *needle) {
  char buffer[4096];
  char *found;

  while (!(found = strstr(f->log->str, needle)) || !strchr(found, '\n')) {
    ssize_t n = wait_readable(f->log_fd) ? read(f->log_fd, buffer, sizeof buffer) : 0;
    if (n <= 0)
      g_error("no '%s' was logged; there was:\n%s", needle, f->log->str);
    g_string_append_len(f->log, buffer, n);
  }
  g_string_erase(f->log, 0, strchr(found, '\n') - f->log->str + 1);
}

sd_bus *fixture_connect(Fixture *f) {
  g_autofree char *address = g_strconcat("unix:path=", f->socket_path, NULL);
  sd_bus *bus = NULL;

  g_assert_cmpint(sd_bus_new(&bus), >=, 0);
  g_assert_cmpint(sd_bus_set_address(bus, address), >=, 0);
  g_assert_cmpint(sd_bus_start(bus), >=, 0);
  return bus;
}

void fixture_call(sd_bus *bus, const char *method, const char *types, ...) {
  __attribute__((cleanup(sd_bus_error_free))) sd_bus_error e = SD_BUS_ERROR_NULL;
  const char *destination = sd_bus_is_bus_client(bus) > 0 ? TINY_BUS_NAME : NULL;
  sd_bus_message *m = NULL, *reply = NULL;
  va_list args;

  g_assert_cmpint(
      sd_bus_message_new_method_call(bus, &m, destination, TINY_PATH, TINY_INTERFACE, method), >=,
      0);
  va_start(args, types);
  g_assert_cmpint(types ? sd_bus_message_appendv(m, types, args) : 0, >=, 0);
  va_end(args);
  int r = sd_bus_call(bus, m, WAIT_MSEC * 1000ull, &e, &reply);
  if (r < 0)
    g_error("%s: %s: %s", method, e.name ? e.name : g_strerror(-r), e.message ? e.message : "");
  sd_bus_message_unref(m);
  sd_bus_message_unref(reply);
}
