/* bus-methods.c: who may call the courier, and the methods that are about the program itself.
 *
 * A courier works with one user's rights, so only that user (and root, who needs no help to have
 * them) may call: everybody else is NotAuthorized, on the private socket too, whatever the
 * socket's mode. */
#include "delivery/bus.h"

#include "delivery/agent.h"
#include "delivery/links.h"

#include "common/error.h"
#include "common/log.h"
#include "common/names.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static gboolean is_owner(uid_t uid) {
  return uid == getuid() || uid == 0;
}

void dlv_reply_error(sd_bus_message *m, const GError *error) {
  sd_bus_error e = SD_BUS_ERROR_NULL;

  wg_error_to_bus(error, &e);
  if (sd_bus_message_get_expect_reply(m) > 0)
    sd_bus_reply_method_error(m, &e);
  sd_bus_error_free(&e);
}

void dlv_reply_empty(sd_bus_message *m) {
  if (sd_bus_message_get_expect_reply(m) > 0)
    sd_bus_reply_method_return(m, NULL);
}

static void log_stranger(uid_t uid, const char *member) {
  static WgLogRate rate = {.interval_usec = 10 * G_USEC_PER_SEC, .burst = 5};
  g_autofree char *text = g_strdup_printf("%u", (guint)uid);
  guint suppressed = 0;

  if (wg_log_rate_ok(&rate, &suppressed))
    wg_log(LOG_WARNING, WG_MSG_NOT_AUTHORIZED, WG_FIELDS(WG_FIELD_UID, text),
           "Refused uid %u: it may not call %s (%u such lines were left out)", (guint)uid, member,
           suppressed);
}

gboolean dlv_may_enter(DlvCourier *courier, sd_bus_message *m, WgCaller *caller,
                       const GError *lookup) {
  g_autoptr(GError) error = NULL;

  if (caller == NULL) {
    dlv_reply_error(m, lookup);
    return FALSE;
  }
  if (!is_owner(caller->uid)) {
    log_stranger(caller->uid, sd_bus_message_get_member(m));
    error = g_error_new(WG_ERROR, WG_ERROR_NOT_AUTHORIZED,
                        "This courier works for uid %u; uid %u has to ask a courier of its own",
                        (guint)getuid(), (guint)caller->uid);
  } else if (courier->draining) {
    error = g_error_new_literal(WG_ERROR, WG_ERROR_SHUTTING_DOWN,
                                "The courier is leaving; repeat the call, which starts it again");
  }
  if (error != NULL)
    dlv_reply_error(m, error);
  return error == NULL;
}

static void ping_from(sd_bus_message *m, WgCaller *caller, const GError *lookup, gpointer data) {
  if (dlv_may_enter(data, m, caller, lookup))
    dlv_reply_empty(m);
}

int dlv_method_ping(sd_bus_message *m, void *userdata, sd_bus_error *error) {
  DlvCourier *courier = userdata;

  wg_service_with_caller(courier->service, m, ping_from, courier);
  return 1;
}

static void wake_from(sd_bus_message *m, WgCaller *caller, const GError *lookup, gpointer data) {
  if (!dlv_may_enter(data, m, caller, lookup))
    return;
  dlv_links_wake(data);
  dlv_reply_empty(m);
}

int dlv_method_wake(sd_bus_message *m, void *userdata, sd_bus_error *error) {
  DlvCourier *courier = userdata;

  wg_service_with_caller(courier->service, m, wake_from, courier);
  return 1;
}

static void reload_from(sd_bus_message *m, WgCaller *caller, const GError *lookup, gpointer data) {
  DlvCourier *courier = data;
  g_autoptr(GError) error = NULL;

  if (!dlv_may_enter(courier, m, caller, lookup))
    return;
  if (wg_service_reload(courier->service, &error))
    dlv_reply_empty(m);
  else
    dlv_reply_error(m, error);
}

int dlv_method_reload(sd_bus_message *m, void *userdata, sd_bus_error *error) {
  DlvCourier *courier = userdata;

  wg_service_with_caller(courier->service, m, reload_from, courier);
  return 1;
}

/* sd-bus never checks who reads a property. Nobody but its user can be on a user's bus. */
static gboolean may_look(DlvCourier *courier, sd_bus *bus) {
  WgPeer *peer = wg_peer_from_bus(wg_service_peers(courier->service), bus);

  return peer == NULL ? wg_service_is_user(courier->service) : is_owner(wg_peer_uid(peer));
}

static void count_agent(DlvAgent *agent, gpointer data) {
  guint32 *n = data;

  *n += agent->policy_text != NULL && agent->policy_text[0] != '\0';
}

int dlv_root_get(sd_bus *bus, const char *path, const char *interface, const char *property,
                 sd_bus_message *reply, void *userdata, sd_bus_error *error) {
  DlvCourier *courier = userdata;

  if (!may_look(courier, bus))
    return -EACCES;
  if (strcmp(property, "Version") == 0)
    return sd_bus_message_append_basic(reply, 's', WG_VERSION);
  if (strcmp(property, "NAgents") == 0) {
    guint32 n = 0;
    dlv_links_each_agent(courier, count_agent, &n);
    return sd_bus_message_append_basic(reply, 'u', &n);
  }
  if (strcmp(property, "NInFlight") == 0)
    return sd_bus_message_append_basic(reply, 'u', &(guint32){courier->n_jobs});
  if (strcmp(property, "Connected") == 0) {
    g_auto(GStrv) connected = dlv_links_connected(courier);
    return sd_bus_message_append_strv(reply, connected);
  }
  g_auto(GStrv) degraded = wg_service_degraded(courier->service);
  return sd_bus_message_append_strv(reply, degraded);
}
