/* run-environment.c: what a command finds in its environment: what its owner gives it, and of ours
 * only what every command needs to find programs, its home and the language. Nothing that systemd
 * meant for us (NOTIFY_SOCKET, LISTEN_FDS, credentials) can get through a list of what may. */
#include "common/run-private.h"

#include <string.h>

static const char *const handed_on[] = {"PATH", "HOME", "LANG", NULL};

char **wg_run_environment(const WgRun *run, char **own) {
  char **env = g_new0(char *, 1);

  for (guint i = 0; handed_on[i]; i++) {
    const char *value = g_getenv(handed_on[i]);
    /* another user has another home, which systemd knows */
    if (value && (run->o.user == NULL || strcmp(handed_on[i], "HOME") != 0))
      env = g_environ_setenv(env, handed_on[i], value, TRUE);
  }
  for (; own && *own; own++) {
    g_autofree char *name = g_strndup(*own, strcspn(*own, "="));
    const char *value = strchr(*own, '=');
    if (value && *name)
      env = g_environ_setenv(env, name, value + 1, TRUE);
  }
  return env;
}
