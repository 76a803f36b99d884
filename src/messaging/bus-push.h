/* bus-push.h: what goes to one client without being asked for: Delivery, Event, Waiting.
 *
 * A client that does not read holds up nobody but itself. A delivery that has no room waits here
 * (its lease runs), the engine is told to push no more, and to push again when all that waited
 * has gone out. An event that has no room is dropped and counted; the next one
 * that goes out is preceded by one of state "lost" with the number. Waiting only says "look", so
 * the newest number is enough. */
#pragma once

#include "messaging/bus.h"

/* MSG_NOTE_PUSH (takes the delivery), MSG_NOTE_EVENT, MSG_NOTE_ATTEMPTS. */
void msg_push_note(MsgDaemon *daemon, MsgNote *note);
/* The client is gone: what waited is dropped. */
void msg_push_forget(MsgConnection *client);
void msg_push_clear(MsgDaemon *daemon);
