/* bus-tables.c: all interfaces of the service, and the way from a vtable to common/call.h.
 *
 * dbus/org.waggle.Monitoring1*.xml are dumped from the vtables by --introspect and compared by a
 * test. Every method is open to everybody there (UNPRIVILEGED): who may do what is decided by the
 * tables of methods, because sd-bus knows only root and others. */
#include "monitoring/bus-alerts.h"
#include "monitoring/bus-registry.h"
#include "monitoring/bus.h"

#include "common/names.h"

const WgOption mon_options_none[] = {{NULL}};
const WgOption mon_options_trace[] = {{"traceparent", "s"}, {NULL}};

static const MonInterface *const rooms[] = {
    &mon_interface_root,     &mon_interface_notify,  &mon_interface_alerts,  &mon_interface_alert,
    &mon_interface_registry, &mon_interface_service, &mon_interface_metrics,
};

const WgServiceInterface *mon_tables_interfaces(void) {
  static WgServiceInterface interfaces[G_N_ELEMENTS(rooms) + 1];

  for (guint i = 0; i < G_N_ELEMENTS(rooms); i++)
    interfaces[i] = (WgServiceInterface){rooms[i]->path, rooms[i]->interface, rooms[i]->vtable};
  return interfaces;
}

const MonMethod *const *mon_tables_methods(void) {
  static const MonMethod *tables[G_N_ELEMENTS(rooms) + 1];

  for (guint i = 0; i < G_N_ELEMENTS(rooms); i++)
    tables[i] = rooms[i]->methods;
  return tables;
}

int mon_method_call(sd_bus_message *m, void *userdata, sd_bus_error *error) {
  MonDaemon *daemon = userdata;

  return wg_calls_enter(daemon->calls, m);
}

static int attach_one(MonDaemon *daemon, sd_bus *bus, const MonInterface *one) {
  if (one->find == NULL)
    return sd_bus_add_object_vtable(bus, NULL, one->path, one->interface, one->vtable, daemon);
  int r = sd_bus_add_fallback_vtable(bus, NULL, one->path, one->interface, one->vtable, one->find,
                                     daemon);
  if (r >= 0 && one->enumerate != NULL)
    r = sd_bus_add_node_enumerator(bus, NULL, one->path, one->enumerate, daemon);
  return r;
}

int mon_tables_attach(MonDaemon *daemon, sd_bus *bus) {
  for (guint i = 0; i < G_N_ELEMENTS(rooms); i++) {
    int r = attach_one(daemon, bus, rooms[i]);
    if (r < 0)
      return r;
  }
  return sd_bus_add_object_manager(bus, NULL, WG_PATH_MONITORING);
}

char *mon_object_path(const char *prefix, const char *name) {
  char *path = NULL;

  if (sd_bus_path_encode(prefix, name, &path) < 0)
    return NULL;
  char *copy = g_strdup(path);
  free(path);
  return copy;
}
