/* run-properties.c: a command as the properties of a transient unit.
 *
 * systemd expands nothing in a command: what is not plain goes through run-hand.c, and where there
 * is no such program each "$" is sent twice. ("no-env-expand" would need ExecStartEx, which systemd
 * 252 writes into the unit's file under that name and does not read again: after a daemon-reload
 * that comes before the start the unit has no command.) Options that are left out are not sent, so
 * the manager's own defaults for units hold. */
#include "common/run-private.h"

#include <unistd.h>

static int add(sd_bus_message *m, const char *name, const char *type, ...) {
  va_list args;
  int r = sd_bus_message_open_container(m, 'r', "sv");

  if (r >= 0)
    r = sd_bus_message_append(m, "s", name);
  if (r >= 0)
    r = sd_bus_message_open_container(m, 'v', type);
  if (r >= 0) {
    va_start(args, type);
    r = sd_bus_message_appendv(m, type, args);
    va_end(args);
  }
  if (r >= 0)
    r = sd_bus_message_close_container(m);
  return r >= 0 ? sd_bus_message_close_container(m) : r;
}

static int add_texts(sd_bus_message *m, const char *name, char **texts) {
  int r = sd_bus_message_open_container(m, 'r', "sv");

  if (r >= 0)
    r = sd_bus_message_append(m, "s", name);
  if (r >= 0)
    r = sd_bus_message_open_container(m, 'v', "as");
  if (r >= 0)
    r = sd_bus_message_append_strv(m, texts);
  if (r >= 0)
    r = sd_bus_message_close_container(m);
  return r >= 0 ? sd_bus_message_close_container(m) : r;
}

static char **without_variables(char **argv) {
  guint n = g_strv_length(argv);
  char **plain = g_new0(char *, n + 1);

  for (guint i = 0; i < n; i++) {
    g_auto(GStrv) parts = g_strsplit(argv[i], "$", -1);
    plain[i] = g_strjoinv("$$", parts);
  }
  return plain;
}

/* a(sasb) with one member; each step only if the ones before went well. */
static int add_command(sd_bus_message *m, const WgRun *run) {
  g_auto(GStrv) hand = wg_run_hand_argv(run);
  g_auto(GStrv) argv = without_variables(hand != NULL ? hand : run->argv);
  int r = sd_bus_message_open_container(m, 'r', "sv");

  if (r >= 0)
    r = sd_bus_message_append(m, "s", "ExecStart");
  if (r >= 0)
    r = sd_bus_message_open_container(m, 'v', "a(sasb)");
  if (r >= 0)
    r = sd_bus_message_open_container(m, 'a', "(sasb)");
  if (r >= 0)
    r = sd_bus_message_open_container(m, 'r', "sasb");
  if (r >= 0)
    r = sd_bus_message_append(m, "s", hand != NULL ? hand[0] : run->program);
  if (r >= 0)
    r = sd_bus_message_append_strv(m, argv);
  if (r >= 0)
    r = sd_bus_message_append(m, "b", 0);
  for (guint i = 0; r >= 0 && i < 4; i++)
    r = sd_bus_message_close_container(m);
  return r;
}

static int add_limits(sd_bus_message *m, const WgRun *run) {
  const WgRunOptions *o = &run->o;
  int r = 0;

  if (wg_run_has_timeout(run))
    r = add(m, "RuntimeMaxUSec", "t", o->timeout);
  if (r >= 0 && o->memory_max) {
    r = add(m, "MemoryMax", "t", o->memory_max);
    if (r >= 0) /* the limit is one of memory, not the way to the swap */
      r = add(m, "MemorySwapMax", "t", (guint64)0);
  }
  if (r >= 0 && o->tasks_max)
    r = add(m, "TasksMax", "t", (guint64)o->tasks_max);
  if (r >= 0 && o->cpu_quota)
    r = add(m, "CPUQuotaPerSecUSec", "t", (guint64)o->cpu_quota * (G_USEC_PER_SEC / 100));
  if (r >= 0 && o->watchdog) {
    r = add(m, "WatchdogUSec", "t", o->watchdog);
    if (r >= 0)
      r = add(m, "NotifyAccess", "s", "all");
  }
  if (r >= 0 && o->slice)
    r = add(m, "Slice", "s", o->slice);
  return r;
}

/* What a user's manager can do without rights. Homes stay writable: commands work there. */
static int add_sandbox(sd_bus_message *m) {
  static const char *const switches[] = {"NoNewPrivileges", "PrivateTmp",       "RestrictSUIDSGID",
                                         "LockPersonality", "RestrictRealtime", NULL};
  int r = add(m, "ProtectSystem", "s", "full");

  for (guint i = 0; r >= 0 && switches[i]; i++)
    r = add(m, switches[i], "b", 1);
  return r;
}

static int add_output(sd_bus_message *m, const char *stream, int fd) {
  g_autofree char *name = g_strdup_printf(fd >= 0 ? "%sFileDescriptor" : "%s", stream);

  return fd >= 0 ? add(m, name, "h", fd) : add(m, name, "s", "journal");
}

static int add_surroundings(sd_bus_message *m, const WgRun *run, const int output_fds[2]) {
  const WgRunOptions *o = &run->o;
  const char *directory = o->directory;
  g_auto(GStrv) env = wg_run_environment(run, run->env);

  if (directory == NULL)
    directory = geteuid() == 0 ? "/" : g_get_home_dir();
  int r = add_texts(m, "Environment", env);
  if (r >= 0)
    r = add(m, "WorkingDirectory", "s", directory);
  if (r >= 0 && o->user)
    r = add(m, "User", "s", o->user);
  if (r >= 0 && run->input >= 0)
    r = add(m, "StandardInputFileDescriptor", "h", run->input);
  if (r >= 0)
    r = add_output(m, "StandardOutput", output_fds[0]);
  if (r >= 0)
    r = add_output(m, "StandardError", output_fds[1]);
  if (r >= 0 && o->private_network)
    r = add(m, "PrivateNetwork", "b", 1);
  if (r >= 0 && o->sandbox)
    r = add_sandbox(m);
  return r;
}

static int add_bond(sd_bus_message *m, const char *unit) {
  int r = add(m, "BindsTo", "as", 1, unit);

  return r >= 0 ? add(m, "After", "as", 1, unit) : r;
}

static int add_all(sd_bus_message *m, const WgRun *run, const int output_fds[2]) {
  const WgRunOptions *o = &run->o;
  int r = add(m, "Description", "s", o->description ? o->description : run->program);

  if (r >= 0)
    r = add(m, "Type", "s", "exec");
  if (r >= 0)
    r = add_command(m, run);
  if (r >= 0)
    r = add_surroundings(m, run, output_fds);
  if (r >= 0)
    r = add(m, "KillMode", "s", "control-group");
  if (r >= 0)
    r = add(m, "TimeoutStopUSec", "t", wg_run_kill_after(run));
  if (r >= 0)
    r = add(m, "OOMPolicy", "s", "kill");
  if (r >= 0)
    r = add_limits(m, run);
  if (r >= 0 && o->bind_to)
    r = add_bond(m, o->bind_to);
  /* it is ours until we have read how it ended; then nothing of it stays */
  if (r >= 0)
    r = add(m, "AddRef", "b", 1);
  return r >= 0 ? add(m, "CollectMode", "s", "inactive-or-failed") : r;
}

int wg_run_properties(sd_bus_message *m, const WgRun *run, const int output_fds[2]) {
  int r = sd_bus_message_open_container(m, 'a', "(sv)");

  if (r >= 0)
    r = add_all(m, run, output_fds);
  if (r >= 0)
    r = sd_bus_message_close_container(m);
  return r >= 0 ? sd_bus_message_append(m, "a(sa(sv))", 0) : r;
}
