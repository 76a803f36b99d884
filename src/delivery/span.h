/* span.h: instants as people read them in explanations and errors. */
#pragma once

#include <glib.h>

/* "07:00", "Sat 07:00" when that is another day than `real`'s, in the zone; us of CLOCK_REALTIME.
 */
char *dlv_instant_text(gint64 at, gint64 real, GTimeZone *zone);
