/* exec-child.c: the few steps between fork() and the command.
 *
 * The courier has threads, so only calls that are safe after fork() may be made here: no memory is
 * allocated and nothing is locked. What fails is told over a pipe that the command does not get. */
#include "delivery/exec.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#define FIRST_OTHER 3 /* descriptor after standard error */

static void fail(const DlvExecChild *child, int stage) {
  DlvExecChildError error = {.stage = stage, .err = errno};

  if (write(child->report, &error, sizeof error) < 0) {
    /* the courier is gone: nobody to tell */
  }
  _exit(EXIT_FAILURE);
}

/* What is ignored or blocked here would stay so in the command. */
static void reset_signals(void) {
  struct sigaction action = {.sa_handler = SIG_DFL};
  sigset_t none;

  for (int i = 1; i < NSIG; i++)
    sigaction(i, &action, NULL);
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

void dlv_exec_child(const DlvExecChild *child) {
  reset_signals();
  /* a group of its own, which is ended as a whole; and without us it is ended, too */
  if (setsid() < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
    fail(child, DLV_CHILD_OTHER);
  if (getppid() != child->parent)
    _exit(EXIT_FAILURE);
  if (child->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
    fail(child, DLV_CHILD_OTHER);
  if (child->directory && chdir(child->directory) < 0)
    fail(child, DLV_CHILD_DIRECTORY);
  if (dup2(child->input, STDIN_FILENO) < 0 || dup2(child->output, STDOUT_FILENO) < 0 ||
      dup2(child->errors, STDERR_FILENO) < 0)
    fail(child, DLV_CHILD_OTHER);
  /* ours are all close-on-exec; this is for a library that forgot. Old kernels cannot. */
  close_range(FIRST_OTHER, ~0U, CLOSE_RANGE_CLOEXEC);
  execve(child->program, child->argv, child->envp);
  fail(child, DLV_CHILD_PROGRAM);
  _exit(EXIT_FAILURE);
}
