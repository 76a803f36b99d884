/* command-run.c: see command-run.h. */
#include "checks/command-run.h"

#include "checks/command-remote.h"
#include "checks/local.h"
#include "checks/subjects.h"
#include "checks/world.h"

#include "common/names.h"
#include "common/trace-context.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <systemd/sd-login.h>
#include <unistd.h>

#define OUTPUT_DEFAULT (1024 * 1024)
#define KILL_AFTER (2 * G_USEC_PER_SEC)

struct ChkCommand {
  WgRun *run; /* one of the two */
  ChkRemote *remote;
  ChkCommandFunc done;
  gpointer user_data;
};

static void on_done(const WgRunEnd *end, gpointer user_data) {
  g_autofree ChkCommand *command = user_data;

  command->run = NULL;
  command->remote = NULL;
  command->done(end, command->user_data);
}

/* A sealed file with the text, at its beginning; -1 with an error. */
static int input_of(const char *text, GError **error) {
  int fd = memfd_create("stdin", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  gsize size = strlen(text);

  if (fd >= 0 && write(fd, text, size) == (ssize_t)size && lseek(fd, 0, SEEK_SET) == 0)
    return fd;
  wg_error_set_errno(error, errno, "the input cannot be kept");
  if (fd >= 0)
    close(fd);
  return -1;
}

/* The unit that we run in: what we start there is not to outlive it. NULL: none. */
static char *own_unit(gboolean user) {
  char *unit = NULL;

  if ((user ? sd_pid_get_user_unit(0, &unit) : sd_pid_get_unit(0, &unit)) < 0)
    return NULL;
  if (g_str_has_suffix(unit, ".service") || g_str_has_suffix(unit, ".scope"))
    return unit;
  free(unit);
  return NULL;
}

/* Where a manager would take it from us without asking anybody. */
static sd_bus *manager_for(ChkLook *look, const WgRunOptions *o) {
  gboolean needs =
      o->how == WG_RUN_UNIT || o->user || o->private_network || o->memory_max || o->tasks_max;

  if (geteuid() != 0 && !chk_world_is_user(look->world) && !needs)
    return NULL;
  return chk_world_manager(look->world, NULL);
}

static void limits(const ChkLook *look, WgRunOptions *o) {
  o->directory = chk_option_text(look, "directory", "/");
  o->user = chk_option_text(look, "user", NULL);
  o->sandbox = chk_option_bool(look, "sandbox", FALSE);
  o->how = o->sandbox ? WG_RUN_UNIT : WG_RUN_AUTO; /* nobody else would keep it */
  o->private_network = !chk_option_bool(look, "network", TRUE);
  o->memory_max = chk_option_bytes(look, "memory-max", 0);
  o->tasks_max = (guint)chk_option_int(look, "tasks-max", 0);
  o->output_max = (gsize)MAX(chk_option_bytes(look, "max-output", OUTPUT_DEFAULT), 1);
}

/* What the unit behind the socket cannot be asked for. */
static const char *not_remote(const WgRunOptions *o) {
  return o->user              ? "user"
         : o->private_network ? "network"
         : o->memory_max      ? "memory-max"
         : o->tasks_max       ? "tasks-max"
                              : NULL;
}

static gboolean start_remote(ChkLook *look, ChkCommand *command, const WgRunOptions *o,
                             GError **error) {
  const char *option = not_remote(o);

  if (option) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                "a probe's command runs in waggle-probe-exec@.service, whose limits count; \"%s\" "
                "cannot be given here: set it there by a drop-in",
                option);
    return FALSE;
  }
  command->remote = chk_remote_start(chk_world_exec(look->world), o,
                                     chk_option_text(look, "stdin", NULL), on_done, command);
  return TRUE;
}

static gboolean start_here(ChkLook *look, ChkCommand *command, WgRunOptions *o, GError **error) {
  const char *text = chk_option_text(look, "stdin", NULL);
  char *unit = own_unit(chk_world_is_user(look->world));

  o->input = text ? input_of(text, error) : -1;
  o->bind_to = unit;
  if (text == NULL || o->input >= 0) {
    o->bus = manager_for(look, o);
    command->run = wg_run_start(o, on_done, command);
  }
  if (o->input >= 0)
    close(o->input);
  free(unit);
  return command->run != NULL;
}

/* What systemd meant for us is nobody else's. */
static gboolean is_ours(const char *variable) {
  static const char *const prefixes[] = {"NOTIFY_SOCKET=", "LISTEN_",        "WATCHDOG_",
                                         "CREDENTIALS_",   "INVOCATION_ID=", "MAINPID="};

  for (guint i = 0; i < G_N_ELEMENTS(prefixes); i++)
    if (g_str_has_prefix(variable, prefixes[i]))
      return TRUE;
  return FALSE;
}

/* In whose trace it runs, as far as we were told. The file's own variables stand last, where they
 * count. */
static char **environment_of(const ChkLook *look) {
  g_auto(GStrv) own = chk_option_texts(look, "env");
  g_auto(GStrv) all = chk_option_bool(look, "inherit", FALSE) ? g_get_environ() : NULL;
  g_autoptr(GStrvBuilder) env = g_strv_builder_new();
  const char *trace = g_getenv(WG_ENV_TRACEPARENT);

  for (guint i = 0; all && all[i]; i++)
    if (!is_ours(all[i]) && g_utf8_validate(all[i], -1, NULL))
      g_strv_builder_add(env, all[i]);
  if (trace && wg_traceparent_ok(trace)) {
    g_autofree char *pair = g_strconcat(WG_ENV_TRACEPARENT, "=", trace, NULL);
    g_strv_builder_add(env, pair);
  }
  for (guint i = 0; own[i]; i++)
    g_strv_builder_add(env, own[i]);
  return g_strv_builder_end(env);
}

ChkCommand *chk_command_start(ChkLook *look, const char *const *argv, guint64 timeout,
                              ChkCommandFunc done, gpointer user_data, GError **error) {
  g_auto(GStrv) own =
      argv ? g_strdupv((char **)argv) : chk_command_argv(look->subject, look->options, error);
  g_auto(GStrv) env = environment_of(look);
  WgRunOptions o = {.argv = (const char *const *)own,
                    .env = (const char *const *)env,
                    .description = "A check of Waggle",
                    .prefix = "waggle-check",
                    .timeout = timeout,
                    .kill_after = KILL_AFTER};

  if (!own)
    return NULL;
  ChkCommand *command = g_new0(ChkCommand, 1);
  command->done = done;
  command->user_data = user_data;
  limits(look, &o);
  if (chk_world_exec(look->world) ? start_remote(look, command, &o, error)
                                  : start_here(look, command, &o, error))
    return command;
  g_free(command);
  return NULL;
}

void chk_command_drop(ChkCommand *command) {
  if (command->run)
    wg_run_forget(command->run);
  if (command->remote)
    chk_remote_forget(command->remote);
  g_free(command);
}

char *chk_command_text(GBytes *bytes) {
  gsize size = 0;
  const char *text = bytes ? g_bytes_get_data(bytes, &size) : NULL;

  return g_utf8_make_valid(text ? text : "", (gssize)size);
}

gboolean chk_command_ran(const WgRunEnd *end, const char *what, ChkSight *sight) {
  switch (end->how) {
  case WG_RUN_EXITED:
  case WG_RUN_SIGNALED:
  case WG_RUN_OOM:
    return TRUE;
  default:
    chk_unknown(sight, "%s: %s", what, end->text);
    return FALSE;
  }
}
