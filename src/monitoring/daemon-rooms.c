/* daemon-rooms.c: the rooms of the service, opened in the order in which they stand on each other
 * and closed in the opposite one; see daemon.h. */
#include "monitoring/alerts.h"
#include "monitoring/bus-registry.h"
#include "monitoring/deployments.h"
#include "monitoring/event-count.h"
#include "monitoring/http.h"
#include "monitoring/inventory.h"
#include "monitoring/journal.h"
#include "monitoring/metrics.h"
#include "monitoring/notify.h"
#include "monitoring/probe-latencies.h"
#include "monitoring/registry.h"
#include "monitoring/tally.h"

#include "common/store-log.h"

static void store_changed(WgStoreState state, const char *text, const WgSalvage *salvage,
                          gpointer data) {
  MonDaemon *daemon = data;

  if (wg_service_store_changed(daemon->service, &daemon->store_state, state, text, salvage,
                               "history is not kept"))
    mon_root_changed(daemon, "StoreState");
}

static gboolean open_store(MonDaemon *daemon, GError **error) {
  WgSalvage salvage = {0};

  daemon->store = mon_store_open(wg_service_state_dir(daemon->service), &salvage, error);
  if (daemon->store != NULL && salvage.happened)
    wg_log_salvage(&salvage);
  wg_salvage_clear(&salvage);
  return daemon->store != NULL;
}

/* A room's new() runs before the writer has the store: there it reads what it needs. */
static gboolean open_rooms(MonDaemon *daemon, GError **error) {
  daemon->tally = mon_tally_new(daemon->board, daemon->store);
  daemon->latencies = mon_probe_latencies_new();
  daemon->event_count = mon_event_count_new(daemon);
  if (daemon->settings.read_journal)
    daemon->journal = mon_journal_new(daemon, NULL, error);
  daemon->deployments = mon_deployments_new(daemon, error);
  return (daemon->inventory = mon_inventory_new(daemon, error)) != NULL &&
         (daemon->alerts = mon_alerts_new(daemon, error)) != NULL &&
         (daemon->notifier = mon_notifier_new(daemon, error)) != NULL &&
         (daemon->metrics = mon_metrics_new(daemon, error)) != NULL &&
         (daemon->http = mon_http_new(daemon, error)) != NULL &&
         (daemon->registry = mon_registry_new(daemon, error)) != NULL &&
         (daemon->watches = mon_watches_new(daemon)) != NULL &&
         wg_records_good(daemon->store, error);
}

gboolean mon_rooms_open(MonDaemon *daemon, GError **error) {
  daemon->events = mon_events_new();
  daemon->board = mon_board_new();
  if (!open_store(daemon, error) || !open_rooms(daemon, error)) {
    mon_rooms_close(daemon);
    return FALSE;
  }
  wg_records_begin(daemon->store, store_changed, daemon);
  wg_records_on_damage(daemon->store, mon_log_damage, daemon);
  daemon->store_state = wg_writer_state(wg_records_writer(daemon->store));
  mon_notifier_begin(daemon->notifier);
  mon_notifier_follow(daemon->notifier, daemon->alerts);
  mon_alerts_begin(daemon->alerts);
  return TRUE;
}

void mon_rooms_close(MonDaemon *daemon) {
  if (daemon->alerts != NULL)
    mon_alerts_stop(daemon->alerts);
  mon_notifier_stop(daemon->notifier);
  g_clear_pointer(&daemon->http, mon_http_free);
  if (daemon->metrics != NULL && wg_records_writer(daemon->store) != NULL)
    mon_metrics_flush(daemon->metrics);
  if (daemon->tally != NULL && wg_records_writer(daemon->store) != NULL)
    mon_tally_save(daemon->tally, TRUE);
  if (daemon->event_count != NULL && wg_records_writer(daemon->store) != NULL)
    mon_event_count_store(daemon->event_count, NULL, NULL, NULL);
  /* what rooms have in the queue still calls them back from here */
  g_clear_pointer(&daemon->store, wg_records_free);
  g_clear_pointer(&daemon->deployments, mon_deployments_free);
  g_clear_pointer(&daemon->journal, mon_journal_free);
  g_clear_pointer(&daemon->notifier, mon_notifier_free);
  g_clear_pointer(&daemon->alerts, mon_alerts_free);
  g_clear_pointer(&daemon->metrics, mon_metrics_free);
  g_clear_pointer(&daemon->watches, mon_watches_free);
  g_clear_pointer(&daemon->registry, mon_registry_free);
  g_clear_pointer(&daemon->inventory, mon_inventory_free);
  g_clear_pointer(&daemon->event_count, mon_event_count_free);
  g_clear_pointer(&daemon->latencies, mon_probe_latencies_free);
  g_clear_pointer(&daemon->tally, mon_tally_free);
  g_clear_pointer(&daemon->board, mon_board_free);
  g_clear_pointer(&daemon->events, mon_events_free);
}

void mon_rooms_bus(MonDaemon *daemon, sd_bus *bus) {
  mon_deployments_bus(daemon->deployments, bus);
  mon_notifier_bus(daemon->notifier, bus);
  mon_metrics_bus(daemon->metrics, bus);
}

gboolean mon_rooms_busy(const MonDaemon *daemon) {
  return daemon->settings.watch_units || mon_notifier_busy(daemon->notifier) ||
         wg_writer_n_queued(wg_records_writer(daemon->store)) > 0;
}
