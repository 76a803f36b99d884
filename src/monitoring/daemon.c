/* daemon.c: the callbacks of the service frame (common/service.h): waggle-monitord as a whole.
 *
 * It watches for as long as it runs, so it never leaves for want of calls unless it is told to
 * (IdleExitSec=), and with nothing to watch. */
#include "monitoring/bus-registry.h"
#include "monitoring/bus.h"
#include "monitoring/registry.h"

#include "common/error.h"
#include "common/names.h"

#include <unistd.h>

static void clear(MonDaemon *daemon) {
  mon_rooms_close(daemon);
  g_clear_pointer(&daemon->calls, wg_calls_free);
}

static gboolean on_start(WgService *service, gpointer self, GError **error) {
  MonDaemon *daemon = self;

  daemon->service = service;
  daemon->user_scope = wg_service_is_user(service);
  daemon->own_uid = getuid();
  daemon->calls = wg_calls_new(service, daemon, mon_tables_methods(), "watches for");
  if (mon_settings_load(wg_service_config(service), &daemon->settings, error) &&
      mon_rooms_open(daemon, error))
    return TRUE;
  clear(daemon);
  return FALSE;
}

static gboolean on_attach(WgService *service, gpointer self, sd_bus *bus, WgPeer *peer,
                          GError **error) {
  MonDaemon *daemon = self;
  int r = mon_tables_attach(daemon, bus);

  if (r < 0)
    return wg_error_set_errno(error, r, "the objects cannot be put on the bus");
  if (peer == NULL)
    mon_rooms_bus(daemon, bus);
  return TRUE;
}

static void on_detach(WgService *service, gpointer self, sd_bus *bus, WgPeer *peer) {
  MonDaemon *daemon = self;

  if (peer == NULL && daemon->store != NULL)
    mon_rooms_bus(daemon, NULL);
}

static void on_caller_gone(WgService *service, gpointer self, WgCaller *caller) {
  MonDaemon *daemon = self;

  if (daemon->calls != NULL)
    wg_calls_gone(daemon->calls, caller);
  if (daemon->registry != NULL && daemon->store != NULL)
    mon_registry_caller_gone(daemon->registry, caller->id);
}

static gboolean on_reload(WgService *service, gpointer self, WgConfig *config, GError **error) {
  MonDaemon *daemon = self;
  MonSettings old = daemon->settings;

  if (!mon_settings_load(config, &daemon->settings, error) || !mon_rooms_reload(daemon, error)) {
    daemon->settings = old;
    return FALSE;
  }
  return TRUE;
}

static gboolean on_busy(WgService *service, gpointer self) {
  MonDaemon *daemon = self;

  return wg_calls_n(daemon->calls) > 0 || mon_rooms_busy(daemon);
}

static gboolean on_healthy(WgService *service, gpointer self, char **ret_why) {
  MonDaemon *daemon = self;

  return wg_writer_healthy(wg_records_writer(daemon->store), ret_why);
}

static void on_degraded_changed(WgService *service, gpointer self) {
  mon_root_changed(self, "Degraded");
}

static void drained(gpointer self) {
  wg_service_drained(((MonDaemon *)self)->service);
}

static void on_drain(WgService *service, gpointer self) {
  MonDaemon *daemon = self;

  daemon->draining = TRUE;
  mon_watches_leave(daemon->watches);
  wg_calls_drain(daemon->calls, drained);
}

static void on_stop(WgService *service, gpointer self) {
  MonDaemon *daemon = self;

  daemon->draining = TRUE;
  clear(daemon);
}

int mon_daemon_main(int argc, char **argv) {
  const WgServiceInfo info = {
      .name = "monitord",
      .summary = "What is wrong, known at once: registry, probes, metrics, alerts",
      .bus_name = WG_BUS_MONITORING,
      .socket_name = WG_SOCKET_MONITORING,
      .extra_fd_name = WG_FD_NAME_METRICS,
      .config_keys = mon_config_keys,
      .interfaces = mon_tables_interfaces(),
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
  MonDaemon daemon = {.store_state = WG_STORE_OK};

  return wg_service_main(&info, &daemon, argc, argv);
}
