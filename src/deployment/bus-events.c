/* bus-events.c: what the engine tells, as signals, job objects, journal lines and STATUS=. All of
 * it is on the disk already. */
#include "deployment/audit.h"
#include "deployment/bus-targets.h"

#include "common/names.h"
#include "common/timer-source.h"

static void on_state(const DplRecord *record, DplState from, gpointer data) {
  DplDaemon *daemon = data;

  wg_calls_signal_authorized(daemon->calls, WG_PATH_DEPLOYMENT, WG_IFACE_DEPLOYMENT, "StateChanged",
                             g_variant_new("(tssss)", record->id, record->target,
                                           dpl_states[from].name, dpl_states[record->state].name,
                                           record->cause != NULL ? record->cause : ""));
  wg_calls_signal_authorized(
      daemon->calls, WG_PATH_DEPLOYMENT, WG_IFACE_DEPLOYMENT, "Progress",
      g_variant_new("(tis)", record->id, dpl_jobs_state(daemon, record), ""));
  dpl_log_state(record, from);
  if (dpl_states[record->state].is_end) {
    if (record->digest != NULL)
      dpl_log_poison(record, dpl_engine_poisoned(daemon->engine, record->digest));
    dpl_audit_anchor(daemon);
  }
  if (daemon->targets != NULL)
    dpl_targets_state(daemon, record);
  dpl_root_changed(daemon, "NActive");
  dpl_daemon_status(daemon);
}

static void on_progress(const DplRecord *record, int percent, const char *text, gpointer data) {
  DplDaemon *daemon = data;
  int whole = dpl_jobs_progress(daemon, record, percent, text);

  wg_calls_signal_authorized(daemon->calls, WG_PATH_DEPLOYMENT, WG_IFACE_DEPLOYMENT, "Progress",
                             g_variant_new("(tis)", record->id, whole, text != NULL ? text : ""));
}

static void on_result(const DplRecord *record, const char *json, gpointer data) {
  DplDaemon *daemon = data;

  wg_calls_signal_authorized(daemon->calls, WG_PATH_DEPLOYMENT, WG_IFACE_DEPLOYMENT, "Result",
                             g_variant_new("(ts)", record->id, json));
}

static void on_job(const DplJob *job, gpointer data) {
  DplDaemon *daemon = data;

  dpl_jobs_note(daemon, job);
  if (job->result != NULL) {
    dpl_root_changed(daemon, "NActive");
    dpl_daemon_status(daemon);
    wg_service_activity(daemon->service);
  }
}

static void on_wake(gint64 lasting, gpointer data) {
  DplDaemon *daemon = data;

  wg_timer_source_arm(daemon->timer,
                      lasting == G_MAXINT64
                          ? G_MAXINT64
                          : wg_clock_to_boottime(wg_records_clock(daemon->store), lasting));
}

static void on_trouble(const char *why, gpointer data) {
  DplDaemon *daemon = data;

  wg_service_set_degraded(daemon->service, "engine", why);
}

const DplEvents dpl_daemon_events = {
    .state = on_state,
    .progress = on_progress,
    .result = on_result,
    .job = on_job,
    .wake = on_wake,
    .trouble = on_trouble,
};
