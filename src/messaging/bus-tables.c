/* bus-tables.c: the D-Bus interface, which is nothing but these tables.
 *
 * dbus/org.waggle.Messaging1.xml is dumped from them by --introspect and compared by a test; the
 * manual page org.waggle.Messaging1(5) says what each entry means. Every method is open to
 * everybody here (UNPRIVILEGED): who may do what is decided in the handlers, because sd-bus
 * knows only root and others. */
#include "messaging/bus-agents.h"
#include "messaging/bus.h"

#include "common/names.h"

#include <string.h>

/* Aliases without arguments of their own: SD_BUS_ARGS() must not be expanded too early. */
#define METHOD SD_BUS_METHOD_WITH_ARGS
#define ARGS SD_BUS_ARGS
#define RESULT SD_BUS_RESULT
#define OPEN SD_BUS_VTABLE_UNPRIVILEGED

const sd_bus_vtable msg_vtable_root[] = {
    SD_BUS_VTABLE_START(0),
    /* agents */
    METHOD("RegisterAgent", ARGS("s", name, "a{sv}", options), RESULT("o", path, "b", created),
           msg_method_call, OPEN),
    METHOD("UpdateAgent", ARGS("s", name, "a{sv}", options), SD_BUS_NO_RESULT, msg_method_call,
           OPEN),
    METHOD("UnregisterAgent", ARGS("s", name, "a{sv}", options), RESULT("t", dead), msg_method_call,
           OPEN),
    METHOD("ListAgents", ARGS("a{sv}", filter), RESULT("aa{sv}", agents), msg_method_call, OPEN),
    METHOD("GetAgent", ARGS("s", name), RESULT("a{sv}", agent), msg_method_call, OPEN),
    METHOD("PauseAgent", ARGS("s", name, "a{sv}", options), SD_BUS_NO_RESULT, msg_method_call,
           OPEN),
    METHOD("ResumeAgent", ARGS("s", name, "a{sv}", options), SD_BUS_NO_RESULT, msg_method_call,
           OPEN),
    /* sending */
    METHOD("Send", ARGS("s", to, "ay", body, "a{sv}", options),
           RESULT("t", message, "a{sv}", receipt), msg_method_send, OPEN),
    METHOD("SendMany", ARGS("a(saya{sv})", messages, "a{sv}", options),
           RESULT("at", messages, "a{sv}", receipt), msg_method_send_many, OPEN),
    METHOD("Cancel", ARGS("t", message, "a{sv}", options), RESULT("u", canceled), msg_method_call,
           OPEN),
    /* receiving */
    METHOD("Receive", ARGS("s", agent, "a{sv}", options),
           RESULT("a(ttsaya{sv})", messages, "b", more), msg_method_receive, OPEN),
    METHOD("Ack", ARGS("t", token, "a{sv}", options), SD_BUS_NO_RESULT, msg_method_lease, OPEN),
    METHOD("AckMany", ARGS("at", tokens, "a{sv}", options), RESULT("a(tss)", refused),
           msg_method_lease, OPEN),
    METHOD("Nack", ARGS("t", token, "a{sv}", options), RESULT("s", state), msg_method_lease, OPEN),
    METHOD("Touch", ARGS("t", token, "a{sv}", options), RESULT("t", until), msg_method_lease, OPEN),
    METHOD("Terminate", ARGS("t", token, "s", reason, "a{sv}", options), SD_BUS_NO_RESULT,
           msg_method_lease, OPEN),
    METHOD("Detach", ARGS("t", token, "a{sv}", options), SD_BUS_NO_RESULT, msg_method_lease, OPEN),
    METHOD("Subscribe", ARGS("s", agent, "u", credits, "a{sv}", options), RESULT("t", subscription),
           msg_method_call, OPEN),
    METHOD("AddCredits", ARGS("t", subscription, "u", credits), SD_BUS_NO_RESULT, msg_method_call,
           OPEN),
    METHOD("Unsubscribe", ARGS("t", subscription), SD_BUS_NO_RESULT, msg_method_call, OPEN),
    /* looking */
    METHOD("GetMessage", ARGS("t", message, "a{sv}", options), RESULT("a{sv}", fields),
           msg_method_call, OPEN),
    METHOD("GetReceipts", ARGS("t", message, "a{sv}", options), RESULT("a(sstss)", receipts),
           msg_method_call, OPEN),
    METHOD("Wait", ARGS("t", message, "s", state, "a{sv}", options),
           RESULT("b", reached, "s", present), msg_method_call, OPEN),
    METHOD("FindMessage", ARGS("s", sender, "s", id, "a{sv}", options), RESULT("t", message),
           msg_method_call, OPEN),
    METHOD("ListMessages", ARGS("a{sv}", filter),
           RESULT("aa{sv}", messages, "t", cursor, "b", more), msg_method_call, OPEN),
    METHOD("ListDead", ARGS("a{sv}", filter), RESULT("aa{sv}", messages, "t", cursor, "b", more),
           msg_method_call, OPEN),
    METHOD("RequeueDead", ARGS("t", message, "a{sv}", options), RESULT("u", requeued),
           msg_method_call, OPEN),
    METHOD("PurgeDead", ARGS("t", message, "a{sv}", options), RESULT("u", purged), msg_method_call,
           OPEN),
    METHOD("Hold", ARGS("t", message, "a{sv}", options), RESULT("u", held), msg_method_call, OPEN),
    METHOD("Release", ARGS("t", message, "a{sv}", options), RESULT("u", released), msg_method_call,
           OPEN),
    METHOD("Watch", ARGS("a{sv}", filter), RESULT("t", watch), msg_method_call, OPEN),
    METHOD("Unwatch", ARGS("t", watch), SD_BUS_NO_RESULT, msg_method_call, OPEN),
    /* the service */
    METHOD("GetStatistics", SD_BUS_NO_ARGS, RESULT("a{sv}", statistics), msg_method_call, OPEN),
    METHOD("Import", ARGS("aa{sv}", entries, "a{sv}", options),
           RESULT("t", imported, "t", duplicates, "a(us)", refused), msg_method_call, OPEN),
    METHOD("Check", ARGS("a{sv}", options), RESULT("as", findings, "a{sv}", summary),
           msg_method_call, OPEN),
    METHOD("Reload", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, msg_method_reload, OPEN),
    METHOD("Ping", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, msg_method_ping, OPEN),
    METHOD("Discard", ARGS("ay", data), SD_BUS_NO_RESULT, msg_method_ping, OPEN),

    SD_BUS_SIGNAL_WITH_ARGS(
        "Delivery",
        ARGS("t", subscription, "t", message, "t", token, "s", from, "ay", body, "a{sv}", fields),
        0),
    SD_BUS_SIGNAL_WITH_ARGS(
        "Event",
        ARGS("t", watch, "t", message, "s", agent, "s", state, "t", time, "s", cause, "s", actor),
        0),
    SD_BUS_SIGNAL_WITH_ARGS("MessageDead", ARGS("t", message, "s", agent, "s", reason), 0),

    SD_BUS_PROPERTY("Version", "s", msg_root_get, 0, SD_BUS_VTABLE_PROPERTY_CONST),
    SD_BUS_PROPERTY("Scope", "s", msg_root_get, 0, SD_BUS_VTABLE_PROPERTY_CONST),
    SD_BUS_PROPERTY("Degraded", "as", msg_root_get, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    SD_BUS_PROPERTY("NAgents", "u", msg_root_get, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    SD_BUS_PROPERTY("NQueued", "t", msg_root_get, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    SD_BUS_PROPERTY("NDead", "t", msg_root_get, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    SD_BUS_PROPERTY("StoreState", "s", msg_root_get, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    SD_BUS_VTABLE_END,
};

const sd_bus_vtable msg_vtable_courier[] = {
    SD_BUS_VTABLE_START(0),
    METHOD("RegisterCourier", ARGS("a{sv}", options), RESULT("t", courier), msg_method_call, OPEN),
    METHOD("LeaseAttempts", ARGS("t", courier, "a{sv}", options),
           RESULT("a(ttsa{sv})", attempts, "b", more), msg_method_call, OPEN),
    METHOD("ReportAttempt", ARGS("t", attempt, "s", result, "a{sv}", options), SD_BUS_NO_RESULT,
           msg_method_call, OPEN),
    METHOD("ReportAttempts", ARGS("a(tsa{sv})", reports), RESULT("a(tss)", refused),
           msg_method_call, OPEN),
    METHOD("TakeAttempts", ARGS("at", attempts, "a{sv}", options),
           RESULT("a(tt)", taken, "a(tss)", refused), msg_method_call, OPEN),
    SD_BUS_SIGNAL_WITH_ARGS("Waiting", ARGS("t", courier, "u", count), 0),
    SD_BUS_VTABLE_END,
};

#define INFO(name, type, flags) SD_BUS_PROPERTY(name, type, msg_agent_get_info, 0, flags)
#define COUNT(name)                                                                                \
  SD_BUS_PROPERTY(name, "t", msg_agent_get_count, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE)

const sd_bus_vtable msg_vtable_agent[] = {
    SD_BUS_VTABLE_START(0),
    INFO("Name", "s", SD_BUS_VTABLE_PROPERTY_CONST),
    INFO("Description", "s", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    INFO("Uid", "u", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    INFO("Roles", "as", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    INFO("Topics", "as", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    INFO("Tags", "as", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    INFO("Capabilities", "as", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    /* private to the owner: a signal to everybody only says that they changed */
    INFO("Metadata", "a{ss}", SD_BUS_VTABLE_PROPERTY_EMITS_INVALIDATION),
    INFO("Policy", "s", SD_BUS_VTABLE_PROPERTY_EMITS_INVALIDATION),
    INFO("Paused", "b", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    INFO("PausedUntil", "t", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    COUNT("Queued"),
    COUNT("InFlight"),
    COUNT("Dead"),
    COUNT("Held"),
    COUNT("Scheduled"),
    COUNT("LastSeen"),
    SD_BUS_VTABLE_END,
};

const WgServiceInterface msg_interfaces[] = {
    {WG_PATH_MESSAGING, WG_IFACE_MESSAGING, msg_vtable_root},
    {WG_PATH_MESSAGING, WG_IFACE_COURIER, msg_vtable_courier},
    {WG_PATH_MESSAGING_AGENT, WG_IFACE_AGENT, msg_vtable_agent},
    {NULL},
};

/* The methods of each message's way. sd-bus would look the object, the interface and the method up,
 * and then the object's children and managers; what does not match exactly is left to it, also what
 * is to be refused. All of them are open above. */
static const struct {
  const char *member, *signature;
  sd_bus_message_handler_t handler;
} hot[] = {
    {"Send", "saya{sv}", msg_method_send},
    {"Receive", "sa{sv}", msg_method_receive},
    {"Ack", "ta{sv}", msg_method_lease},
    {"AckMany", "ata{sv}", msg_method_lease},
};

int msg_tables_hot(MsgDaemon *daemon, sd_bus_message *m) {
  const char *member = sd_bus_message_get_member(m);

  if (member == NULL || sd_bus_message_is_method_call(m, WG_IFACE_MESSAGING, NULL) <= 0 ||
      g_strcmp0(sd_bus_message_get_path(m), WG_PATH_MESSAGING) != 0)
    return 0;
  for (guint i = 0; i < G_N_ELEMENTS(hot); i++)
    if (strcmp(member, hot[i].member) == 0)
      return sd_bus_message_has_signature(m, hot[i].signature) > 0 ? hot[i].handler(m, daemon, NULL)
                                                                   : 0;
  return 0;
}

int msg_tables_attach(MsgDaemon *daemon, sd_bus *bus) {
  int r = sd_bus_add_object_vtable(bus, NULL, WG_PATH_MESSAGING, WG_IFACE_MESSAGING,
                                   msg_vtable_root, daemon);

  if (r >= 0)
    r = sd_bus_add_object_vtable(bus, NULL, WG_PATH_MESSAGING, WG_IFACE_COURIER, msg_vtable_courier,
                                 daemon);
  if (r >= 0)
    r = sd_bus_add_fallback_vtable(bus, NULL, WG_PATH_MESSAGING_AGENT, WG_IFACE_AGENT,
                                   msg_vtable_agent, msg_agents_find, daemon);
  if (r >= 0)
    r = sd_bus_add_node_enumerator(bus, NULL, WG_PATH_MESSAGING_AGENT, msg_agents_enumerate,
                                   daemon);
  if (r >= 0)
    r = sd_bus_add_object_manager(bus, NULL, WG_PATH_MESSAGING);
  return r;
}
