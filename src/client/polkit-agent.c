/* polkit-agent.c: see polkit-agent.h. With --fallback a desktop's own agent goes first. */
#include "client/polkit-agent.h"

#include <errno.h>
#include <glib-unix.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOTIFY_FD 3

static GPid agent_pid;

/* The agent closes its end of the pipe once it is registered, or when it fails. */
static void wait_until_ready(int fd) {
  char byte;

  while (read(fd, &byte, 1) < 0 && errno == EINTR)
    ;
}

void cli_polkit_agent_open(void) {
  static const char *const argv[] = {"pkttyagent", "--notify-fd", G_STRINGIFY(NOTIFY_FD),
                                     "--fallback", NULL};
  int pipe_fds[2], target = NOTIFY_FD;

  if (agent_pid || geteuid() == 0 || !isatty(STDIN_FILENO) ||
      !g_unix_open_pipe(pipe_fds, FD_CLOEXEC, NULL))
    return;
  if (!g_spawn_async_with_pipes_and_fds(
          NULL, argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, -1, -1, -1,
          &pipe_fds[1], &target, 1, &agent_pid, NULL, NULL, NULL, NULL))
    agent_pid = 0;
  close(pipe_fds[1]);
  if (agent_pid)
    wait_until_ready(pipe_fds[0]);
  close(pipe_fds[0]);
}

void cli_polkit_agent_close(void) {
  if (!agent_pid)
    return;
  kill(agent_pid, SIGTERM);
  while (waitpid(agent_pid, NULL, 0) < 0 && errno == EINTR)
    ;
  agent_pid = 0;
}
