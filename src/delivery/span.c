/* span.c: see span.h. */
#include "delivery/span.h"

static const struct {
  const char *name;
  guint64 usec;
} units[] = {
    {"d", 86400 * G_GUINT64_CONSTANT(1000000)},
    {"h", 3600 * G_GUINT64_CONSTANT(1000000)},
    {"min", 60 * G_GUINT64_CONSTANT(1000000)},
    {"s", G_GUINT64_CONSTANT(1000000)},
    {"ms", 1000},
    {"us", 1},
};

char *dlv_span_text(guint64 usec) {
  guint i = 0;

  if (usec == G_MAXUINT64)
    return g_strdup("infinity");
  if (usec == 0)
    return g_strdup("0s");
  while (usec < units[i].usec)
    i++;
  if (i + 1 >= G_N_ELEMENTS(units))
    return g_strdup_printf("%" G_GUINT64_FORMAT "%s", usec, units[i].name);
  /* The smaller of the two units rounds up; that may carry into the larger one. */
  guint64 small = usec / units[i + 1].usec + (usec % units[i + 1].usec > 0);
  guint64 ratio = units[i].usec / units[i + 1].usec;
  if (small * units[i + 1].usec != usec)
    return dlv_span_text(small * units[i + 1].usec);
  if (small % ratio == 0)
    return g_strdup_printf("%" G_GUINT64_FORMAT "%s", small / ratio, units[i].name);
  return g_strdup_printf("%" G_GUINT64_FORMAT "%s %" G_GUINT64_FORMAT "%s", small / ratio,
                         units[i].name, small % ratio, units[i + 1].name);
}

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
