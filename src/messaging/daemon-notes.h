/* daemon-notes.h: what the engine tells after each batch goes its ways from here. */
#pragma once

#include "messaging/bus.h"

/* MsgNotesFunc; `user_data` is the daemon. */
void msg_notes(GPtrArray *notes, gpointer user_data);
/* The timers behind MSG_NOTE_WAKE. */
gboolean msg_wake_init(MsgDaemon *daemon, GError **error);
void msg_wake_clear(MsgDaemon *daemon);
/* TRUE while a time is set at which mail has to move. The engine only tells when it becomes an
 * earlier one: a lease that was acked leaves its end behind. So the engine is asked what is
 * really due, and the next call of this knows. */
gboolean msg_wake_armed(MsgDaemon *daemon);
