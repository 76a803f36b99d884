/* bus-tables.c: the D-Bus interface, which is nothing but these tables.
 *
 * dbus/org.waggle.Typing1.xml is dumped from them by --introspect and compared by a test; the
 * manual page org.waggle.Typing1(5) says what each entry means. Who may call is decided in
 * common/call.c, because sd-bus knows only root and others. */
#include "typing/bus.h"

#include "common/names.h"

/* Aliases without arguments of their own: SD_BUS_ARGS() must not be expanded too early. */
#define METHOD SD_BUS_METHOD_WITH_ARGS
#define ARGS SD_BUS_ARGS
#define RESULT SD_BUS_RESULT
#define OPEN SD_BUS_VTABLE_UNPRIVILEGED
#define PROPERTY(name, type, flags) SD_BUS_PROPERTY(name, type, typ_property_get, 0, flags)

static const sd_bus_vtable vtable[] = {
    SD_BUS_VTABLE_START(0),
    METHOD("Type", ARGS("s", text, "a{sv}", target, "a{sv}", options),
           RESULT("s", result, "a{sv}", details), typ_method_call, OPEN),
    METHOD("ListWindows", ARGS("a{sv}", filter), RESULT("aa{sv}", windows), typ_method_call, OPEN),
    METHOD("Hold", ARGS("s", reason, "t", usec), SD_BUS_NO_RESULT, typ_method_call, OPEN),
    METHOD("Release", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, typ_method_call, OPEN),
    METHOD("Doctor", ARGS("a{sv}", options), RESULT("a{sv}", report), typ_method_call, OPEN),
    METHOD("Ping", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, typ_method_call, OPEN),
    METHOD("Reload", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, typ_method_call, OPEN),

    PROPERTY("Version", "s", SD_BUS_VTABLE_PROPERTY_CONST),
    PROPERTY("Degraded", "as", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    PROPERTY("Display", "s", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    PROPERTY("SessionType", "s", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    PROPERTY("Held", "b", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    PROPERTY("HoldReason", "s", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    PROPERTY("HoldUntil", "t", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    PROPERTY("Profiles", "as", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    SD_BUS_VTABLE_END,
};

int typ_method_call(sd_bus_message *m, void *userdata, sd_bus_error *error) {
  return wg_calls_enter(((TypDaemon *)userdata)->calls, m);
}

const WgServiceInterface typ_interfaces[] = {
    {WG_PATH_TYPING, WG_IFACE_TYPING, vtable},
    {NULL},
};

int typ_tables_attach(TypDaemon *daemon, sd_bus *bus) {
  return sd_bus_add_object_vtable(bus, NULL, WG_PATH_TYPING, WG_IFACE_TYPING, vtable, daemon);
}
