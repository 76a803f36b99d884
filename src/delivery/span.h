/* span.h: spans and instants as people read them in explanations and errors. */
#pragma once

#include <glib.h>

/* "1min 30s", "2h", "500ms", "infinity"; the two largest units that are not zero, rounded up in the
 * last one. Can be read by wg_parse_usec(). Free with g_free(). */
char *dlv_span_text(guint64 usec);
/* "07:00", "Sat 07:00" when that is another day than `real`'s, in the zone; us of CLOCK_REALTIME.
 */
char *dlv_instant_text(gint64 at, gint64 real, GTimeZone *zone);
