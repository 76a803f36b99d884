/* bus-reply.h: answers and unicast signals, from the engine's results to messages.
 *
 * Every message that goes to a private client is charged to it here, so that one that
 * does not read is noticed (common/peer-server.h). A failure to send means that the receiver is
 * gone; then its leases end with the connection and nobody needs to be told. */
#pragma once

#include "messaging/bus.h"

/* Answers `m` with `error`; QuotaExceeded and StoreFull carry `retry_after` (us). */
void msg_reply_error(MsgDaemon *daemon, sd_bus_message *m, const GError *error,
                     guint64 retry_after);
/* Answers with the job's error. */
void msg_reply_job_error(gpointer job);
/* An empty answer to `m`. */
void msg_reply_empty(MsgDaemon *daemon, sd_bus_message *m);
/* Starts an answer: NULL when none is wanted. */
sd_bus_message *msg_reply_new(sd_bus_message *m);
/* Finishes, sends and unrefs. `r`: the result of filling it; negative: the caller gets an
 * error instead. `bytes`: about how much it weighs. */
void msg_reply_send(MsgDaemon *daemon, sd_bus_message *call, sd_bus_message *reply, int r,
                    gsize bytes);

/* Appends `(ttsaya{sv})` of Receive. */
int msg_reply_append_delivery(sd_bus_message *m, const MsgDelivery *delivery);
/* Appends its `from`, `body` and `fields`: "saya{sv}". */
int msg_reply_append_content(sd_bus_message *m, const MsgDelivery *delivery);
/* Appends `{sv}` with a basic value; a pointer as sd_bus_message_append_basic() wants it. */
int msg_reply_append_field(sd_bus_message *m, const char *key, const char *type, const void *value);
/* Appends the fields of a delivery that most have not, each as `{sv}`. */
int msg_reply_append_rare(sd_bus_message *m, const MsgDelivery *delivery);
/* Appends `a(ttsa{sv})b` of LeaseAttempts (bus-offers.c). */
int msg_reply_append_offers(sd_bus_message *m, const MsgOffers *offers);
#define MSG_WAIT_MAX (20 * G_USEC_PER_SEC) /* clients give up after 25 s */
#define MSG_REPLY_WEIGHT 512               /* of a message without its body, about */
