/* bus-properties.c: the getters of the properties and their signal (bus.h).
 *
 * sd-bus never checks who reads a property, so that is done here. */
#include "typing/bus.h"

#include "common/names.h"

#include <errno.h>
#include <string.h>

/* Nobody else can connect to a user's bus; the private socket knows its peers. */
static gboolean may_look(TypDaemon *daemon, sd_bus *bus) {
  WgPeer *peer = wg_peer_from_bus(wg_service_peers(daemon->service), bus);

  return peer == NULL || wg_peer_uid(peer) == daemon->own_uid || wg_peer_uid(peer) == 0;
}

int typ_property_get(sd_bus *bus, const char *path, const char *interface, const char *property,
                     sd_bus_message *reply, void *userdata, sd_bus_error *error) {
  TypDaemon *daemon = userdata;

  if (!may_look(daemon, bus))
    return -EACCES;
  if (strcmp(property, "Version") == 0)
    return sd_bus_message_append_basic(reply, 's', WG_VERSION);
  g_auto(GStrv) degraded = wg_service_degraded(daemon->service);
  return sd_bus_message_append_strv(reply, degraded);
}

void typ_properties_changed(TypDaemon *daemon, const char *const *names) {
  sd_bus *bus = wg_service_bus(daemon->service);

  if (bus != NULL)
    (void)sd_bus_emit_properties_changed_strv(bus, WG_PATH_TYPING, WG_IFACE_TYPING, (char **)names);
}
