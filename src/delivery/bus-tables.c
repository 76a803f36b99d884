/* bus-tables.c: the D-Bus interface, which is nothing but this table.
 *
 * dbus/org.waggle.Delivery1.xml is dumped from it by --introspect and compared by a test; the
 * manual page org.waggle.Delivery1(5) says what each entry means. Who may call is decided in the
 * handlers (bus-methods.c), because sd-bus knows only root and others. */
#include "delivery/courier.h"

#include "common/names.h"

#define METHOD SD_BUS_METHOD_WITH_ARGS
#define ARGS SD_BUS_ARGS
#define RESULT SD_BUS_RESULT
#define OPEN SD_BUS_VTABLE_UNPRIVILEGED

static const sd_bus_vtable vtable_root[] = {
    SD_BUS_VTABLE_START(0),
    METHOD("Ping", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, dlv_method_ping, OPEN),
    METHOD("Wake", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, dlv_method_wake, OPEN),
    METHOD("Reload", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, dlv_method_reload, OPEN),
    METHOD("ListAgents", SD_BUS_NO_ARGS, RESULT("aa{sv}", agents), dlv_method_list_agents, OPEN),
    METHOD("Explain", ARGS("s", agent), RESULT("a{sv}", explanation), dlv_method_explain, OPEN),
    METHOD("CheckPolicy", ARGS("s", policy), RESULT("a(ss)", problems), dlv_method_check_policy,
           OPEN),

    SD_BUS_SIGNAL_WITH_ARGS("MailWaiting",
                            ARGS("s", agent, "u", waiting, "u", urgent, "at", messages), 0),

    SD_BUS_PROPERTY("Version", "s", dlv_root_get, 0, SD_BUS_VTABLE_PROPERTY_CONST),
    SD_BUS_PROPERTY("Degraded", "as", dlv_root_get, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    SD_BUS_PROPERTY("NAgents", "u", dlv_root_get, 0, 0),
    SD_BUS_PROPERTY("NInFlight", "u", dlv_root_get, 0, 0),
    SD_BUS_PROPERTY("Connected", "as", dlv_root_get, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    SD_BUS_VTABLE_END,
};

const WgServiceInterface dlv_interfaces[] = {
    {WG_PATH_DELIVERY, WG_IFACE_DELIVERY, vtable_root},
    {NULL},
};

int dlv_tables_attach(DlvCourier *courier, sd_bus *bus) {
  return sd_bus_add_object_vtable(bus, NULL, WG_PATH_DELIVERY, WG_IFACE_DELIVERY, vtable_root,
                                  courier);
}
