/* daemon.c: the callbacks of the service frame (common/service.h): waggle-deployd as a whole.
 *
 * It never leaves while a transaction is open: a deadline or a confirmation keeps it here. */
#include "deployment/audit.h"
#include "deployment/bus-drift.h"

#include "common/error.h"
#include "common/names.h"

static void clear(DplDaemon *daemon) {
  g_clear_pointer(&daemon->drifted, json_node_unref);
  dpl_targets_clear(daemon);
  dpl_daemon_close(daemon);
  dpl_jobs_clear(daemon);
  g_clear_pointer(&daemon->calls, wg_calls_free);
}

static gboolean on_start(WgService *service, gpointer self, GError **error) {
  DplDaemon *daemon = self;

  daemon->service = service;
  daemon->user_scope = wg_service_is_user(service);
  daemon->calls = wg_calls_new(service, daemon, dpl_method_tables, "deploys for");
  wg_calls_set_gate(daemon->calls, &dpl_audit_gate);
  dpl_jobs_init(daemon);
  dpl_targets_init(daemon);
  if (dpl_settings_load(wg_service_config(service), &daemon->settings, error) &&
      dpl_daemon_open(daemon, error)) {
    dpl_daemon_status(daemon);
    dpl_targets_start(daemon);
    dpl_drift_start(daemon, daemon->drifted);
    g_clear_pointer(&daemon->drifted, json_node_unref);
    return TRUE;
  }
  clear(daemon);
  return FALSE;
}

static gboolean on_attach(WgService *service, gpointer self, sd_bus *bus, WgPeer *peer,
                          GError **error) {
  DplDaemon *daemon = self;
  int r = dpl_tables_attach(daemon, bus);

  if (r < 0)
    return wg_error_set_errno(error, r, "the objects cannot be put on the bus");
  if (peer == NULL) {
    dpl_units_set_bus(daemon->units, bus);
    dpl_daemon_recover(daemon);
  }
  return TRUE;
}

static void on_detach(WgService *service, gpointer self, sd_bus *bus, WgPeer *peer) {
  DplDaemon *daemon = self;

  if (peer == NULL && daemon->units != NULL)
    dpl_units_set_bus(daemon->units, NULL);
}

static void on_caller_gone(WgService *service, gpointer self, WgCaller *caller) {
  DplDaemon *daemon = self;

  if (daemon->calls != NULL)
    wg_calls_gone(daemon->calls, caller);
  if (daemon->engine != NULL && !daemon->engine_stopped)
    dpl_engine_caller_gone(daemon->engine, caller->id);
}

/* The programs and places that running transactions use stay as they are; see deployd.conf(5). */
static gboolean on_reload(WgService *service, gpointer self, WgConfig *config, GError **error) {
  DplDaemon *daemon = self;
  DplSettings settings;

  if (!dpl_settings_load(config, &settings, error))
    return FALSE;
  daemon->settings = settings;
  g_clear_pointer(&daemon->refused, g_ptr_array_unref); /* who reloads is told again */
  dpl_targets_refresh(daemon, NULL, NULL);
  return TRUE;
}

static gboolean on_busy(WgService *service, gpointer self) {
  DplDaemon *daemon = self;

  return wg_calls_n(daemon->calls) > 0 || dpl_engine_n_live(daemon->engine) > 0 ||
         dpl_engine_busy(daemon->engine);
}

static gboolean on_healthy(WgService *service, gpointer self, char **ret_why) {
  DplDaemon *daemon = self;

  return wg_writer_healthy(wg_records_writer(daemon->store), ret_why);
}

static void on_degraded_changed(WgService *service, gpointer self) {
  DplDaemon *daemon = self;

  if (daemon->calls != NULL)
    dpl_root_changed(daemon, "Degraded");
}

void dpl_daemon_status(DplDaemon *daemon) {
  guint n = dpl_engine_n_live(daemon->engine);

  if (n == 0)
    wg_service_set_status(daemon->service, "no deployment is open");
  else
    wg_service_set_status(daemon->service, "%u deployment%s open", n, n == 1 ? " is" : "s are");
}

static void calls_drained(gpointer self) {
  DplDaemon *daemon = self;

  if (daemon->engine_stopped)
    wg_service_drained(daemon->service);
}

static void engine_stopped(gpointer data) {
  DplDaemon *daemon = data;

  daemon->engine_stopped = TRUE;
  if (wg_calls_n(daemon->calls) == 0)
    wg_service_drained(daemon->service);
}

/* What runs is cut off where it is: the next start finishes or undoes it by the table. */
static void on_drain(WgService *service, gpointer self) {
  DplDaemon *daemon = self;

  daemon->draining = TRUE;
  dpl_rehearsals_cancel(daemon);
  dpl_drift_cancel(daemon);
  wg_calls_drain(daemon->calls, calls_drained);
  dpl_engine_stop(daemon->engine, engine_stopped, daemon);
}

static void on_stop(WgService *service, gpointer self) {
  DplDaemon *daemon = self;

  daemon->draining = TRUE;
  clear(daemon);
}

int dpl_daemon_main(int argc, char **argv) {
  static const WgServiceInfo info = {
      .name = "deployd",
      .summary = "Deployments that prove themselves or undo themselves",
      .bus_name = WG_BUS_DEPLOYMENT,
      .socket_name = WG_SOCKET_DEPLOYMENT,
      .config_keys = dpl_config_keys,
      .interfaces = dpl_interfaces,
      .start = on_start,
      .attach = on_attach,
      .detach = on_detach,
      .caller_gone = on_caller_gone,
      .reload = on_reload,
      .busy = on_busy,
      .healthy = on_healthy,
      .degraded_changed = on_degraded_changed,
      .drain = on_drain,
      .stop = on_stop,
  };
  DplDaemon daemon = {.store_state = WG_STORE_OK};

  return wg_service_main(&info, &daemon, argc, argv);
}
