/* service-bus.c: the connection to the message bus, and the name on it.
 *
 * The bus is for interoperation: without it the service goes on through its private socket,
 * degraded, and tries again with a growing pause. The vtables stand before the name is asked
 * for, so no early call meets an unknown object. The name is neither taken from another nor
 * given to one. Nothing here waits: every answer of the broker comes through the loop. */
#include "common/bus-source.h"
#include "common/error.h"
#include "common/log.h"
#include "common/logcontrol.h"
#include "common/service-private.h"

#include <errno.h>

#define NAME_TIMEOUT_USEC (10 * G_USEC_PER_SEC)
#define RETRY_MSEC_FIRST 250
#define RETRY_MSEC_MAX 30000

/* Answers of RequestName, D-Bus specification */
#define NAME_PRIMARY_OWNER 1
#define NAME_ALREADY_OWNER 4
#define NAME_DO_NOT_QUEUE 4u

#define DBUS_NAME WG_BUS_BROKER
#define DBUS_PATH WG_PATH_BROKER

static void connect_or_retry(WgService *service);
static void request_name(WgService *service);

static gboolean on_retry(gpointer user_data) {
  WgService *service = user_data;

  service->bus.retry = 0;
  if (service->bus.bus)
    request_name(service);
  else
    connect_or_retry(service);
  return G_SOURCE_REMOVE;
}

/* The first attempt's end lets the service be ready without the bus. */
static void failed(WgService *service, const char *why) {
  WgServiceBus *b = &service->bus;

  b->settled = TRUE;
  if (service->state >= WG_SERVICE_FLUSHING)
    return;
  wg_service_set_degraded(service, "bus", why);
  b->retry_msec = CLAMP(b->retry_msec * 2, RETRY_MSEC_FIRST, RETRY_MSEC_MAX);
  if (b->retry == 0) /* spread, so that all services do not come back at once */
    b->retry =
        g_timeout_add(b->retry_msec + g_random_int_range(0, b->retry_msec / 4), on_retry, service);
  wg_service_maybe_ready(service);
}

/* Drops the connection with all that hangs on it. */
static void disconnect(WgService *service) {
  WgServiceBus *b = &service->bus;
  sd_bus *bus = g_steal_pointer(&b->bus);

  if (!bus)
    return;
  g_clear_pointer(&b->filter, sd_bus_slot_unref);
  g_clear_pointer(&b->name_lost, sd_bus_slot_unref);
  g_clear_pointer(&b->name_call, sd_bus_slot_unref);
  g_clear_pointer(&b->release_call, sd_bus_slot_unref);
  b->owned = b->releasing = FALSE;
  wg_bus_source_destroy(g_steal_pointer(&b->source));
  wg_polkit_free(service->polkit); /* what was asked gets its error while its caller is known */
  service->polkit = wg_polkit_new(NULL);
  wg_callers_set_bus(service->callers, NULL);
  if (service->info->detach)
    service->info->detach(service, service->self, bus, NULL);
  sd_bus_close_unref(bus); /* never the flushing one: it may block */
}

static void on_closed(sd_bus *bus, int r, gpointer user_data) {
  WgService *service = user_data;
  g_autofree char *why = g_strdup_printf("connection lost: %s", g_strerror(-r));

  if (service->bus.owned && service->state < WG_SERVICE_FLUSHING)
    wg_log(LOG_WARNING, WG_MSG_BUS_LOST, WG_FIELDS(WG_FIELD_ERROR, g_strerror(-r)),
           "The message bus is lost (%s); the private socket goes on serving", g_strerror(-r));
  disconnect(service);
  failed(service, why);
}

/* Every call that comes over the bus, before anybody looks at it. */
static int on_message(sd_bus_message *m, void *user_data, sd_bus_error *ret_error) {
  WgService *service = user_data;

  if (sd_bus_message_is_method_call(m, NULL, NULL) <= 0)
    return 0;
  wg_service_activity(service);
  return service->info->message ? service->info->message(service, service->self, m) : 0;
}

static void name_is_ours(WgService *service) {
  WgServiceBus *b = &service->bus;

  b->owned = b->settled = TRUE;
  b->retry_msec = 0;
  if (b->was_owned)
    wg_log(LOG_NOTICE, WG_MSG_BUS_BACK, NULL, "On the message bus again as %s",
           service->info->bus_name);
  b->was_owned = TRUE;
  wg_service_set_degraded(service, "bus", NULL);
  wg_service_maybe_ready(service);
}

static int on_name_answer(sd_bus_message *m, void *user_data, sd_bus_error *ret_error) {
  WgService *service = user_data;
  g_autofree char *why = NULL;
  uint32_t answer = 0;

  g_clear_pointer(&service->bus.name_call, sd_bus_slot_unref);
  if (sd_bus_message_is_method_error(m, NULL)) {
    const sd_bus_error *e = sd_bus_message_get_error(m);
    why = g_strdup_printf("cannot have the name %s: %s", service->info->bus_name,
                          e->message ? e->message : e->name);
  } else if (sd_bus_message_read(m, "u", &answer) < 0) {
    why = g_strdup("the bus answered something that is no answer");
  } else if (answer != NAME_PRIMARY_OWNER && answer != NAME_ALREADY_OWNER) {
    why = g_strdup_printf("the name %s belongs to another process", service->info->bus_name);
  }
  if (why)
    failed(service, why);
  else if (service->state < WG_SERVICE_FLUSHING)
    name_is_ours(service);
  return 1;
}

static void request_name(WgService *service) {
  WgServiceBus *b = &service->bus;
  sd_bus_message *m = NULL;

  int r =
      sd_bus_message_new_method_call(b->bus, &m, DBUS_NAME, DBUS_PATH, DBUS_NAME, "RequestName");
  if (r >= 0)
    r = sd_bus_message_append(m, "su", service->info->bus_name, NAME_DO_NOT_QUEUE);
  if (r >= 0)
    r = sd_bus_call_async(b->bus, &b->name_call, m, on_name_answer, service, NAME_TIMEOUT_USEC);
  sd_bus_message_unref(m);
  if (r < 0)
    failed(service, g_strerror(-r));
}

static int on_name_lost(sd_bus_message *m, void *user_data, sd_bus_error *ret_error) {
  WgService *service = user_data;
  const char *name = NULL;

  if (sd_bus_message_read(m, "s", &name) < 0 || g_strcmp0(name, service->info->bus_name) != 0 ||
      !service->bus.owned || service->state >= WG_SERVICE_FLUSHING)
    return 0;
  service->bus.owned = FALSE;
  wg_log(LOG_ERR, WG_MSG_NAME_LOST, NULL, "The bus took the name %s away", name);
  failed(service, "the name was lost");
  return 0;
}

static gboolean serve_on(WgService *service, sd_bus *bus, GError **error) {
  WgServiceBus *b = &service->bus;

  int r = sd_bus_add_filter(bus, &b->filter, on_message, service);
  if (r >= 0)
    r = wg_logcontrol_attach(bus, service->identifier);
  if (r >= 0)
    r = sd_bus_match_signal_async(bus, &b->name_lost, DBUS_NAME, DBUS_PATH, DBUS_NAME, "NameLost",
                                  on_name_lost, NULL, service);
  if (r < 0)
    return wg_error_set_errno(error, r, "cannot serve on the bus");
  return !service->info->attach || service->info->attach(service, service->self, bus, NULL, error);
}

static void connect_or_retry(WgService *service) {
  WgServiceBus *b = &service->bus;
  g_autoptr(GError) error = NULL;
  sd_bus *bus = NULL;

  int r = service->options.user ? sd_bus_open_user_with_description(&bus, service->identifier)
                                : sd_bus_open_system_with_description(&bus, service->identifier);
  if (r < 0) {
    g_autofree char *why = g_strdup_printf("cannot connect: %s", g_strerror(-r));
    failed(service, why);
    return;
  }
  b->bus = bus;
  b->source = wg_bus_source_attach(bus, NULL, on_closed, service);
  wg_callers_set_bus(service->callers, bus);
  wg_polkit_free(service->polkit);
  service->polkit = wg_polkit_new(service->options.user ? NULL : bus);
  if (!serve_on(service, bus, &error)) {
    disconnect(service);
    failed(service, error->message);
    return;
  }
  request_name(service);
}

void wg_service_bus_start(WgService *service) {
  if (service->options.no_bus)
    service->bus.settled = TRUE;
  else
    connect_or_retry(service);
}

static int on_released(sd_bus_message *m, void *user_data, sd_bus_error *ret_error) {
  WgService *service = user_data;

  /* All that was routed to the name has been read before this answer. */
  g_clear_pointer(&service->bus.release_call, sd_bus_slot_unref);
  service->bus.releasing = FALSE;
  return 1;
}

void wg_service_bus_release(WgService *service) {
  WgServiceBus *b = &service->bus;

  if (b->retry)
    g_source_remove(b->retry);
  b->retry = 0;
  /* Also while the answer to RequestName is still on its way: the broker keeps the order. */
  if (!b->bus || (!b->owned && !b->name_call))
    return;
  int r =
      sd_bus_call_method_async(b->bus, &b->release_call, DBUS_NAME, DBUS_PATH, DBUS_NAME,
                               "ReleaseName", on_released, service, "s", service->info->bus_name);
  b->releasing = r >= 0;
}

gboolean wg_service_bus_flushed(WgService *service) {
  if (!service->bus.source)
    return TRUE;
  wg_bus_source_flush(service->bus.source);
  return wg_bus_source_n_queued(service->bus.source) == 0;
}

void wg_service_bus_stop(WgService *service) {
  if (service->bus.retry)
    g_source_remove(service->bus.retry);
  service->bus.retry = 0;
  disconnect(service);
}

gboolean wg_service_wants_bus(WgService *service) {
  return !service->options.no_bus;
}

sd_bus *wg_service_bus(WgService *service) {
  return service->bus.bus;
}

GSource *wg_service_bus_source(WgService *service, sd_bus *bus) {
  WgPeer *peer = wg_peer_from_bus(service->peers, bus);

  if (peer)
    return wg_peer_source(peer);
  return bus && bus == service->bus.bus ? service->bus.source : NULL;
}
