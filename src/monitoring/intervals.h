/* intervals.h: time intervals as Alertmanager has them: times of the day, weekdays, days of the
 * month, months and years, in a place's time.
 *
 * A named interval is a list of spans; a moment is in it when it is in one of them, and it is in a
 * span when it is in one range of each kind that the span names. Wall-clock time decides, so a
 * moment is CLOCK_REALTIME. Pure, but for the table of the place that the C library's database has;
 * it is read when the span is made. */
#pragma once

#include <glib.h>

typedef struct {
  int begin, end; /* both included; times: minutes of the day, the end not included */
} MonRange;

typedef struct {
  GArray *times, *weekdays, *days, *months, *years; /* of MonRange; NULL: any. Sunday is 0; a day
                                                       below 0 counts from the end of the month */
  GTimeZone *zone;                                  /* never NULL */
} MonSpan;

typedef struct {
  char *name;
  char *text;       /* as it stands in its file, canonical JSON; NULL: nowhere */
  GPtrArray *spans; /* of MonSpan */
} MonInterval;

MonSpan *mon_span_new(void); /* of all times, UTC */
void mon_span_free(MonSpan *span);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MonSpan, mon_span_free)
MonInterval *mon_interval_new(const char *name);
void mon_interval_free(MonInterval *interval);

/* "17:30" "24:00" to minutes. INVALID_ARGUMENT, as all that follow. */
gboolean mon_time_of_day(const char *text, int *ret, GError **error);
/* One range in the words of a list: "monday:friday", "1:5", "-3:-1", "january:march", "2024". */
gboolean mon_weekdays_parse(const char *text, MonRange *ret, GError **error);
gboolean mon_days_parse(const char *text, MonRange *ret, GError **error);
gboolean mon_months_parse(const char *text, MonRange *ret, GError **error);
gboolean mon_years_parse(const char *text, MonRange *ret, GError **error);

gboolean mon_span_holds(const MonSpan *span, gint64 realtime);
gboolean mon_interval_holds(const MonInterval *interval, gint64 realtime);
