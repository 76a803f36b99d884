/* exec-unit.c: a command as a transient unit of the user's systemd.
 *
 * systemd has the process, its limits and its whole cgroup; the courier asks for the unit, listens
 * to its changes, and reads how it ended before it lets the unit go. Where no systemd answers the
 * run goes on as a plain process, and systemd is asked again after a while. */
#include "delivery/exec.h"

#include "common/names.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>

#define ASK_AGAIN G_TIME_SPAN_MINUTE
/* systemd ends a unit that takes too long; when it does not even tell by then, it is lost */
#define GRACE (30 * G_TIME_SPAN_SECOND)

static gint64 absent_until; /* monotonic us: no systemd answered */

struct DlvExecUnit {
  sd_bus *bus;
  char *name, *path;
  sd_bus_slot *call, *changes, *removed;
  guint overdue;
  gboolean reading, again; /* how it ended; asked once more meanwhile */
  gboolean taken_back;     /* its start; systemd has forgotten it then */
};

void dlv_exec_unit_free(DlvExecUnit *unit) {
  sd_bus_slot_unref(unit->call);
  sd_bus_slot_unref(unit->changes);
  sd_bus_slot_unref(unit->removed);
  g_clear_handle_id(&unit->overdue, g_source_remove);
  sd_bus_unref(unit->bus);
  g_free(unit->name);
  g_free(unit->path);
  g_free(unit);
}

static gboolean needs_systemd(const DlvExec *exec) {
  return exec->memory_max || exec->tasks_max || exec->cpu_quota || exec->watchdog || exec->slice;
}

gboolean dlv_exec_unit_possible(const DlvExec *exec) {
  return !exec->plain && (needs_systemd(exec) || (dlv_courier_bus(exec->courier) != NULL &&
                                                  g_get_monotonic_time() >= absent_until));
}

static void end_with(DlvExecRun *run, DlvExecHow how, int code, const char *text) {
  dlv_exec_end(run, &(DlvExecEnd){.how = how, .code = code, .text = text});
}

/* Words that want no answer: a unit that is gone already is what they were for. */
static void tell(const DlvExecUnit *unit, const char *path, const char *interface,
                 const char *method, const char *types, ...) {
  sd_bus_message *m = NULL;
  va_list args;

  if (sd_bus_message_new_method_call(unit->bus, &m, WG_BUS_SYSTEMD, path, interface, method) < 0)
    return;
  va_start(args, types);
  int r = sd_bus_message_appendv(m, types, args);
  va_end(args);
  if (r >= 0 && sd_bus_message_set_expect_reply(m, 0) >= 0 &&
      sd_bus_message_set_auto_start(m, 0) >= 0)
    sd_bus_send(unit->bus, m, NULL);
  sd_bus_message_unref(m);
}

void dlv_exec_unit_stop(DlvExecRun *run) {
  tell(run->unit, WG_PATH_SYSTEMD, WG_IFACE_SYSTEMD_MANAGER, "StopUnit", "ss", run->unit->name,
       "replace");
}

/* systemd's own reasons not to come as far as the command; systemd.exec(5), "Process Exit Codes" */
static const struct {
  int status;
  const char *what;
} early[] = {{200, "its directory cannot be entered"},
             {203, "the program cannot be run"},
             {218, "its limits cannot be set"},
             {226, "its sandbox cannot be made; \"sandbox\": false goes without"}};

static void exited(DlvExecRun *run, int status) {
  for (guint i = 0; i < G_N_ELEMENTS(early); i++)
    if (early[i].status == status) {
      g_autofree char *text =
          g_strdup_printf("systemd did not start it: status %d, %s", status, early[i].what);
      end_with(run, DLV_END_NOT_STARTED, 0, text);
      return;
    }
  end_with(run, DLV_END_EXITED, status, NULL);
}

/* Result= first: a command that was killed for its memory "was killed by signal 9" as well. */
static void judge(DlvExecRun *run, const char *result, int code, int status) {
  if (g_str_equal(result, "oom-kill"))
    end_with(run, DLV_END_OOM, 0, NULL);
  else if (g_str_equal(result, "timeout"))
    end_with(run, DLV_END_TIMEOUT, 0, NULL);
  else if (g_str_equal(result, "watchdog"))
    end_with(run, DLV_END_WATCHDOG, 0, NULL);
  else if (code == CLD_EXITED)
    exited(run, status);
  else if (code == CLD_KILLED || code == CLD_DUMPED)
    end_with(run, DLV_END_SIGNALED, status, NULL);
  else {
    g_autofree char *text =
        g_strdup_printf("systemd did not start it: %s",
                        run->unit->taken_back ? "the start was taken back" : result);
    end_with(run, DLV_END_NOT_STARTED, 0, text);
  }
}

static int read_properties(sd_bus_message *m, char **ret_result, int *ret_code, int *ret_status) {
  const char *name, *text;
  int r = sd_bus_message_enter_container(m, 'a', "{sv}");

  while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
    r = sd_bus_message_read(m, "s", &name);
    if (r < 0)
      return r;
    if (g_str_equal(name, "Result")) {
      r = sd_bus_message_read(m, "v", "s", &text);
      if (r >= 0) {
        g_free(*ret_result);
        *ret_result = g_strdup(text);
      }
    } else if (g_str_equal(name, "ExecMainCode")) {
      r = sd_bus_message_read(m, "v", "i", ret_code);
    } else if (g_str_equal(name, "ExecMainStatus")) {
      r = sd_bus_message_read(m, "v", "i", ret_status);
    } else {
      r = sd_bus_message_skip(m, "v");
    }
    if (r >= 0)
      r = sd_bus_message_exit_container(m);
  }
  return r;
}

static void ask_end(DlvExecRun *run);

/* A unit is "inactive" before it starts as well. */
static void not_ended(DlvExecRun *run) {
  run->unit->reading = FALSE;
  if (run->unit->again)
    ask_end(run);
}

static int on_properties(sd_bus_message *m, void *data, sd_bus_error *ret) {
  DlvExecRun *run = data;
  g_autofree char *result = NULL;
  int code = 0, status = 0;

  if (sd_bus_message_is_method_error(m, NULL) || read_properties(m, &result, &code, &status) < 0 ||
      result == NULL) {
    end_with(run, DLV_END_LOST, 0, "systemd did not tell how the command ended");
    return 1;
  }
  if (code == 0 && g_str_equal(result, "success") && !run->unit->taken_back) {
    not_ended(run);
    return 1;
  }
  tell(run->unit, run->unit->path, WG_IFACE_SYSTEMD_UNIT, "Unref", "");
  judge(run, result, code, status);
  return 1;
}

static void ask_end(DlvExecRun *run) {
  DlvExecUnit *unit = run->unit;

  unit->again = unit->reading;
  if (unit->reading)
    return;
  unit->reading = TRUE;
  unit->call = sd_bus_slot_unref(unit->call);
  if (sd_bus_call_method_async(unit->bus, &unit->call, WG_BUS_SYSTEMD, unit->path,
                               WG_IFACE_PROPERTIES, "GetAll", on_properties, run, "s",
                               WG_IFACE_SYSTEMD_SERVICE) < 0)
    end_with(run, DLV_END_LOST, 0, "systemd cannot be asked how the command ended");
}

/* Whether the change says that the unit is over. */
static gboolean is_over(sd_bus_message *m) {
  const char *interface, *name, *state;

  if (sd_bus_message_read(m, "s", &interface) < 0 ||
      !g_str_equal(interface, WG_IFACE_SYSTEMD_UNIT) ||
      sd_bus_message_enter_container(m, 'a', "{sv}") < 0)
    return FALSE;
  while (sd_bus_message_enter_container(m, 'e', "sv") > 0) {
    if (sd_bus_message_read(m, "s", &name) < 0)
      return FALSE;
    if (g_str_equal(name, "ActiveState"))
      return sd_bus_message_read(m, "v", "s", &state) >= 0 &&
             (g_str_equal(state, "inactive") || g_str_equal(state, "failed"));
    if (sd_bus_message_skip(m, "v") < 0 || sd_bus_message_exit_container(m) < 0)
      return FALSE;
  }
  return FALSE;
}

static int on_changes(sd_bus_message *m, void *data, sd_bus_error *ret) {
  if (is_over(m))
    ask_end(data);
  return 0;
}

/* A start that was taken back, or never came to a process, may change nothing of the unit. */
static int on_removed(sd_bus_message *m, void *data, sd_bus_error *ret) {
  const char *path, *name, *result;
  DlvExecRun *run = data;
  guint32 id;

  if (sd_bus_message_read(m, "uoss", &id, &path, &name, &result) >= 0 &&
      g_str_equal(name, run->unit->name) && !g_str_equal(result, "done") &&
      !g_str_equal(result, "failed")) {
    run->unit->taken_back = TRUE;
    ask_end(run);
  }
  return 0;
}

static gboolean overdue(gpointer data) {
  DlvExecRun *run = data;

  run->unit->overdue = 0;
  dlv_exec_unit_stop(run);
  end_with(run, DLV_END_LOST, 0, "systemd did not tell that the command ended");
  return G_SOURCE_REMOVE;
}

static gboolean is_absent(const sd_bus_error *e) {
  return sd_bus_error_has_names(e, SD_BUS_ERROR_SERVICE_UNKNOWN, SD_BUS_ERROR_NAME_HAS_NO_OWNER,
                                SD_BUS_ERROR_DISCONNECTED) ||
         (e->name && g_str_has_prefix(e->name, "org.freedesktop.DBus.Error.Spawn."));
}

static void without_systemd(DlvExecRun *run) {
  absent_until = g_get_monotonic_time() + ASK_AGAIN;
  g_clear_pointer(&run->unit, dlv_exec_unit_free);
  if (run->canceled)
    end_with(run, DLV_END_LOST, 0, "the courier stops");
  else if (needs_systemd(run->exec))
    end_with(run, DLV_END_HELD, 0,
             "memory-max, cpu-quota, tasks-max, watchdog and unit-slice need the user's systemd, "
             "and none answers");
  else
    dlv_exec_plain_start(run);
}

static int on_started(sd_bus_message *m, void *data, sd_bus_error *ret) {
  const sd_bus_error *e = sd_bus_message_get_error(m);
  DlvExecRun *run = data;

  if (e == NULL)
    return 1; /* the changes tell the rest */
  if (is_absent(e)) {
    without_systemd(run);
  } else if (sd_bus_error_has_name(e, WG_ERROR_SYSTEMD_UNIT_EXISTS)) {
    /* of a courier that died: two at once would handle one message */
    dlv_exec_unit_stop(run);
    end_with(run, DLV_END_LOST, 0, "an earlier run of it had not ended; it is ended now");
  } else if (sd_bus_error_has_names(e, SD_BUS_ERROR_NO_REPLY, SD_BUS_ERROR_TIMEOUT)) {
    dlv_exec_unit_stop(run);
    end_with(run, DLV_END_LOST, 0, "systemd did not answer");
  } else {
    g_autofree char *text = g_strdup_printf("systemd refused it: %s", e->message);
    end_with(run, DLV_END_NOT_STARTED, 0, text);
  }
  return 1;
}

/* What may stand in an agent's name may stand in a unit's. */
static char *unit_name(const DlvExecRun *run) {
  return g_strdup_printf("waggle-exec-%s-%" G_GUINT64_FORMAT ".service", run->exec->agent,
                         run->message->number);
}

static int listen(DlvExecRun *run) {
  DlvExecUnit *unit = run->unit;
  int r = sd_bus_path_encode(WG_PATH_SYSTEMD "/unit", unit->name, &unit->path);

  if (r >= 0)
    r = sd_bus_match_signal_async(unit->bus, &unit->changes, WG_BUS_SYSTEMD, unit->path,
                                  WG_IFACE_PROPERTIES, "PropertiesChanged", on_changes, NULL, run);
  if (r >= 0)
    r = sd_bus_match_signal_async(unit->bus, &unit->removed, WG_BUS_SYSTEMD, WG_PATH_SYSTEMD,
                                  WG_IFACE_SYSTEMD_MANAGER, "JobRemoved", on_removed, NULL, run);
  if (r >= 0) /* systemd sends signals only to who asks for them; asking twice does no harm */
    tell(unit, WG_PATH_SYSTEMD, WG_IFACE_SYSTEMD_MANAGER, "Subscribe", "");
  return r;
}

static int ask_start(DlvExecRun *run) {
  sd_bus_message *m = NULL;
  DlvExecUnit *unit = run->unit;
  int r = sd_bus_message_new_method_call(unit->bus, &m, WG_BUS_SYSTEMD, WG_PATH_SYSTEMD,
                                         WG_IFACE_SYSTEMD_MANAGER, "StartTransientUnit");

  if (r >= 0)
    r = sd_bus_message_set_auto_start(m, 0);
  if (r >= 0)
    r = sd_bus_message_append(m, "ss", unit->name, "fail");
  if (r >= 0)
    r = dlv_exec_properties(m, run);
  if (r >= 0)
    r = sd_bus_call_async(unit->bus, &unit->call, m, on_started, run, 0);
  sd_bus_message_unref(m);
  return r;
}

void dlv_exec_unit_start(DlvExecRun *run) {
  sd_bus *bus = dlv_courier_bus(run->exec->courier);
  const DlvExec *exec = run->exec;

  if (bus == NULL) {
    without_systemd(run);
    return;
  }
  run->unit = g_new0(DlvExecUnit, 1);
  run->unit->bus = sd_bus_ref(bus);
  run->unit->name = unit_name(run);
  int r = listen(run);
  if (r >= 0)
    r = ask_start(run);
  if (r < 0) {
    g_autofree char *text = g_strdup_printf("systemd cannot be asked: %s", g_strerror(-r));
    end_with(run, DLV_END_NOT_STARTED, 0, text);
    return;
  }
  if (exec->timeout < G_MAXUINT64 / 2)
    run->unit->overdue = g_timeout_add(
        (guint)MIN((exec->timeout + exec->kill_after + GRACE) / 1000, (guint64)G_MAXUINT), overdue,
        run);
}
