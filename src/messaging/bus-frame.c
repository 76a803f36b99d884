/* bus-frame.c: see bus-frame.h. What is rare (descriptors, the sender's dictionary, large bodies)
 * takes the road of bus-reply.c; which fields a delivery has stands there for both, in
 * msg_delivery_fields(). */
#include "messaging/bus-frame.h"

#include "messaging/bus-fields.h"

#include "common/bus-source.h"
#include "common/names.h"

#include <string.h>

/* Field names, types, padding and all numbers of a delivery, and the message's header. */
#define DELIVERY_BYTES 768
#define HEADER_BYTES 1024

static GSource *source_of(MsgDaemon *daemon, sd_bus *bus) {
  return wg_service_bus_source(daemon->service, bus);
}

WgOutbox *msg_frame_answer(MsgDaemon *daemon, sd_bus_message *call, const char *signature) {
  GSource *source = source_of(daemon, sd_bus_message_get_bus(call));
  WgOutbox *out = source != NULL ? wg_bus_source_outbox(source) : NULL;

  return out != NULL && wg_outbox_begin_answer(out, call, signature) ? out : NULL;
}

WgOutbox *msg_frame_signal(MsgConnection *client, const char *member, const char *signature) {
  GSource *source = source_of(client->daemon, client->caller->bus);
  WgOutbox *out = source != NULL ? wg_bus_source_outbox(source) : NULL;

  if (out != NULL)
    wg_outbox_begin_signal(out, client->caller->name, WG_PATH_MESSAGING, WG_IFACE_MESSAGING, member,
                           signature);
  return out;
}

void msg_frame_end(MsgDaemon *daemon, sd_bus *bus, WgOutbox *out, gsize bytes) {
  WgPeer *peer = wg_peer_from_bus(wg_service_peers(daemon->service), bus);
  GSource *source = source_of(daemon, bus);

  if (!wg_outbox_end(out))
    g_critical("a message was too large to be gathered"); /* msg_frame_takes() is wrong */
  wg_bus_source_gathered(source);
  if (peer != NULL)
    wg_peer_charge(peer, bytes);
}

gsize msg_frame_size(const MsgDelivery *d) {
  gsize texts = 0;

  const char *const all[] = {d->from, d->from, d->to, d->id, d->key}; /* `from` may be told twice */

  for (guint i = 0; i < G_N_ELEMENTS(all); i++)
    texts += all[i] != NULL ? strlen(all[i]) : 0;
  return DELIVERY_BYTES + texts + (d->body_left_out ? 0 : d->size);
}

gboolean msg_frame_takes(const MsgDelivery *d) {
  return d->body_fd < 0 && d->head_size == 0 &&
         msg_frame_size(d) + HEADER_BYTES < WG_OUTBOX_MESSAGE_MAX;
}

void msg_frame_field(WgOutbox *out, const char *key, char type, const void *value) {
  wg_outbox_struct(out);
  wg_outbox_string(out, key);
  wg_outbox_variant(out, type);
  switch (type) {
  case SD_BUS_TYPE_STRING:
    wg_outbox_string(out, value);
    break;
  case SD_BUS_TYPE_UINT64:
    wg_outbox_u64(out, *(const guint64 *)value);
    break;
  case SD_BUS_TYPE_UINT32:
    wg_outbox_u32(out, *(const guint32 *)value);
    break;
  case SD_BUS_TYPE_BOOLEAN:
    wg_outbox_u32(out, *(const int *)value != 0);
    break;
  case SD_BUS_TYPE_BYTE:
    wg_outbox_byte(out, *(const guint8 *)value);
    break;
  default:
    g_assert_not_reached();
  }
}

static int put_field(gpointer out, const char *key, const char *type, const void *value) {
  msg_frame_field(out, key, type[0], value);
  return 0;
}

void msg_frame_content(WgOutbox *out, const MsgDelivery *d) {
  gboolean inlined = d->body != NULL && !d->body_left_out;

  wg_outbox_string(out, d->from != NULL ? d->from : "");
  wg_outbox_bytes(out, d->body, inlined ? d->size : 0);
  WgOutboxArray fields = wg_outbox_open_array(out, 8);
  (void)msg_delivery_fields(d, put_field, out);
  wg_outbox_close_array(out, fields);
}

void msg_frame_delivery(WgOutbox *out, const MsgDelivery *d) {
  wg_outbox_struct(out);
  wg_outbox_u64(out, d->seq);
  wg_outbox_u64(out, d->token);
  msg_frame_content(out, d);
}
