/* handover.h: a courier that root's manager made for a user without a session leaves to the user's
 * own courier as soon as there is a manager for one. */
#pragma once

#include "delivery/courier.h"

/* Asks the user's bus, if this courier hands over and there is one. TRUE: it asks, and connects to
 * messaged only if nobody answers. Also when it serves already: then it goes on until somebody
 * does. */
gboolean dlv_handover_begin(DlvCourier *courier);
void dlv_handover_end(DlvCourier *courier);
