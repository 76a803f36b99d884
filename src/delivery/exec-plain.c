/* exec-plain.c: a command as a process group of the courier's own, where no systemd takes it.
 *
 * The group's leader is watched through a pidfd. It stays unreaped until its group was killed, so
 * that the group's number cannot belong to somebody else; so nothing that the command left in its
 * group outlives it. What moved itself to another group does: only systemd reaches that. */
#include "delivery/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

struct DlvExecPlain {
  pid_t pid;
  int pidfd;
  int report; /* from the child; nothing comes when the command was started */
  guint watch, timeout, kill;
  gboolean timed_out;
  DlvExecOutput *output, *errors;
};

void dlv_exec_plain_free(DlvExecPlain *plain) {
  g_clear_handle_id(&plain->watch, g_source_remove);
  g_clear_handle_id(&plain->timeout, g_source_remove);
  g_clear_handle_id(&plain->kill, g_source_remove);
  g_clear_pointer(&plain->output, dlv_exec_output_free);
  g_clear_pointer(&plain->errors, dlv_exec_output_free);
  if (plain->pidfd >= 0)
    close(plain->pidfd);
  if (plain->report >= 0)
    close(plain->report);
  g_free(plain);
}

static void signal_group(const DlvExecPlain *plain, int number) {
  if (kill(-plain->pid, number) < 0)
    kill(plain->pid, number); /* it has not come to setsid() yet */
}

static gboolean out_of_patience(gpointer data) {
  DlvExecPlain *plain = data;

  plain->kill = 0;
  signal_group(plain, SIGKILL);
  return G_SOURCE_REMOVE;
}

void dlv_exec_plain_stop(DlvExecRun *run) {
  DlvExecPlain *plain = run->plain;

  if (plain->kill != 0)
    return;
  signal_group(plain, SIGTERM);
  signal_group(plain, SIGCONT); /* a stopped one would not hear of it */
  plain->kill = g_timeout_add((guint)(run->exec->kill_after / 1000), out_of_patience, plain);
}

static gboolean out_of_time(gpointer data) {
  DlvExecRun *run = data;

  run->plain->timeout = 0;
  run->plain->timed_out = TRUE;
  dlv_exec_plain_stop(run);
  return G_SOURCE_REMOVE;
}

static void not_started(DlvExecRun *run, const char *what, int err) {
  g_autofree char *text = g_strdup_printf("%s: %s", what, g_strerror(err));

  dlv_exec_end(run, &(DlvExecEnd){.how = DLV_END_NOT_STARTED, .text = text});
}

static void child_failed(DlvExecRun *run, const DlvExecChildError *error) {
  g_autofree char *what = NULL;

  if (error->stage == DLV_CHILD_DIRECTORY)
    what = g_strdup_printf("the directory \"%s\" cannot be entered",
                           run->exec->directory ? run->exec->directory : g_get_home_dir());
  else if (error->stage == DLV_CHILD_PROGRAM)
    what = g_strdup_printf("\"%s\" cannot be run", run->program);
  else
    what = g_strdup("a process cannot be prepared");
  not_started(run, what, error->err);
}

static DlvExecEnd end_of(const DlvExecPlain *plain, const siginfo_t *info) {
  DlvExecEnd end = {.how = info->si_code == CLD_EXITED ? DLV_END_EXITED : DLV_END_SIGNALED,
                    .code = info->si_status,
                    .last_line = dlv_exec_output_last(plain->errors)};

  /* many programs end with 0 when they are asked to: that is no handled message */
  if (plain->timed_out)
    end.how = DLV_END_TIMEOUT;
  return end;
}

static gboolean leader_ended(int fd, GIOCondition condition, gpointer data) {
  DlvExecRun *run = data;
  DlvExecPlain *plain = run->plain;
  DlvExecChildError error;
  siginfo_t info = {0};

  if (waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0)
    return G_SOURCE_CONTINUE;
  kill(-plain->pid, SIGKILL);
  waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG);
  plain->watch = 0;
  dlv_exec_output_drain(plain->output);
  dlv_exec_output_drain(plain->errors);
  if (read(plain->report, &error, sizeof error) == sizeof error) {
    child_failed(run, &error);
  } else {
    DlvExecEnd end = end_of(plain, &info);
    dlv_exec_end(run, &end);
  }
  return G_SOURCE_REMOVE;
}

typedef struct {
  int output[2], errors[2], report[2]; /* pipes */
} Pipes;

static void close_pipe(int *pipe) {
  for (guint i = 0; i < 2; i++)
    if (pipe[i] >= 0)
      close(pipe[i]);
}

static gboolean open_pipes(Pipes *pipes) {
  *pipes = (Pipes){{-1, -1}, {-1, -1}, {-1, -1}};
  if (pipe2(pipes->output, O_CLOEXEC) == 0 && pipe2(pipes->errors, O_CLOEXEC) == 0 &&
      pipe2(pipes->report, O_CLOEXEC | O_NONBLOCK) == 0)
    return TRUE;
  int err = errno;
  close_pipe(pipes->output);
  close_pipe(pipes->errors);
  close_pipe(pipes->report);
  errno = err;
  return FALSE;
}

static pid_t fork_child(const DlvExecRun *run, const Pipes *pipes) {
  g_auto(GStrv) env = dlv_exec_environment(run->exec, run->message);
  DlvExecChild child = {.program = run->program,
                        .directory = run->exec->directory ? run->exec->directory : g_get_home_dir(),
                        .argv = run->exec->command,
                        .envp = env,
                        .input = run->input,
                        .output = pipes->output[1],
                        .errors = pipes->errors[1],
                        .report = pipes->report[1],
                        .parent = getpid(),
                        .no_new_privileges = run->exec->sandbox};
  pid_t pid = fork();

  if (pid == 0)
    dlv_exec_child(&child);
  return pid;
}

static void watch(DlvExecRun *run, DlvExecPlain *plain, const Pipes *pipes) {
  const DlvExec *exec = run->exec;

  plain->report = pipes->report[0];
  plain->output = dlv_exec_output_new(pipes->output[0], exec->agent, run->message->number, FALSE);
  plain->errors = dlv_exec_output_new(pipes->errors[0], exec->agent, run->message->number, TRUE);
  plain->watch = g_unix_fd_add(plain->pidfd, G_IO_IN, leader_ended, run);
  if (exec->timeout != G_MAXUINT64)
    plain->timeout =
        g_timeout_add((guint)MIN(exec->timeout / 1000, (guint64)G_MAXUINT), out_of_time, run);
  run->plain = plain;
}

void dlv_exec_plain_start(DlvExecRun *run) {
  Pipes pipes;

  if (!open_pipes(&pipes)) {
    not_started(run, "no pipe can be made for the command", errno);
    return;
  }
  pid_t pid = fork_child(run, &pipes);
  int pidfd = pid < 0 ? -1 : pidfd_open(pid, 0);
  int err = errno;
  close(pipes.output[1]);
  close(pipes.errors[1]);
  close(pipes.report[1]);
  close(run->input);
  run->input = -1;
  if (pidfd < 0) {
    if (pid > 0) { /* what cannot be watched must not run */
      kill(pid, SIGKILL);
      waitpid(pid, NULL, 0);
    }
    close(pipes.output[0]);
    close(pipes.errors[0]);
    close(pipes.report[0]);
    not_started(run, "no process can be made for the command", err);
    return;
  }
  DlvExecPlain *plain = g_new0(DlvExecPlain, 1);
  plain->pid = pid;
  plain->pidfd = pidfd;
  watch(run, plain, &pipes);
}
