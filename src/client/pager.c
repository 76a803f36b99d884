/* pager.c: see pager.h. The pager is started from an argument vector, never through a shell, and in
 * secure mode, so that a message shown in it cannot lead to a command. Unlike systemctl's it wraps
 * long lines: messages are there to be read. */
#include "client/pager.h"

#include "client/terminal.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static GPid pager_pid;

/* NULL: none is wanted; empty: look for one. */
static const char *wanted(void) {
  const char *pager = g_getenv("SYSTEMD_PAGER");

  if (!pager)
    pager = g_getenv("PAGER");
  if (!pager)
    return "";
  return !*pager || g_str_equal(pager, "cat") ? NULL : pager;
}

static char **environment(void) {
  char **env = g_get_environ();
  const char *options = g_getenv("SYSTEMD_LESS");

  env = g_environ_setenv(env, "LESS", options ?: "FRXMK", TRUE);
  env = g_environ_setenv(env, "LESSCHARSET", "utf-8", TRUE);
  return g_environ_setenv(env, "LESSSECURE", "1", TRUE);
}

static gboolean start(const char *command, char **env, int *ret_stdin) {
  g_auto(GStrv) argv = NULL;

  return g_shell_parse_argv(command, NULL, &argv, NULL) &&
         g_spawn_async_with_pipes(NULL, argv, env, G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD,
                                  NULL, NULL, &pager_pid, ret_stdin, NULL, NULL, NULL);
}

void cli_pager_open(const Cli *cli) {
  static const char *const candidates[] = {"less", "more"};
  const char *command = wanted();
  int input = -1;

  if (cli->no_pager || cli->json != CLI_JSON_OFF || pager_pid || !command ||
      !isatty(STDOUT_FILENO) || g_strcmp0(g_getenv("TERM"), "dumb") == 0)
    return;
  cli_terminal_keep();
  g_auto(GStrv) env = environment();
  gboolean ok = *command && start(command, env, &input);
  for (guint i = 0; !ok && i < G_N_ELEMENTS(candidates); i++)
    ok = start(candidates[i], env, &input);
  if (!ok)
    return;
  fflush(stdout);
  dup2(input, STDOUT_FILENO);
  close(input);
  /* Ctrl-C is the pager's while it runs: it ends and so do we */
  signal(SIGINT, SIG_IGN);
  signal(SIGPIPE, SIG_IGN); /* who leaves the pager early has seen enough: no failure */
}

gboolean cli_pager_is_open(void) {
  return pager_pid != 0;
}

void cli_pager_close(void) {
  if (!pager_pid)
    return;
  fflush(stdout);
  close(STDOUT_FILENO);
  while (waitpid(pager_pid, NULL, 0) < 0 && errno == EINTR)
    ;
  pager_pid = 0;
}
