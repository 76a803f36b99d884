/* exec.h: inside of the back-end "exec": a command that handles each message.
 *
 * exec.c has the options and gives the messages of a job out; each becomes a run (common/run.h): a
 * transient unit of the user's systemd, or a process of the courier's own. How it ended is turned
 * into the message's result by exec-verdict.c. Everything is on the loop's thread and nothing
 * waits. */
#pragma once

#include "delivery/backend.h"

#include "common/run.h"

typedef struct {
  DlvCourier *courier;
  char *agent;
  char **command;     /* argv; [0] is looked up when it runs */
  char **environment; /* NAME=value of the policy */
  char *directory;    /* NULL: the home */
  char *slice;        /* NULL: the manager's own */
  guint parallel;
  guint64 timeout, kill_after; /* us */
  guint64 watchdog;            /* us; 0: none */
  guint64 memory_max;          /* bytes; 0: no limit, as for the next two */
  guint64 tasks_max;
  guint cpu_quota; /* percent of one processor */
  gboolean sandbox, plain;
} DlvExec;

/* How a run ended. */
typedef enum {
  DLV_END_EXITED,   /* `code`: its status */
  DLV_END_SIGNALED, /* `code`: the signal */
  DLV_END_TIMEOUT,
  DLV_END_WATCHDOG,
  DLV_END_OOM,
  DLV_END_NOT_STARTED, /* `text`: why; nothing of the command ran */
  DLV_END_HELD,        /* `text`: nothing ran, and that is no fault of the command */
  DLV_END_LOST,        /* `text`: it may have run; nobody knows how it ended */
} DlvExecHow;

typedef struct {
  DlvExecHow how;
  int code;
  const char *text;      /* one line */
  const char *last_line; /* of its standard error; NULL or "" when not known */
} DlvExecEnd;

typedef struct DlvExecJob DlvExecJob;

/* One message on its way. */
typedef struct {
  const DlvExec *exec;
  DlvExecJob *job;
  guint index;
  const DlvMessage *message;
  gboolean canceled; /* it was given up: the end is "later" whatever it was */
  WgRun *run;        /* NULL while the message is prepared */
  guint n_lines[2];  /* of standard output and error that were seen */
  char *last_line;   /* of standard error */
} DlvExecRun;

/* exec-verdict.c: what a run's end means, and the cause, NULL when there is nothing to say. */
DlvResult dlv_exec_verdict(const DlvExec *exec, const DlvExecEnd *end, char **ret_cause);
/* One readable line, without control characters, of at most `max` characters, out of anything. */
char *dlv_exec_line(const char *text, gssize length, guint max);

/* exec-input.c: the message as JSON in a sealed memfd, at its beginning. Free the error. */
void dlv_exec_input(DlvExecRun *run, void (*done)(DlvExecRun *run, int fd, const GError *error));
/* NAME=value for this message alone: who, which, and what the policy says. */
char **dlv_exec_variables(const DlvExec *exec, const DlvMessage *message);
/* The same upon the courier's own environment, without what systemd meant for the courier. */
char **dlv_exec_environment(const DlvExec *exec, const DlvMessage *message);

/* exec-output.c: a line that a command wrote, into the journal. */
void dlv_exec_output(DlvExecRun *run, const char *line, gboolean is_error);
