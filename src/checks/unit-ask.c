/* unit-ask.c: see unit-ask.h. */
#include "checks/unit-ask.h"

#include "checks/bus-json.h"
#include "checks/world.h"

#include "common/bus-variant.h"
#include "common/names.h"

#include <errno.h>
#include <string.h>

struct ChkUnitAsk {
  sd_bus_slot *slot;
  gboolean of_user; /* of the user's manager */
  ChkUnitFunc done;
  gpointer user_data;
};

char *chk_unit_path(const char *unit) {
  char *path = NULL;

  return sd_bus_path_encode(WG_PATH_SYSTEMD "/unit", unit, &path) < 0 ? NULL : path;
}

const char *chk_unit_text(JsonObject *properties, const char *name, const char *fallback) {
  JsonNode *node = json_object_get_member(properties, name);

  return node && json_node_get_value_type(node) == G_TYPE_STRING ? json_node_get_string(node)
                                                                 : fallback;
}

gint64 chk_unit_int(JsonObject *properties, const char *name, gint64 fallback) {
  JsonNode *node = json_object_get_member(properties, name);

  return node && json_node_get_value_type(node) == G_TYPE_INT64 ? json_node_get_int(node)
                                                                : fallback;
}

void chk_unit_ask_drop(ChkUnitAsk *ask) {
  sd_bus_slot_unref(ask->slot);
  g_free(ask);
}

/* In a container there may be a bus and nobody who manages units. */
static GError *no_systemd(const ChkUnitAsk *ask) {
  return g_error_new(WG_ERROR, WG_ERROR_FAILED,
                     "no systemd is on %s, and what is asked about a unit needs it",
                     ask->of_user ? "the user's bus" : "the system's bus");
}

static int on_reply(sd_bus_message *m, void *data, sd_bus_error *ret) {
  ChkUnitAsk *ask = data;
  const sd_bus_error *e = sd_bus_message_get_error(m);
  g_autoptr(GError) error = wg_error_is_absent(e) ? no_systemd(ask) : wg_error_from_bus(e);
  g_autoptr(GVariant) dict = error ? NULL : wg_variant_read(m, &error);
  g_autoptr(JsonNode) node = NULL;

  if (dict && !g_variant_is_of_type(dict, G_VARIANT_TYPE_VARDICT))
    g_set_error(&error, WG_ERROR, WG_ERROR_FAILED, "systemd answered with a wrong type");
  if (error == NULL)
    node = chk_bus_json(dict);
  ask->done(node ? json_node_get_object(node) : NULL, error, ask->user_data);
  chk_unit_ask_drop(ask);
  return 1;
}

ChkUnitAsk *chk_unit_ask(ChkWorld *world, const char *unit, guint64 timeout, ChkUnitFunc done,
                         gpointer user_data, GError **error) {
  sd_bus *bus = chk_world_manager(world, error);
  sd_bus_message *m = NULL;

  if (bus == NULL)
    return NULL;
  char *path = chk_unit_path(unit);
  ChkUnitAsk *ask = g_new0(ChkUnitAsk, 1);
  ask->of_user = chk_world_is_user(world);
  ask->done = done;
  ask->user_data = user_data;
  /* no interface: the properties of all of them */
  int r = path ? sd_bus_message_new_method_call(bus, &m, WG_BUS_SYSTEMD, path, WG_IFACE_PROPERTIES,
                                                "GetAll")
               : -ENOMEM;
  if (r >= 0)
    r = sd_bus_message_append(m, "s", "");
  if (r >= 0)
    r = sd_bus_call_async(bus, &ask->slot, m, on_reply, ask, timeout);
  sd_bus_message_unref(m);
  free(path);
  if (r >= 0)
    return ask;
  wg_error_set_errno(error, r, "systemd cannot be asked about %s", unit);
  chk_unit_ask_drop(ask);
  return NULL;
}
