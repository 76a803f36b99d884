/* bus-properties.c: the getters of the properties and their signal (bus.h).
 *
 * sd-bus never checks who reads a property, so that is done here. */
#include "typing/bus.h"

#include "common/names.h"

#include <errno.h>
#include <string.h>

static int append_hold(sd_bus_message *reply, TypHold *hold, const char *property) {
  const char *reason = typ_hold_reason(hold);

  if (strcmp(property, "Held") == 0)
    return sd_bus_message_append_basic(reply, 'b', &(int){reason != NULL});
  if (strcmp(property, "HoldReason") == 0)
    return sd_bus_message_append_basic(reply, 's', reason != NULL ? reason : "");
  return sd_bus_message_append_basic(reply, 't', &(guint64){typ_hold_until(hold)});
}

int typ_property_get(sd_bus *bus, const char *path, const char *interface, const char *property,
                     sd_bus_message *reply, void *userdata, sd_bus_error *error) {
  TypDaemon *daemon = userdata;

  if (!wg_calls_may_look(daemon->calls, bus))
    return -EACCES;
  if (strcmp(property, "Version") == 0)
    return sd_bus_message_append_basic(reply, 's', WG_VERSION);
  if (strcmp(property, "Display") == 0)
    return sd_bus_message_append_basic(reply, 's', daemon->display);
  if (strcmp(property, "SessionType") == 0)
    return sd_bus_message_append_basic(reply, 's', daemon->session_type);
  if (strcmp(property, "Profiles") == 0) {
    g_autofree const char **names = typ_profiles_names(daemon->profiles);
    return sd_bus_message_append_strv(reply, (char **)names);
  }
  if (strcmp(property, "Degraded") != 0)
    return append_hold(reply, daemon->hold, property);
  g_auto(GStrv) degraded = wg_service_degraded(daemon->service);
  return sd_bus_message_append_strv(reply, degraded);
}

void typ_properties_changed(TypDaemon *daemon, const char *const *names) {
  sd_bus *bus = wg_service_bus(daemon->service);

  if (bus != NULL)
    (void)sd_bus_emit_properties_changed_strv(bus, WG_PATH_TYPING, WG_IFACE_TYPING, (char **)names);
}
