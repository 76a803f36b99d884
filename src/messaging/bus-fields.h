/* bus-fields.h: which fields a delivery has, told one by one to whoever writes them. */
#pragma once

#include "messaging/engine.h"

/* `type` is that of a basic value, `value` as sd_bus_message_append_basic() wants it. Negative:
 * stop and return that. */
typedef int (*MsgFieldFunc)(gpointer data, const char *key, const char *type, const void *value);

/* All but what needs a descriptor and the sender's own dictionary. */
int msg_delivery_fields(const MsgDelivery *delivery, MsgFieldFunc put, gpointer data);
/* Of these the ones that most deliveries have not. */
int msg_delivery_rare_fields(const MsgDelivery *delivery, MsgFieldFunc put, gpointer data);
