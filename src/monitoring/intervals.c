/* intervals.c: see intervals.h. */
#include "monitoring/intervals.h"

#include "common/error.h"
#include "common/nearest.h"

#include <string.h>

static const char *const weekdays[] = {"sunday",   "monday", "tuesday",  "wednesday",
                                       "thursday", "friday", "saturday", NULL};
static const char *const months[] = {"january",  "february", "march",  "april",     "may",
                                     "june",     "july",     "august", "september", "october",
                                     "november", "december", NULL};

typedef struct {
  const char *what;
  const char *const *words;
  int first_word, min, max;
  gboolean skips_zero;
} Kind;

static const Kind kind_weekday = {"a day of the week", weekdays, 0, 0, 6, FALSE};
static const Kind kind_day = {"a day of the month (1 to 31, or -31 to -1)", NULL, 0, -31, 31, TRUE};
static const Kind kind_month = {"a month (1 to 12 or its name)", months, 1, 1, 12, FALSE};
static const Kind kind_year = {"a year", NULL, 0, 1, 9999, FALSE};

static void range_list_free(GArray **list) {
  g_clear_pointer(list, g_array_unref);
}

MonSpan *mon_span_new(void) {
  MonSpan *span = g_new0(MonSpan, 1);

  span->zone = g_time_zone_new_utc();
  return span;
}

void mon_span_free(MonSpan *span) {
  if (span == NULL)
    return;
  range_list_free(&span->times);
  range_list_free(&span->weekdays);
  range_list_free(&span->days);
  range_list_free(&span->months);
  range_list_free(&span->years);
  g_time_zone_unref(span->zone);
  g_free(span);
}

MonInterval *mon_interval_new(const char *name) {
  MonInterval *interval = g_new0(MonInterval, 1);

  interval->name = g_strdup(name);
  interval->spans = g_ptr_array_new_with_free_func((GDestroyNotify)mon_span_free);
  return interval;
}

void mon_interval_free(MonInterval *interval) {
  if (interval == NULL)
    return;
  g_free(interval->name);
  g_free(interval->text);
  g_ptr_array_unref(interval->spans);
  g_free(interval);
}

gboolean mon_time_of_day(const char *text, int *ret, GError **error) {
  gboolean ok = strlen(text) == 5 && text[2] == ':' && g_ascii_isdigit(text[0]) &&
                g_ascii_isdigit(text[1]) && g_ascii_isdigit(text[3]) && g_ascii_isdigit(text[4]);
  int minutes =
      ok ? ((text[0] - '0') * 10 + text[1] - '0') * 60 + (text[3] - '0') * 10 + text[4] - '0' : -1;

  if (!ok || text[3] > '5' || minutes > 24 * 60) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                "\"%s\" is no time of the day; write HH:MM, 00:00 to 24:00", text);
    return FALSE;
  }
  *ret = minutes;
  return TRUE;
}

static gboolean word_parse(const Kind *kind, const char *text, int *ret, GError **error) {
  g_autofree char *word = g_strstrip(g_ascii_strdown(text, -1));
  g_autofree char *hint = NULL;
  gint64 number;
  char *end;

  for (guint i = 0; kind->words && kind->words[i]; i++)
    if (g_str_equal(word, kind->words[i])) {
      *ret = kind->first_word + (int)i;
      return TRUE;
    }
  number = g_ascii_strtoll(word, &end, 10);
  if (end != word && *end == '\0' && number >= kind->min && number <= kind->max &&
      !(kind->skips_zero && number == 0)) {
    *ret = (int)number;
    return TRUE;
  }
  hint = kind->words ? wg_nearest_hint(word, kind->words) : NULL;
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "\"%s\" is not %s%s%s", word, kind->what,
              hint ? "; " : "", hint ? hint : "");
  return FALSE;
}

static gboolean range_parse(const Kind *kind, const char *text, MonRange *ret, GError **error) {
  const char *colon = strchr(text, ':');
  g_autofree char *first = colon ? g_strndup(text, (gsize)(colon - text)) : g_strdup(text);
  MonRange range;

  if (!word_parse(kind, first, &range.begin, error) ||
      !word_parse(kind, colon ? colon + 1 : first, &range.end, error))
    return FALSE;
  if (range.begin > range.end && !(kind->skips_zero && range.begin > 0 && range.end < 0)) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                "\"%s\" ends before it begins; write it as two ranges", text);
    return FALSE;
  }
  if (kind->skips_zero && range.begin < 0 && range.end > 0) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                "\"%s\" begins at the end of the month and ends at its beginning", text);
    return FALSE;
  }
  *ret = range;
  return TRUE;
}

gboolean mon_weekdays_parse(const char *text, MonRange *ret, GError **error) {
  return range_parse(&kind_weekday, text, ret, error);
}

gboolean mon_days_parse(const char *text, MonRange *ret, GError **error) {
  return range_parse(&kind_day, text, ret, error);
}

gboolean mon_months_parse(const char *text, MonRange *ret, GError **error) {
  return range_parse(&kind_month, text, ret, error);
}

gboolean mon_years_parse(const char *text, MonRange *ret, GError **error) {
  return range_parse(&kind_year, text, ret, error);
}

static gboolean in_ranges(GArray *ranges, int value) {
  for (guint i = 0; ranges && i < ranges->len; i++) {
    MonRange range = g_array_index(ranges, MonRange, i);
    if (value >= range.begin && value <= range.end)
      return TRUE;
  }
  return ranges == NULL;
}

static gboolean in_times(GArray *ranges, int minute) {
  for (guint i = 0; ranges && i < ranges->len; i++) {
    MonRange range = g_array_index(ranges, MonRange, i);
    if (minute >= range.begin && minute < range.end)
      return TRUE;
  }
  return ranges == NULL;
}

/* Each end by itself from the month's end; what lies outside the month is cut to it. */
static gboolean in_days(GArray *ranges, int day, int days_in_month) {
  for (guint i = 0; ranges && i < ranges->len; i++) {
    MonRange r = g_array_index(ranges, MonRange, i);
    int begin = r.begin < 0 ? days_in_month + r.begin + 1 : r.begin;
    int end = r.end < 0 ? days_in_month + r.end + 1 : r.end;
    if (day >= MAX(begin, 1) && day <= MIN(end, days_in_month))
      return TRUE;
  }
  return ranges == NULL;
}

gboolean mon_span_holds(const MonSpan *span, gint64 realtime) {
  g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(realtime / G_USEC_PER_SEC);
  g_autoptr(GDateTime) t = utc ? g_date_time_to_timezone(utc, span->zone) : NULL;
  int year, month, day;

  if (t == NULL)
    return FALSE;
  g_date_time_get_ymd(t, &year, &month, &day);
  return in_times(span->times, g_date_time_get_hour(t) * 60 + g_date_time_get_minute(t)) &&
         in_ranges(span->weekdays, g_date_time_get_day_of_week(t) % 7) &&
         in_days(span->days, day, g_date_get_days_in_month((GDateMonth)month, (GDateYear)year)) &&
         in_ranges(span->months, month) && in_ranges(span->years, year);
}

gboolean mon_interval_holds(const MonInterval *interval, gint64 realtime) {
  for (guint i = 0; i < interval->spans->len; i++)
    if (mon_span_holds(g_ptr_array_index(interval->spans, i), realtime))
      return TRUE;
  return FALSE;
}
