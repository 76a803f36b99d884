/* daemon-store.h: the store behind the engine: opened at the start, its troubles told to the
 * journal, the bus and systemd. */
#pragma once

#include "messaging/bus.h"

/* Opens <state directory>/messages.db, makes engine and writer. On failure nothing is left. */
gboolean msg_daemon_open_store(MsgDaemon *daemon, const MsgSettings *settings, GError **error);
void msg_daemon_close_store(MsgDaemon *daemon);
