/* bus.h: the D-Bus layer: a call, its way in and its answer.
 *
 * How a call comes in and is answered is common/call.h: a handler gets a TypCall, whose `owner` is
 * the TypDaemon, and ends it with wg_call_answer() or wg_call_fail(), now or later. */
#pragma once

#include "typing/typing.h"

typedef WgCall TypCall;
typedef WgMethod TypMethod;

static inline TypDaemon *typ_daemon(const TypCall *call) {
  return call->owner;
}

/* bus-options.c */
extern const TypMethod *const typ_method_tables[];
extern const WgOption typ_options_target[], typ_options_type[], typ_options_doctor[];

/* bus-tables.c: the one handler of all methods in the vtable. */
int typ_method_call(sd_bus_message *m, void *userdata, sd_bus_error *error);

/* bus-properties.c */
int typ_property_get(sd_bus *bus, const char *path, const char *interface, const char *property,
                     sd_bus_message *reply, void *userdata, sd_bus_error *error);
/* PropertiesChanged on the message bus; `names` end with NULL. */
void typ_properties_changed(TypDaemon *daemon, const char *const *names);

/* The handlers of the methods, each where its subject is. */
void typ_handle_ping(TypCall *call);
void typ_handle_reload(TypCall *call);
void typ_handle_hold(TypCall *call);
void typ_handle_release(TypCall *call);
void typ_handle_list_windows(TypCall *call);
void typ_handle_doctor(TypCall *call);
void typ_handle_type(TypCall *call);
/* The hold is another now: properties and STATUS=. */
void typ_daemon_hold_changed(TypDaemon *daemon);

extern const WgServiceInterface typ_interfaces[];
int typ_tables_attach(TypDaemon *daemon, sd_bus *bus);
