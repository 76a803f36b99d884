/* bus-offers.c: what LeaseAttempts answers, from the engine's structs straight into the message.
 *
 * A courier gets every message of its agents this way, so nothing is made on the way that only has
 * to be taken apart again. The fields are those of Receive and what is said of the attempt. */
#include "messaging/bus-reply.h"

static int append_flag(sd_bus_message *m, const char *key, gboolean value) {
  return msg_reply_append_field(m, key, "b", &(int){value != FALSE});
}

static int append_mail(sd_bus_message *m, const MsgDelivery *d) {
  guint64 size = d->size, time = (guint64)d->time;
  guint32 uid = d->sender_uid;
  int r = msg_reply_append_field(m, "message", "t", &d->seq);

  if (r >= 0)
    r = msg_reply_append_field(m, "from", "s", d->from);
  if (r >= 0)
    r = msg_reply_append_field(m, "to", "s", d->to);
  if (r >= 0)
    r = msg_reply_append_field(m, "time", "t", &time);
  if (r >= 0 && !d->body_left_out) /* else it is one of the rare fields */
    r = msg_reply_append_field(m, "size", "t", &size);
  if (r >= 0)
    r = msg_reply_append_field(m, "sender-uid", "u", &uid);
  return r >= 0 ? msg_reply_append_rare(m, d) : r;
}

static int append_attempt(sd_bus_message *m, const MsgOfferAgent *agent, const MsgOffer *offer) {
  guint64 last_seen = (guint64)agent->last_seen;
  int r = msg_reply_append_field(m, "attempts", "u", &offer->attempts);

  if (r >= 0)
    r = msg_reply_append_field(m, "step", "u", &offer->step);
  if (r >= 0)
    r = append_flag(m, "announced", offer->announced);
  if (r >= 0)
    r = msg_reply_append_field(m, "waiting", "u", &agent->waiting);
  if (r >= 0)
    r = msg_reply_append_field(m, "urgent", "u", &agent->urgent);
  if (r >= 0)
    r = msg_reply_append_field(m, "last-seen", "t", &last_seen);
  return r >= 0 && agent->policy != NULL ? msg_reply_append_field(m, "policy", "s", agent->policy)
                                         : r;
}

static int append_body(sd_bus_message *m, const MsgDelivery *d) {
  int r = sd_bus_message_open_container(m, SD_BUS_TYPE_DICT_ENTRY, "sv");

  if (r >= 0)
    r = sd_bus_message_append_basic(m, SD_BUS_TYPE_STRING, "body");
  if (r >= 0)
    r = sd_bus_message_open_container(m, SD_BUS_TYPE_VARIANT, "ay");
  if (r >= 0)
    r = sd_bus_message_append_array(m, SD_BUS_TYPE_BYTE, d->body, d->size);
  if (r >= 0)
    r = sd_bus_message_close_container(m);
  return r >= 0 ? sd_bus_message_close_container(m) : r;
}

static int append_fields(sd_bus_message *m, const MsgOfferAgent *agent, const MsgOffer *offer) {
  int r = sd_bus_message_open_container(m, SD_BUS_TYPE_ARRAY, "{sv}");

  if (r >= 0)
    r = append_mail(m, offer->delivery);
  if (r >= 0)
    r = append_attempt(m, agent, offer);
  if (r >= 0 && !offer->delivery->body_left_out)
    r = append_body(m, offer->delivery);
  return r >= 0 ? sd_bus_message_close_container(m) : r;
}

static int append_offer(sd_bus_message *m, const MsgOfferAgent *agent, const MsgOffer *offer) {
  int r = sd_bus_message_open_container(m, SD_BUS_TYPE_STRUCT, "ttsa{sv}");

  if (r >= 0)
    r = sd_bus_message_append_basic(m, SD_BUS_TYPE_UINT64, &offer->delivery->token);
  if (r >= 0)
    r = sd_bus_message_append_basic(m, SD_BUS_TYPE_UINT64, &offer->delivery->seq);
  if (r >= 0)
    r = sd_bus_message_append_basic(m, SD_BUS_TYPE_STRING, agent->name);
  if (r >= 0)
    r = append_fields(m, agent, offer);
  return r >= 0 ? sd_bus_message_close_container(m) : r;
}

int msg_reply_append_offers(sd_bus_message *m, const MsgOffers *offers) {
  int r = sd_bus_message_open_container(m, SD_BUS_TYPE_ARRAY, "(ttsa{sv})"), more = offers->more;
  guint at = 0;

  for (guint i = 0; i < offers->agents->len; i++) {
    const MsgOfferAgent *agent = &g_array_index(offers->agents, MsgOfferAgent, i);
    for (guint end = at + agent->n; r >= 0 && at < end; at++)
      r = append_offer(m, agent, &g_array_index(offers->offers, MsgOffer, at));
  }
  if (r >= 0)
    r = sd_bus_message_close_container(m);
  return r >= 0 ? sd_bus_message_append_basic(m, SD_BUS_TYPE_BOOLEAN, &more) : r;
}
