/* bus.h: the D-Bus layer: a call, its way in and its answer.
 *
 * A call goes: the vtable (bus-tables.c) -> who is it, may it enter -> arguments become one
 * GVariant tuple, options are checked against the method's table (bus-call.c) -> its handler, which
 * answers now or later, exactly once. */
#pragma once

#include "common/bus-options.h"
#include "typing/typing.h"

#include <systemd/sd-bus.h>

/* One call that is owed an answer. */
typedef struct {
  TypDaemon *daemon;
  sd_bus_message *m;
  GVariant *args; /* tuple */
  guint64 caller; /* WgCaller.id */
} TypCall;

typedef void (*TypHandler)(TypCall *call);

typedef struct {
  const char *member;
  TypHandler handler;
  const WgOption *options[2]; /* of the a{sv} arguments, in their order; NULL: no more */
} TypMethod;                  /* a table ends with a NULL member */

extern const TypMethod typ_methods[];
extern const WgOption typ_options_none[], typ_options_target[], typ_options_type[],
    typ_options_doctor[];

/* Both end the call and free it. `result`: a tuple, its floating reference is taken; NULL: empty.
 */
void typ_call_answer(TypCall *call, GVariant *result);
void typ_call_fail(TypCall *call, const GError *error);

/* bus-call.c: the one handler of all methods in the vtable. */
int typ_method_call(sd_bus_message *m, void *userdata, sd_bus_error *error);

/* bus-properties.c */
int typ_property_get(sd_bus *bus, const char *path, const char *interface, const char *property,
                     sd_bus_message *reply, void *userdata, sd_bus_error *error);
/* PropertiesChanged on the message bus; `names` end with NULL. */
void typ_properties_changed(TypDaemon *daemon, const char *const *names);

/* The handlers of typ_methods, each where its subject is. */
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
