/* run.h: one command, run to its end under limits: as a transient unit of a systemd manager, or,
 * where none answers, as a supervised process group of our own.
 *
 * argv only, never a shell. Asynchronous, on the loop's thread; done() is called exactly once and
 * never from inside wg_run_start(). The whole cgroup (or group of processes) ends with the run. The
 * environment is the caller's list alone plus PATH, HOME, LANG of ours; what systemd meant for us
 * (NOTIFY_SOCKET, LISTEN_*, credentials) is never handed on. */
#pragma once

#include <glib.h>
#include <systemd/sd-bus.h>

typedef struct WgRun WgRun;

/* First thing in main() of a program that runs commands as units: it can be called to become one of
 * them (--run-command), and does not return then. */
void wg_run_hand(int argc, char **argv);

typedef enum {
  WG_RUN_AUTO,  /* a unit where `bus` has a manager and no limit forbids doing without */
  WG_RUN_UNIT,  /* a unit or nothing */
  WG_RUN_PLAIN, /* a process of ours */
} WgRunHow;

typedef struct {
  const char *const *argv; /* argv[0] is looked up in $PATH unless it has a slash; a relative path
                              is one below `directory` */
  const char *const *env;  /* NAME=value; NULL: none */
  const char *const *plain_env; /* in place of it for a process of ours, which has no manager's
                                   environment to stand on; NULL: the same */
  const char *directory;        /* NULL: "/" for a unit of the system, else the home */
  const char *user;             /* NULL: ours. Units only */
  const char *description;      /* of the unit */
  const char *bind_to;          /* unit without which this one is ended at once: ours; NULL: none */
  const char *unit_name;        /* "NAME.service"; NULL: a unique one is made with `prefix` */
  const char *prefix;           /* "waggle-hook" */
  sd_bus *bus;                  /* where the manager is; NULL: plain */
  WgRunHow how;
  int input;        /* becomes stdin; stays the caller's; -1 or 0: nothing to read (our own stdin
                       is never handed on) */
  gsize output_max; /* bytes of stdout and of stderr each that are kept (the rest is read and
                       dropped, `cut` tells); 0: the output goes to the journal */
  /* Each line of stdout (of stderr) as it comes, without the newline, before done(); NULL: not
   * told. Any bytes but NUL; a line of more than 16 MiB comes in parts. May cancel or forget. */
  void (*line)(WgRun *run, const char *line, gpointer user_data);
  void (*error_line)(WgRun *run, const char *line, gpointer user_data);
  gboolean plain_lines; /* only of a process of ours; a unit writes into the journal by itself, so
                           that it outlives us */
  guint64 timeout, kill_after; /* us; 0: none, 5 s */
  guint64 watchdog;            /* us between two signs of life; 0: none. Units only */
  guint64 memory_max;          /* bytes; 0: no limit, as for the next two */
  guint tasks_max, cpu_quota;  /* percent of one processor */
  gboolean limits_optional;    /* without a manager it runs without these three */
  const char *slice;
  gboolean sandbox;         /* NoNewPrivileges, PrivateTmp, ProtectSystem=full and so on */
  gboolean private_network; /* units only */
} WgRunOptions;

typedef enum {
  WG_RUN_EXITED,   /* `code`: its status */
  WG_RUN_SIGNALED, /* `code`: the signal */
  WG_RUN_TIMEOUT,
  WG_RUN_WATCHDOG,
  WG_RUN_OOM,
  WG_RUN_CANCELED,
  WG_RUN_NOT_STARTED, /* `text`: why; nothing of the command ran */
  WG_RUN_LOST,        /* `text`: it may have run; nobody knows how it ended */
} WgRunEndHow;

typedef struct {
  WgRunEndHow how;
  int code;
  const char *text;  /* one line; never NULL: "exited with status 1", "killed by signal 9 (KILL)" */
  GBytes *out, *err; /* NULL when not captured */
  gboolean cut;      /* more was written than is kept */
  gboolean no_manager; /* NOT_STARTED, because no systemd answers and the run needs one */
  guint64 duration;    /* us */
} WgRunEnd;

typedef void (*WgRunFunc)(const WgRunEnd *end, gpointer user_data);

/* Copies what it needs of `options`. Never NULL: what cannot be started ends as NOT_STARTED. The
 * run frees itself after done(). */
WgRun *wg_run_start(const WgRunOptions *options, WgRunFunc done, gpointer user_data);
/* Ends it (SIGTERM, then SIGKILL); done() follows with WG_RUN_CANCELED. */
void wg_run_cancel(WgRun *run);
/* Drops it without done(): the owner goes away. The unit or group is killed. */
void wg_run_forget(WgRun *run);
