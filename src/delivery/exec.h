/* exec.h: inside of the back-end "exec": a command that handles each message.
 *
 * exec.c has the options and gives the messages of a job out; each becomes a run, which goes one of
 * two ways: a transient unit of the user's systemd (exec-unit.c), or a process of the courier's own
 * (exec-plain.c). Both tell how the run ended, in the same words (exec-verdict.c). Everything is on
 * the loop's thread and nothing waits; a run that began ends with dlv_exec_end(), once. */
#pragma once

#include "delivery/backend.h"

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
typedef struct DlvExecPlain DlvExecPlain;
typedef struct DlvExecUnit DlvExecUnit;

/* One message on its way. */
typedef struct {
  const DlvExec *exec;
  DlvExecJob *job;
  guint index;
  const DlvMessage *message;
  char *program;       /* absolute */
  int input;           /* the message, read only; -1 once it was handed over */
  gboolean canceled;   /* it was given up: the end is "later" whatever it was */
  DlvExecPlain *plain; /* at most one of the two */
  DlvExecUnit *unit;
} DlvExecRun;

/* exec.c: the run is over and gone. */
void dlv_exec_end(DlvExecRun *run, const DlvExecEnd *end);

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

/* exec-plain.c: a process group of our own. */
void dlv_exec_plain_start(DlvExecRun *run);
void dlv_exec_plain_stop(DlvExecRun *run); /* SIGTERM, and SIGKILL after kill-after */
void dlv_exec_plain_free(DlvExecPlain *plain);

/* exec-child.c: after fork(). Only calls that are allowed there; never returns. */
typedef struct {
  const char *program, *directory;
  char *const *argv, *const *envp;
  int input, output, errors; /* become 0, 1, 2 */
  int report;                /* gets a DlvExecChildError if the command cannot be started */
  int parent;                /* pid */
  gboolean no_new_privileges;
} DlvExecChild;
typedef struct {
  enum { DLV_CHILD_DIRECTORY = 1, DLV_CHILD_PROGRAM, DLV_CHILD_OTHER } stage;
  int err;
} DlvExecChildError;
void dlv_exec_child(const DlvExecChild *child) G_GNUC_NORETURN;

/* exec-output.c: what a command writes, into the journal line by line. */
typedef struct DlvExecOutput DlvExecOutput;
/* Takes the reading end of a pipe. `agent` and `number` for the journal. */
DlvExecOutput *dlv_exec_output_new(int fd, const char *agent, guint64 number, gboolean is_error);
/* Reads what is there now, without waiting for more. */
void dlv_exec_output_drain(DlvExecOutput *output);
const char *dlv_exec_output_last(const DlvExecOutput *output);
void dlv_exec_output_free(DlvExecOutput *output);

/* exec-unit.c: a transient unit. Where no systemd answers the run goes on as a plain one, unless
 * the policy set limits, which only systemd keeps. */
gboolean dlv_exec_unit_possible(const DlvExec *exec);
void dlv_exec_unit_start(DlvExecRun *run);
void dlv_exec_unit_stop(DlvExecRun *run);
void dlv_exec_unit_free(DlvExecUnit *unit);
/* exec-properties.c: the body of StartTransientUnit: the unit's properties. Negative errno. */
int dlv_exec_properties(sd_bus_message *m, const DlvExecRun *run);
