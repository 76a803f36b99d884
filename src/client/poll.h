/* poll.h: waiting longer than one call may take. Each call waits less than the 20 s after which the
 * service answers anyway and far less than the 25 s of the bus. */
#pragma once

#include "client/cli.h"

#define CLI_POLL_USEC (15 * G_USEC_PER_SEC)

/* A call that may be repeated: once the service has answered anything, this survives its restart
 * for up to 30 s. `params` as in cli_call(). */
GVariant *cli_call_again(Cli *cli, const char *method, GVariant *params, GError **error);
/* The same with an interface as in cli_call_interface(). */
GVariant *cli_call_interface_again(Cli *cli, const char *interface, const char *method,
                                   GVariant *params, GError **error);

/* Waits until `count` deliveries (0: all) of `message` reached `state`; timeout in us,
 * G_MAXUINT64: for ever. *ret_reached FALSE: the time ran out, or the message ended otherwise
 * (dead, expired, canceled); *ret_state (transfer full) is how it stands. */
gboolean cli_wait_state(Cli *cli, guint64 message, const char *state, const char *agent,
                        guint32 count, guint64 timeout, gboolean *ret_reached, char **ret_state,
                        GError **error);

/* Whether that is a state that can be waited for: to be asked before a message is sent. */
gboolean cli_wait_state_check(const char *state, GError **error);

/* Says on stdout or as JSON how a wait ended and returns the exit status, with an error where the
 * state was not reached. */
int cli_wait_report(Cli *cli, guint64 message, const char *wanted, gboolean reached,
                    const char *state, GError **error);
