/* bus-registry.c: org.waggle.Monitoring1.Registry: services are registered, found, looked at and
 * taken into maintenance. Who may look at health is everybody; what probes said may tell more than
 * that, and is for whoever registered the service and for administrators. */
#include "monitoring/bus-registry.h"

#include "common/error.h"
#include "common/names.h"

#include <errno.h>
#include <string.h>

MonRegistry *mon_call_registry(const MonCall *call) {
  return ((MonDaemon *)call->owner)->registry;
}

static gboolean is_admin(const MonCall *call) {
  return call->by_action || wg_calls_is_admin(call->calls, call->uid);
}

gboolean mon_registry_may_read(const MonCall *call, const MonServiceEntry *e) {
  return wg_calls_is_admin(call->calls, call->uid) ||
         (e->source == MON_FROM_CALL && e->uid == call->uid);
}

/* NULL: the call has failed. */
static MonServiceEntry *find(MonCall *call, const char *name) {
  MonServiceEntry *e = mon_registry_find(mon_call_registry(call), name);

  if (e)
    return e;
  g_autofree char *hint = mon_registry_hint(mon_call_registry(call), name);
  g_autoptr(GError) error =
      g_error_new(WG_ERROR, WG_ERROR_UNKNOWN_SERVICE, "there is no service \"%s\"%s%s", name,
                  hint ? "; " : "", hint ? hint : "");
  wg_call_fail(call, error);
  return NULL;
}

static MonProbe *find_probe(MonCall *call, const char *service, const char *name) {
  MonServiceEntry *e = find(call, service);
  MonProbe *probe = e ? mon_entry_probe(e, name) : NULL;

  if (e == NULL || probe)
    return probe;
  g_autoptr(GError) error = g_error_new(WG_ERROR, WG_ERROR_UNKNOWN_SERVICE,
                                        "the service \"%s\" has no probe \"%s\"", service, name);
  wg_call_fail(call, error);
  return NULL;
}

void mon_registry_answer_json(MonCall *call, char *text) {
  g_autofree char *own = text;

  wg_call_answer(call, g_variant_new("(s)", own));
}

static void on_done(guint64 revision, const GError *error, gpointer data) {
  if (error)
    wg_call_fail(data, error);
  else
    wg_call_answer(data, g_variant_new("(t)", revision));
}

/* ---- registering ---- */
static gboolean read_owner(MonCall *call, MonRegistration *r, GError **error) {
  static const char *const words[] = {"none", "connection", "pid", "unit", NULL};
  const char *word = wg_call_text(call, "owner");
  gboolean has_pid = wg_call_has(call, "pid");

  r->owner = has_pid ? MON_OWNER_PID : MON_OWNER_CONNECTION;
  r->pid = has_pid ? (pid_t)wg_call_number(call, "pid") : call->pid;
  if (word == NULL)
    return TRUE;
  for (guint i = 0; words[i]; i++)
    if (strcmp(words[i], word) == 0) {
      r->owner = (MonOwner)i;
      return TRUE;
    }
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
              "\"%s\" owns no service: connection, pid, unit or none", word);
  return FALSE;
}

/* Says what is wrong with the document, and changes nothing. */
static void try_out(MonCall *call, const char *document) {
  g_auto(GStrv) documents = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) specs = mon_services_from_text(document, &documents, &error);

  if (specs)
    on_done(mon_registry_revision(mon_call_registry(call)), NULL, call);
  else
    wg_call_fail(call, error);
}

static void handle_register(MonCall *call) {
  MonRegistration r = {.uid = call->uid,
                       .caller = call->caller,
                       .is_admin = wg_calls_is_admin(call->calls, call->uid)};
  g_autoptr(GError) error = NULL;
  const char *document;

  g_variant_get_child(call->args, 0, "&s", &document);
  r.document = document;
  if (wg_call_flag(call, "dry-run"))
    try_out(call, document);
  else if (read_owner(call, &r, &error))
    mon_registry_register(mon_call_registry(call), &r, on_done, call);
  else
    wg_call_fail(call, error);
}

static void handle_unregister(MonCall *call) {
  const char *name;

  g_variant_get_child(call->args, 0, "&s", &name);
  if (find(call, name))
    mon_registry_unregister(mon_call_registry(call), name, call->uid,
                            wg_calls_is_admin(call->calls, call->uid), on_done, call);
}

/* ---- looking ---- */
static void handle_show(MonCall *call) {
  const char *name;

  g_variant_get_child(call->args, 0, "&s", &name);
  MonServiceEntry *e = find(call, name);
  if (e)
    mon_registry_answer_json(
        call, mon_registry_text(mon_entry_json(e, TRUE, mon_registry_may_read(call, e))));
}

/* ---- maintenance, probes ---- */
static void handle_set_maintenance(MonCall *call) {
  const char *name, *reason;
  guint64 until;
  gint64 lasting = 0;
  const WgClock *clock = wg_records_clock(((MonDaemon *)call->owner)->store);

  g_variant_get_child(call->args, 0, "&s", &name);
  g_variant_get_child(call->args, 1, "&s", &reason);
  g_variant_get_child(call->args, 2, "t", &until);
  if (until > 0) {
    lasting = wg_clock_now(clock) + (gint64)MIN(until, (guint64)G_MAXINT64 / 2) - g_get_real_time();
    if (lasting <= wg_clock_now(clock)) {
      g_autoptr(GError) error =
          g_error_new(WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "the maintenance would be over already");
      wg_call_fail(call, error);
      return;
    }
  }
  g_autofree char *who = wg_call_who(call);
  if (find(call, name))
    mon_registry_maintain(mon_call_registry(call), name, reason, who, lasting, on_done, call);
}

static void handle_clear_maintenance(MonCall *call) {
  g_autofree char *who = wg_call_who(call);
  const char *name;

  g_variant_get_child(call->args, 0, "&s", &name);
  if (find(call, name))
    mon_registry_maintain(mon_call_registry(call), name, NULL, who, 0, on_done, call);
}

static void push_allowed(MonCall *call) {
  const char *service, *name, *state = wg_call_text(call, "state");
  const char *text = wg_call_text(call, "text");
  g_autoptr(GError) error = NULL;

  g_variant_get_child(call->args, 0, "&s", &service);
  g_variant_get_child(call->args, 1, "&s", &name);
  MonProbe *probe = find_probe(call, service, name);
  if (probe == NULL)
    return;
  if (probe->spec->how != MON_PROBE_PUSH)
    error = g_error_new(WG_ERROR, WG_ERROR_INVALID_STATE,
                        "%s/%s is looked at, nobody pushes it: it is of type %s", service, name,
                        probe->spec->type);
  else if (state && strcmp(state, "ok") != 0 && strcmp(state, "fail") != 0)
    error = g_error_new(WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                        "\"%s\" is no state of a push: ok or fail", state);
  if (error)
    wg_call_fail(call, error);
  else
    mon_registry_push(mon_call_registry(call), probe,
                      g_strcmp0(state, "fail") == 0 ? MON_FAIL : MON_PASS, text ? text : "",
                      on_done, call);
}

/* Whoever registered the service may push without being asked. */
static void handle_push(MonCall *call) {
  const char *service;

  g_variant_get_child(call->args, 0, "&s", &service);
  MonServiceEntry *e = mon_registry_find(mon_call_registry(call), service);
  if (e && mon_registry_may_read(call, e))
    push_allowed(call);
  else
    wg_call_authorize(call, MON_ACTION_REGISTER, push_allowed);
}

static void probe_done(MonProbe *probe, const GError *error, gpointer data) {
  MonCall *call = data;
  MonServiceEntry *e = mon_registry_find(mon_call_registry(call), probe->service);

  if (error)
    wg_call_fail(call, error);
  else
    mon_registry_answer_json(
        call, mon_registry_text(
                  mon_probe_json(probe, is_admin(call) || (e && mon_registry_may_read(call, e)))));
}

static void handle_probe(MonCall *call) {
  g_autoptr(GError) error = NULL;
  const char *service, *name;

  g_variant_get_child(call->args, 0, "&s", &service);
  g_variant_get_child(call->args, 1, "&s", &name);
  MonProbe *probe = find_probe(call, service, name);
  if (probe && !mon_probe_run(probe, probe_done, call, &error))
    wg_call_fail(call, error);
}

/* ---- tables ---- */
static const WgOption options_register[] = {
    {"owner", "s"}, {"pid", "u"}, {"dry-run", "b"}, {"traceparent", "s"}, {NULL}};
static const WgOption options_push[] = {
    {"state", "s"}, {"text", "s"}, {"traceparent", "s"}, {NULL}};

#define REGISTRY WG_IFACE_MONITORING_REGISTRY

static const MonMethod methods[] = {
    {REGISTRY, "Register", handle_register, MON_ACTION_REGISTER, options_register},
    {REGISTRY, "Unregister", handle_unregister, MON_ACTION_REGISTER, mon_options_trace},
    {REGISTRY, "List", mon_handle_list, NULL, mon_options_list},
    {REGISTRY, "Find", mon_handle_find, NULL, mon_options_list},
    {REGISTRY, "Show", handle_show, NULL, NULL},
    {REGISTRY, "SetMaintenance", handle_set_maintenance, MON_ACTION_MAINTAIN, mon_options_trace},
    {REGISTRY, "ClearMaintenance", handle_clear_maintenance, MON_ACTION_MAINTAIN,
     mon_options_trace},
    {REGISTRY, "Push", handle_push, NULL, options_push}, /* asks itself */
    {REGISTRY, "Probe", handle_probe, MON_ACTION_INSPECT, NULL},
    {REGISTRY, "Watch", mon_handle_watch, NULL, mon_options_watch},
    {NULL},
};

static int get(sd_bus *bus, const char *path, const char *interface, const char *property,
               sd_bus_message *reply, void *userdata, sd_bus_error *error) {
  MonDaemon *daemon = userdata;
  guint64 revision = mon_registry_revision(daemon->registry);

  if (!wg_calls_may_look(daemon->calls, bus))
    return -EACCES;
  return sd_bus_message_append_basic(reply, 't', &revision);
}

static const sd_bus_vtable vtable[] = {
    SD_BUS_VTABLE_START(0),
    MON_METHOD("Register", MON_ARGS("s", document, "a{sv}", options), MON_RESULT("t", revision),
               mon_method_call, MON_OPEN),
    MON_METHOD("Unregister", MON_ARGS("s", service, "a{sv}", options), MON_RESULT("t", revision),
               mon_method_call, MON_OPEN),
    MON_METHOD("List", MON_ARGS("a{sv}", filter), MON_RESULT("t", revision, "s", json),
               mon_method_call, MON_OPEN),
    MON_METHOD("Find", MON_ARGS("s", word, "a{sv}", filter), MON_RESULT("t", revision, "s", json),
               mon_method_call, MON_OPEN),
    MON_METHOD("Show", MON_ARGS("s", service), MON_RESULT("s", json), mon_method_call, MON_OPEN),
    MON_METHOD("SetMaintenance", MON_ARGS("s", service, "s", reason, "t", until, "a{sv}", options),
               MON_RESULT("t", revision), mon_method_call, MON_OPEN),
    MON_METHOD("ClearMaintenance", MON_ARGS("s", service, "a{sv}", options),
               MON_RESULT("t", revision), mon_method_call, MON_OPEN),
    MON_METHOD("Push", MON_ARGS("s", service, "s", probe, "a{sv}", options),
               MON_RESULT("t", revision), mon_method_call, MON_OPEN),
    MON_METHOD("Probe", MON_ARGS("s", service, "s", probe), MON_RESULT("s", json), mon_method_call,
               MON_OPEN),
    MON_METHOD("Watch", MON_ARGS("t", from, "a{sv}", options), MON_RESULT("t", revision, "s", json),
               mon_method_call, MON_OPEN),
    SD_BUS_SIGNAL_WITH_ARGS("Changed", MON_ARGS("t", revision, "s", service, "s", what, "s", state),
                            0),
    SD_BUS_PROPERTY("Revision", "t", get, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    SD_BUS_VTABLE_END,
};

const MonInterface mon_interface_registry = {
    WG_PATH_MONITORING, REGISTRY, vtable, methods, NULL, NULL,
};
