/* watchdog.h: the ping that says the service works, not merely that it runs.
 *
 * A ping goes out at once and then at half the unit's WatchdogSec=, from the main loop, so it
 * proves that the loop turns. Before each the gate is asked; if it says no, that is logged
 * first and the ping withheld: systemd will end the process when the time is over, and the
 * journal has the reason. */
#pragma once

#include "common/notify.h"

typedef struct WgWatchdog WgWatchdog;

/* The gate: FALSE withholds; `ret_why` is freed with g_free(). */
typedef gboolean (*WgWatchdogGate)(gpointer user_data, char **ret_why);

/* NULL when the unit has no watchdog for this process. */
WgWatchdog *wg_watchdog_new(WgNotify *notify, WgWatchdogGate gate, gpointer user_data);
void wg_watchdog_free(WgWatchdog *watchdog);
