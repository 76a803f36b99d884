/* run-child.c: the few steps between fork() and the command.
 *
 * The parent has threads, so only calls that are safe after fork() may be made here: no memory is
 * allocated and nothing is locked. What fails is told over a pipe that the command does not get. */
#include "common/run-child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#define FIRST_OTHER 3 /* descriptor after standard error */

static void fail(const WgRunChild *child, WgRunStage stage) {
  WgRunChildError error = {.stage = stage, .err = errno};

  if (write(child->report, &error, sizeof error) < 0) {
    /* the parent is gone: nobody to tell */
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

/* Ours may be 0, 1 or 2 itself where the program was started without them: none is overwritten
 * before it was moved. */
static gboolean set_streams(const WgRunChild *child) {
  int in = fcntl(child->input, F_DUPFD_CLOEXEC, FIRST_OTHER);
  int out = fcntl(child->output, F_DUPFD_CLOEXEC, FIRST_OTHER);
  int err = fcntl(child->errors, F_DUPFD_CLOEXEC, FIRST_OTHER);

  return in >= 0 && out >= 0 && err >= 0 && dup2(in, STDIN_FILENO) >= 0 &&
         dup2(out, STDOUT_FILENO) >= 0 && dup2(err, STDERR_FILENO) >= 0;
}

void wg_run_child(const WgRunChild *child) {
  reset_signals();
  /* a group of its own, which is ended as a whole; and without us it is ended, too */
  if (setsid() < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
    fail(child, WG_RUN_CHILD_OTHER);
  if (getppid() != child->parent)
    _exit(EXIT_FAILURE);
  if (child->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
    fail(child, WG_RUN_CHILD_OTHER);
  if (child->directory && chdir(child->directory) < 0)
    fail(child, WG_RUN_CHILD_DIRECTORY);
  if (!set_streams(child))
    fail(child, WG_RUN_CHILD_OTHER);
  /* ours are all close-on-exec; this is for a library that forgot. Old kernels cannot. */
  close_range(FIRST_OTHER, ~0U, CLOSE_RANGE_CLOEXEC);
  execve(child->program, child->argv, child->envp);
  fail(child, WG_RUN_CHILD_PROGRAM);
  _exit(EXIT_FAILURE);
}
