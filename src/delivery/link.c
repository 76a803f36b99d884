/* link.c: see link.h: connecting, registering, and losing it again.
 *
 * A lost connection is tried again with a doubling pause. Losing it is said once at notice, and
 * once that it is back; a service that was never there is no news. What was in hand keeps going: a
 * job that runs is not cut, and agent.c remembers its result until the mail is offered again. */
#include "delivery/link.h"

#include "delivery/agent.h"
#include "delivery/report.h"

#include "common/bus-source.h"
#include "common/error.h"
#include "common/log.h"
#include "common/names.h"

#include <errno.h>

#define PAUSE_FIRST_MSEC 50

static void link_connect(DlvLink *link);

static gboolean on_retry(gpointer data) {
  DlvLink *link = data;

  link->retry = 0;
  link_connect(link);
  return G_SOURCE_REMOVE;
}

static void retry_later(DlvLink *link) {
  guint max = (guint)(link->courier->settings.reconnect_max / 1000);

  if (link->retry != 0 || link->courier->draining)
    return;
  link->pause_msec = CLAMP(link->pause_msec * 2, PAUSE_FIRST_MSEC, MAX(max, PAUSE_FIRST_MSEC));
  link->retry = g_timeout_add(link->pause_msec +
                                  (guint)g_random_int_range(0, (gint32)link->pause_msec / 4 + 1),
                              on_retry, link);
}

/* Takes the connection apart; who waits for an answer hears of it after the state is DOWN. */
static void disconnect(DlvLink *link, const char *why) {
  sd_bus *bus = g_steal_pointer(&link->bus);

  link->state = DLV_LINK_DOWN;
  link->more = FALSE;
  g_clear_pointer(&link->events, sd_bus_slot_unref);
  g_clear_pointer(&link->waiting, sd_bus_slot_unref);
  g_clear_handle_id(&link->flush, g_source_remove);
  g_clear_handle_id(&link->more_over, g_source_remove);
  if (link->source != NULL)
    wg_bus_source_destroy(g_steal_pointer(&link->source));
  link->watch = 0;
  dlv_link_calls_fail(link, why);
  dlv_link_forget_reports(link);
  dlv_link_forget_asks(link);
  sd_bus_close_unref(bus); /* never the flushing one: it may block */
}

void dlv_link_lost(DlvLink *link, const char *why) {
  if (link->bus == NULL)
    return;
  if (link->state == DLV_LINK_READY) {
    wg_log(LOG_NOTICE, WG_MSG_LINK_LOST, WG_FIELDS(WG_FIELD_PATH, link->shown, WG_FIELD_ERROR, why),
           "The messaging service at %s is lost (%s); it is tried again", link->shown, why);
    link->lost_said = TRUE;
    link->pause_msec = 0;
  }
  disconnect(link, why);
  dlv_agents_link_lost(link);
  dlv_courier_changed(link->courier);
  retry_later(link);
}

static void on_closed(sd_bus *bus, int r, gpointer user_data) {
  dlv_link_lost(user_data, g_strerror(-r));
}

static void registered(DlvLink *link, sd_bus_message *reply, const GError *error, gpointer data) {
  if (reply == NULL || sd_bus_message_read(reply, "t", &link->number) < 0) {
    /* another courier of ours may still be leaving */
    wg_log(LOG_DEBUG, NULL, NULL, "Not registered at %s: %s", link->shown,
           error != NULL ? error->message : "no answer that can be read");
    dlv_link_lost(link, "not registered");
    return;
  }
  link->state = DLV_LINK_READY;
  link->ready_at = g_get_monotonic_time();
  link->pause_msec = 0;
  if (link->lost_said)
    wg_log(LOG_NOTICE, WG_MSG_LINK_BACK, WG_FIELDS(WG_FIELD_PATH, link->shown),
           "The messaging service at %s is there again", link->shown);
  link->lost_said = FALSE;
  wg_service_activity(link->courier->service);
  dlv_courier_changed(link->courier);
  dlv_agents_link_ready(link);
  dlv_link_poll(link);
}

static void register_courier(DlvLink *link) {
  GVariantBuilder names, options;

  g_variant_builder_init(&names, G_VARIANT_TYPE("as"));
  for (const DlvBackendClass *const *c = link->courier->classes; *c != NULL; c++)
    g_variant_builder_add(&names, "s", (*c)->name);
  g_variant_builder_init(&options, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add(&options, "{sv}", "backends", g_variant_builder_end(&names));
  dlv_link_call(link, WG_IFACE_COURIER, "RegisterCourier", g_variant_new("(a{sv})", &options),
                registered, NULL);
}

static int on_waiting(sd_bus_message *m, void *user_data, sd_bus_error *ret_error) {
  DlvLink *link = user_data;

  dlv_link_poll(link);
  return 1;
}

static int on_event(sd_bus_message *m, void *user_data, sd_bus_error *ret_error) {
  DlvLink *link = user_data;
  guint64 watch, message, time;
  const char *agent, *state, *cause, *actor;

  if (sd_bus_message_read(m, "ttsstss", &watch, &message, &agent, &state, &time, &cause, &actor) >=
          0 &&
      watch == link->watch)
    dlv_agents_event(link, agent, message, state);
  return 1;
}

static int open_bus(DlvLink *link) {
  int r = sd_bus_new(&link->bus);

  if (r >= 0)
    r = sd_bus_set_address(link->bus, link->address);
  if (r >= 0)
    r = sd_bus_negotiate_fds(link->bus, TRUE);
  if (r >= 0)
    r = sd_bus_match_signal_async(link->bus, &link->waiting, NULL, WG_PATH_MESSAGING,
                                  WG_IFACE_COURIER, "Waiting", on_waiting, NULL, link);
  if (r >= 0)
    r = sd_bus_match_signal_async(link->bus, &link->events, NULL, WG_PATH_MESSAGING,
                                  WG_IFACE_MESSAGING, "Event", on_event, NULL, link);
  return r >= 0 ? sd_bus_start(link->bus) : r;
}

static void link_connect(DlvLink *link) {
  if (link->bus != NULL || link->courier->draining)
    return;
  int r = open_bus(link);
  if (r < 0) {
    wg_log(LOG_DEBUG, NULL, NULL, "Cannot connect to %s: %s", link->shown, g_strerror(-r));
    disconnect(link, g_strerror(-r));
    retry_later(link);
    return;
  }
  link->source = wg_bus_source_attach(link->bus, NULL, on_closed, link);
  link->state = DLV_LINK_REGISTERING;
  register_courier(link);
}

void dlv_link_wake(DlvLink *link) {
  g_clear_handle_id(&link->retry, g_source_remove);
  link->pause_msec = 0;
  link_connect(link);
}

gboolean dlv_link_busy(const DlvLink *link) {
  return link->n_attempts > 0 || link->owes || link->calls.length > link->n_polls ||
         link->reports->len > 0 || link->acks->len > 0;
}

/* What people type is a path. */
char *dlv_address_of(const char *text) {
  GString *s;

  if (text[0] != '/')
    return g_strdup(text);
  s = g_string_new("unix:path=");
  for (const guchar *p = (const guchar *)text; *p != '\0'; p++)
    if (g_ascii_isalnum(*p) || strchr("-_/.", *p) != NULL)
      g_string_append_c(s, (char)*p);
    else
      g_string_append_printf(s, "%%%02x", *p);
  return g_string_free(s, FALSE);
}

DlvLink *dlv_link_new(DlvCourier *courier, const char *address) {
  DlvLink *link = g_new0(DlvLink, 1);

  link->courier = courier;
  link->address = dlv_address_of(address);
  link->shown = g_strdup(address);
  g_queue_init(&link->calls);
  g_queue_init(&link->asks);
  link->agents =
      g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)dlv_agent_free);
  dlv_link_reports_init(link);
  return link;
}

void dlv_link_free(DlvLink *link) {
  g_clear_handle_id(&link->retry, g_source_remove);
  disconnect(link, "the courier leaves");
  g_clear_pointer(&link->agents, g_hash_table_unref);
  dlv_link_reports_clear(link);
  g_free(link->address);
  g_free(link->shown);
  g_free(link);
}
