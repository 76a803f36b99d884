/* bus.h: what the files of the bus layer share: the daemon's state, a client, a request.
 *
 * Everything here lives on the loop thread. A request goes: a handler of the vtable ->
 * wg_service_with_caller() -> msg_connection_enter() (who is it, may it enter) -> a job of engine.h
 * is filled from the message -> msg_job_submit() -> the engine runs it in a batch -> done() answers
 * and msg_job_free(). Nothing is answered before the commit, nothing blocks the loop, and the
 * call's message stays referenced as long as the job points into it. */
#pragma once

#include "common/histogram.h"
#include "common/mem-pressure.h"
#include "common/service.h"
#include "messaging/engine.h"

#include <glib.h>
#include <systemd/sd-bus.h>

typedef struct {
  WgHistogram send, receive, ack; /* us from submit to done, parked calls left out */
  gint64 started;                 /* CLOCK_REALTIME us */
} MsgStats;

typedef struct MsgDaemon {
  WgService *service;
  WgWriter *writer;
  MsgEngine *engine;
  guint64 max_body; /* of the configuration in force; the engine has its own copy of all */
  gboolean user_scope;
  uid_t own_uid;
  guint n_jobs;             /* submitted or before polkit, parked ones included */
  gboolean draining;        /* long polls answer at once */
  gboolean drained;         /* new calls are refused */
  GHashTable *clients;      /* WgCaller.id -> MsgConnection */
  GHashTable *by_name;      /* unique name on the bus -> MsgConnection */
  GHashTable *agents;       /* name -> MsgAgentView (bus-agents.c) */
  GPtrArray *dirty;         /* agents whose properties changed since the last signal */
  guint changed_timer;      /* of PropertiesChanged */
  guint n_volatile;         /* messages that live in memory only */
  guint64 n_queued, n_dead; /* sums over the agents */
  GPtrArray *held_back;     /* clients with pushes that wait for room */
  guint push_timer;
  GHashTable *wakes; /* uid -> of daemon-wake.c */
  GQueue wake_queue;
  guint n_wake_calls;
  GSource *wake_boot, *wake_real;
  gint64 wake_at, wake_calendar; /* as the engine said last; G_MAXINT64: none */
  WgMemPressure *pressure;       /* NULL: there is none to watch */
  WgStoreState store_state;
  gint64 start_extended; /* monotonic us: when systemd was last asked for patience */
  MsgStats stats;
} MsgDaemon;

/* One connection that called us; WgCaller.data. Freed when it is gone. */
typedef struct {
  MsgDaemon *daemon;
  WgCaller *caller;
  MsgActor *actor;
  guint n_held;     /* subscriptions, watches and couriers: keep the service from idle exit */
  GQueue backlog;   /* pushes that wait for room (bus-push.c) */
  GHashTable *lost; /* watch -> events that were dropped */
} MsgConnection;

/* The client behind `caller`, made at first sight. NULL with `error`: it vanished, it may not
 * enter (user scope), or the service is leaving. */
MsgConnection *msg_connection_enter(MsgDaemon *daemon, sd_bus_message *m, WgCaller *caller,
                                    const GError *lookup, GError **error);
/* The same, but a call that may not enter has been answered when it returns NULL. */
MsgConnection *msg_connection_or_refuse(MsgDaemon *daemon, sd_bus_message *m, WgCaller *caller,
                                        const GError *lookup);
/* WgServiceInfo.caller_gone: tells the engine, frees the client. */
void msg_connection_gone(MsgDaemon *daemon, WgCaller *caller);

/* A zeroed job of `size` bytes with its head filled; msg_job_free() gives it back. */
gpointer msg_job_new(MsgConnection *client, sd_bus_message *m, gsize size,
                     WgJobResult (*run)(WgJob *, gpointer), void (*done)(WgJob *));
/* The same without a call, in the service's own name. */
gpointer msg_job_new_own(MsgDaemon *daemon, MsgActor *actor, gsize size,
                         WgJobResult (*run)(WgJob *, gpointer), void (*done)(WgJob *));
void msg_job_submit(gpointer job);
/* Also for one that was never submitted. */
void msg_job_free(gpointer job, gsize size);
static inline MsgDaemon *msg_job_daemon(gpointer job) {
  return ((MsgJob *)job)->owner;
}
/* us since submit, and records nothing. */
guint64 msg_job_age(gpointer job);

/* Handlers of the vtables (bus-tables.c), one a family. */
int msg_method_ping(sd_bus_message *m, void *userdata, sd_bus_error *error);
int msg_method_send(sd_bus_message *m, void *userdata, sd_bus_error *error);
int msg_method_send_many(sd_bus_message *m, void *userdata, sd_bus_error *error);
int msg_method_receive(sd_bus_message *m, void *userdata, sd_bus_error *error);
int msg_method_lease(sd_bus_message *m, void *userdata, sd_bus_error *error);
int msg_method_call(sd_bus_message *m, void *userdata, sd_bus_error *error);
int msg_method_reload(sd_bus_message *m, void *userdata, sd_bus_error *error);

/* Adds all objects to a connection; the slots float. 0 or a negative errno. */
int msg_tables_attach(MsgDaemon *daemon, sd_bus *bus);
/* Deals with a call of a hot method; 0: it is none, sd-bus may look. */
int msg_tables_hot(MsgDaemon *daemon, sd_bus_message *m);
extern const WgServiceInterface msg_interfaces[];
/* For the test that compares tables, manual page and polkit. */
extern const sd_bus_vtable msg_vtable_root[], msg_vtable_courier[], msg_vtable_agent[];
