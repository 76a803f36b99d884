/* bus-head.h: what a sender only wants kept with a message, and what of it has a form. */
#pragma once

#include "messaging/bus-options.h"
#include "messaging/bus.h"

/* Whether `value` may stand as `option` (MSG_SEND_HEAD and on). */
gboolean msg_head_check(MsgSendOption option, GVariant *value, GError **error);
