/* exec-properties.c: a command as the properties of a transient unit.
 *
 * Texts are sent as they are: systemd expands nothing in them (ExecStartEx with "no-env-expand";
 * specifiers are not looked for in what comes over the bus). Options that the policy leaves out are
 * not sent, so the user's own defaults for units hold. */
#include "delivery/exec.h"

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

/* a(sasas) with one member; each step only if the ones before went well. */
static int add_command(sd_bus_message *m, const DlvExecRun *run) {
  int r = sd_bus_message_open_container(m, 'r', "sv");

  if (r >= 0)
    r = sd_bus_message_append(m, "s", "ExecStartEx");
  if (r >= 0)
    r = sd_bus_message_open_container(m, 'v', "a(sasas)");
  if (r >= 0)
    r = sd_bus_message_open_container(m, 'a', "(sasas)");
  if (r >= 0)
    r = sd_bus_message_open_container(m, 'r', "sasas");
  if (r >= 0)
    r = sd_bus_message_append(m, "s", run->program);
  if (r >= 0)
    r = sd_bus_message_append_strv(m, run->exec->command);
  if (r >= 0)
    r = sd_bus_message_append(m, "as", 1, "no-env-expand");
  for (guint i = 0; r >= 0 && i < 4; i++)
    r = sd_bus_message_close_container(m);
  return r;
}

static int add_limits(sd_bus_message *m, const DlvExec *exec) {
  int r = 0;

  if (exec->timeout != G_MAXUINT64)
    r = add(m, "RuntimeMaxUSec", "t", exec->timeout);
  if (r >= 0 && exec->memory_max) {
    r = add(m, "MemoryMax", "t", exec->memory_max);
    if (r >= 0) /* the limit is one of memory, not the way to the swap */
      r = add(m, "MemorySwapMax", "t", (guint64)0);
  }
  if (r >= 0 && exec->tasks_max)
    r = add(m, "TasksMax", "t", exec->tasks_max);
  if (r >= 0 && exec->cpu_quota)
    r = add(m, "CPUQuotaPerSecUSec", "t", (guint64)exec->cpu_quota * (G_USEC_PER_SEC / 100));
  if (r >= 0 && exec->watchdog) {
    r = add(m, "WatchdogUSec", "t", exec->watchdog);
    if (r >= 0)
      r = add(m, "NotifyAccess", "s", "all");
  }
  if (r >= 0 && exec->slice)
    r = add(m, "Slice", "s", exec->slice);
  return r;
}

/* What a user's manager can do without rights. Homes stay writable: agents work there. */
static int add_sandbox(sd_bus_message *m) {
  static const char *const switches[] = {"NoNewPrivileges", "PrivateTmp",       "RestrictSUIDSGID",
                                         "LockPersonality", "RestrictRealtime", NULL};
  int r = add(m, "ProtectSystem", "s", "full");

  for (guint i = 0; r >= 0 && switches[i]; i++)
    r = add(m, switches[i], "b", 1);
  return r;
}

static int add_all(sd_bus_message *m, const DlvExecRun *run) {
  const DlvExec *exec = run->exec;
  g_auto(GStrv) env = dlv_exec_variables(exec, run->message);
  g_autofree char *text = g_strdup_printf("Message %" G_GUINT64_FORMAT " for agent %s",
                                          run->message->number, exec->agent);
  int r = add(m, "Description", "s", text);

  if (r >= 0)
    r = add(m, "Type", "s", "exec");
  if (r >= 0)
    r = add_command(m, run);
  if (r >= 0)
    r = add_texts(m, "Environment", env);
  if (r >= 0)
    r = add(m, "WorkingDirectory", "s", exec->directory ? exec->directory : g_get_home_dir());
  if (r >= 0)
    r = add(m, "StandardInputFileDescriptor", "h", run->input);
  if (r >= 0)
    r = add(m, "StandardOutput", "s", "journal");
  if (r >= 0)
    r = add(m, "StandardError", "s", "journal");
  if (r >= 0)
    r = add(m, "KillMode", "s", "control-group");
  if (r >= 0)
    r = add(m, "TimeoutStopUSec", "t", exec->kill_after);
  if (r >= 0)
    r = add(m, "OOMPolicy", "s", "kill");
  if (r >= 0)
    r = add_limits(m, exec);
  if (r >= 0 && exec->sandbox)
    r = add_sandbox(m);
  /* it is ours until we have read how it ended; then nothing of it stays */
  if (r >= 0)
    r = add(m, "AddRef", "b", 1);
  return r >= 0 ? add(m, "CollectMode", "s", "inactive-or-failed") : r;
}

int dlv_exec_properties(sd_bus_message *m, const DlvExecRun *run) {
  int r = sd_bus_message_open_container(m, 'a', "(sv)");

  if (r >= 0)
    r = add_all(m, run);
  if (r >= 0)
    r = sd_bus_message_close_container(m);
  return r >= 0 ? sd_bus_message_append(m, "a(sa(sv))", 0) : r;
}
