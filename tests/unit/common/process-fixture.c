/* process-fixture.c: see process-fixture.h. */
#include "process-fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

void process_describe(FILE *out) {
  g_autofree char *directory = g_get_current_dir();
  sigset_t blocked;
  int death = 0;

  for (int fd = 0; fd < 1024; fd++)
    if (fcntl(fd, F_GETFD) >= 0 && (fd != fileno(out) || fd == STDOUT_FILENO))
      fprintf(out, "fd %d\n", fd);
  sigprocmask(SIG_SETMASK, NULL, &blocked);
  for (int i = 1; i < 32; i++) {
    struct sigaction action;
    if (sigismember(&blocked, i) > 0 ||
        (sigaction(i, NULL, &action) == 0 && action.sa_handler == SIG_IGN))
      fprintf(out, "signal %d\n", i);
  }
  prctl(PR_GET_PDEATHSIG, &death);
  fprintf(out, "leader %d %d\ndeath %d\nprivileges %d\ndirectory %s\n", getpid() == getsid(0),
          getpid() == getpgrp(), death, prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), directory);
}

GPid process_deaf_child(void) {
  int ready[2];
  char byte;

  g_assert_cmpint(pipe(ready), ==, 0);
  pid_t pid = fork();
  if (pid == 0) {
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    g_assert_cmpint(write(ready[1], "", 1), ==, 1);
    for (;;)
      pause();
  }
  g_assert_cmpint(read(ready[0], &byte, 1), ==, 1);
  return pid;
}

guint process_descriptors(void) {
  g_autoptr(GDir) dir = g_dir_open("/proc/self/fd", 0, NULL);
  guint n = 0;

  while (g_dir_read_name(dir))
    n++;
  return n;
}

gboolean process_has_children(void) {
  siginfo_t info;

  return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD;
}

gboolean process_lives(GPid pid) {
  g_autofree char *path = g_strdup_printf("/proc/%d/stat", (int)pid);
  g_autofree char *text = NULL;

  if (!g_file_get_contents(path, &text, NULL, NULL))
    return FALSE;
  const char *state = strrchr(text, ')');
  return state && state[2] != 'Z' && state[2] != 'X';
}
