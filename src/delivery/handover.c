/* handover.c: see handover.h. The user's bus is not the courier's own (it has none): it is one call
 * on a connection that lives as long as the call. Nothing here blocks. */
#include "delivery/handover.h"

#include "delivery/links.h"

#include "common/bus-source.h"
#include "common/log.h"
#include "common/names.h"

#include <unistd.h>

/* The user's manager may have to start its courier first. */
#define LIMIT_USEC (15 * G_USEC_PER_SEC)

struct DlvHandover {
  sd_bus *bus;
  GSource *source;
  sd_bus_slot *call;
};

void dlv_handover_end(DlvCourier *courier) {
  struct DlvHandover *h = g_steal_pointer(&courier->handover);

  if (h == NULL)
    return;
  g_clear_pointer(&h->call, sd_bus_slot_unref);
  if (h->source != NULL)
    wg_bus_source_destroy(h->source);
  sd_bus_close_unref(h->bus);
  g_free(h);
}

static void stay(DlvCourier *courier, const char *why) {
  wg_log(LOG_DEBUG, NULL, NULL, "The user's manager has no courier (%s): this one serves", why);
  dlv_handover_end(courier);
  dlv_links_wake(courier);
}

static int on_woken(sd_bus_message *m, void *user_data, sd_bus_error *ret_error) {
  DlvCourier *courier = user_data;
  const sd_bus_error *e = sd_bus_message_get_error(m);

  if (e != NULL) {
    stay(courier, e->message != NULL ? e->message : e->name);
    return 1;
  }
  wg_log(LOG_INFO, WG_MSG_HANDED_OVER, NULL,
         "The user's own courier is there and takes over; this one leaves");
  dlv_handover_end(courier);
  wg_service_quit(courier->service, 0);
  return 1;
}

static void on_closed(sd_bus *bus, int r, gpointer user_data) {
  stay(user_data, g_strerror(-r));
}

static int ask(DlvCourier *courier, struct DlvHandover *h, const char *path) {
  g_autofree char *escaped = dlv_address_of(path);
  int r = sd_bus_new(&h->bus);

  if (r >= 0)
    r = sd_bus_set_address(h->bus, escaped);
  if (r >= 0)
    r = sd_bus_set_bus_client(h->bus, TRUE);
  if (r >= 0)
    r = sd_bus_start(h->bus);
  if (r < 0)
    return r;
  h->source = wg_bus_source_attach(h->bus, NULL, on_closed, courier);
  sd_bus_message *m = NULL;
  r = sd_bus_message_new_method_call(h->bus, &m, WG_BUS_DELIVERY, WG_PATH_DELIVERY,
                                     WG_IFACE_DELIVERY, "Wake");
  if (r >= 0)
    r = sd_bus_call_async(h->bus, &h->call, m, on_woken, courier, LIMIT_USEC);
  sd_bus_message_unref(m);
  return r;
}

gboolean dlv_handover_begin(DlvCourier *courier) {
  const char *runtime_dir = g_getenv("XDG_RUNTIME_DIR");

  if (g_strcmp0(g_getenv(WG_ENV_HANDOVER), "1") != 0 || runtime_dir == NULL ||
      courier->handover != NULL || courier->draining)
    return FALSE;
  g_autofree char *path = g_build_filename(runtime_dir, "bus", NULL);
  if (access(path, F_OK) != 0)
    return FALSE;
  courier->handover = g_new0(struct DlvHandover, 1);
  if (ask(courier, courier->handover, path) >= 0)
    return TRUE;
  dlv_handover_end(courier);
  return FALSE;
}
