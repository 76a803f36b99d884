/* inventory-signals.c: what the manager tells by itself; see inventory.h.
 *
 * systemd tells a change in two signals, of the kind of unit first and then of the unit: listeners
 * hear of it with the second, when both are known. While it reads its files anew it drops all units
 * and makes them again: those signals say nothing. */
#include "monitoring/inventory-private.h"

#include "common/names.h"

#include <stdlib.h>
#include <string.h>

#define MATCH_UNITS                                                                                \
  "type='signal',sender='" WG_BUS_SYSTEMD "',path_namespace='" WG_PATH_SYSTEMD                     \
  "/unit',interface='" WG_IFACE_PROPERTIES "',member='PropertiesChanged'"
#define UNIT_PREFIX WG_PATH_SYSTEMD "/unit"

/* Known ones are announced anew after a reload. */
static void note_new(MonInventory *inventory, const char *name) {
  if (!inventory->reloading && mon_inventory_entry(inventory, name) == NULL)
    mon_inventory_is_new(inventory, name);
}

static int on_unit_new(sd_bus_message *m, void *data, sd_bus_error *ret) {
  const char *name;

  if (sd_bus_message_read(m, "s", &name) >= 0)
    note_new(data, name);
  return 0;
}

static int on_unit_removed(sd_bus_message *m, void *data, sd_bus_error *ret) {
  MonInventory *inventory = data;
  const char *name;
  MonEntry *entry =
      sd_bus_message_read(m, "s", &name) >= 0 ? mon_inventory_entry(inventory, name) : NULL;

  if (entry != NULL && !inventory->reloading)
    mon_inventory_remove(inventory, entry);
  return 0;
}

static gboolean is_over(const char *active) {
  return strcmp(active, "inactive") == 0 || strcmp(active, "failed") == 0;
}

static void changed(MonInventory *inventory, const char *name, sd_bus_message *m) {
  MonEntry *entry = mon_inventory_entry(inventory, name);
  const char *interface;

  if (entry == NULL) {
    note_new(inventory, name);
    return;
  }
  gboolean was_over = is_over(entry->unit.state->active);
  if (sd_bus_message_read(m, "s", &interface) < 0 || wg_unit_state_read(entry->unit.state, m) < 0 ||
      strcmp(interface, WG_IFACE_SYSTEMD_UNIT) != 0)
    return;
  mon_inventory_apply(inventory, entry, MON_UNIT_CHANGED);
  /* what a start changes is not all told: the control group, for one */
  if ((was_over || !entry->unit.known) && !is_over(entry->unit.state->active)) {
    mon_inventory_want(inventory, entry);
    mon_inventory_pump(inventory);
  }
}

static int on_changed(sd_bus_message *m, void *data, sd_bus_error *ret) {
  char *name = NULL;

  if (sd_bus_path_decode(sd_bus_message_get_path(m), UNIT_PREFIX, &name) > 0)
    changed(data, name, m);
  free(name);
  return 0;
}

static int on_reloading(sd_bus_message *m, void *data, sd_bus_error *ret) {
  MonInventory *inventory = data;
  int active;

  if (sd_bus_message_read(m, "b", &active) < 0)
    return 0;
  inventory->reloading = active;
  if (!active) {
    inventory->reloaded = TRUE;
    mon_inventory_list(inventory);
  }
  return 0;
}

/* Gone, or executed anew: what was subscribed to is subscribed to again. */
static int on_owner(sd_bus_message *m, void *data, sd_bus_error *ret) {
  const char *name, *before, *after;

  if (sd_bus_message_read(m, "sss", &name, &before, &after) < 0)
    return 0;
  if (*after == '\0')
    mon_inventory_out_of_sight(data, "the manager of units has left the bus");
  else
    mon_inventory_begin(data);
  return 0;
}

int mon_inventory_match(MonInventory *inventory) {
  static const struct {
    const char *member;
    sd_bus_message_handler_t handler;
  } manager[] = {
      {"UnitNew", on_unit_new},
      {"UnitRemoved", on_unit_removed},
      {"Reloading", on_reloading},
  };
  sd_bus_slot *slot;
  int r = 0;

  for (guint i = 0; r >= 0 && i < G_N_ELEMENTS(manager); i++) {
    r = sd_bus_match_signal_async(inventory->bus, &slot, WG_BUS_SYSTEMD, WG_PATH_SYSTEMD,
                                  WG_IFACE_SYSTEMD_MANAGER, manager[i].member, manager[i].handler,
                                  NULL, inventory);
    if (r >= 0)
      g_ptr_array_add(inventory->slots, slot);
  }
  if (r >= 0)
    r = sd_bus_add_match_async(inventory->bus, &slot, MATCH_UNITS, on_changed, NULL, inventory);
  if (r >= 0)
    g_ptr_array_add(inventory->slots, slot);
  if (r >= 0)
    r = sd_bus_add_match_async(inventory->bus, &slot, WG_MATCH_SYSTEMD_OWNER, on_owner, NULL,
                               inventory);
  if (r >= 0)
    g_ptr_array_add(inventory->slots, slot);
  return r;
}
