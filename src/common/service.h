/* service.h: the life of a Waggle service.
 *
 * One call in main() gives a daemon all that systemd expects: sockets passed in, the exclusive lock
 * on its state directory, configuration, journal, a bus name, readiness, status, reload (SIGHUP and
 * the Reload method), the watchdog with its gate, degraded states, exit on idle without losing a
 * request, and a shutdown that drains. It knows no service; a service hangs itself in with
 * WgServiceInfo. States only move forward: STARTING, RUNNING, FLUSHING, EXITING. */
#pragma once

#include "common/caller.h"
#include "common/config.h"
#include "common/peer-server.h"
#include "common/polkit.h"

#include <glib.h>
#include <systemd/sd-bus.h>

typedef struct WgService WgService;

/* The first rows of every service's table of keys: what this file itself obeys. */
#define WG_SERVICE_CONFIG_KEYS                                                                     \
  {"Service",                                                                                      \
   "IdleExitSec",                                                                                  \
   WG_CONFIG_USEC,                                                                                 \
   "30s",                                                                                          \
   0,                                                                                              \
   0,                                                                                              \
   "leave after so long without a request; 0 or infinity: never"},                                 \
      {"Service",                                                                                  \
       "MaxClients",                                                                               \
       WG_CONFIG_UINT,                                                                             \
       "4096",                                                                                     \
       1,                                                                                          \
       60000,                                                                                      \
       "clients of the private socket at a time"},                                                 \
      {"Service",                                                                                  \
       "MaxClientsPerUser",                                                                        \
       WG_CONFIG_UINT,                                                                             \
       "2048",                                                                                     \
       0,                                                                                          \
       60000,                                                                                      \
       "the same for each user but root; 0: no bound"},                                            \
      {"Service",                                                                                  \
       "MaxQueuedMessages",                                                                        \
       WG_CONFIG_UINT,                                                                             \
       "4096",                                                                                     \
       16,                                                                                         \
       1000000,                                                                                    \
       "unread messages to one client before its calls wait"},                                     \
      {"Service",                                                                                  \
       "MaxQueuedBytes",                                                                           \
       WG_CONFIG_BYTES,                                                                            \
       "16M",                                                                                      \
       65536,                                                                                      \
       0,                                                                                          \
       "unread bytes to one client before its calls wait"},                                        \
      {"Service",                                                                                  \
       "StallSec",                                                                                 \
       WG_CONFIG_USEC,                                                                             \
       "30s",                                                                                      \
       1000,                                                                                       \
       0,                                                                                          \
       "a client that does not read for so long is cut off"},                                      \
      {"Service",                                                                                  \
       "DrainSec",                                                                                 \
       WG_CONFIG_USEC,                                                                             \
       "10s",                                                                                      \
       1000,                                                                                       \
       600000000,                                                                                  \
       "time to answer what is waiting before leaving"},                                           \
  {                                                                                                \
    "Service", "LogLevel", WG_CONFIG_STRING, "info", 0, 0,                                         \
        "emerg, alert, crit, err, warning, notice, info or debug"                                  \
  }

/* What --introspect dumps, and what attach() adds: one row an interface. */
typedef struct {
  const char *path, *interface;
  const sd_bus_vtable *vtable;
} WgServiceInterface;

typedef struct {
  const char *name;    /* "messaged": program waggle-messaged, messaged.conf */
  const char *summary; /* one line for --help */
  const char *bus_name;
  const char *socket_name;              /* default place below %t/waggle, for messages only */
  const char *extra_fd_name;            /* FileDescriptorName= of sockets that the service serves
                                           itself; NULL: it has none */
  const WgConfigKey *config_keys;       /* begins with WG_SERVICE_CONFIG_KEYS */
  const WgServiceInterface *interfaces; /* ends with NULL path; for --introspect */

  /* Every callback may be NULL, and all run on the loop's thread.
   *
   * Configuration is loaded and the state directory locked. Opens the store. If it returns
   * FALSE it has undone itself: no other callback follows, stop() neither. */
  gboolean (*start)(WgService *service, gpointer self, GError **error);
  /* A connection (the bus: `peer` NULL; or a private client) is there: add vtables. */
  gboolean (*attach)(WgService *service, gpointer self, sd_bus *bus, WgPeer *peer, GError **error);
  /* A private client is gone, or the bus is lost (`peer` NULL). */
  void (*detach)(WgService *service, gpointer self, sd_bus *bus, WgPeer *peer);
  /* A caller that wg_service_with_caller() named before has vanished from bus or socket. */
  void (*caller_gone)(WgService *service, gpointer self, WgCaller *caller);
  /* A call, before the objects see it: for hot methods, which need not be looked up. Positive: it
   * is dealt with; 0: sd-bus goes on. Other messages may come, too. */
  int (*message)(WgService *service, gpointer self, sd_bus_message *m);
  /* For --config-check: what start() and reload() would refuse. */
  gboolean (*check)(WgConfig *config, gboolean user, GError **error);
  /* Try the new configuration; FALSE keeps the old one in force. */
  gboolean (*reload)(WgService *service, gpointer self, WgConfig *config, GError **error);
  /* TRUE: something runs that idle exit must not cut. */
  gboolean (*busy)(WgService *service, gpointer self);
  /* The gate of the watchdog: FALSE withholds the ping; `ret_why` for the journal. */
  gboolean (*healthy)(WgService *service, gpointer self, char **ret_why);
  /* The answer of wg_service_degraded() is another one now: emit the property. */
  void (*degraded_changed)(WgService *service, gpointer self);
  /* Leaving (the bus name is given up, no client is accepted any more): refuse new work, answer
   * what is waiting, then call wg_service_drained(). */
  void (*drain)(WgService *service, gpointer self);
  /* After the loop: close the store, free. */
  void (*stop)(WgService *service, gpointer self);
} WgServiceInfo;

/* Parses --system --user --state-dir=DIR --listen=PATH --no-bus --introspect[=INTERFACE]
 * --config-check --help --version, runs the service, returns main's exit status: 0, 1 for a
 * failure, 2 for wrong arguments, 78 (EX_CONFIG) for a configuration that is refused.
 * Without a scope root's process is the system's. Has to be the first thing main does: signals
 * are blocked for all threads to come, and descriptors are taken from the environment. */
int wg_service_main(const WgServiceInfo *info, gpointer self, int argc, char **argv);

gboolean wg_service_is_user(WgService *service);
const char *wg_service_state_dir(WgService *service);
WgConfig *wg_service_config(WgService *service); /* borrowed, the one in force */
sd_bus *wg_service_bus(WgService *service);      /* NULL while the bus is lost */
/* The source of a connection, to gather messages for it (common/bus-source.h); NULL: it is gone. */
GSource *wg_service_bus_source(WgService *service, sd_bus *bus);
gboolean wg_service_wants_bus(WgService *service); /* FALSE: --no-bus, there never is one */
WgPeerServer *wg_service_peers(WgService *service);
WgPolkit *wg_service_polkit(WgService *service);
/* The listening sockets that were passed in as `extra_fd_name`; they are not the callee's to close.
 */
const int *wg_service_extra_fds(WgService *service, guint *ret_n);
void wg_service_set_status(WgService *service, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* A degraded state by key ("store", "bus"): `why` NULL clears it. In STATUS=, `Degraded` and the
 * journal. */
void wg_service_set_degraded(WgService *service, const char *key, const char *why);
char **wg_service_degraded(WgService *service); /* "key: why", free with g_strfreev() */
void wg_service_activity(WgService *service);   /* re-arms the idle timer */
void wg_service_drained(WgService *service);
/* In start(): it takes longer than the unit's time limit, say so again within `usec`. */
void wg_service_extend_start(WgService *service, guint64 usec);
void wg_service_quit(WgService *service, int status); /* a failure that cannot be repaired */
/* Reload as the D-Bus method does it; synchronous. */
gboolean wg_service_reload(WgService *service, GError **error);
/* Calls `func` with the identity of the sender of `m`: at once where it is known (private clients,
 * names seen before), else after the broker answered; `m` stays referenced. Never blocks. The
 * caller counts as activity. */
void wg_service_with_caller(WgService *service, sd_bus_message *m, WgCallerFunc func,
                            gpointer user_data);
