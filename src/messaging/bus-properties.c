/* bus-properties.c: the getters of the root's and the agents' properties (bus-agents.h).
 *
 * sd-bus never checks who reads a property, so that is done here: metadata and policy are the
 * owner's, everybody else reads them empty. */
#include "common/bus-variant.h"
#include "common/store-log.h"
#include "messaging/bus-access.h"
#include "messaging/bus-agents.h"

#include <errno.h>
#include <string.h>

static const struct {
  const char *property, *key, *type;
  gboolean is_private;
} infos[] = {
    {"Description", "description", "s", FALSE},
    {"Roles", "roles", "as", FALSE},
    {"Topics", "topics", "as", FALSE},
    {"Tags", "tags", "as", FALSE},
    {"Capabilities", "capabilities", "as", FALSE},
    {"Metadata", "metadata", "a{ss}", TRUE},
    {"Paused", "paused", "b", FALSE},
    {"PausedUntil", "paused-until", "t", FALSE},
    {"Policy", "policy", "s", TRUE},
};

/* A value of `type` that says nothing. */
static GVariant *empty_value(const char *type) {
  if (type[0] == 'a')
    return g_variant_new_array(G_VARIANT_TYPE(type + 1), NULL, 0);
  if (type[0] == 'b')
    return g_variant_new_boolean(FALSE);
  if (type[0] == 't')
    return g_variant_new_uint64(0);
  return g_variant_new_string("");
}

int msg_agent_get_info(sd_bus *bus, const char *path, const char *interface, const char *property,
                       sd_bus_message *reply, void *userdata, sd_bus_error *error) {
  const MsgAgentView *view = userdata;
  g_autoptr(GVariant) value = NULL;

  if (strcmp(property, "Name") == 0)
    return sd_bus_message_append_basic(reply, 's', view->name);
  if (strcmp(property, "Uid") == 0)
    return sd_bus_message_append_basic(reply, 'u', &(guint32){view->uid});
  for (guint i = 0; i < G_N_ELEMENTS(infos); i++) {
    if (strcmp(infos[i].property, property) != 0)
      continue;
    if (view->info != NULL &&
        (!infos[i].is_private || msg_access_may_see(view->daemon, bus, view->uid)))
      value = g_variant_lookup_value(view->info, infos[i].key, G_VARIANT_TYPE(infos[i].type));
    if (value == NULL)
      value = g_variant_ref_sink(empty_value(infos[i].type));
    return wg_variant_append(reply, value);
  }
  return -ENOENT;
}

int msg_agent_get_count(sd_bus *bus, const char *path, const char *interface, const char *property,
                        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
  const MsgAgentView *view = userdata;
  const MsgCounts *counts = &view->counts;
  const struct {
    const char *property;
    guint64 value;
  } values[] = {{"Queued", counts->queued},       {"InFlight", counts->in_flight},
                {"Dead", counts->dead},           {"Held", counts->held},
                {"Scheduled", counts->scheduled}, {"LastSeen", MAX(counts->last_seen, 0)}};

  for (guint i = 0; i < G_N_ELEMENTS(values); i++)
    if (strcmp(values[i].property, property) == 0)
      return sd_bus_message_append_basic(reply, 't', &values[i].value);
  return -ENOENT;
}

int msg_root_get(sd_bus *bus, const char *path, const char *interface, const char *property,
                 sd_bus_message *reply, void *userdata, sd_bus_error *error) {
  MsgDaemon *daemon = userdata;

  if (!msg_access_may_look(daemon, bus))
    return -EACCES;
  if (strcmp(property, "Version") == 0)
    return sd_bus_message_append_basic(reply, 's', WG_VERSION);
  if (strcmp(property, "Scope") == 0)
    return sd_bus_message_append_basic(reply, 's', daemon->user_scope ? "user" : "system");
  if (strcmp(property, "StoreState") == 0)
    return sd_bus_message_append_basic(reply, 's', wg_store_state_name(daemon->store_state));
  if (strcmp(property, "NAgents") == 0)
    return sd_bus_message_append_basic(reply, 'u', &(guint32){g_hash_table_size(daemon->agents)});
  if (strcmp(property, "NQueued") == 0)
    return sd_bus_message_append_basic(reply, 't', &daemon->n_queued);
  if (strcmp(property, "NDead") == 0)
    return sd_bus_message_append_basic(reply, 't', &daemon->n_dead);
  g_auto(GStrv) degraded = wg_service_degraded(daemon->service);
  return sd_bus_message_append_strv(reply, degraded);
}
