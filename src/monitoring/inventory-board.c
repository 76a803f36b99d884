/* inventory-board.c: what signals tell of units, as series; see inventory.h.
 *
 * Written at each change, not at each collection: rules see it at once. A unit that is not loaded
 * has no series. */
#include "monitoring/inventory-private.h"

#include <string.h>

static const char *const states[MON_UNIT_STATES] = {"active", "activating", "deactivating",
                                                    "failed", "inactive",   "reloading"};

static void put(MonInventory *inventory, MonSeries **series, MonMetricId id,
                const MonLabels *labels, double value, gint64 created) {
  if (*series == NULL)
    *series = mon_board_set(inventory->daemon->board, &mon_metrics[id], labels, value, created);
  else
    mon_series_set(*series, value);
}

static void drop(MonInventory *inventory, MonSeries **series) {
  mon_board_drop(inventory->daemon->board, g_steal_pointer(series));
}

static double value_of(MonSeries *series) {
  return series != NULL ? mon_series_value(series) : 0;
}

/* How many units are in state `i`. */
static void count(MonInventory *inventory, guint i, int by) {
  g_autoptr(MonLabels) labels = mon_labels_new("state", states[i], NULL);

  put(inventory, &inventory->counts[i], MON_M_UNITS, labels, value_of(inventory->counts[i]) + by,
      0);
}

/* The one that ends is written first, so that at no instant a unit is in two states. */
static void put_states(MonInventory *inventory, MonEntry *entry) {
  const WgUnitState *state = entry->unit.state;

  for (guint round = 0; round < 2; round++)
    for (guint i = 0; i < MON_UNIT_STATES; i++) {
      gboolean is = strcmp(states[i], state->active) == 0, was = value_of(entry->states[i]) != 0;
      if (is != (round == 1))
        continue;
      g_autoptr(MonLabels) labels =
          entry->states[i] == NULL ? mon_labels_with(entry->unit.labels, "state", states[i]) : NULL;
      put(inventory, &entry->states[i], MON_M_UNIT_STATE, labels, is, 0);
      if (is != was)
        count(inventory, i, is ? 1 : -1);
    }
}

void mon_inventory_board_drop(MonInventory *inventory, MonEntry *entry) {
  for (guint i = 0; i < MON_UNIT_STATES; i++) {
    if (value_of(entry->states[i]) != 0)
      count(inventory, i, -1);
    drop(inventory, &entry->states[i]);
  }
  drop(inventory, &entry->started);
  drop(inventory, &entry->restarts);
}

void mon_inventory_board(MonInventory *inventory, MonEntry *entry) {
  const WgUnitState *state = entry->unit.state;
  gboolean is_up = strcmp(state->active, "active") == 0 || strcmp(state->active, "reloading") == 0;

  if (strcmp(state->load, "loaded") != 0) {
    mon_inventory_board_drop(inventory, entry);
    return;
  }
  put_states(inventory, entry);
  if (is_up && state->active_since != 0)
    put(inventory, &entry->started, MON_M_UNIT_START_TIME, entry->unit.labels,
        (double)state->active_since / G_USEC_PER_SEC, 0);
  else
    drop(inventory, &entry->started);
  if (entry->unit.known && strcmp(entry->unit.type, "service") == 0)
    put(inventory, &entry->restarts, MON_M_UNIT_RESTARTS, entry->unit.labels, state->n_restarts, 0);
}

void mon_inventory_board_up(MonInventory *inventory, gboolean up) {
  g_autoptr(MonLabels) none = mon_labels_new(NULL, NULL);

  put(inventory, &inventory->up, MON_M_MANAGER_UP, none, up, 0);
}
