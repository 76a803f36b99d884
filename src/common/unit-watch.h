/* unit-watch.h: units of a systemd manager, kept in sight by its own signals.
 *
 * Nothing is polled. A change between two signals of one turn may be seen as one; that a unit was
 * restarted is nevertheless seen, by its invocation and its number of restarts. Lost sight (the bus
 * ended, the manager went or was executed anew) is told once, as an error: what happened meanwhile
 * is not known, so it is never to be taken for "nothing happened". Everything is on the loop's
 * thread; nothing blocks. */
#pragma once

#include "common/unit-state.h"

typedef struct WgUnitWatch WgUnitWatch;

/* `state`: of the unit that changed, after the change; borrowed. NULL with `lost`: the end of the
 * watch, no call follows. May free the watch. */
typedef void (*WgUnitChangedFunc)(WgUnitWatch *watch, const WgUnitState *state, const GError *lost,
                                  gpointer user_data);

/* Begins; every unit is told once when it is first known (also one that is not there, as
 * "not-found"), later at each change. Never calls from inside. `bus` is referenced. */
WgUnitWatch *wg_unit_watch_new(sd_bus *bus, const char *const *names, WgUnitChangedFunc changed,
                               gpointer user_data);
void wg_unit_watch_free(WgUnitWatch *watch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WgUnitWatch, wg_unit_watch_free)
/* Every unit is known. */
gboolean wg_unit_watch_ready(const WgUnitWatch *watch);
/* Borrowed; NULL: none of the watched, or not known yet. */
const WgUnitState *wg_unit_watch_state(const WgUnitWatch *watch, const char *name);
