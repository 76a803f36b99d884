/* bus-root.c: org.waggle.Monitoring1: the service itself. */
#include "monitoring/bus-why.h"
#include "monitoring/bus.h"

#include "common/error.h"
#include "common/names.h"
#include "common/store-log.h"

#include <errno.h>
#include <string.h>

static void handle_ping(MonCall *call) {
  wg_call_answer(call, NULL);
}

static void handle_reload(MonCall *call) {
  MonDaemon *daemon = call->owner;
  g_autoptr(GError) error = NULL;

  if (wg_service_reload(daemon->service, &error))
    wg_call_answer(call, NULL);
  else
    wg_call_fail(call, error);
}

static void handle_diff(MonCall *call) {
  const char *what = wg_call_text(call, "what");
  MonDiffWhat asked = MON_DIFF_SERVICES | MON_DIFF_ALERTS;
  g_autoptr(GError) error = NULL;
  g_autofree char *json = NULL;

  if (what && strcmp(what, "services") == 0)
    asked = MON_DIFF_SERVICES;
  else if (what && strcmp(what, "alerts") == 0)
    asked = MON_DIFF_ALERTS;
  else if (what)
    error = g_error_new(WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                        "what: \"%s\" is neither services nor alerts", what);
  if (error == NULL)
    json = mon_rooms_diff(call->owner, asked, &error);
  if (json)
    wg_call_answer(call, g_variant_new("(s)", json));
  else
    wg_call_fail(call, error);
}

static const WgOption diff_options[] = {{"what", "s"}, {NULL}};

static const MonMethod methods[] = {
    {WG_IFACE_MONITORING, "Ping", handle_ping, NULL, NULL},
    {WG_IFACE_MONITORING, "Reload", handle_reload, MON_ACTION_MANAGE, NULL},
    {WG_IFACE_MONITORING, "Diff", handle_diff, MON_ACTION_MANAGE, diff_options},
    {WG_IFACE_MONITORING, "Why", mon_handle_why, NULL, mon_options_none},
    {WG_IFACE_MONITORING, "Top", mon_handle_top, NULL, mon_options_none},
    {NULL},
};

static int get(sd_bus *bus, const char *path, const char *interface, const char *property,
               sd_bus_message *reply, void *userdata, sd_bus_error *error) {
  MonDaemon *daemon = userdata;

  if (!wg_calls_may_look(daemon->calls, bus))
    return -EACCES;
  if (strcmp(property, "Version") == 0)
    return sd_bus_message_append_basic(reply, 's', WG_VERSION);
  if (strcmp(property, "Scope") == 0)
    return sd_bus_message_append_basic(reply, 's', daemon->user_scope ? "user" : "system");
  if (strcmp(property, "StoreState") == 0)
    return sd_bus_message_append_basic(reply, 's', wg_store_state_name(daemon->store_state));
  g_auto(GStrv) degraded = wg_service_degraded(daemon->service);
  return sd_bus_message_append_strv(reply, degraded);
}

#define CHANGES SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE

static const sd_bus_vtable vtable[] = {
    SD_BUS_VTABLE_START(0),
    MON_METHOD("Reload", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, mon_method_call, MON_OPEN),
    MON_METHOD("Diff", MON_ARGS("a{sv}", options), MON_RESULT("s", json), mon_method_call,
               MON_OPEN),
    MON_METHOD("Ping", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, mon_method_call, MON_OPEN),
    MON_METHOD("Why", MON_ARGS("s", unit, "a{sv}", options), MON_RESULT("s", json), mon_method_call,
               MON_OPEN),
    MON_METHOD("Top", MON_ARGS("a{sv}", options), MON_RESULT("s", json), mon_method_call, MON_OPEN),
    SD_BUS_PROPERTY("Version", "s", get, 0, SD_BUS_VTABLE_PROPERTY_CONST),
    SD_BUS_PROPERTY("Scope", "s", get, 0, SD_BUS_VTABLE_PROPERTY_CONST),
    SD_BUS_PROPERTY("Degraded", "as", get, 0, CHANGES),
    SD_BUS_PROPERTY("StoreState", "s", get, 0, CHANGES),
    SD_BUS_VTABLE_END,
};

const MonInterface mon_interface_root = {
    WG_PATH_MONITORING, WG_IFACE_MONITORING, vtable, methods, NULL, NULL,
};

void mon_root_changed(MonDaemon *daemon, const char *property) {
  const char *names[] = {property, NULL};

  if (daemon->calls != NULL)
    wg_calls_changed(daemon->calls, WG_PATH_MONITORING, WG_IFACE_MONITORING, names);
}
