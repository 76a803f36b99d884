/* test-intervals.c: time intervals at their edges: the end of a month, another place's night. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "monitoring/intervals.h"

#include "common/error.h"

static gint64 at(const char *iso) {
  g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
  g_autoptr(GDateTime) t = g_date_time_new_from_iso8601(iso, utc);

  g_assert_nonnull(t);
  return g_date_time_to_unix(t) * G_USEC_PER_SEC;
}

typedef gboolean (*Parse)(const char *text, MonRange *ret, GError **error);

static GArray *ranges(Parse parse, const char *text) {
  GArray *list = g_array_new(FALSE, FALSE, sizeof(MonRange));
  g_autoptr(GError) error = NULL;
  MonRange range;

  g_assert_true(parse(text, &range, &error));
  g_assert_no_error(error);
  g_array_append_val(list, range);
  return list;
}

static void test_days(void) {
  g_autoptr(MonSpan) span = mon_span_new();

  g_assert_true(mon_span_holds(span, at("2024-02-29T12:00:00Z"))); /* of all times */
  span->days = ranges(mon_days_parse, "-2:-1");
  g_assert_true(mon_span_holds(span, at("2024-02-28T00:00:00Z")));
  g_assert_true(mon_span_holds(span, at("2024-02-29T23:59:59Z")));
  g_assert_false(mon_span_holds(span, at("2024-02-27T23:59:59Z")));
  g_assert_true(mon_span_holds(span, at("2023-02-27T00:00:00Z")));
  g_array_unref(span->days);
  span->days = ranges(mon_days_parse, "29:-1");
  g_assert_false(mon_span_holds(span, at("2023-02-28T00:00:00Z")));
  g_assert_true(mon_span_holds(span, at("2023-03-31T00:00:00Z")));
}

static void test_week_and_hours(void) {
  g_autoptr(MonSpan) span = mon_span_new();
  MonRange night = {0, 0};

  g_assert_true(mon_time_of_day("22:00", &night.begin, NULL));
  g_assert_true(mon_time_of_day("24:00", &night.end, NULL));
  span->times = g_array_new(FALSE, FALSE, sizeof(MonRange));
  g_array_append_val(span->times, night);
  span->weekdays = ranges(mon_weekdays_parse, "Monday:friday");
  g_assert_true(mon_span_holds(span, at("2024-05-03T22:00:00Z"))); /* a Friday */
  g_assert_true(mon_span_holds(span, at("2024-05-03T23:59:59Z")));
  g_assert_false(mon_span_holds(span, at("2024-05-03T21:59:59Z")));
  g_assert_false(mon_span_holds(span, at("2024-05-04T22:30:00Z")));
}

static void test_place(void) {
  g_autoptr(MonSpan) span = mon_span_new();
  GTimeZone *zone = g_time_zone_new_identifier("America/New_York");

  if (zone == NULL) {
    g_test_skip("this machine has no table of time zones");
    return;
  }
  g_time_zone_unref(span->zone);
  span->zone = zone;
  span->months = ranges(mon_months_parse, "december");
  span->years = ranges(mon_years_parse, "2023");
  g_assert_true(mon_span_holds(span, at("2024-01-01T04:59:59Z"))); /* still the old year there */
  g_assert_false(mon_span_holds(span, at("2024-01-01T05:00:00Z")));
}

static void test_refuses(void) {
  static const struct {
    Parse parse;
    const char *text;
  } bad[] = {
      {mon_days_parse, "0"},       {mon_days_parse, "32"},
      {mon_days_parse, "5:2"},     {mon_days_parse, "-1:5"},
      {mon_days_parse, "-1:-3"},   {mon_months_parse, "13"},
      {mon_months_parse, "maerz"}, {mon_weekdays_parse, "friday:monday"},
      {mon_weekdays_parse, "7"},   {mon_weekdays_parse, "mon"},
      {mon_years_parse, ""},       {mon_years_parse, "2024:"},
  };
  static const char *const times[] = {"", "1:00", "25:00", "24:01", "12:60", "12-00", "12:000"};
  MonRange range;
  int minutes;

  for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
    g_autoptr(GError) error = NULL;
    g_test_message("%s", bad[i].text);
    g_assert_false(bad[i].parse(bad[i].text, &range, &error));
    g_assert_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT);
  }
  for (guint i = 0; i < G_N_ELEMENTS(times); i++)
    g_assert_false(mon_time_of_day(times[i], &minutes, NULL));
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/monitor/intervals/days", test_days);
  g_test_add_func("/monitor/intervals/week-and-hours", test_week_and_hours);
  g_test_add_func("/monitor/intervals/place", test_place);
  g_test_add_func("/monitor/intervals/refuses", test_refuses);
  return g_test_run();
}
