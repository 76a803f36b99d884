/* session.h: calls to the services of the user's session: the courier and the typist.
 *
 * They answer their own user only. The session's bus is asked first, because it can start them;
 * where there is none, the private socket in the user's runtime directory. A connection is made for
 * one call: these are asked rarely. */
#pragma once

#include "client/cli.h"

typedef enum { CLI_COURIER, CLI_TYPIST } CliSessionService;

/* Calls a method of the service's own interface and waits, up to `timeout_usec` (0: 25 s). `params`
 * is a tuple; its floating reference is taken. (transfer full), or NULL with an error of CLI_ERROR.
 */
GVariant *cli_session_call(CliSessionService service, const char *method, GVariant *params,
                           guint64 timeout_usec, GError **error);
