/* calendar-match.c: instants and windows of an expression; see calendar.h.
 *
 * Dates and times are gone through in the zone's own wall time and only what matches is turned
 * into an instant, so that the rules of daylight saving are the zone's. */
#include "common/calendar-private.h"

static int days_in_month(int year, int month) {
  return g_date_get_days_in_month((GDateMonth)month, (GDateYear)year);
}

static gboolean item_matches(const WgCalendarItem *item, int value) {
  if (value < item->start || (item->stop >= 0 && value > item->stop))
    return FALSE;
  return value == item->start || (item->repeat > 0 && (value - item->start) % item->repeat == 0);
}

gboolean wg_calendar_part_matches(const GArray *part, int value) {
  for (guint i = 0; part && i < part->len; i++)
    if (item_matches(&g_array_index(part, WgCalendarItem, i), value))
      return TRUE;
  return part == NULL;
}

/* Days that count from the end become days of this month. */
static gboolean day_from_end_matches(const GArray *part, int last, int day) {
  for (guint i = 0; part && i < part->len; i++) {
    WgCalendarItem item = g_array_index(part, WgCalendarItem, i);
    item.start = last - item.start + 1;
    item.stop = item.stop >= 0 ? last - item.stop + 1 : -1;
    if (item.start >= 1 && item_matches(&item, day))
      return TRUE;
  }
  return part == NULL;
}

gboolean wg_calendar_day_matches(const WgCalendar *c, int year, int month, int day) {
  if (!wg_calendar_part_matches(c->parts[WG_YEAR], year) ||
      !wg_calendar_part_matches(c->parts[WG_MONTH], month))
    return FALSE;
  if (c->from_end ? !day_from_end_matches(c->parts[WG_DAY], days_in_month(year, month), day)
                  : !wg_calendar_part_matches(c->parts[WG_DAY], day))
    return FALSE;
  if (c->weekdays == 0)
    return TRUE;
  GDate date;
  g_date_clear(&date, 1);
  g_date_set_dmy(&date, (GDateDay)day, (GDateMonth)month, (GDateYear)year);
  return (c->weekdays & (1 << (g_date_get_weekday(&date) - 1))) != 0;
}

/* us, or -1 for a time that this day does not have. */
static gint64 instant(const WgCalendar *c, int year, int month, int day, int second_of_day) {
  int hour = second_of_day / 3600, minute = second_of_day / 60 % 60, second = second_of_day % 60;
  g_autoptr(GDateTime) time = g_date_time_new(c->zone, year, month, day, hour, minute, second);

  if (!time || g_date_time_get_hour(time) != hour || g_date_time_get_minute(time) != minute)
    return -1;
  return g_date_time_to_unix(time) * G_USEC_PER_SEC;
}

/* The first instant of that day after `after`; G_MAXINT64. `from`: seconds of the day below which
 * there is none. */
static gint64 next_in_day(const WgCalendar *c, int year, int month, int day, int from,
                          gint64 after) {
  if (c->from >= 0) {
    gint64 begin = instant(c, year, month, day, c->from);
    return begin > after ? begin : G_MAXINT64;
  }
  for (int hour = from / 3600; hour < 24; hour++) {
    if (!wg_calendar_part_matches(c->parts[WG_HOUR], hour))
      continue;
    for (int minute = 0; minute < 60; minute++) {
      if (hour * 3600 + minute * 60 + 59 < from ||
          !wg_calendar_part_matches(c->parts[WG_MINUTE], minute))
        continue;
      for (int second = 0; second < 60; second++) {
        if (!wg_calendar_part_matches(c->parts[WG_SECOND], second))
          continue;
        gint64 when = instant(c, year, month, day, hour * 3600 + minute * 60 + second);
        if (when > after)
          return when;
      }
    }
  }
  return G_MAXINT64;
}

gint64 wg_calendar_next(const WgCalendar *c, gint64 after) {
  g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(after / G_USEC_PER_SEC);
  g_autoptr(GDateTime) now = utc ? g_date_time_to_timezone(utc, c->zone) : NULL;
  int year, month, day;

  if (now == NULL)
    return G_MAXINT64;
  /* an hour that comes twice is looked through twice */
  int from = g_date_time_get_hour(now) * 3600 - 2 * 3600;
  g_date_time_get_ymd(now, &year, &month, &day);
  for (; year <= WG_CALENDAR_YEAR_MAX; year++, month = 1, day = 1) {
    if (!wg_calendar_part_matches(c->parts[WG_YEAR], year)) {
      from = 0;
      continue;
    }
    for (; month <= 12; month++, day = 1) {
      if (!wg_calendar_part_matches(c->parts[WG_MONTH], month)) {
        from = 0;
        continue;
      }
      for (; day <= days_in_month(year, month); day++, from = 0) {
        if (!wg_calendar_day_matches(c, year, month, day))
          continue;
        gint64 when = next_in_day(c, year, month, day, MAX(from, 0), after);
        if (when != G_MAXINT64)
          return when;
      }
    }
  }
  return G_MAXINT64;
}

static gboolean day_of(const WgCalendar *c, GDateTime *time) {
  int year, month, day;

  g_date_time_get_ymd(time, &year, &month, &day);
  return wg_calendar_day_matches(c, year, month, day);
}

gboolean wg_calendar_contains(const WgCalendar *c, gint64 when) {
  g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(when / G_USEC_PER_SEC);
  g_autoptr(GDateTime) now = utc ? g_date_time_to_timezone(utc, c->zone) : NULL;

  if (now == NULL)
    return FALSE;
  int hour = g_date_time_get_hour(now), minute = g_date_time_get_minute(now);
  int second = hour * 3600 + minute * 60 + g_date_time_get_second(now);
  if (!c->has_time)
    return day_of(c, now);
  if (c->from < 0)
    return day_of(c, now) && wg_calendar_part_matches(c->parts[WG_HOUR], hour) &&
           wg_calendar_part_matches(c->parts[WG_MINUTE], minute);
  if (c->from < c->to)
    return second >= c->from && second < c->to && day_of(c, now);
  if (second >= c->from)
    return day_of(c, now);
  g_autoptr(GDateTime) yesterday = g_date_time_add_days(now, -1);
  return second < c->to && day_of(c, yesterday);
}
