/* inventory.h: the units of the manager, kept in sight by its own signals.
 *
 * Listed once, then told: UnitNew, UnitRemoved, PropertiesChanged, Reloading, and the owner of the
 * manager's name. Nothing is polled but a ping, which shows that the bus still answers (and through
 * mon_inventory_get() what the manager tells nobody by itself, unit-ip.h). It has a
 * connection of its own, so that nobody else's calls wait for the manager or it for them, and every
 * call is bounded. While the manager is out of sight the units stay as they were seen last, and
 * mon_inventory_fresh() says so; after 30 s their series are dropped from the board.
 *
 * It writes waggle_unit_state and waggle_manager_up to the board and tells MON_EVENT_UNIT for each
 * change of the active state and MON_EVENT_BUS when sight is lost or back. */
#pragma once

#include "monitoring/daemon.h"

#include "common/unit-state.h"

typedef struct {
  WgUnitState *state;
  const char *type;        /* "service"; static storage */
  const MonLabels *labels; /* {unit, type} */
  gboolean known;          /* all of it was told; else only load, active and sub */
} MonUnit;

typedef enum {
  MON_UNIT_ADDED,
  MON_UNIT_CHANGED, /* anything of its state */
  MON_UNIT_REMOVED,
  MON_UNIT_RELOADED, /* `unit` is NULL: all is listed, for the first time, after sight was lost, or
                        because the manager has read its files anew */
} MonUnitChange;
typedef void (*MonUnitFunc)(const MonUnit *unit, MonUnitChange change, gpointer user_data);

/* Begins to connect at once, where the service has a bus and `[Units] Watch=` says so. */
MonInventory *mon_inventory_new(MonDaemon *daemon, GError **error);
void mon_inventory_free(MonInventory *inventory);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MonInventory, mon_inventory_free)
void mon_inventory_reload(MonInventory *inventory);

/* Borrowed, until the loop turns. NULL: no such unit. */
const MonUnit *mon_inventory_unit(MonInventory *inventory, const char *name);
guint mon_inventory_n(MonInventory *inventory);
/* FALSE of `func` ends the walk. */
typedef gboolean (*MonUnitEach)(const MonUnit *unit, gpointer user_data);
void mon_inventory_each(MonInventory *inventory, MonUnitEach func, gpointer user_data);
/* The manager answers, and every unit was told. */
gboolean mon_inventory_fresh(MonInventory *inventory);
/* What stands between: NULL when there is sight; borrowed. */
const char *mon_inventory_trouble(MonInventory *inventory);
/* Asks for one property of a unit, of the interface of its kind. `ret`: unreferenced by whoever
 * asks, in `answered` or to give up; it may never be called. FALSE: the manager is out of sight, or
 * is asked for units, which goes before. */
gboolean mon_inventory_get(MonInventory *inventory, const char *unit, const char *property,
                           sd_bus_message_handler_t answered, gpointer data, sd_bus_slot **ret);
/* Called on the loop; may not listen or unlisten from inside. */
guint mon_inventory_listen(MonInventory *inventory, MonUnitFunc func, gpointer user_data);
void mon_inventory_unlisten(MonInventory *inventory, guint id);

/* The units whose fault the failure of `name` may be: those that it cannot run without (Requires=,
 * Requisite=, BindsTo=, PartOf=; RequiresMountsFor= is a Requires= of the mount to systemd). Mere
 * order does not count. (transfer full), ends with NULL; free with g_free(), the names are borrowed
 * until the loop turns. NULL: not known. */
const char **mon_inventory_needs(MonInventory *inventory, const char *name);
/* Another number once any unit needs something else than before. */
guint mon_inventory_needs_revision(const MonInventory *inventory);
