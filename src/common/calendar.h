/* calendar.h: calendar expressions as systemd.time(7) has them, and times of the week or the year
 * in which something is so ("windows").
 *
 *   Mon..Fri *-*-* 09:30        daily        *-*~01        Sat,Sun 2027-*-* 0/2:00 Europe/Berlin
 *
 * As a window an expression is each whole minute that it names; one without a time is the whole
 * day, and a time may be a span, over midnight too, whose day is the one it begins in:
 *
 *   Sat..Sun        *-*-* 02:00..04:00        Fri 22:00..06:00 UTC
 *
 * Not read: fractions of seconds. Follows CLOCK_REALTIME and the zone's rules; a time that the
 * clock jumps over does not happen. Pure but for the data of time zones; any thread. */
#pragma once

#include <glib.h>

typedef struct WgCalendar WgCalendar;

/* NULL: WG_ERROR_INVALID_ARGUMENT with a sentence. */
WgCalendar *wg_calendar_parse(const char *text, GError **error);
void wg_calendar_free(WgCalendar *calendar);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WgCalendar, wg_calendar_free)

/* The first instant after `after` that it names, of a span its beginning; both CLOCK_REALTIME us.
 * G_MAXINT64: never again. */
gint64 wg_calendar_next(const WgCalendar *calendar, gint64 after);
/* As a window: is `when` (CLOCK_REALTIME us) in it? */
gboolean wg_calendar_contains(const WgCalendar *calendar, gint64 when);
/* As it was written; borrowed. */
const char *wg_calendar_text(const WgCalendar *calendar);
