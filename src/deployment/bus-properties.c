/* bus-properties.c: the getters of the root's properties. sd-bus never checks who reads one, so
 * that is done here. */
#include "deployment/bus.h"

#include "common/names.h"
#include "common/store-log.h"

#include <errno.h>
#include <string.h>

int dpl_root_get(sd_bus *bus, const char *path, const char *interface, const char *property,
                 sd_bus_message *reply, void *userdata, sd_bus_error *error) {
  DplDaemon *daemon = userdata;

  if (!wg_calls_may_look(daemon->calls, bus))
    return -EACCES;
  if (strcmp(property, "Version") == 0)
    return sd_bus_message_append_basic(reply, 's', WG_VERSION);
  if (strcmp(property, "Scope") == 0)
    return sd_bus_message_append_basic(reply, 's', daemon->user_scope ? "user" : "system");
  if (strcmp(property, "StoreState") == 0)
    return sd_bus_message_append_basic(reply, 's', wg_store_state_name(daemon->store_state));
  if (strcmp(property, "NActive") == 0)
    return sd_bus_message_append_basic(reply, 'u', &(guint32){dpl_engine_n_live(daemon->engine)});
  g_auto(GStrv) degraded = wg_service_degraded(daemon->service);
  return sd_bus_message_append_strv(reply, degraded);
}

void dpl_root_changed(DplDaemon *daemon, const char *property) {
  const char *names[] = {property, NULL};

  wg_calls_changed(daemon->calls, WG_PATH_DEPLOYMENT, WG_IFACE_DEPLOYMENT, names);
}
