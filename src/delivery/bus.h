/* bus.h: what the files of the courier's own D-Bus interface share. */
#pragma once

#include "delivery/courier.h"

/* TRUE: the caller is this courier's owner and may be answered. Otherwise the call has been. */
gboolean dlv_may_enter(DlvCourier *courier, sd_bus_message *m, WgCaller *caller,
                       const GError *lookup);
void dlv_reply_error(sd_bus_message *m, const GError *error);
void dlv_reply_empty(sd_bus_message *m);
