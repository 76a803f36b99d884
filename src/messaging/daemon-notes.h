/* daemon-notes.h: what the engine tells after each batch goes its ways from here. */
#pragma once

#include "messaging/bus.h"

/* MsgNotesFunc; `user_data` is the daemon. */
void msg_notes(GPtrArray *notes, gpointer user_data);
/* The timers behind MSG_NOTE_WAKE. */
gboolean msg_wake_init(MsgDaemon *daemon, GError **error);
void msg_wake_clear(MsgDaemon *daemon);
/* TRUE while a time is set at which mail has to move. */
gboolean msg_wake_armed(const MsgDaemon *daemon);
