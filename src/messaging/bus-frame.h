/* bus-frame.h: answers of the hot methods, and pushes, without an sd_bus_message; see
 * common/outbox.h. */
#pragma once

#include "common/outbox.h"
#include "messaging/bus.h"

/* Begins an answer to `call`. NULL: none is wanted, or nobody is there any more. */
WgOutbox *msg_frame_answer(MsgDaemon *daemon, sd_bus_message *call, const char *signature);
/* Begins a signal of Messaging1 to one client. NULL: it is gone. */
WgOutbox *msg_frame_signal(MsgConnection *client, const char *member, const char *signature);
/* Ends it and charges it to the client. `bytes`: about how much it weighs. */
void msg_frame_end(MsgDaemon *daemon, sd_bus *bus, WgOutbox *out, gsize bytes);

/* TRUE: all of the delivery can be written by msg_frame_delivery() and msg_frame_content(): no
 * descriptor, no dictionary of the sender, and small. */
gboolean msg_frame_takes(const MsgDelivery *delivery);
/* How many bytes it becomes at most. */
gsize msg_frame_size(const MsgDelivery *delivery);
void msg_frame_delivery(WgOutbox *out, const MsgDelivery *delivery); /* (ttsaya{sv}) */
void msg_frame_content(WgOutbox *out, const MsgDelivery *delivery);  /* saya{sv} */
/* An entry {sv} of a basic type; `value` as sd_bus_message_append_basic() wants it. */
void msg_frame_field(WgOutbox *out, const char *key, char type, const void *value);
