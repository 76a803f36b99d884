/* bind.h: whether the process that answered a network check belongs to a unit, its new invocation
 * and its release.
 *
 * A network type observes "peer", the address it talked to ("127.0.0.1:8080", "[::1]:80" or a
 * socket's path); a check with the common option `unit` is bound: after its assertions held, the
 * runner asks here. On the loop, never blocks (what reads /proc does so in a worker thread). */
#pragma once

#include "checks/check.h"

/* `seen` is called once. OBSERVED: `values` {"unit", "pid", "invocation", "exe", ...} tells who
 * answers at `peer`; `text` NULL: it is bound; else why not (the check fails with it). UNKNOWN: it
 * cannot be told (the check is an error). */
typedef void (*ChkBindFunc)(ChkWorld *world, const char *unit, const char *peer,
                            GCancellable *cancel, ChkSeenFunc seen, gpointer user_data);

void chk_bind_check(ChkWorld *world, const char *unit, const char *peer, GCancellable *cancel,
                    ChkSeenFunc seen, gpointer user_data);
