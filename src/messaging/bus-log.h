/* bus-log.h: the journal's lines about what clients did wrong and what became of mail.
 *
 * One line costs more than a message, so each kind is rate limited and tells how many were left
 * out; nothing here is ever said about a request that succeeds. */
#pragma once

#include "messaging/bus.h"

/* A request was answered with `error`. Errors that are part of normal work (a lease that ended,
 * a name that is taken) are not worth a line; refusals of access have one of their own. */
void msg_log_refused(MsgDaemon *daemon, sd_bus_message *m, const GError *error);
void msg_log_dead(const MsgNote *note);
void msg_log_slow_store(void);
