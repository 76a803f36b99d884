/* bus-access.h: who may do what.
 *
 * The uid of the connection decides, nothing else. In the user scope only the service's own uid
 * and root may enter at all. In the system scope everybody may enter; the engine compares owners
 * and refuses with NotAuthorized; what an administrator may allow is then put to polkit by the
 * action that the method has (msg_method_action()), and run again as an administrator's. */
#pragma once

#include "messaging/bus.h"

#define MSG_ACTION_MANAGE_AGENTS "org.waggle.messaging.manage-agents"
#define MSG_ACTION_READ_MAIL "org.waggle.messaging.read-mail"
#define MSG_ACTION_MANAGE_MESSAGES "org.waggle.messaging.manage-messages"
#define MSG_ACTION_MANAGE_SERVICE "org.waggle.messaging.manage-service"
#define MSG_ACTION_IMPORT "org.waggle.messaging.import"

gboolean msg_access_may_enter(const MsgDaemon *daemon, uid_t uid);
/* May act for every uid without asking polkit. */
gboolean msg_access_is_admin(const MsgDaemon *daemon, uid_t uid);

/* The polkit action that may allow `member` to a stranger; NULL: none may. */
const char *msg_access_action(const char *member);
/* Every pair, for the test; ends with NULL. */
typedef struct {
  const char *member, *action;
} MsgAction;
extern const MsgAction msg_actions[];

/* Called first by done(): TRUE when the engine refused the job with NotAuthorized and
 * polkit is asked now; the job is then run again as an administrator's, or done() is called again
 * with the error to send. FALSE: the job has its final result. */
gboolean msg_access_appeal(gpointer job);

/* For methods that the engine does not see: `then` runs with `error` NULL when the sender of
 * `m` may do what `member` needs. */
void msg_access_check(MsgConnection *client, sd_bus_message *m,
                      void (*then)(sd_bus_message *m, const GError *error, gpointer data),
                      gpointer data);

/* For property getters, which know their reader only by the connection: may the one who reads now
 * see what belongs to `owner` only? */
gboolean msg_access_may_see(MsgDaemon *daemon, sd_bus *bus, uid_t owner);
/* The same for what everybody may see who may enter at all. */
gboolean msg_access_may_look(MsgDaemon *daemon, sd_bus *bus);
