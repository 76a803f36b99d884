/* rig.c: see rig.h. */
#include "rig.h"

#include "common/names.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define BACKLOG 4096

static G_GNUC_NORETURN G_GNUC_PRINTF(1, 2) void fail(const char *format, ...) {
  va_list args;

  va_start(args, format);
  g_autofree char *text = g_strdup_vprintf(format, args);
  va_end(args);
  fprintf(stderr, "rig: %s\n", text);
  exit(99);
}

static int listen_at(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

  if (strlen(path) >= sizeof address.sun_path)
    fail("%s is too long for a socket; set TMPDIR", path);
  strcpy(address.sun_path, path);
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
      listen(fd, BACKLOG) < 0)
    fail("cannot listen at %s: %s", path, g_strerror(errno));
  return fd;
}

void rig_init(Rig *rig, const char *program, const char *parent) {
  *rig = (Rig){.program = program};
  if (access(program, X_OK) < 0)
    fail("%s: %s", program, g_strerror(errno));
  rig->dir = g_build_filename(parent, "rig-XXXXXX", NULL);
  if (g_mkdtemp(rig->dir) == NULL)
    fail("cannot make %s: %s", rig->dir, g_strerror(errno));
  rig->state = g_build_filename(rig->dir, "state", NULL);
  rig->config = g_build_filename(rig->dir, "config", NULL);
  rig->sockets = g_dir_make_tmp("waggle-rig-XXXXXX", NULL);
  if (rig->sockets == NULL)
    fail("cannot make a directory for the sockets");
  rig->socket = g_build_filename(rig->sockets, "private", NULL);
  rig->log = g_build_filename(rig->dir, "log", NULL);
  if (g_mkdir(rig->state, 0700) < 0 || g_mkdir(rig->config, 0700) < 0)
    fail("cannot make %s: %s", rig->state, g_strerror(errno));
  rig->listen_fd = listen_at(rig->socket);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
  return remove(path);
}

void rig_remove_tree(const char *path) {
  nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int reap(pid_t *pid) {
  int status = 0;

  while (waitpid(*pid, &status, 0) < 0 && errno == EINTR)
    continue;
  *pid = 0;
  return status;
}

void rig_free(Rig *rig) {
  if (rig->daemon > 0)
    rig_kill_daemon(rig);
  if (rig->broker > 0) {
    kill(rig->broker, SIGTERM);
    reap(&rig->broker);
  }
  close(rig->listen_fd);
  if (g_getenv("RIG_KEEP") == NULL)
    rig_remove_tree(rig->dir);
  rig_remove_tree(rig->sockets);
  g_free(rig->dir);
  g_free(rig->sockets);
  g_free(rig->state);
  g_free(rig->config);
  g_free(rig->socket);
  g_free(rig->log);
  g_free(rig->bus_address);
}

static void redirect_stderr(const char *path) {
  int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);

  if (fd < 0 || dup2(fd, STDERR_FILENO) < 0 || dup2(fd, STDOUT_FILENO) < 0)
    _exit(98);
}

/* In the child: ends with us, also when we are killed between fork and here. */
static void die_with(pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent)
    _exit(98);
}

void rig_start_broker(Rig *rig) {
  g_autofree char *config = g_build_filename(rig->dir, "bus.conf", NULL);
  g_autofree char *path = g_build_filename(rig->sockets, "bus", NULL);
  g_autofree char *text = g_strdup_printf(
      "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\"\n"
      " \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n"
      "<busconfig><listen>unix:path=%s</listen><auth>EXTERNAL</auth><policy context=\"default\">"
      "<allow send_destination=\"*\"/><allow receive_sender=\"*\"/><allow own=\"*\"/></policy>"
      "</busconfig>\n",
      path);
  pid_t parent = getpid();
  int ready[2];
  char line[512] = "";

  if (!g_file_set_contents(config, text, -1, NULL) || pipe(ready) < 0)
    fail("cannot write %s", config);
  rig->broker = fork();
  if (rig->broker == 0) {
    g_autofree char *print = g_strdup_printf("--print-address=%d", ready[1]);
    g_autofree char *file = g_strdup_printf("--config-file=%s", config);
    die_with(parent);
    close(ready[0]);
    redirect_stderr(rig->log);
    execlp("dbus-daemon", "dbus-daemon", file, "--nofork", "--nopidfile", print, NULL);
    _exit(98);
  }
  close(ready[1]);
  /* it prints its address when it listens */
  if (read(ready[0], line, sizeof line - 1) <= 0)
    fail("dbus-daemon does not start");
  close(ready[0]);
  rig->bus_address = g_strdup_printf("unix:path=%s", path);
}

void rig_write_config(Rig *rig, const char *text) {
  g_autofree char *path = g_build_filename(rig->config, "messaged.conf", NULL);

  if (!g_file_set_contents(path, text, -1, NULL))
    fail("cannot write %s", path);
}

static void exec_daemon(Rig *rig, pid_t parent) {
  g_autofree char *state = g_strdup_printf("--state-dir=%s", rig->state);
  g_autofree char *pid = g_strdup_printf("%d", (int)getpid());

  die_with(parent);
  redirect_stderr(rig->log);
  if (rig->listen_fd != 3 ? dup2(rig->listen_fd, 3) < 0 : fcntl(3, F_SETFD, 0) < 0)
    _exit(98);
  g_setenv("LISTEN_PID", pid, TRUE);
  g_setenv("LISTEN_FDS", "1", TRUE);
  g_setenv("LISTEN_FDNAMES", WG_FD_NAME_PRIVATE, TRUE);
  g_setenv(WG_ENV_IDLE_EXIT, "never", TRUE);
  g_setenv(WG_ENV_CONFIG_PATH, rig->config, TRUE);
  g_unsetenv("NOTIFY_SOCKET");
  g_unsetenv("WATCHDOG_USEC");
  if (rig->bus_address) {
    g_setenv("DBUS_SESSION_BUS_ADDRESS", rig->bus_address, TRUE);
    execl(rig->program, rig->program, "--user", state, NULL);
  } else {
    execl(rig->program, rig->program, "--user", "--no-bus", state, NULL);
  }
  _exit(98);
}

void rig_start_daemon(Rig *rig) {
  pid_t parent = getpid();

  g_assert(rig->daemon == 0);
  rig->daemon = fork();
  if (rig->daemon == 0)
    exec_daemon(rig, parent);
  if (rig->daemon < 0)
    fail("fork: %s", g_strerror(errno));
}

int rig_wait_daemon(Rig *rig) {
  return reap(&rig->daemon);
}

gboolean rig_daemon_ended(Rig *rig) {
  if (rig->daemon == 0)
    return TRUE;
  if (waitpid(rig->daemon, NULL, WNOHANG) != rig->daemon)
    return FALSE;
  rig->daemon = 0;
  return TRUE;
}

void rig_kill_daemon(Rig *rig) {
  kill(rig->daemon, SIGKILL);
  reap(&rig->daemon);
}

int rig_stop_daemon(Rig *rig) {
  kill(rig->daemon, SIGTERM);
  return reap(&rig->daemon);
}

static sd_bus *open_bus(const char *address, gboolean with_hello) {
  sd_bus *bus = NULL;

  if (sd_bus_new(&bus) < 0 || sd_bus_set_address(bus, address) < 0 ||
      sd_bus_set_bus_client(bus, with_hello) < 0)
    fail("no bus object");
  int r = sd_bus_start(bus);
  if (r < 0)
    fail("cannot connect to %s: %s", address, g_strerror(-r));
  return bus;
}

sd_bus *rig_connect(Rig *rig) {
  g_autofree char *address = g_strdup_printf("unix:path=%s", rig->socket);

  return open_bus(address, FALSE);
}

static int on_name_changed(sd_bus_message *m, void *data, sd_bus_error *error) {
  return 0; /* it only has to wake sd_bus_wait() */
}

/* The owner is asked for again after every change that the broker tells. */
static void wait_for_name(sd_bus *bus) {
  sd_bus_slot *slot = NULL;
  const char *match = "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',"
                      "arg0='" WG_BUS_MESSAGING "'";

  if (sd_bus_add_match(bus, &slot, match, on_name_changed, NULL) < 0)
    fail("no match on the bus");
  for (int owned = 0; !owned;) {
    sd_bus_message *reply = NULL;
    int r = sd_bus_call_method(bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                               "org.freedesktop.DBus", "NameHasOwner", NULL, &reply, "s",
                               WG_BUS_MESSAGING);
    if (r < 0 || sd_bus_message_read(reply, "b", &owned) < 0)
      fail("the bus does not answer: %s", g_strerror(-r));
    sd_bus_message_unref(reply);
    if (!owned)
      sd_bus_wait(bus, G_USEC_PER_SEC);
    while (sd_bus_process(bus, NULL) > 0)
      continue;
  }
  sd_bus_slot_unref(slot);
}

sd_bus *rig_connect_bus(Rig *rig) {
  sd_bus *bus = open_bus(rig->bus_address, TRUE);

  wait_for_name(bus);
  return bus;
}

char *rig_read_log(Rig *rig) {
  char *text = NULL;

  if (!g_file_get_contents(rig->log, &text, NULL, NULL))
    return g_strdup("");
  return text;
}
