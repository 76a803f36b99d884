/* service-private.h: the parts of a WgService, for the service-*.c files alone.
 *
 * One file a duty: service.c assembles and runs; service-options.c reads the command line;
 * service-config.c loads and reloads; service-bus.c has the connection and the name;
 * service-peers.c the private socket and who calls; service-status.c what is told to the
 * manager; service-signals.c; service-exit.c the way out. */
#pragma once

#include "common/activation.h"
#include "common/idle.h"
#include "common/notify.h"
#include "common/service.h"
#include "common/state-lock.h"
#include "common/watchdog.h"

#define WG_EXIT_CONFIG 78 /* EX_CONFIG: repeated, it would be refused again */

typedef enum {
  WG_SERVICE_STARTING,
  WG_SERVICE_RUNNING,
  WG_SERVICE_FLUSHING,
  WG_SERVICE_EXITING,
} WgServiceState;

typedef enum {
  WG_ACTION_RUN,
  WG_ACTION_INTROSPECT,
  WG_ACTION_CONFIG_CHECK,
  WG_ACTION_EXIT, /* --help, --version, or a wrong argument: all is said */
} WgServiceAction;

typedef struct {
  WgServiceAction action;
  int exit_status;
  gboolean user, no_bus;
  const char *state_dir, *listen, *interface; /* of argv */
} WgServiceOptions;

typedef enum { WG_LEAVE_IDLE, WG_LEAVE_SIGNAL, WG_LEAVE_FAILURE } WgLeaveReason;

/* service-bus.c */
typedef struct {
  sd_bus *bus;
  GSource *source;
  sd_bus_slot *filter, *name_lost, *name_call, *release_call;
  guint retry, retry_msec;
  gboolean settled; /* the first attempt has ended, one way or the other */
  gboolean was_owned, owned, releasing;
} WgServiceBus;

/* service-exit.c */
typedef struct {
  WgLeaveReason reason;
  GSource *source;
  guint stage, limit;
  gint64 deadline;
  gboolean drained, peers_gone, asked_before_loop;
} WgServiceExit;

struct WgService {
  const WgServiceInfo *info;
  gpointer self;
  char *identifier, *state_dir;
  WgServiceOptions options;
  WgServiceState state;
  int exit_status;
  GMainLoop *loop;
  WgActivation *activation;
  WgStateLock *lock;
  WgConfig *config;
  gboolean reload_waits;
  WgNotify *notify;
  WgWatchdog *watchdog;
  WgIdle *idle;
  GSource *signals;
  int signal_fd;
  WgPeerServer *peers;
  WgCallers *callers;
  WgPolkit *polkit;
  guint n_identifying; /* calls from the bus whose sender is being asked about */
  char *status, *reload_error;
  GPtrArray *degraded; /* of WgDegraded */
  WgServiceBus bus;
  WgServiceExit exit;
};

/* service-options.c */
void wg_service_options_parse(const WgServiceInfo *info, const char *identifier, int argc,
                              char **argv, WgServiceOptions *ret);
/* service-config.c */
WgConfig *wg_service_config_load(const WgServiceInfo *info, gboolean user, GError **error);
/* Puts the common keys of `service->config` into force; `before` NULL at the start. */
void wg_service_config_apply(WgService *service, WgConfig *before);
gboolean wg_service_idle_limit(WgService *service, guint64 *ret_usec, GError **error);
void wg_service_reload_later(WgService *service); /* SIGHUP */
/* service-peers.c */
gboolean wg_service_peers_start(WgService *service, GError **error);
void wg_service_peers_stop(WgService *service);
/* service-bus.c */
void wg_service_bus_start(WgService *service);
void wg_service_bus_release(WgService *service);
gboolean wg_service_bus_flushed(WgService *service);
void wg_service_bus_stop(WgService *service);
/* service-status.c */
char *wg_service_status_text(WgService *service);
void wg_service_status_changed(WgService *service);
void wg_service_status_free(WgService *service);
/* service-signals.c */
void wg_service_signals_block(void);
gboolean wg_service_signals_start(WgService *service, GError **error);
void wg_service_signals_stop(WgService *service);
/* service-exit.c */
void wg_service_leave(WgService *service, WgLeaveReason reason, int status);
void wg_service_exit_stop(WgService *service);
/* service.c */
void wg_service_set_state(WgService *service, WgServiceState state);
/* The bus has answered, or cannot: READY=1 if nothing else is missing. */
void wg_service_maybe_ready(WgService *service);
