/* exec-input.c: what a command is given: the message on standard input, its ids in the environment.
 *
 * The input is a memfd, written and sealed before the command starts: a command that does not read
 * holds up nothing, and one that reads slowly reads what was sent. A large body is turned into JSON
 * on a thread. */
#include "delivery/exec.h"

#include "common/error.h"
#include "common/io.h"
#include "common/names.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define LARGE (128 * 1024) /* bytes of a body that is not worth the loop's time */

/* What the service manager told the courier about itself, and is none of the command's business. */
static const char *const not_inherited[] = {"NOTIFY_SOCKET",
                                            "WATCHDOG_PID",
                                            "WATCHDOG_USEC",
                                            "LISTEN_PID",
                                            "LISTEN_FDS",
                                            "LISTEN_FDNAMES",
                                            "JOURNAL_STREAM",
                                            "INVOCATION_ID",
                                            "SYSTEMD_EXEC_PID",
                                            "MANAGERPID",
                                            "STATE_DIRECTORY",
                                            "RUNTIME_DIRECTORY",
                                            "CACHE_DIRECTORY",
                                            "LOGS_DIRECTORY",
                                            WG_ENV_MEMORY_PRESSURE_WATCH,
                                            WG_ENV_MEMORY_PRESSURE_WRITE,
                                            "CONFIGURATION_DIRECTORY",
                                            "CREDENTIALS_DIRECTORY",
                                            WG_ENV_IDLE_EXIT};

static int make(const char *agent, const DlvMessage *message, GError **error) {
  g_autoptr(GBytes) text = dlv_message_json(agent, message);
  int fd = wg_memfd_sealed("waggle-message", g_bytes_get_data(text, NULL), g_bytes_get_size(text));

  if (fd < 0)
    wg_error_set_errno(error, -errno, "the message cannot be handed over");
  return fd;
}

typedef struct {
  DlvExecRun *run;
  void (*done)(DlvExecRun *run, int fd, const GError *error);
} Large;

/* The run waits for it, so that the message lives. */
static void make_large(GTask *task, gpointer source, gpointer data, GCancellable *cancellable) {
  Large *large = data;
  g_autoptr(GError) error = NULL;
  int fd = make(large->run->exec->agent, large->run->message, &error);

  if (fd < 0)
    g_task_return_error(task, g_steal_pointer(&error));
  else
    g_task_return_int(task, fd);
}

static void large_made(GObject *source, GAsyncResult *result, gpointer data) {
  Large *large = g_task_get_task_data(G_TASK(result));
  g_autoptr(GError) error = NULL;
  int fd = (int)g_task_propagate_int(G_TASK(result), &error);

  large->done(large->run, fd, error);
}

void dlv_exec_input(DlvExecRun *run, void (*done)(DlvExecRun *run, int fd, const GError *error)) {
  g_autoptr(GError) error = NULL;

  if (run->message->body && g_bytes_get_size(run->message->body) > LARGE) {
    g_autoptr(GTask) task = g_task_new(NULL, NULL, large_made, NULL);
    Large *large = g_new(Large, 1);
    *large = (Large){run, done};
    g_task_set_task_data(task, large, g_free);
    g_task_run_in_thread(task, make_large);
    return;
  }
  int fd = make(run->exec->agent, run->message, &error);
  done(run, fd, error);
}

static char **set_variables(char **env, const DlvExec *exec, const DlvMessage *m) {
  g_autofree char *number = g_strdup_printf("%" G_GUINT64_FORMAT, m->number);
  g_autofree char *token = g_strdup_printf("%" G_GUINT64_FORMAT, m->token);
  g_autofree char *priority = g_strdup_printf("%u", m->priority);

  for (char **own = exec->environment; *own; own++) {
    g_autofree char *name = g_strndup(*own, strcspn(*own, "="));
    env = g_environ_setenv(env, name, *own + strlen(name) + 1, TRUE);
  }
  env = g_environ_setenv(env, WG_ENV_AGENT, exec->agent, TRUE);
  env = g_environ_setenv(env, WG_ENV_MESSAGE, number, TRUE);
  env = g_environ_setenv(env, WG_ENV_FROM, m->from, TRUE);
  env = g_environ_setenv(env, WG_ENV_TOKEN, token, TRUE);
  env = g_environ_setenv(env, WG_ENV_PRIORITY, priority, TRUE);
  if (m->trace)
    env = g_environ_setenv(env, WG_ENV_TRACEPARENT, m->trace, TRUE);
  else
    env = g_environ_unsetenv(env, WG_ENV_TRACEPARENT);
  return env;
}

char **dlv_exec_variables(const DlvExec *exec, const DlvMessage *message) {
  return set_variables(g_new0(char *, 1), exec, message);
}

char **dlv_exec_environment(const DlvExec *exec, const DlvMessage *message) {
  char **env = g_get_environ();

  for (guint i = 0; i < G_N_ELEMENTS(not_inherited); i++)
    env = g_environ_unsetenv(env, not_inherited[i]);
  return set_variables(env, exec, message);
}
