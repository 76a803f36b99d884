/* run-unit.c: a command as a transient unit of systemd.
 *
 * systemd has the process, its limits and its whole cgroup; we ask for the unit, listen to its
 * changes, and read how it ended before we let the unit go. Where no systemd answers the run goes
 * on as a plain process, unless it needs what only systemd does. A manager that was executed anew
 * is asked again; a bus that is lost is an end that nobody knows. */
#include "common/run-private.h"

#include "common/error.h"
#include "common/names.h"
#include "common/unit-state.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* systemd ends a unit that takes too long; when it does not even tell by then, it is lost */
#define GRACE (30 * G_TIME_SPAN_SECOND)

enum { CHANGES, REMOVED, LOST, OWNER, N_MATCHES };

struct WgRunUnit {
  sd_bus *bus;
  char *name, *path;
  sd_bus_slot *call, *matches[N_MATCHES];
  guint overdue, away;
  gboolean reading, again; /* how it ended; asked once more meanwhile */
  gboolean taken_back;     /* its start; systemd has forgotten it then */
};

void wg_run_unit_free(WgRunUnit *unit) {
  sd_bus_slot_unref(unit->call);
  for (guint i = 0; i < N_MATCHES; i++)
    sd_bus_slot_unref(unit->matches[i]);
  g_clear_handle_id(&unit->overdue, g_source_remove);
  g_clear_handle_id(&unit->away, g_source_remove);
  sd_bus_unref(unit->bus);
  g_free(unit->name);
  g_free(unit->path);
  g_free(unit);
}

/* Words that want no answer: a unit that is gone already is what they were for. */
static void tell(const WgRunUnit *unit, const char *path, const char *interface, const char *method,
                 const char *types, ...) {
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

static void release(const WgRunUnit *unit) {
  tell(unit, unit->path, WG_IFACE_SYSTEMD_UNIT, "Unref", "");
}

void wg_run_unit_stop(WgRun *run) {
  tell(run->unit, WG_PATH_SYSTEMD, WG_IFACE_SYSTEMD_MANAGER, "StopUnit", "ss", run->unit->name,
       "replace");
}

void wg_run_unit_kill(WgRun *run) {
  /* the stop takes a start back that systemd has not come to; the signal is for what runs */
  wg_run_unit_stop(run);
  tell(run->unit, WG_PATH_SYSTEMD, WG_IFACE_SYSTEMD_MANAGER, "KillUnit", "ssi", run->unit->name,
       "all", (gint32)SIGKILL);
  release(run->unit);
}

/* systemd's own reasons not to come as far as the command; systemd.exec(5), "Process Exit Codes" */
static const struct {
  int status;
  const char *what;
} early[] = {{200, "its directory cannot be entered"},
             {203, "the program cannot be run"},
             {216, "its group cannot be had; only the system's manager has other users"},
             {217, "its user cannot be had"},
             {218, "its limits cannot be set"},
             {225, "its network cannot be closed off"},
             {226, "its sandbox cannot be made; \"sandbox\": false goes without"}};

static void exited(WgRun *run, int status) {
  for (guint i = 0; i < G_N_ELEMENTS(early); i++)
    if (early[i].status == status) {
      g_autofree char *text =
          g_strdup_printf("systemd did not start it: status %d, %s", status, early[i].what);
      wg_run_end(run, WG_RUN_NOT_STARTED, 0, text);
      return;
    }
  wg_run_end(run, WG_RUN_EXITED, status, NULL);
}

/* Result= first: a command that was killed for its memory "was killed by signal 9" as well. */
static void judge(WgRun *run, const char *result, int code, int status) {
  if (g_str_equal(result, "oom-kill"))
    wg_run_end(run, WG_RUN_OOM, 0, NULL);
  else if (g_str_equal(result, "timeout"))
    wg_run_end(run, WG_RUN_TIMEOUT, 0, NULL);
  else if (g_str_equal(result, "watchdog"))
    wg_run_end(run, WG_RUN_WATCHDOG, 0, NULL);
  else if (code == CLD_EXITED)
    exited(run, status);
  else if (code == CLD_KILLED || code == CLD_DUMPED)
    wg_run_end(run, WG_RUN_SIGNALED, status, NULL);
  else {
    g_autofree char *text =
        g_strdup_printf("systemd did not start it: %s",
                        run->unit->taken_back ? "the start was taken back" : result);
    wg_run_end(run, WG_RUN_NOT_STARTED, 0, text);
  }
}

static void ask_end(WgRun *run);

/* A unit is "inactive" before it starts as well. */
static void not_ended(WgRun *run) {
  run->unit->reading = FALSE;
  if (run->unit->again)
    ask_end(run);
}

static int on_state(sd_bus_message *m, void *data, sd_bus_error *ret) {
  WgRun *run = data;
  WgRunUnit *unit = run->unit;
  g_autoptr(WgUnitState) state = wg_unit_state_new(unit->name);

  if (sd_bus_message_is_method_error(m, NULL) || wg_unit_state_read(state, m) < 0) {
    wg_run_end(run, WG_RUN_LOST, 0, "systemd did not tell how the command ended");
    return 1;
  }
  if (g_str_equal(state->load, "not-found") && !unit->taken_back) {
    wg_run_end(run, WG_RUN_LOST, 0, "systemd does not know the command any more");
    return 1;
  }
  const char *result = *state->result ? state->result : "success";
  if (state->code == 0 && g_str_equal(result, "success") && !unit->taken_back) {
    not_ended(run);
    return 1;
  }
  release(unit);
  judge(run, result, state->code, state->status);
  return 1;
}

static void ask_end(WgRun *run) {
  WgRunUnit *unit = run->unit;

  unit->again = unit->reading;
  if (unit->reading)
    return;
  unit->reading = TRUE;
  unit->call = sd_bus_slot_unref(unit->call);
  if (sd_bus_call_method_async(unit->bus, &unit->call, WG_BUS_SYSTEMD, unit->path,
                               WG_IFACE_PROPERTIES, "GetAll", on_state, run, "s", "") < 0)
    wg_run_end(run, WG_RUN_LOST, 0, "systemd cannot be asked how the command ended");
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
  WgRun *run = data;
  guint32 id;

  if (sd_bus_message_read(m, "uoss", &id, &path, &name, &result) >= 0 &&
      g_str_equal(name, run->unit->name) && !g_str_equal(result, "done") &&
      !g_str_equal(result, "failed")) {
    run->unit->taken_back = TRUE;
    ask_end(run);
  }
  return 0;
}

/* Before the start was answered its call tells. */
static int on_lost(sd_bus_message *m, void *data, sd_bus_error *ret) {
  wg_run_end(data, WG_RUN_LOST, 0, "the connection to systemd was lost while it ran");
  return 0;
}

static void subscribe(const WgRunUnit *unit) {
  /* systemd sends signals only to who asks for them; asking twice does no harm */
  tell(unit, WG_PATH_SYSTEMD, WG_IFACE_SYSTEMD_MANAGER, "Subscribe", "");
}

static gboolean stays_away(gpointer data) {
  WgRun *run = data;

  run->unit->away = 0;
  wg_run_end(run, WG_RUN_LOST, 0, "systemd went away while the command ran, and did not come back");
  return G_SOURCE_REMOVE;
}

/* The manager was executed anew, or another one came: what it said meanwhile was not heard. */
static int on_owner(sd_bus_message *m, void *data, sd_bus_error *ret) {
  const char *name, *old, *new;
  WgRun *run = data;
  WgRunUnit *unit = run->unit;

  if (sd_bus_message_read(m, "sss", &name, &old, &new) < 0)
    return 0;
  g_clear_handle_id(&unit->away, g_source_remove);
  if (*new == '\0') {
    unit->away = g_timeout_add(GRACE / 1000, stays_away, run);
    return 0;
  }
  subscribe(unit);
  if (run->canceled)
    wg_run_unit_stop(run); /* nobody was there to hear it */
  ask_end(run);
  return 0;
}

static gboolean overdue(gpointer data) {
  WgRun *run = data;

  run->unit->overdue = 0;
  wg_run_unit_kill(run);
  wg_run_end(run, WG_RUN_LOST, 0, "systemd did not tell that the command ended");
  return G_SOURCE_REMOVE;
}

static void without_systemd(WgRun *run) {
  const char *needs = wg_run_needs_unit(&run->o);

  g_clear_pointer(&run->unit, wg_run_unit_free);
  g_clear_pointer(&run->out, wg_run_output_free);
  g_clear_pointer(&run->err, wg_run_output_free);
  if (run->canceled) {
    wg_run_end(run, WG_RUN_CANCELED, 0, NULL);
  } else if (needs) {
    g_autofree char *text = g_strdup_printf("no systemd answers, and %s", needs);
    run->no_manager = TRUE;
    wg_run_end(run, WG_RUN_NOT_STARTED, 0, text);
  } else {
    wg_run_plain_start(run);
  }
}

static int on_started(sd_bus_message *m, void *data, sd_bus_error *ret) {
  const sd_bus_error *e = sd_bus_message_get_error(m);
  WgRun *run = data;

  if (e == NULL)
    return 1; /* the changes tell the rest */
  if (wg_error_is_absent(e)) {
    without_systemd(run);
  } else if (sd_bus_error_has_name(e, WG_ERROR_SYSTEMD_UNIT_EXISTS)) {
    /* of a caller that died: two at once would do one thing */
    wg_run_unit_stop(run);
    wg_run_end(run, WG_RUN_LOST, 0, "an earlier run of it had not ended; it is ended now");
  } else if (sd_bus_error_has_names(e, SD_BUS_ERROR_NO_REPLY, SD_BUS_ERROR_TIMEOUT)) {
    wg_run_unit_kill(run);
    wg_run_end(run, WG_RUN_LOST, 0, "systemd did not answer");
  } else {
    g_autofree char *text = g_strdup_printf("systemd refused it: %s", e->message);
    release(run->unit); /* its start was refused, not its being there */
    wg_run_end(run, WG_RUN_NOT_STARTED, 0, text);
  }
  return 1;
}

static int listen_to(WgRun *run) {
  WgRunUnit *unit = run->unit;
  unit->path = wg_unit_path(unit->name);
  int r =
      sd_bus_match_signal_async(unit->bus, &unit->matches[CHANGES], WG_BUS_SYSTEMD, unit->path,
                                WG_IFACE_PROPERTIES, "PropertiesChanged", on_changes, NULL, run);
  if (r >= 0)
    r = sd_bus_match_signal_async(unit->bus, &unit->matches[REMOVED], WG_BUS_SYSTEMD,
                                  WG_PATH_SYSTEMD, WG_IFACE_SYSTEMD_MANAGER, "JobRemoved",
                                  on_removed, NULL, run);
  if (r >= 0)
    r = sd_bus_match_signal_async(unit->bus, &unit->matches[LOST], WG_BUS_LOCAL, WG_PATH_LOCAL,
                                  WG_IFACE_LOCAL, "Disconnected", on_lost, NULL, run);
  if (r >= 0)
    r = sd_bus_add_match_async(unit->bus, &unit->matches[OWNER], WG_MATCH_SYSTEMD_OWNER, on_owner,
                               NULL, run);
  if (r >= 0)
    subscribe(unit);
  return r;
}

static int ask_start(WgRun *run, const int output_fds[2]) {
  sd_bus_message *m = NULL;
  WgRunUnit *unit = run->unit;
  int r = sd_bus_message_new_method_call(unit->bus, &m, WG_BUS_SYSTEMD, WG_PATH_SYSTEMD,
                                         WG_IFACE_SYSTEMD_MANAGER, "StartTransientUnit");

  if (r >= 0)
    r = sd_bus_message_set_auto_start(m, 0);
  if (r >= 0)
    r = sd_bus_message_append(m, "ss", unit->name, "fail");
  if (r >= 0)
    r = wg_run_properties(m, run, output_fds);
  if (r >= 0)
    r = sd_bus_call_async(unit->bus, &unit->call, m, on_started, run, 0);
  sd_bus_message_unref(m);
  return r;
}

static char *unit_name(const WgRun *run) {
  return run->o.unit_name ? g_strdup(run->o.unit_name)
                          : g_strdup_printf("%s-%08x%08x.service", run->o.prefix, g_random_int(),
                                            g_random_int());
}

void wg_run_unit_start(WgRun *run) {
  int fds[2];

  if (run->bus == NULL || !sd_bus_is_open(run->bus)) {
    without_systemd(run);
    return;
  }
  if (!wg_run_outputs_open(run, TRUE, fds)) {
    wg_run_not_started(run, "no pipe can be made for the command", errno);
    return;
  }
  run->unit = g_new0(WgRunUnit, 1);
  run->unit->bus = sd_bus_ref(run->bus);
  run->unit->name = unit_name(run);
  int r = listen_to(run);
  if (r >= 0)
    r = ask_start(run, fds);
  for (guint i = 0; i < 2; i++)
    if (fds[i] >= 0)
      close(fds[i]); /* the message has copies */
  if (r < 0) {
    wg_run_not_started(run, "systemd cannot be asked", -r);
    return;
  }
  if (wg_run_has_timeout(run))
    run->unit->overdue = g_timeout_add(
        (guint)MIN((run->o.timeout + wg_run_kill_after(run) + GRACE) / 1000, (guint64)G_MAXUINT),
        overdue, run);
}
