/* inventory.c: the connection to the manager and whether there is sight; see inventory.h. */
#include "monitoring/inventory-private.h"

#include "common/bus-source.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/names.h"

#include <errno.h>

#define RETRY_MSEC_FIRST 250
#define RETRY_MSEC_MAX 30000
#define PING_SECONDS 10
/* After so long without sight what was seen last is no current value any more. */
#define FORGET_SECONDS 30
#define DEGRADED_KEY "units"

static void connect_or_retry(MonInventory *inventory);

static void tell_bus(MonInventory *inventory, const char *from, const char *to, const char *text) {
  g_autoptr(MonLabels) labels = mon_labels_new("unit", "manager", NULL);
  MonEvent event = {.kind = MON_EVENT_BUS,
                    .subject = "manager",
                    .from = from,
                    .to = to,
                    .text = text,
                    .time = wg_time_realtime(),
                    .labels = labels};

  mon_events_emit(inventory->daemon->events, &event);
}

/* Tests have no service around it. */
static void set_degraded(MonInventory *inventory, const char *why) {
  if (inventory->daemon->service != NULL)
    wg_service_set_degraded(inventory->daemon->service, DEGRADED_KEY, why);
}

static gboolean forget(gpointer data) {
  MonInventory *inventory = data;
  GHashTableIter iter;
  gpointer entry;

  inventory->forget = 0;
  g_hash_table_iter_init(&iter, inventory->units);
  while (g_hash_table_iter_next(&iter, NULL, &entry))
    mon_inventory_board_drop(inventory, entry);
  return G_SOURCE_REMOVE;
}

void mon_inventory_out_of_sight(MonInventory *inventory, const char *why) {
  gboolean was_in_sight = inventory->trouble == NULL;

  g_free(inventory->trouble);
  inventory->trouble = g_strdup(why);
  inventory->ready = FALSE;
  mon_inventory_board_up(inventory, FALSE);
  set_degraded(inventory, why);
  if (!was_in_sight)
    return;
  if (inventory->forget == 0)
    inventory->forget = g_timeout_add_seconds(FORGET_SECONDS, forget, inventory);
  wg_log(LOG_ERR, WG_MSG_MANAGER_LOST, WG_FIELDS(WG_FIELD_ERROR, why),
         "The manager of units is out of sight: %s", why);
  tell_bus(inventory, "ok", "lost", why);
}

void mon_inventory_in_sight(MonInventory *inventory) {
  gboolean was_out = inventory->trouble != NULL;

  inventory->retry_msec = 0;
  inventory->ready = TRUE;
  g_clear_pointer(&inventory->trouble, g_free);
  g_clear_handle_id(&inventory->forget, g_source_remove);
  mon_inventory_board_up(inventory, TRUE);
  set_degraded(inventory, NULL);
  if (was_out && inventory->was_ready) {
    wg_log(LOG_NOTICE, WG_MSG_MANAGER_BACK, NULL, "The manager of units is in sight again");
    tell_bus(inventory, "lost", "ok", "the manager of units answers again");
  }
  inventory->was_ready = TRUE;
}

static void disconnect(MonInventory *inventory) {
  g_clear_handle_id(&inventory->ping, g_source_remove);
  inventory->pinging = sd_bus_slot_unref(inventory->pinging);
  mon_inventory_ask_stop(inventory);
  g_ptr_array_set_size(inventory->slots, 0);
  inventory->reloading = FALSE;
  if (inventory->source != NULL)
    wg_bus_source_destroy(g_steal_pointer(&inventory->source));
  if (inventory->bus != NULL)
    sd_bus_close_unref(g_steal_pointer(&inventory->bus)); /* never the flushing one: it may block */
}

static gboolean on_retry(gpointer data) {
  MonInventory *inventory = data;

  inventory->retry = 0;
  connect_or_retry(inventory);
  return G_SOURCE_REMOVE;
}

void mon_inventory_failed(MonInventory *inventory, const char *why) {
  disconnect(inventory);
  mon_inventory_out_of_sight(inventory, why);
  inventory->retry_msec = CLAMP(inventory->retry_msec * 2, RETRY_MSEC_FIRST, RETRY_MSEC_MAX);
  if (inventory->retry == 0)
    inventory->retry = g_timeout_add(inventory->retry_msec, on_retry, inventory);
}

static void on_closed(sd_bus *bus, int r, gpointer data) {
  g_autofree char *why = g_strdup_printf("the connection to the bus was lost: %s", g_strerror(-r));

  mon_inventory_failed(data, why);
}

/* ---- life ---- */
/* Whoever is hung answers nothing: what never comes shows it. */
static int on_pong(sd_bus_message *m, void *data, sd_bus_error *ret) {
  MonInventory *inventory = data;
  g_autofree char *why = mon_inventory_error_of(m);

  inventory->pinging = sd_bus_slot_unref(inventory->pinging);
  if (why != NULL)
    mon_inventory_failed(inventory, why);
  else if (!inventory->ready && !mon_inventory_is_asking(inventory))
    mon_inventory_begin(inventory);
  return 1;
}

static gboolean on_ping(gpointer data) {
  MonInventory *inventory = data;
  sd_bus_message *m = NULL;

  if (inventory->pinging != NULL)
    return G_SOURCE_CONTINUE;
  int r = sd_bus_message_new_method_call(inventory->bus, &m, WG_BUS_SYSTEMD, WG_PATH_SYSTEMD,
                                         WG_IFACE_PEER, "Ping");
  if (r >= 0)
    r = sd_bus_call_async(inventory->bus, &inventory->pinging, m, on_pong, inventory,
                          inventory->daemon->settings.call_timeout);
  sd_bus_message_unref(m);
  return G_SOURCE_CONTINUE;
}

static void connect_or_retry(MonInventory *inventory) {
  const char *what = "waggle-monitord units";
  sd_bus *bus = NULL;
  int r = inventory->daemon->user_scope ? sd_bus_open_user_with_description(&bus, what)
                                        : sd_bus_open_system_with_description(&bus, what);

  if (r >= 0) {
    inventory->bus = bus;
    inventory->source = wg_bus_source_attach(bus, NULL, on_closed, inventory);
    r = mon_inventory_match(inventory);
  }
  if (r < 0) {
    g_autofree char *why = g_strdup_printf("the bus cannot be reached: %s", g_strerror(-r));
    mon_inventory_failed(inventory, why);
    return;
  }
  inventory->ping = g_timeout_add_seconds(PING_SECONDS, on_ping, inventory);
  mon_inventory_begin(inventory);
}

static void slot_free(gpointer slot) {
  sd_bus_slot_unref(slot);
}

MonInventory *mon_inventory_new(MonDaemon *daemon, GError **error) {
  MonInventory *inventory = g_new0(MonInventory, 1);

  inventory->daemon = daemon;
  inventory->slots = g_ptr_array_new_with_free_func(slot_free);
  mon_inventory_units_init(inventory);
  mon_inventory_ask_init(inventory);
  mon_inventory_reload(inventory);
  return inventory;
}

/* What `[Units] Watch=` says. */
void mon_inventory_reload(MonInventory *inventory) {
  gboolean wanted =
      inventory->daemon->settings.watch_units &&
      (inventory->daemon->service == NULL || wg_service_wants_bus(inventory->daemon->service));

  if (wanted && inventory->bus == NULL && inventory->retry == 0) {
    connect_or_retry(inventory);
  } else if (!wanted) {
    g_clear_handle_id(&inventory->retry, g_source_remove);
    disconnect(inventory);
    forget(inventory);
    set_degraded(inventory, NULL);
  }
}

void mon_inventory_free(MonInventory *inventory) {
  if (inventory == NULL)
    return;
  g_clear_handle_id(&inventory->retry, g_source_remove);
  g_clear_handle_id(&inventory->forget, g_source_remove);
  disconnect(inventory);
  mon_inventory_ask_clear(inventory);
  mon_inventory_units_clear(inventory);
  g_ptr_array_unref(inventory->slots);
  g_free(inventory->trouble);
  g_free(inventory);
}

gboolean mon_inventory_fresh(MonInventory *inventory) {
  return inventory->ready;
}

const char *mon_inventory_trouble(MonInventory *inventory) {
  return inventory->trouble;
}
