/* link-call.c: calls to messaged.
 *
 * Every call is kept in the link's list until it was answered, because sd-bus tells nobody whose
 * connection is closed from our side. A call that is not answered in time means that the service
 * hangs: the connection is given up then, and with it everything that waits, because nobody can say
 * what was done. Never blocks. */
#include "delivery/link.h"

#include "common/bus-variant.h"
#include "common/error.h"
#include "common/names.h"

/* A long poll waits 20 s, and a disk may be slow. */
#define TIMEOUT_USEC (120 * G_USEC_PER_SEC)

typedef struct {
  DlvLink *link;
  sd_bus_slot *slot; /* NULL: it could not be sent */
  guint idle;
  DlvCallFunc func;
  gpointer data;
  GList node;
} DlvCall;

static void call_end(DlvCall *call, sd_bus_message *reply, const GError *error) {
  DlvLink *link = call->link;

  g_queue_unlink(&link->calls, &call->node);
  g_clear_pointer(&call->slot, sd_bus_slot_unref);
  g_clear_handle_id(&call->idle, g_source_remove);
  call->func(link, reply, error, call->data);
  g_free(call);
}

static int on_reply(sd_bus_message *m, void *user_data, sd_bus_error *ret_error) {
  DlvCall *call = user_data;
  DlvLink *link = call->link;
  const sd_bus_error *e = sd_bus_message_get_error(m);

  if (e == NULL) {
    call_end(call, m, NULL);
    return 1;
  }
  if (sd_bus_error_has_names(e, SD_BUS_ERROR_NO_REPLY, SD_BUS_ERROR_TIMEOUT,
                             SD_BUS_ERROR_DISCONNECTED)) {
    dlv_link_lost(link, e->message != NULL ? e->message : e->name); /* tells this call, too */
    return 1;
  }
  g_autoptr(GError) error = wg_error_from_bus(e);
  call_end(call, NULL, error);
  return 1;
}

static int send_call(DlvCall *call, const char *interface, const char *member, DlvFillFunc fill,
                     gconstpointer args) {
  sd_bus_message *m = NULL;
  DlvLink *link = call->link;

  if (link->bus == NULL)
    return -ENOTCONN;
  int r = sd_bus_message_new_method_call(link->bus, &m, NULL, WG_PATH_MESSAGING, interface, member);
  if (r >= 0)
    r = fill(m, args);
  if (r >= 0)
    r = sd_bus_call_async(link->bus, &call->slot, m, on_reply, call, TIMEOUT_USEC);
  sd_bus_message_unref(m);
  return r;
}

static gboolean on_not_sent(gpointer data) {
  DlvCall *call = data;
  g_autoptr(GError) error =
      g_error_new_literal(WG_ERROR, WG_ERROR_FAILED, "the messaging service is not connected");

  call->idle = 0;
  call_end(call, NULL, error);
  return G_SOURCE_REMOVE;
}

void dlv_link_call_filled(DlvLink *link, const char *interface, const char *member,
                          DlvFillFunc fill, gconstpointer args, DlvCallFunc func, gpointer data) {
  DlvCall *call = g_new0(DlvCall, 1);

  call->link = link;
  call->func = func;
  call->data = data;
  call->node.data = call;
  g_queue_push_tail_link(&link->calls, &call->node);
  if (send_call(call, interface, member, fill, args) < 0)
    call->idle = g_idle_add(on_not_sent, call);
}

static int fill_variant(sd_bus_message *m, gconstpointer args) {
  return wg_variant_append_children(m, (GVariant *)args);
}

void dlv_link_call(DlvLink *link, const char *interface, const char *member, GVariant *args,
                   DlvCallFunc func, gpointer data) {
  g_autoptr(GVariant) held = g_variant_ref_sink(args);

  dlv_link_call_filled(link, interface, member, fill_variant, held, func, data);
}

void dlv_link_calls_fail(DlvLink *link, const char *why) {
  g_autoptr(GError) error = g_error_new(
      WG_ERROR, WG_ERROR_FAILED, "the connection to the messaging service is gone (%s)", why);
  guint n = link->calls.length; /* those that are made meanwhile fail by themselves */

  for (; n > 0 && link->calls.head != NULL; n--)
    call_end(link->calls.head->data, NULL, error);
}
