/* inventory-private.h: what the files of the inventory share. inventory.c has the connection and
 * asks, inventory-units.c has the table and tells, inventory-board.c writes the series. */
#pragma once

#include "monitoring/inventory.h"
#include "monitoring/metrics-list.h"

#define MON_UNIT_STATES 6

typedef struct {
  MonUnit unit;
  char *told;      /* the active state that listeners know; NULL: none yet */
  gboolean listed; /* in the list that is read now */
  gboolean asked;  /* waits for, or is in, a call for all of it */
  guint needs;     /* hash of what it needs; 0: not known */
  MonSeries *states[MON_UNIT_STATES], *started, *restarts;
} MonEntry;

typedef struct {
  guint id;
  MonUnitFunc func;
  gpointer user_data;
} MonUnitListener;

struct MonInventory {
  MonDaemon *daemon;
  GHashTable *units; /* name -> MonEntry */
  GArray *listeners;
  guint last_listener, needs_revision;
  MonSeries *up, *counts[MON_UNIT_STATES];
  /* inventory.c */
  sd_bus *bus;
  GSource *source;
  GPtrArray *slots; /* sd_bus_slot: matches */
  GPtrArray *calls; /* of inventory-ask.c: under way */
  sd_bus_slot *pinging;
  GQueue wanted; /* names whose state has to be asked for */
  GHashTable *new_names;
  guint retry, retry_msec, ping, soon, pause, forget;
  gboolean listing, list_again, reloading, reloaded, ready, was_ready;
  char *trouble; /* NULL: none */
};

/* inventory-units.c */
void mon_inventory_units_init(MonInventory *inventory);
void mon_inventory_units_clear(MonInventory *inventory);
MonEntry *mon_inventory_entry(MonInventory *inventory, const char *name); /* NULL: none */
/* Makes it where there is none. */
MonEntry *mon_inventory_add(MonInventory *inventory, const char *name, gboolean *ret_is_new);
void mon_inventory_remove(MonInventory *inventory, MonEntry *entry);
/* Its state was read: writes the series, tells listeners and, if it is another active state, an
 * event. */
void mon_inventory_apply(MonInventory *inventory, MonEntry *entry, MonUnitChange change);
void mon_inventory_note_needs(MonInventory *inventory, MonEntry *entry); /* of a known one */
void mon_inventory_tell(MonInventory *inventory, const MonUnit *unit, MonUnitChange change);

/* inventory.c: both may be called from inside any answer; failed() ends the connection. */
void mon_inventory_in_sight(MonInventory *inventory);
void mon_inventory_out_of_sight(MonInventory *inventory, const char *why);
void mon_inventory_failed(MonInventory *inventory, const char *why);

/* inventory-ask.c */
void mon_inventory_ask_init(MonInventory *inventory);
void mon_inventory_ask_stop(MonInventory *inventory);
void mon_inventory_ask_clear(MonInventory *inventory);
void mon_inventory_begin(MonInventory *inventory); /* subscribes and lists */
void mon_inventory_list(MonInventory *inventory);
/* Something that was asked for is not told yet: to begin again would never end where asking for
 * all units takes longer than two pings lie apart. */
gboolean mon_inventory_is_asking(const MonInventory *inventory);
void mon_inventory_is_new(MonInventory *inventory, const char *name);
/* All of a unit is asked for, after what is under way; pump() begins. */
void mon_inventory_want(MonInventory *inventory, MonEntry *entry);
void mon_inventory_pump(MonInventory *inventory);
/* An answer's error in words; NULL: it is none. Free with g_free(). */
char *mon_inventory_error_of(sd_bus_message *m);

/* inventory-signals.c */
int mon_inventory_match(MonInventory *inventory);

/* inventory-board.c */
void mon_inventory_board(MonInventory *inventory, MonEntry *entry);
void mon_inventory_board_drop(MonInventory *inventory, MonEntry *entry);
void mon_inventory_board_up(MonInventory *inventory, gboolean up);
