/* calendar-private.h: an expression, taken apart; for calendar*.c. */
#pragma once

#include "common/calendar.h"

/* Years that are looked through for the next instant, as systemd does. */
#define WG_CALENDAR_YEAR_MAX 2199

/* start, or start..stop, or either of them with /repeat. */
typedef struct {
  int start, stop; /* stop < 0: none */
  int repeat;      /* 0: none */
} WgCalendarItem;

enum { WG_YEAR, WG_MONTH, WG_DAY, WG_HOUR, WG_MINUTE, WG_SECOND, WG_N_PARTS };

struct WgCalendar {
  char *text;
  guint8 weekdays;           /* bit 0: Monday; 0: all */
  GArray *parts[WG_N_PARTS]; /* of WgCalendarItem; NULL: any */
  gboolean from_end;         /* days count from the end of the month */
  gboolean has_time;
  int from, to; /* a span: seconds of the day; from < 0: none */
  GTimeZone *zone;
};

/* calendar-match.c */
gboolean wg_calendar_part_matches(const GArray *part, int value);
gboolean wg_calendar_day_matches(const WgCalendar *calendar, int year, int month, int day);
