/* inventory-units.c: the table of units and who is told; see inventory.h. */
#include "monitoring/inventory-private.h"

#include "common/clock.h"

#include <string.h>

static void entry_free(gpointer data) {
  MonEntry *entry = data;

  wg_unit_state_free(entry->unit.state);
  mon_labels_unref(entry->unit.labels);
  g_free(entry->told);
  g_free(entry);
}

void mon_inventory_units_init(MonInventory *inventory) {
  inventory->units = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, entry_free);
  inventory->listeners = g_array_new(FALSE, FALSE, sizeof(MonUnitListener));
}

void mon_inventory_units_clear(MonInventory *inventory) {
  GHashTableIter iter;
  gpointer entry;

  g_hash_table_iter_init(&iter, inventory->units);
  while (g_hash_table_iter_next(&iter, NULL, &entry))
    mon_inventory_board_drop(inventory, entry);
  g_hash_table_unref(inventory->units);
  g_array_unref(inventory->listeners);
}

MonEntry *mon_inventory_entry(MonInventory *inventory, const char *name) {
  return g_hash_table_lookup(inventory->units, name);
}

/* "service" of "shop.service": one of a dozen words. */
static const char *type_of(const char *name) {
  const char *dot = strrchr(name, '.');

  return g_intern_string(dot != NULL ? dot + 1 : "");
}

MonEntry *mon_inventory_add(MonInventory *inventory, const char *name, gboolean *ret_is_new) {
  MonEntry *entry = mon_inventory_entry(inventory, name);

  *ret_is_new = entry == NULL;
  if (entry != NULL)
    return entry;
  entry = g_new0(MonEntry, 1);
  entry->unit.state = wg_unit_state_new(name);
  entry->unit.type = type_of(name);
  entry->unit.labels = mon_labels_new("unit", name, "type", entry->unit.type, NULL);
  g_hash_table_insert(inventory->units, entry->unit.state->name, entry);
  return entry;
}

void mon_inventory_remove(MonInventory *inventory, MonEntry *entry) {
  mon_inventory_board_drop(inventory, entry);
  mon_inventory_tell(inventory, &entry->unit, MON_UNIT_REMOVED);
  inventory->needs_revision += entry->unit.known;
  g_hash_table_remove(inventory->units, entry->unit.state->name);
}

void mon_inventory_tell(MonInventory *inventory, const MonUnit *unit, MonUnitChange change) {
  for (guint i = 0; i < inventory->listeners->len; i++) {
    const MonUnitListener *l = &g_array_index(inventory->listeners, MonUnitListener, i);
    l->func(unit, change, l->user_data);
  }
}

static void tell_event(MonInventory *inventory, const MonUnit *unit, const char *from) {
  const WgUnitState *state = unit->state;
  g_autofree char *text = wg_unit_state_text(state);
  MonEvent event = {
      .kind = MON_EVENT_UNIT,
      .subject = state->name,
      .from = from,
      .to = state->active,
      .text = text,
      .invocation = *state->invocation != '\0' ? state->invocation : NULL,
      .time = state->changed != 0 ? (gint64)state->changed : wg_time_realtime(),
      .labels = unit->labels,
  };

  mon_events_emit(inventory->daemon->events, &event);
}

/* The first sight of a unit is no change. The board is written before anybody is told. */
void mon_inventory_apply(MonInventory *inventory, MonEntry *entry, MonUnitChange change) {
  const WgUnitState *state = entry->unit.state;
  gboolean differs = g_strcmp0(entry->told, state->active) != 0;
  g_autofree char *before = differs ? g_steal_pointer(&entry->told) : NULL;

  if (differs)
    entry->told = g_strdup(state->active);
  mon_inventory_board(inventory, entry);
  mon_inventory_tell(inventory, &entry->unit, change);
  if (before != NULL)
    tell_event(inventory, &entry->unit, before);
}

/* ---- looking ---- */
const MonUnit *mon_inventory_unit(MonInventory *inventory, const char *name) {
  MonEntry *entry = mon_inventory_entry(inventory, name);

  return entry != NULL ? &entry->unit : NULL;
}

guint mon_inventory_n(MonInventory *inventory) {
  return g_hash_table_size(inventory->units);
}

void mon_inventory_each(MonInventory *inventory, MonUnitEach func, gpointer user_data) {
  GHashTableIter iter;
  gpointer entry;

  g_hash_table_iter_init(&iter, inventory->units);
  while (g_hash_table_iter_next(&iter, NULL, &entry))
    if (!func(&((MonEntry *)entry)->unit, user_data))
      break;
}

guint mon_inventory_listen(MonInventory *inventory, MonUnitFunc func, gpointer user_data) {
  MonUnitListener listener = {++inventory->last_listener, func, user_data};

  g_array_append_val(inventory->listeners, listener);
  return listener.id;
}

void mon_inventory_unlisten(MonInventory *inventory, guint id) {
  for (guint i = 0; i < inventory->listeners->len; i++)
    if (g_array_index(inventory->listeners, MonUnitListener, i).id == id) {
      g_array_remove_index(inventory->listeners, i);
      return;
    }
}

static guint hash_of(const WgUnitState *state) {
  char **lists[] = {state->needs, state->part_of};
  guint hash = 1;

  for (guint i = 0; i < G_N_ELEMENTS(lists); i++)
    for (char **one = lists[i]; *one != NULL; one++)
      hash = hash * 31 + g_str_hash(*one);
  return hash;
}

void mon_inventory_note_needs(MonInventory *inventory, MonEntry *entry) {
  guint hash = hash_of(entry->unit.state);

  inventory->needs_revision += hash != entry->needs;
  entry->needs = hash;
}

guint mon_inventory_needs_revision(const MonInventory *inventory) {
  return inventory->needs_revision;
}

const char **mon_inventory_needs(MonInventory *inventory, const char *name) {
  MonEntry *entry = mon_inventory_entry(inventory, name);

  if (entry == NULL || !entry->unit.known)
    return NULL;
  char **lists[] = {entry->unit.state->needs, entry->unit.state->part_of};
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  for (guint i = 0; i < G_N_ELEMENTS(lists); i++)
    for (char **one = lists[i]; *one != NULL; one++)
      if (!g_ptr_array_find_with_equal_func(names, *one, g_str_equal, NULL))
        g_ptr_array_add(names, *one);
  g_ptr_array_add(names, NULL);
  return (const char **)g_ptr_array_free(g_steal_pointer(&names), FALSE);
}
