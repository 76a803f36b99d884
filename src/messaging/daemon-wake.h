/* daemon-wake.h: the couriers of users whose mail waits are started. */
#pragma once

#include "messaging/bus.h"

void msg_waker_init(MsgDaemon *daemon);
void msg_waker_clear(MsgDaemon *daemon);
/* The engine asks for a courier of `uid`, again after a pause for as long as it needs one. */
void msg_waker_want(MsgDaemon *daemon, uid_t uid);
/* One has registered: the next failure is worth a line in the journal again. */
void msg_waker_registered(MsgDaemon *daemon, uid_t uid);
/* The bus is there: what could not be asked without it is asked now. It is lost: no answer comes
 * any more. */
void msg_waker_bus(MsgDaemon *daemon, sd_bus *bus);
void msg_waker_bus_lost(MsgDaemon *daemon);
gboolean msg_waker_busy(MsgDaemon *daemon);
