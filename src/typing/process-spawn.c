/* process-spawn.c: starts the child (process-private.h). It inherits its end of the link as
 * HAND_FD, the journal as stderr, and nothing else: no blocked signals, no other descriptor. */
#include "typing/process-private.h"

#include "common/error.h"
#include "typing/hand-protocol.h"
#include "typing/packet.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

static int prepare_attributes(posix_spawnattr_t *attributes) {
  sigset_t none, defaults;

  sigemptyset(&none);
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGHUP);
  sigaddset(&defaults, SIGINT);
  sigaddset(&defaults, SIGTERM);
  sigaddset(&defaults, SIGPIPE);
  int r = posix_spawnattr_setsigmask(attributes, &none);
  if (r == 0)
    r = posix_spawnattr_setsigdefault(attributes, &defaults);
  if (r == 0)
    r = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  return r;
}

static int prepare_actions(posix_spawn_file_actions_t *actions, int fd) {
  int r = posix_spawn_file_actions_adddup2(actions, fd, HAND_FD);

  if (r == 0)
    r = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  if (r == 0)
    r = posix_spawn_file_actions_adddup2(actions, STDERR_FILENO, STDOUT_FILENO);
  if (r == 0)
    r = posix_spawn_file_actions_addclosefrom_np(actions, HAND_FD + 1);
  return r;
}

static int spawn(TypHand *hand, int fd, pid_t *ret_pid) {
  g_autofree char *restore = g_strconcat("--restore-file=", hand->restore_file, NULL);
  char *argv[] = {hand->program, restore, NULL};
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;

  int r = posix_spawn_file_actions_init(&actions);
  if (r != 0)
    return r;
  r = posix_spawnattr_init(&attributes);
  if (r != 0) {
    posix_spawn_file_actions_destroy(&actions);
    return r;
  }
  r = prepare_actions(&actions, fd);
  if (r == 0)
    r = prepare_attributes(&attributes);
  if (r == 0)
    r = posix_spawn(ret_pid, hand->program, &actions, &attributes, argv, hand->environment);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  return r;
}

gboolean typ_hand_spawn(TypHand *hand, GError **error) {
  int fds[2];
  pid_t pid = 0;

  if (!typ_packet_pair(fds, error))
    return FALSE;
  int r = spawn(hand, fds[1], &pid);
  close(fds[1]);
  if (r != 0) {
    close(fds[0]);
    return wg_error_set_errno(error, r, "the typing process %s cannot be started", hand->program);
  }
  hand->pid = pid;
  hand->fd = fds[0];
  return TRUE;
}

char *typ_hand_describe_status(int wait_status) {
  if (WIFSIGNALED(wait_status))
    return g_strdup_printf("killed by signal %d (%s)", WTERMSIG(wait_status),
                           g_strsignal(WTERMSIG(wait_status)));
  switch (WEXITSTATUS(wait_status)) {
  case HAND_EXIT_OK:
    return g_strdup("it left");
  case HAND_EXIT_NO_DISPLAY:
    return g_strdup("the display cannot be opened");
  case HAND_EXIT_DISPLAY_LOST:
    return g_strdup("the display is lost");
  case HAND_EXIT_LOCKED:
    return g_strdup("another typing process has the display");
  default:
    return g_strdup_printf("exit status %d", WEXITSTATUS(wait_status));
  }
}
