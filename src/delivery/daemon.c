/* daemon.c: the callbacks of the service frame (common/service.h): the courier as a whole. */
#include "delivery/courier.h"

#include "delivery/handover.h"
#include "delivery/links.h"
#include "delivery/task.h"

#include "common/error.h"
#include "common/log.h"
#include "common/names.h"

/* Job by job the status is not worth a message to systemd. */
#define STATUS_MSEC 2000
/* A zone that was set is noticed after so long. */
#define ZONE_USEC (10 * G_USEC_PER_SEC)
/* What of DrainSec= is left to jobs that were cancelled. */
#define CANCEL_PART 4

static void count_agent(DlvAgent *agent, gpointer data) {
  guint *n = data;

  *n += agent->plan != NULL;
}

static gboolean on_status(gpointer data) {
  DlvCourier *courier = data;
  g_auto(GStrv) connected = dlv_links_connected(courier);
  g_autofree char *where = g_strjoinv(" and ", connected);
  guint n = 0;

  courier->status = 0;
  dlv_links_each_agent(courier, count_agent, &n);
  wg_service_set_status(courier->service, "%u agent%s, %u job%s under way, %s%s", n,
                        n == 1 ? "" : "s", courier->n_jobs, courier->n_jobs == 1 ? "" : "s",
                        connected[0] != NULL ? "connected to " : "no messaging service is there",
                        where);
  return G_SOURCE_REMOVE;
}

void dlv_courier_changed(DlvCourier *courier) {
  sd_bus *bus = wg_service_bus(courier->service);

  if (courier->status == 0)
    courier->status = g_timeout_add(STATUS_MSEC, on_status, courier);
  if (bus != NULL)
    sd_bus_emit_properties_changed(bus, WG_PATH_DELIVERY, WG_IFACE_DELIVERY, "Connected", NULL);
}

static gboolean on_start(WgService *service, gpointer self, GError **error) {
  DlvCourier *courier = self;

  courier->service = service;
  dlv_settings_load(wg_service_config(service), &courier->settings);
  g_queue_init(&courier->pump);
  dlv_links_init(courier);
  if (!dlv_handover_begin(courier))
    dlv_links_wake(courier);
  return TRUE;
}

static gboolean on_attach(WgService *service, gpointer self, sd_bus *bus, WgPeer *peer,
                          GError **error) {
  int r = dlv_tables_attach(self, bus);

  return r >= 0 || wg_error_set_errno(error, r, "the objects cannot be put on the bus");
}

static gboolean on_reload(WgService *service, gpointer self, WgConfig *config, GError **error) {
  DlvCourier *courier = self;

  dlv_settings_load(config, &courier->settings);
  return TRUE;
}

static void on_degraded_changed(WgService *service, gpointer self) {
  sd_bus *bus = wg_service_bus(service);

  if (bus != NULL)
    sd_bus_emit_properties_changed(bus, WG_PATH_DELIVERY, WG_IFACE_DELIVERY, "Degraded", NULL);
}

/* A breaker that is not closed would be forgotten. */
static void is_learning(DlvAgent *agent, gpointer data) {
  gboolean *busy = data;

  for (guint i = 0; i < agent->n_rungs; i++)
    *busy |= agent->rungs[i].breaker.pause != 0;
}

static gboolean on_busy(WgService *service, gpointer self) {
  DlvCourier *courier = self;
  gboolean busy = courier->n_jobs > 0 || courier->handover != NULL || dlv_links_busy(courier);

  if (!busy)
    dlv_links_each_agent(courier, is_learning, &busy);
  return busy;
}

static void cancel_job(DlvAgent *agent, gpointer data) {
  if (agent->task != NULL)
    dlv_task_cancel(agent->task);
}

static gboolean on_cancel(gpointer data) {
  DlvCourier *courier = data;

  courier->cancel = 0;
  dlv_links_each_agent(courier, cancel_job, NULL);
  return G_SOURCE_REMOVE;
}

void dlv_courier_work_done(DlvCourier *courier) {
  if (courier->status == 0)
    courier->status = g_timeout_add(STATUS_MSEC, on_status, courier);
  if (courier->draining && courier->n_jobs == 0 && !dlv_links_telling(courier))
    wg_service_drained(courier->service);
}

/* Mail that waits goes back with the connection; jobs may end, and what came of them is told. */
static void on_drain(WgService *service, gpointer self) {
  DlvCourier *courier = self;
  guint64 limit = wg_config_u64(wg_service_config(service), "Service", "DrainSec");

  courier->draining = TRUE;
  dlv_handover_end(courier);
  dlv_courier_pump_stop(courier);
  courier->cancel =
      g_timeout_add((guint)(limit / 1000 * (CANCEL_PART - 1) / CANCEL_PART), on_cancel, courier);
  dlv_courier_work_done(courier);
}

static void on_stop(WgService *service, gpointer self) {
  DlvCourier *courier = self;

  courier->draining = TRUE;
  dlv_handover_end(courier);
  dlv_courier_pump_stop(courier);
  dlv_links_clear(courier);
  g_clear_handle_id(&courier->status, g_source_remove);
  g_clear_handle_id(&courier->cancel, g_source_remove);
  g_clear_pointer(&courier->zone, g_time_zone_unref);
  g_queue_clear(&courier->pump);
}

GTimeZone *dlv_courier_zone(DlvCourier *courier) {
  gint64 now = g_get_monotonic_time();

  if (courier->zone == NULL || now - courier->zone_at > ZONE_USEC) {
    g_clear_pointer(&courier->zone, g_time_zone_unref);
    courier->zone = g_time_zone_new_local();
    courier->zone_at = now;
  }
  return courier->zone;
}

sd_bus *dlv_courier_bus(DlvCourier *courier) {
  return wg_service_bus(courier->service);
}

int dlv_courier_main(int argc, char **argv, const DlvBackendClass *const *classes) {
  static const WgServiceInfo info = {
      .name = "courier",
      .summary = "Carries mail to its user's agents",
      .bus_name = WG_BUS_DELIVERY,
      .socket_name = WG_SOCKET_DELIVERY,
      .config_keys = dlv_config_keys,
      .interfaces = dlv_interfaces,
      .start = on_start,
      .attach = on_attach,
      .reload = on_reload,
      .busy = on_busy,
      .degraded_changed = on_degraded_changed,
      .drain = on_drain,
      .stop = on_stop,
  };
  DlvCourier courier = {.classes = classes};

  return wg_service_main(&info, &courier, argc, argv);
}
