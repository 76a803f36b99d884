/* bus.h: the D-Bus layer: several interfaces at one object, one a room.
 *
 * How a call comes in and is answered is common/call.h: a handler gets a MonCall, whose `owner` is
 * the MonDaemon, and ends it with wg_call_answer() or wg_call_fail(), now or later. A room has one
 * MonInterface for each of its interfaces (its vtable, whose methods are all mon_method_call() and
 * SD_BUS_VTABLE_UNPRIVILEGED, and its table of methods with their actions), and a line in the array
 * in bus-tables.c. */
#pragma once

#include "monitoring/daemon.h"

#include "common/call.h"

#define MON_ACTION_REGISTER "org.waggle.monitoring.register"
#define MON_ACTION_INSPECT "org.waggle.monitoring.inspect"
#define MON_ACTION_MAINTAIN "org.waggle.monitoring.maintain"
#define MON_ACTION_SILENCE "org.waggle.monitoring.silence"
#define MON_ACTION_ACKNOWLEDGE "org.waggle.monitoring.acknowledge"
#define MON_ACTION_MANAGE "org.waggle.monitoring.manage"

typedef WgCall MonCall;
typedef WgMethod MonMethod;

typedef struct {
  const char *path, *interface;
  const sd_bus_vtable *vtable;
  const MonMethod *methods;
  /* Both NULL for an interface of `path` itself. Else the interface is of the objects below it:
   * `find` sets *ret_found to the daemon for a path that there is (1), or answers 0. */
  sd_bus_object_find_t find;
  sd_bus_node_enumerator_t enumerate;
} MonInterface;

/* bus-tables.c */
int mon_method_call(sd_bus_message *m, void *userdata, sd_bus_error *error);
int mon_tables_attach(MonDaemon *daemon, sd_bus *bus);
const WgServiceInterface *mon_tables_interfaces(void);
const MonMethod *const *mon_tables_methods(void);

extern const WgOption mon_options_none[];  /* an a{sv} without a key so far */
extern const WgOption mon_options_trace[]; /* "traceparent" alone: what changes something */

/* The object of something with a name that is no word: "/path/" and the name, escaped. Free with
 * g_free(). */
char *mon_object_path(const char *prefix, const char *name);

/* bus-root.c: org.waggle.Monitoring1 itself. */
extern const MonInterface mon_interface_root;
/* bus-metrics.c */
extern const MonInterface mon_interface_metrics;
/* One of its properties is another one now. */
void mon_root_changed(MonDaemon *daemon, const char *property);

/* bus-notify.c: silences, receivers, notifications. */
extern const MonInterface mon_interface_notify;
void mon_handle_silence(MonCall *call);
void mon_handle_unsilence(MonCall *call);
void mon_handle_list_silences(MonCall *call);
void mon_handle_test_receiver(MonCall *call);
void mon_handle_list_receivers(MonCall *call);
void mon_handle_list_notifications(MonCall *call);

/* A vtable's words, so that tables stay readable. */
#define MON_METHOD SD_BUS_METHOD_WITH_ARGS
#define MON_ARGS SD_BUS_ARGS
#define MON_RESULT SD_BUS_RESULT
#define MON_OPEN SD_BUS_VTABLE_UNPRIVILEGED
