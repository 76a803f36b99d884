/* daemon.c: the callbacks of the service frame (common/service.h): the courier as a whole. */
#include "delivery/courier.h"

#include "common/error.h"
#include "common/log.h"
#include "common/names.h"

static gboolean on_start(WgService *service, gpointer self, GError **error) {
  DlvCourier *courier = self;

  courier->service = service;
  dlv_settings_load(wg_service_config(service), &courier->settings);
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

static void on_drain(WgService *service, gpointer self) {
  DlvCourier *courier = self;

  courier->draining = TRUE;
  wg_service_drained(service);
}

sd_bus *dlv_courier_bus(DlvCourier *courier) {
  return wg_service_bus(courier->service);
}

const char *dlv_courier_state_dir(DlvCourier *courier) {
  return wg_service_state_dir(courier->service);
}

gboolean dlv_courier_is_user(DlvCourier *courier) {
  return wg_service_is_user(courier->service);
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
      .degraded_changed = on_degraded_changed,
      .drain = on_drain,
  };
  DlvCourier courier = {.classes = classes};

  return wg_service_main(&info, &courier, argc, argv);
}
