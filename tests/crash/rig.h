/* rig.h: a waggle-messaged of one's own, for the crash tests and the benchmark.
 *
 * A directory below a given one (on the disk that is meant), a listening socket that the rig
 * owns and passes on as systemd does (so a client can connect at any moment, also while the
 * daemon is down), optionally a private dbus-daemon, and the daemon itself, which can be killed and
 * started again on the same state. All processes die with the rig's process. Nothing of an
 * installed Waggle is read or touched. One thread; a failure of the rig itself ends the program. */
#pragma once

#include <glib.h>
#include <systemd/sd-bus.h>

typedef struct {
  const char *program; /* path of waggle-messaged, borrowed */
  char *dir;           /* removed by rig_free() */
  char *sockets;       /* likewise; elsewhere, because the path of a socket must be short */
  char *state;
  char *config; /* a directory: messaged.conf in it is read, nothing else */
  char *socket;
  char *log;         /* what the daemons wrote to stderr */
  char *bus_address; /* NULL: no bus */
  int listen_fd;
  pid_t daemon, broker; /* 0: not running */
} Rig;

void rig_init(Rig *rig, const char *program, const char *parent);
void rig_free(Rig *rig);

/* A dbus-daemon whose policy is open. Before the daemon is started. */
void rig_start_broker(Rig *rig);
/* Writes messaged.conf for the next start. */
void rig_write_config(Rig *rig, const char *text);

/* fork and exec; returns at once: the first call waits in the socket until the daemon is up. */
void rig_start_daemon(Rig *rig);
/* SIGKILL, and waits for its end. */
void rig_kill_daemon(Rig *rig);
/* SIGTERM, and waits for its end: the wait status. */
int rig_stop_daemon(Rig *rig);
/* Waits for the daemon to end by itself: the wait status. */
int rig_wait_daemon(Rig *rig);
/* TRUE if the daemon ended by itself (and reaps it). */
gboolean rig_daemon_ended(Rig *rig);

/* A private connection, started; ends the program when there is none. */
sd_bus *rig_connect(Rig *rig);
/* A connection through the broker; waits until the daemon owns its name. */
sd_bus *rig_connect_bus(Rig *rig);

/* Everything that was logged up to now. */
char *rig_read_log(Rig *rig);
/* Removes a directory and what is in it. */
void rig_remove_tree(const char *path);
