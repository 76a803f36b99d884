/* inventory-ask.c: what the manager is asked: lists, and units whole; see inventory.h.
 *
 * To ask for a unit by its path makes systemd load it, so that asking for each new unit would load,
 * unload and announce it without end. New ones are therefore asked for by a list with patterns,
 * which loads nothing, and whole only while they are more than inactive. */
#include "monitoring/inventory-private.h"

#include "common/names.h"

#include <string.h>

/* One call for a unit at a time, and a pause after each: systemd begins jobs only when no message
 * waits, so that a row of questions without a gap would stop all starts and stops. */
#define AT_A_TIME 1
#define PAUSE_MSEC 3
/* Units come in groups. */
#define SOON_MSEC 5

typedef struct {
  MonInventory *inventory;
  sd_bus_slot *slot;
  char *name; /* of the unit; NULL: another call */
} Ask;

static void ask_free(gpointer data) {
  Ask *ask = data;

  sd_bus_slot_unref(ask->slot);
  g_free(ask->name);
  g_free(ask);
}

void mon_inventory_ask_init(MonInventory *inventory) {
  inventory->calls = g_ptr_array_new_with_free_func(ask_free);
  inventory->new_names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  g_queue_init(&inventory->wanted);
}

static void clear_asked(gpointer key, gpointer value, gpointer data) {
  ((MonEntry *)value)->asked = FALSE;
}

void mon_inventory_ask_stop(MonInventory *inventory) {
  g_clear_handle_id(&inventory->soon, g_source_remove);
  g_clear_handle_id(&inventory->pause, g_source_remove);
  g_ptr_array_set_size(inventory->calls, 0);
  g_queue_clear_full(&inventory->wanted, g_free);
  g_hash_table_remove_all(inventory->new_names);
  g_hash_table_foreach(inventory->units, clear_asked, NULL);
  inventory->listing = inventory->list_again = FALSE;
}

void mon_inventory_ask_clear(MonInventory *inventory) {
  mon_inventory_ask_stop(inventory);
  g_ptr_array_unref(inventory->calls);
  g_hash_table_unref(inventory->new_names);
}

/* The answer's error in words; NULL: it is one. */
char *mon_inventory_error_of(sd_bus_message *m) {
  const sd_bus_error *e = sd_bus_message_get_error(m);

  if (e == NULL)
    return NULL;
  return g_strdup_printf("the manager of units does not answer: %s",
                         e->message != NULL ? e->message : e->name);
}

/* Takes `m`. */
static gboolean ask(MonInventory *inventory, sd_bus_message *m, int r, const char *name,
                    sd_bus_message_handler_t answered) {
  Ask *one = g_new0(Ask, 1);

  one->inventory = inventory;
  one->name = g_strdup(name);
  g_ptr_array_add(inventory->calls, one);
  if (r >= 0)
    r = sd_bus_call_async(inventory->bus, &one->slot, m, answered, one,
                          inventory->daemon->settings.call_timeout);
  sd_bus_message_unref(m);
  if (r < 0)
    g_ptr_array_remove(inventory->calls, one);
  return r >= 0;
}

static gboolean ask_manager(MonInventory *inventory, const char *method,
                            sd_bus_message_handler_t answered) {
  sd_bus_message *m = NULL;
  int r = sd_bus_message_new_method_call(inventory->bus, &m, WG_BUS_SYSTEMD, WG_PATH_SYSTEMD,
                                         WG_IFACE_SYSTEMD_MANAGER, method);

  return ask(inventory, m, r, NULL, answered);
}

gboolean mon_inventory_is_asking(const MonInventory *inventory) {
  return inventory->listing || inventory->calls->len > 0 || inventory->wanted.length > 0;
}

/* Everything was told that was asked for. */
static void maybe_ready(MonInventory *inventory) {
  if (mon_inventory_is_asking(inventory))
    return;
  if (!inventory->ready) {
    mon_inventory_in_sight(inventory);
    inventory->reloaded = TRUE; /* who knows what it has read meanwhile */
  }
  if (inventory->reloaded) {
    inventory->reloaded = FALSE;
    mon_inventory_tell(inventory, NULL, MON_UNIT_RELOADED);
  }
}

static gboolean after_pause(gpointer data) {
  MonInventory *inventory = data;

  inventory->pause = 0;
  mon_inventory_pump(inventory);
  return G_SOURCE_REMOVE;
}

static int on_whole(sd_bus_message *m, void *data, sd_bus_error *ret) {
  Ask *one = data;
  MonInventory *inventory = one->inventory;
  MonEntry *entry = mon_inventory_entry(inventory, one->name);
  const sd_bus_error *e = sd_bus_message_get_error(m);
  gboolean timed_out = e != NULL && sd_bus_error_has_name(e, SD_BUS_ERROR_NO_REPLY);

  if (timed_out || sd_bus_error_has_name(e, SD_BUS_ERROR_TIMEOUT)) {
    g_autofree char *why = mon_inventory_error_of(m);
    mon_inventory_failed(inventory, why);
    return 1;
  }
  if (entry != NULL) {
    entry->asked = FALSE;
    if (e == NULL && wg_unit_state_read(entry->unit.state, m) >= 0) {
      entry->unit.known = TRUE;
      mon_inventory_note_needs(inventory, entry);
      mon_inventory_apply(inventory, entry, MON_UNIT_CHANGED);
    }
  }
  g_ptr_array_remove_fast(inventory->calls, one);
  if (g_queue_is_empty(&inventory->wanted))
    maybe_ready(inventory);
  else if (inventory->pause == 0)
    inventory->pause = g_timeout_add(PAUSE_MSEC, after_pause, inventory);
  return 1;
}

void mon_inventory_pump(MonInventory *inventory) {
  while (inventory->pause == 0 && inventory->calls->len < AT_A_TIME &&
         !g_queue_is_empty(&inventory->wanted)) {
    g_autofree char *name = g_queue_pop_head(&inventory->wanted);
    g_autofree char *path = wg_unit_path(name);
    sd_bus_message *m = NULL;
    int r = sd_bus_message_new_method_call(inventory->bus, &m, WG_BUS_SYSTEMD, path,
                                           WG_IFACE_PROPERTIES, "GetAll");
    if (r >= 0)
      r = sd_bus_message_append_basic(m, 's', "");
    ask(inventory, m, r, name, on_whole);
  }
}

void mon_inventory_want(MonInventory *inventory, MonEntry *entry) {
  if (entry->asked)
    return;
  entry->asked = TRUE;
  g_queue_push_tail(&inventory->wanted, g_strdup(entry->unit.state->name));
}

/* Outside of what the inventory itself waits for. */
gboolean mon_inventory_get(MonInventory *inventory, const char *unit, const char *property,
                           sd_bus_message_handler_t answered, gpointer data, sd_bus_slot **ret) {
  const MonEntry *entry = mon_inventory_entry(inventory, unit);
  sd_bus_message *m = NULL;

  if (!inventory->ready || entry == NULL || mon_inventory_is_asking(inventory))
    return FALSE;
  g_autofree char *path = wg_unit_path(unit);
  const char *type = entry->unit.type;
  g_autofree char *interface =
      g_strdup_printf(WG_BUS_SYSTEMD ".%c%s", g_ascii_toupper(type[0]), type + 1);
  int r = sd_bus_message_new_method_call(inventory->bus, &m, WG_BUS_SYSTEMD, path,
                                         WG_IFACE_PROPERTIES, "Get");
  if (r >= 0)
    r = sd_bus_message_append(m, "ss", interface, property);
  if (r >= 0)
    r = sd_bus_call_async(inventory->bus, ret, m, answered, data,
                          inventory->daemon->settings.call_timeout);
  sd_bus_message_unref(m);
  return r >= 0;
}

/* ---- lists ---- */
static void set(char **field, const char *text) {
  if (strcmp(*field, text) == 0)
    return;
  g_free(*field);
  *field = g_strdup(text);
}

/* One row of ListUnits; 0 at the end. */
static int read_row(MonInventory *inventory, sd_bus_message *m, gboolean whole) {
  const char *name, *description, *load, *active, *sub;
  gboolean is_new;
  int r = sd_bus_message_read(m, "(ssssssouso)", &name, &description, &load, &active, &sub, NULL,
                              NULL, NULL, NULL, NULL);

  if (r <= 0)
    return r;
  MonEntry *entry = mon_inventory_add(inventory, name, &is_new);
  entry->listed = TRUE;
  set(&entry->unit.state->description, description);
  set(&entry->unit.state->load, load);
  set(&entry->unit.state->active, active);
  set(&entry->unit.state->sub, sub);
  mon_inventory_apply(inventory, entry, is_new ? MON_UNIT_ADDED : MON_UNIT_CHANGED);
  if (strcmp(load, "loaded") == 0 && (whole || strcmp(active, "inactive") != 0))
    mon_inventory_want(inventory, entry);
  return 1;
}

static int read_rows(MonInventory *inventory, sd_bus_message *m, gboolean whole) {
  int r = sd_bus_message_enter_container(m, 'a', "(ssssssouso)");

  while (r >= 0 && (r = read_row(inventory, m, whole)) > 0)
    ;
  return r;
}

static void drop_unlisted(MonInventory *inventory) {
  g_autoptr(GPtrArray) gone = g_ptr_array_new();
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init(&iter, inventory->units);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    MonEntry *entry = value;
    if (!entry->listed)
      g_ptr_array_add(gone, entry);
    entry->listed = FALSE;
  }
  for (guint i = 0; i < gone->len; i++)
    mon_inventory_remove(inventory, gone->pdata[i]);
}

static int on_list(sd_bus_message *m, void *data, sd_bus_error *ret) {
  Ask *one = data;
  MonInventory *inventory = one->inventory;
  g_autofree char *why = mon_inventory_error_of(m);

  if (why == NULL && read_rows(inventory, m, TRUE) < 0)
    why = g_strdup("the manager of units answers what is no list of units");
  if (why != NULL) {
    mon_inventory_failed(inventory, why);
    return 1;
  }
  drop_unlisted(inventory);
  inventory->listing = FALSE;
  g_ptr_array_remove_fast(inventory->calls, one);
  if (inventory->list_again)
    mon_inventory_list(inventory);
  mon_inventory_pump(inventory);
  maybe_ready(inventory);
  return 1;
}

void mon_inventory_list(MonInventory *inventory) {
  inventory->list_again = inventory->listing;
  if (inventory->listing)
    return;
  inventory->listing = TRUE;
  if (!ask_manager(inventory, "ListUnits", on_list))
    inventory->listing = FALSE;
}

/* ---- what is new ---- */
static int on_some(sd_bus_message *m, void *data, sd_bus_error *ret) {
  Ask *one = data;
  MonInventory *inventory = one->inventory;
  g_autofree char *why = mon_inventory_error_of(m);

  if (why != NULL) {
    mon_inventory_failed(inventory, why);
    return 1;
  }
  read_rows(inventory, m, FALSE);
  g_ptr_array_remove_fast(inventory->calls, one);
  mon_inventory_pump(inventory);
  return 1;
}

static gboolean ask_new(gpointer data) {
  MonInventory *inventory = data;
  g_autofree const char **names =
      (const char **)g_hash_table_get_keys_as_array(inventory->new_names, NULL);
  sd_bus_message *m = NULL;

  inventory->soon = 0;
  int r = sd_bus_message_new_method_call(inventory->bus, &m, WG_BUS_SYSTEMD, WG_PATH_SYSTEMD,
                                         WG_IFACE_SYSTEMD_MANAGER, "ListUnitsByPatterns");
  if (r >= 0)
    r = sd_bus_message_append_strv(m, (char *[]){NULL});
  if (r >= 0)
    r = sd_bus_message_append_strv(m, (char **)names);
  ask(inventory, m, r, NULL, on_some);
  g_hash_table_remove_all(inventory->new_names);
  return G_SOURCE_REMOVE;
}

void mon_inventory_is_new(MonInventory *inventory, const char *name) {
  g_hash_table_add(inventory->new_names, g_strdup(name));
  if (inventory->soon == 0)
    inventory->soon = g_timeout_add(SOON_MSEC, ask_new, inventory);
}

/* ---- the beginning ---- */
static int on_subscribed(sd_bus_message *m, void *data, sd_bus_error *ret) {
  Ask *one = data;
  MonInventory *inventory = one->inventory;

  /* "already subscribed" is no trouble, and neither is a manager that is just starting: ListUnits
   * tells */
  g_ptr_array_remove_fast(inventory->calls, one);
  return 1;
}

void mon_inventory_begin(MonInventory *inventory) {
  inventory->ready = FALSE;
  inventory->reloading = FALSE;
  ask_manager(inventory, "Subscribe", on_subscribed);
  mon_inventory_list(inventory);
}
