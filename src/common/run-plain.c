/* run-plain.c: a command as a process group of our own, where no systemd takes it.
 *
 * The group's leader is watched through a pidfd. It stays unreaped until its group was killed, so
 * that the group's number cannot belong to somebody else; so nothing that the command left in its
 * group outlives it. What moved itself to another group does: only systemd reaches that. */
#include "common/run-child.h"
#include "common/run-private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <syslog.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

struct WgRunPlain {
  pid_t pid;
  int pidfd;
  int report; /* from the child; nothing comes when the command was started */
  guint watch, timeout, kill;
  gboolean timed_out;
};

void wg_run_plain_free(WgRunPlain *plain) {
  g_clear_handle_id(&plain->watch, g_source_remove);
  g_clear_handle_id(&plain->timeout, g_source_remove);
  g_clear_handle_id(&plain->kill, g_source_remove);
  if (plain->pidfd >= 0)
    close(plain->pidfd);
  if (plain->report >= 0)
    close(plain->report);
  g_free(plain);
}

static void signal_group(const WgRunPlain *plain, int number) {
  if (kill(-plain->pid, number) < 0)
    kill(plain->pid, number); /* it has not come to setsid() yet */
}

static gboolean out_of_patience(gpointer data) {
  WgRunPlain *plain = data;

  plain->kill = 0;
  signal_group(plain, SIGKILL);
  return G_SOURCE_REMOVE;
}

static guint msec(guint64 usec) {
  return (guint)MIN((usec + 999) / 1000, (guint64)G_MAXUINT);
}

void wg_run_plain_stop(WgRun *run) {
  WgRunPlain *plain = run->plain;

  if (plain->kill != 0)
    return;
  signal_group(plain, SIGTERM);
  signal_group(plain, SIGCONT); /* a stopped one would not hear of it */
  plain->kill = g_timeout_add(msec(wg_run_kill_after(run)), out_of_patience, plain);
}

/* Nobody waits for it any more; its number is given back when it has ended. */
static gboolean reap(int fd, GIOCondition condition, gpointer data) {
  siginfo_t info = {0};

  if (waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG) == 0 && info.si_pid == 0)
    return G_SOURCE_CONTINUE;
  close(fd);
  return G_SOURCE_REMOVE;
}

void wg_run_plain_kill(WgRun *run) {
  WgRunPlain *plain = run->plain;

  signal_group(plain, SIGKILL);
  g_unix_fd_add(plain->pidfd, G_IO_IN, reap, NULL);
  plain->pidfd = -1;
}

static gboolean out_of_time(gpointer data) {
  WgRun *run = data;

  run->plain->timeout = 0;
  run->plain->timed_out = TRUE;
  wg_run_plain_stop(run);
  return G_SOURCE_REMOVE;
}

static void child_failed(WgRun *run, const WgRunChildError *error) {
  g_autofree char *what = NULL;

  if (error->stage == WG_RUN_CHILD_DIRECTORY)
    what = g_strdup_printf("the directory \"%s\" cannot be entered", run->o.directory);
  else if (error->stage == WG_RUN_CHILD_PROGRAM)
    what = g_strdup_printf("\"%s\" cannot be run", run->program);
  else
    what = g_strdup("a process cannot be prepared");
  wg_run_not_started(run, what, error->err);
}

static void end_of(WgRun *run, const siginfo_t *info) {
  /* many programs end with 0 when they are asked to: that is no success */
  if (run->plain->timed_out)
    wg_run_end(run, WG_RUN_TIMEOUT, 0, NULL);
  else if (info->si_code == CLD_EXITED)
    wg_run_end(run, WG_RUN_EXITED, info->si_status, NULL);
  else
    wg_run_end(run, WG_RUN_SIGNALED, info->si_status, NULL);
}

static gboolean leader_ended(int fd, GIOCondition condition, gpointer data) {
  WgRun *run = data;
  WgRunPlain *plain = run->plain;
  WgRunChildError error;
  siginfo_t info = {0};

  if (waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG | WNOWAIT) < 0) {
    plain->watch = 0;
    wg_run_end(run, WG_RUN_LOST, 0, "somebody else took note of its end: nobody knows how it was");
    return G_SOURCE_REMOVE;
  }
  if (info.si_pid == 0)
    return G_SOURCE_CONTINUE;
  kill(-plain->pid, SIGKILL);
  waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG);
  plain->watch = 0;
  if (read(plain->report, &error, sizeof error) == sizeof error)
    child_failed(run, &error);
  else
    end_of(run, &info);
  return G_SOURCE_REMOVE;
}

/* Closes what is not -1. */
static void close_all(const int *fds, guint n) {
  for (guint i = 0; i < n; i++)
    if (fds[i] >= 0)
      close(fds[i]);
}

enum { INPUT, OUTPUT, ERRORS, REPORT_READ, REPORT_WRITE, N_FDS };

/* A stream that nobody captures: the journal, or where ours go. */
static int journal_stream(const WgRun *run, int priority) {
  int fd = sd_journal_stream_fd(run->o.prefix, priority, TRUE);

  return fd >= 0 ? fd : fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
}

/* All are ours then. FALSE with errno, and none is open. */
static gboolean open_fds(WgRun *run, int fds[N_FDS]) {
  for (guint i = 0; i < N_FDS; i++)
    fds[i] = -1;
  if (pipe2(fds + REPORT_READ, O_CLOEXEC | O_NONBLOCK) == 0 &&
      wg_run_outputs_open(run, FALSE, fds + OUTPUT)) {
    fds[INPUT] = run->input >= 0 ? run->input : open("/dev/null", O_RDONLY | O_CLOEXEC);
    run->input = -1;
    if (fds[OUTPUT] < 0)
      fds[OUTPUT] = journal_stream(run, LOG_INFO);
    if (fds[ERRORS] < 0)
      fds[ERRORS] = journal_stream(run, LOG_NOTICE);
    if (fds[INPUT] >= 0 && fds[OUTPUT] >= 0 && fds[ERRORS] >= 0)
      return TRUE;
  }
  int err = errno;
  close_all(fds, N_FDS);
  errno = err;
  return FALSE;
}

static pid_t fork_child(const WgRun *run, const int fds[N_FDS]) {
  g_auto(GStrv) env = wg_run_environment(run, run->plain_env ? run->plain_env : run->env);
  WgRunChild child = {.program = run->program,
                      .directory = run->o.directory,
                      .argv = run->argv,
                      .envp = env,
                      .input = fds[INPUT],
                      .output = fds[OUTPUT],
                      .errors = fds[ERRORS],
                      .report = fds[REPORT_WRITE],
                      .parent = getpid(),
                      .no_new_privileges = run->o.sandbox};
  pid_t pid = fork();

  if (pid == 0)
    wg_run_child(&child);
  return pid;
}

void wg_run_plain_start(WgRun *run) {
  int fds[N_FDS];

  if (run->o.directory == NULL)
    run->o.directory = g_get_home_dir();
  if (!open_fds(run, fds)) {
    wg_run_not_started(run, "no pipe can be made for the command", errno);
    return;
  }
  pid_t pid = fork_child(run, fds);
  int pidfd = pid < 0 ? -1 : pidfd_open(pid, 0);
  int err = errno;
  int report = fds[REPORT_READ];
  fds[REPORT_READ] = -1;
  close_all(fds, N_FDS);
  if (pidfd < 0) {
    if (pid > 0) { /* what cannot be watched must not run */
      kill(pid, SIGKILL);
      waitpid(pid, NULL, 0);
    }
    close(report);
    wg_run_not_started(run, "no process can be made for the command", err);
    return;
  }
  WgRunPlain *plain = g_new0(WgRunPlain, 1);
  *plain = (WgRunPlain){.pid = pid, .pidfd = pidfd, .report = report};
  plain->watch = g_unix_fd_add(pidfd, G_IO_IN, leader_ended, run);
  if (wg_run_has_timeout(run))
    plain->timeout = g_timeout_add(msec(run->o.timeout), out_of_time, run);
  run->plain = plain;
}
