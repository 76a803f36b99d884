/* polkit.h: asking polkit, asynchronously, once a call.
 *
 * Allowed without asking: uid 0 and the service's own uid. In the user scope and on
 * the private socket polkit is never asked: there anybody else gets
 * WG_ERROR_INTERACTIVE (private socket, system scope: repeat it on the bus) or
 * WG_ERROR_NOT_AUTHORIZED. A vanished polkitd is a refusal, never a pass (and a line in the
 * journal, since the administrator must know and the caller is only told no). An action that
 * needs a person, asked for without the message's flag, is WG_ERROR_INTERACTIVE.
 * polkitd must agree to answer us: our uid is the action's org.freedesktop.policykit.owner. */
#pragma once

#include <glib.h>
#include <systemd/sd-bus.h>

typedef struct WgPolkit WgPolkit;

typedef enum { WG_POLKIT_SYSTEM_BUS, WG_POLKIT_SYSTEM_PRIVATE, WG_POLKIT_USER } WgPolkitDoor;

/* `authorized` or not: `error` is NULL exactly when the call may go on. `call` is the
 * message that was asked about, still referenced during the callback. */
typedef void (*WgPolkitFunc)(sd_bus_message *call, const GError *error, gpointer user_data);

/* `bus`: the system bus connection (NULL where there is none). */
WgPolkit *wg_polkit_new(sd_bus *bus);
void wg_polkit_free(WgPolkit *polkit); /* cancels what is pending: their callbacks get an error */
guint wg_polkit_n_pending(WgPolkit *polkit);
/* How long to wait for polkitd (and for the person it asks): default 25 s, 5 min when interaction
 * is allowed. What takes longer is cancelled and refused. */
void wg_polkit_set_timeout(WgPolkit *polkit, guint64 usec, guint64 interactive_usec);

/* Asks whether the sender of `call` (uid `uid`, taken from the connection) may do
 * `action`. `details`: NULL or pairs key, value, NULL. Interaction is allowed exactly
 * when the message's ALLOW_INTERACTIVE_AUTHORIZATION flag is set. The callback may run
 * before the function returns. */
void wg_polkit_check(WgPolkit *polkit, WgPolkitDoor door, sd_bus_message *call, uid_t uid,
                     const char *action, const char *const *details, WgPolkitFunc done,
                     gpointer user_data);
