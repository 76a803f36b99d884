/* daemon.h: waggle-monitord as a whole: what hangs between the service frame and the rooms.
 *
 * All on the loop's thread. What blocks is on worker threads, what is durable on the store's, what
 * links protocol libraries in a process of its own. A room is `MonX *mon_x_new(MonDaemon *, GError
 * **)` and `mon_x_free()`, where needed `mon_x_bus(x, bus)` (NULL: lost); daemon-rooms.c calls them
 * in the order in which they stand on each other. */
#pragma once

#include "monitoring/board.h"
#include "monitoring/event.h"
#include "monitoring/settings.h"
#include "monitoring/store.h"

#include "common/call.h"
#include "common/service.h"

typedef struct MonDaemon MonDaemon;
typedef struct MonDeployments MonDeployments;
typedef struct MonInventory MonInventory;
typedef struct MonEventCount MonEventCount;
typedef struct MonJournal MonJournal;
typedef struct MonNotifier MonNotifier;
typedef struct MonMetrics MonMetrics;
typedef struct MonHttp MonHttp;
typedef struct MonRegistry MonRegistry;
typedef struct MonTally MonTally;
typedef struct MonProbeLatencies MonProbeLatencies;

struct MonDaemon {
  WgService *service;
  MonSettings settings;
  gboolean user_scope;
  uid_t own_uid;
  WgCalls *calls;
  MonStore *store;
  WgStoreState store_state;
  guint n_damaged; /* records of the store that say nothing any more */
  MonEvents *events;
  MonBoard *board;
  MonTally *tally; /* counters that survive restarts */
  MonEventCount *event_count;
  MonInventory *inventory;
  MonJournal *journal; /* NULL: not wanted */
  MonDeployments *deployments;
  struct MonAlerts *alerts; /* alerts.h */
  MonNotifier *notifier;
  MonMetrics *metrics;
  MonHttp *http;
  MonRegistry *registry;
  MonProbeLatencies *latencies; /* of looks */
  struct MonWatches *watches;   /* who waits for its changes */
  gboolean draining;
};

int mon_daemon_main(int argc, char **argv);

/* daemon-reload.c. The new settings are in the daemon. All or nothing: whatever a room refuses,
 * every room keeps what it has, and the error has the problems of all of them. */
gboolean mon_rooms_reload(MonDaemon *daemon, GError **error);

typedef enum { MON_DIFF_SERVICES = 1 << 0, MON_DIFF_ALERTS = 1 << 1 } MonDiffWhat;
/* What a reload would change of services, or of rules and of who is told: JSON of items.h. NULL: it
 * would be refused, with what it would say. Changes nothing. (transfer full) */
char *mon_rooms_diff(MonDaemon *daemon, MonDiffWhat what, GError **error);

/* daemon-rooms.c. On failure nothing is left of any. */
gboolean mon_rooms_open(MonDaemon *daemon, GError **error);
void mon_rooms_close(MonDaemon *daemon);
/* The bus (not a private client) is there; NULL: it is lost. */
void mon_rooms_bus(MonDaemon *daemon, sd_bus *bus);
/* TRUE: something runs that idle exit must not cut. */
gboolean mon_rooms_busy(const MonDaemon *daemon);

/* daemon-log.c */
/* WgDamageFunc: logged, and degraded from then on. */
void mon_log_damage(const char *table, gint64 key, gpointer daemon);
