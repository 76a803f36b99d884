/* times.h: points in time and spans, as people write and read them. All in microseconds; points are
 * CLOCK_REALTIME. */
#pragma once

#include <glib.h>

/* Understands: now, today, tomorrow, yesterday, @UNIX[.FRACTION], +SPAN, -SPAN, "SPAN ago",
 * HH:MM[:SS] (today), and what cli_time_parse_iso() does, also behind "Mon " or the like. */
gboolean cli_time_parse(const char *text, guint64 now, guint64 *ret, GError **error);

/* YYYY-MM-DD[(T| )HH:MM[:SS[.FRACTION]][ ][Z|+HH[:MM]|-HH[:MM]|UTC|CET|Europe/Berlin]]; an
 * abbreviation has to be the local zone's at that time, without a zone it is local time. Sets no
 * error; FALSE when `text` is something else or lies before 1970. */
gboolean cli_time_parse_iso(const char *text, guint64 *ret);

/* "2026-11-21T10:41:37.123456+01:00"; local zone. (transfer full) */
char *cli_time_iso(guint64 usec);

/* "3s ago", "in 5min", "2h ago", "4d ago", from three weeks on the date. "-" for 0. (transfer full)
 */
char *cli_time_relative(guint64 usec, guint64 now);

/* "2026-11-21 10:41:37 CET". (transfer full) */
char *cli_time_full(guint64 usec);

/* "2026-11-21 10:41:37.123456", local. (transfer full) */
char *cli_time_precise(guint64 usec);

/* "850us", "1.2ms", "3s", "5min 2s", "2h 3min". (transfer full) */
char *cli_time_span(guint64 usec);
