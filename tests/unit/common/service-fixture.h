/* service-fixture.h: a machine around the tiny service: a manager that listens to sd_notify(),
 * a socket it passes in, a configuration directory, a pipe for what the service logs.
 * Everything waits for an event and gives up after WAIT_MSEC with what it has seen. */
#pragma once

#include <glib.h>
#include <sys/types.h>
#include <systemd/sd-bus.h>

#define WAIT_MSEC 20000

typedef struct {
  char *dir, *socket_path, *notify_path, *state_dir, *config_dir;
  int listen_fd, notify_fd, log_fd;
  GString *log;      /* what was read of the pipe so far */
  GString *notified; /* all datagrams, one a paragraph */
  const char *fd_name;
  char **environment; /* of the daemon; change with g_environ_setenv() */
  pid_t pid;
} Fixture;

/* argv[0] of the test when it is to be the daemon instead of the test. */
#define AS_DAEMON "--as-daemon"

void fixture_setup(Fixture *f, gconstpointer data);
void fixture_teardown(Fixture *f, gconstpointer data);
void fixture_config(Fixture *f, const char *text);
void fixture_setenv(Fixture *f, const char *name, const char *value);

/* Starts the daemon with the socket passed in and --state-dir, plus `args` (NULL-terminated). */
void fixture_start(Fixture *f, const char *const *args);
#define START(f, ...) fixture_start((f), (const char *const[]){__VA_ARGS__, NULL})
/* Without socket and defaults: fixture_run(f, "--version", NULL). Returns the exit status. */
int fixture_run(Fixture *f, const char *const *args, gboolean pass_socket);
/* Waits for the daemon's end; its exit status. */
int fixture_wait_exit(Fixture *f);

/* The next datagram that has `needle`. Free with g_free(). */
char *fixture_wait_notify(Fixture *f, const char *needle);
/* Until a line with `needle` comes; forgets what was before and the line itself. */
void fixture_wait_log(Fixture *f, const char *needle);
gboolean fixture_notified(Fixture *f, const char *needle); /* among all that came till now */

/* A client of the private socket. */
sd_bus *fixture_connect(Fixture *f);
/* Calls TINY_INTERFACE.`method`; asserts success. */
void fixture_call(sd_bus *bus, const char *method, const char *types, ...);
/* Waits till the process `pid` ended. */
int fixture_reap(pid_t pid);
