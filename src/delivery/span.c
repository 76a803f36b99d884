/* span.c: see span.h. */
#include "delivery/span.h"

static GDateTime *date_time(gint64 usec, GTimeZone *zone) {
  g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(usec / G_USEC_PER_SEC);
  return utc ? g_date_time_to_timezone(utc, zone) : NULL;
}

char *dlv_instant_text(gint64 at, gint64 real, GTimeZone *zone) {
  static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
  g_autoptr(GDateTime) then = date_time(at, zone);
  g_autoptr(GDateTime) now = date_time(real, zone);

  if (!then || !now)
    return g_strdup("an unknown time");
  g_autofree char *clock =
      g_date_time_format(then, g_date_time_get_second(then) ? "%H:%M:%S" : "%H:%M");
  if (g_date_time_get_year(then) == g_date_time_get_year(now) &&
      g_date_time_get_day_of_year(then) == g_date_time_get_day_of_year(now))
    return g_steal_pointer(&clock);
  if (at - real < 6 * G_TIME_SPAN_DAY)
    return g_strdup_printf("%s %s", days[g_date_time_get_day_of_week(then) - 1], clock);
  g_autofree char *date = g_date_time_format(then, "%Y-%m-%d");
  return g_strdup_printf("%s %s", date, clock);
}
