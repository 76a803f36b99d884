/* test-hours.c: hours and days by the wall clock, also where the wall clock jumps. What the answer
 * says about the next change is compared with asking at every minute. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "delivery/hours.h"

#include <string.h>

static DlvHours *hours_of(const char *texts, guint8 days) {
  g_auto(GStrv) list = g_strsplit(texts, ";", -1);
  DlvHours *hours = dlv_hours_new();

  for (guint i = 0; list[i]; i++)
    g_assert_true(dlv_hours_add(hours, list[i], days, NULL));
  return hours;
}

static GTimeZone *zone_of(const char *name) {
  GTimeZone *zone = g_time_zone_new_identifier(name);

  if (!zone)
    g_test_message("no zone %s here", name);
  g_assert_nonnull(zone);
  return zone;
}

/* "2026-03-29T00:59:59Z" */
static gint64 at(const char *text) {
  g_autoptr(GDateTime) time = g_date_time_new_from_iso8601(text, NULL);
  g_assert_nonnull(time);
  return g_date_time_to_unix(time) * G_USEC_PER_SEC;
}

static void expect(const char *texts, const char *zone_name, const char *when, gboolean holds,
                   const char *next) {
  g_autoptr(DlvHours) hours = hours_of(texts, 0);
  g_autoptr(GTimeZone) zone = zone_of(zone_name);
  gint64 time = at(when), change = dlv_hours_next(hours, time, zone);
  g_autofree char *shown = NULL;

  if (change) {
    g_autoptr(GDateTime) date = g_date_time_new_from_unix_utc(change / G_USEC_PER_SEC);
    shown = g_date_time_format(date, "%Y-%m-%dT%H:%M:%SZ");
  }
  g_assert_cmpint(dlv_hours_holds(hours, time, zone), ==, holds);
  g_assert_cmpstr(shown, ==, next);
}

static void test_plain(void) {
  /* a Monday */
  expect("08:00-19:00", "UTC", "2026-11-23T07:59:59Z", FALSE, "2026-11-23T08:00:00Z");
  expect("08:00-19:00", "UTC", "2026-11-23T08:00:00Z", TRUE, "2026-11-23T19:00:00Z");
  expect("08:00-19:00", "UTC", "2026-11-23T18:59:59Z", TRUE, "2026-11-23T19:00:00Z");
  expect("08:00-19:00", "UTC", "2026-11-23T19:00:00Z", FALSE, "2026-11-24T08:00:00Z");
  expect("Mon..Fri 08:00-19:00", "UTC", "2026-11-27T20:00:00Z", FALSE, "2026-11-30T08:00:00Z");
  expect("Sun 08:00-19:00", "UTC", "2026-11-23T12:00:00Z", FALSE, "2026-11-29T08:00:00Z");
  expect("08:00-12:00;12:00-13:00", "UTC", "2026-11-23T09:00:00Z", TRUE, "2026-11-23T13:00:00Z");
  expect("08:00-10:00;09:00-13:00", "UTC", "2026-11-23T08:30:00Z", TRUE, "2026-11-23T13:00:00Z");
  expect("00:00-24:00", "UTC", "2026-11-23T12:00:00Z", TRUE, NULL);
  expect("Mon 00:00-24:00", "UTC", "2026-11-23T12:00:00Z", TRUE, "2026-11-24T00:00:00Z");
}

static void test_over_midnight(void) {
  expect("22:00-07:00", "UTC", "2026-11-23T21:59:59Z", FALSE, "2026-11-23T22:00:00Z");
  expect("22:00-07:00", "UTC", "2026-11-23T23:00:00Z", TRUE, "2026-11-24T07:00:00Z");
  expect("22:00-07:00", "UTC", "2026-11-23T00:00:00Z", TRUE, "2026-11-23T07:00:00Z");
  expect("22:00-00:00", "UTC", "2026-11-23T23:00:00Z", TRUE, "2026-11-24T00:00:00Z");
  /* belongs to the day on which it begins: Friday's ends on Saturday, Sunday's on Monday */
  expect("Fri 22:00-07:00", "UTC", "2026-11-27T23:00:00Z", TRUE, "2026-11-28T07:00:00Z");
  expect("Fri 22:00-07:00", "UTC", "2026-11-27T03:00:00Z", FALSE, "2026-11-27T22:00:00Z");
  expect("Sun 22:00-07:00", "UTC", "2026-11-23T06:59:59Z", TRUE, "2026-11-23T07:00:00Z");
  expect("Sat,Sun 22:00-07:00", "UTC", "2026-11-23T07:00:00Z", FALSE, "2026-11-28T22:00:00Z");
}

/* Berlin: forward 2026-03-29 01:00 UTC (02:00 -> 03:00), back 2026-10-25 01:00 UTC (03:00 -> 02:00)
 */
static void test_forward(void) {
  const char *zone = "Europe/Berlin";

  expect("08:00-19:00", zone, "2026-03-28T18:00:00Z", FALSE, "2026-03-29T06:00:00Z");
  expect("22:00-07:00", zone, "2026-03-28T22:00:00Z", TRUE, "2026-03-29T05:00:00Z");
  /* a boundary in the gap is reached when the gap is */
  expect("02:30-04:00", zone, "2026-03-29T00:59:59Z", FALSE, "2026-03-29T01:00:00Z");
  expect("02:30-04:00", zone, "2026-03-29T01:00:00Z", TRUE, "2026-03-29T02:00:00Z");
  expect("01:30-02:30", zone, "2026-03-29T00:45:00Z", TRUE, "2026-03-29T01:00:00Z");
  /* all of it in the gap: not on that day */
  expect("02:00-03:00", zone, "2026-03-29T00:30:00Z", FALSE, "2026-03-30T00:00:00Z");
  expect("Sun 02:10-02:50", zone, "2026-03-29T00:30:00Z", FALSE, "2026-04-05T00:10:00Z");
}

static void test_back(void) {
  const char *zone = "Europe/Berlin";

  expect("22:00-07:00", zone, "2026-10-24T22:00:00Z", TRUE, "2026-10-25T06:00:00Z");
  expect("08:00-19:00", zone, "2026-10-24T18:00:00Z", FALSE, "2026-10-25T07:00:00Z");
  /* 02:00 to 03:00 comes twice, and what the clock shows is judged twice */
  expect("02:00-03:00", zone, "2026-10-25T00:00:00Z", TRUE, "2026-10-25T02:00:00Z");
  expect("02:15-02:45", zone, "2026-10-25T00:15:00Z", TRUE, "2026-10-25T00:45:00Z");
  expect("02:15-02:45", zone, "2026-10-25T00:45:00Z", FALSE, "2026-10-25T01:15:00Z");
  expect("02:15-02:45", zone, "2026-10-25T01:45:00Z", FALSE, "2026-10-26T01:15:00Z");
  expect("22:00-02:30", zone, "2026-10-25T00:30:00Z", FALSE, "2026-10-25T01:00:00Z");
}

static void test_strange_zones(void) {
  /* half an hour: Lord Howe, back 2026-04-04 15:00 UTC (02:00 -> 01:30) */
  expect("01:30-02:00", "Australia/Lord_Howe", "2026-04-04T14:30:00Z", TRUE,
         "2026-04-04T15:30:00Z");
  /* at midnight: Beirut, forward 2026-03-28 22:00 UTC (Sunday has no 00:00) */
  expect("Sun 00:00-24:00", "Asia/Beirut", "2026-03-28T12:00:00Z", FALSE, "2026-03-28T22:00:00Z");
  expect("Sun 00:00-00:30", "Asia/Beirut", "2026-03-28T12:00:00Z", FALSE, "2026-04-04T21:00:00Z");
  /* a Friday that was not: Samoa went from Thursday 2011-12-29 to Saturday */
  expect("Fri 00:00-24:00", "Pacific/Apia", "2011-12-29T12:00:00Z", FALSE, "2012-01-05T10:00:00Z");
  expect("Thu..Fri 20:00-24:00", "Pacific/Apia", "2011-12-30T07:00:00Z", TRUE,
         "2011-12-30T10:00:00Z");
  /* far from full hours */
  expect("12:00-13:00", "Asia/Kathmandu", "2026-11-23T06:00:00Z", FALSE, "2026-11-23T06:15:00Z");
}

/* From any minute of the weeks around a change: the answer stays until just before the instant that
 * was told, and is another one at it. */
static void test_against_every_minute(void) {
  static const char *const zones[] = {"Europe/Berlin", "America/New_York",  "Australia/Lord_Howe",
                                      "Asia/Beirut",   "Africa/Casablanca", "UTC"};
  static const char *const ranges[] = {
      "22:00-07:00",          "02:00-03:00",          "01:30-02:30",
      "Sat..Mon 23:30-02:15", "Mon..Fri 00:00-24:00", "02:15-02:45;02:30-03:10;Sun 00:00-00:10"};
  static const char *const starts[] = {"2026-03-25T00:00:00Z", "2026-10-22T00:00:00Z"};

  for (guint z = 0; z < G_N_ELEMENTS(zones); z++)
    for (guint r = 0; r < G_N_ELEMENTS(ranges); r++)
      for (guint s = 0; s < G_N_ELEMENTS(starts); s++) {
        g_autoptr(GTimeZone) zone = zone_of(zones[z]);
        g_autoptr(DlvHours) hours = hours_of(ranges[r], 0);
        gint64 minute = 60 * G_USEC_PER_SEC, begin = at(starts[s]), told = 0;
        for (gint64 time = begin; time < begin + 7 * 24 * 60 * minute; time += minute) {
          gboolean now = dlv_hours_holds(hours, time, zone);
          if (time > begin)
            g_assert_true((now != dlv_hours_holds(hours, time - minute, zone)) == (time == told));
          told = dlv_hours_next(hours, time, zone);
          g_assert_cmpint(told, >, time);
        }
      }
}

static void test_days(void) {
  static const struct {
    const char *text;
    guint8 days;
  } good[] = {{"Mon", 1},         {"Monday", 1},      {"mon..fri", 0x1f},  {"Sat,Sun", 0x60},
              {"Fri..Mon", 0x71}, {"Mon..Sun", 0x7f}, {"Wed,Mon..Tue", 7}, {"Sunday..Sunday", 64}};
  static const char *const bad[] = {"",         "Mon-Fri", "Mo",      "Mon..",     "..Fri", "Mon,",
                                    "Mon,,Tue", "Mons",    "Mon Tue", "Mon...Fri", " Mon",  "1"};
  guint8 days;

  for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
    g_assert_true(dlv_days_parse(good[i].text, &days, NULL));
    g_assert_cmpuint(days, ==, good[i].days);
  }
  for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
    g_autoptr(GError) error = NULL;
    g_assert_false(dlv_days_parse(bad[i], &days, &error));
    g_assert_nonnull(error);
  }
}

static void test_bad_ranges(void) {
  static const char *const bad[] = {"",
                                    "8:00-9:00",
                                    "08:00",
                                    "08:00-08:00",
                                    "24:00-08:00",
                                    "08:00-24:01",
                                    "08:00-25:00",
                                    "08:60-09:00",
                                    "08:00..09:00",
                                    "08:00-09:00x",
                                    "Mon",
                                    "Mon  08:00-09:00",
                                    "Moon 08:00-09:00",
                                    "-",
                                    "08:00-",
                                    "99:99-99:99"};
  g_autoptr(DlvHours) hours = dlv_hours_new();
  g_autoptr(GTimeZone) utc = g_time_zone_new_utc();

  for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
    g_autoptr(GError) error = NULL;
    g_assert_false(dlv_hours_add(hours, bad[i], 0, &error));
    g_assert_nonnull(error);
  }
  g_assert_false(dlv_hours_holds(hours, 0, utc)); /* nothing of them has stayed */
  g_assert_cmpint(dlv_hours_next(hours, 0, utc), ==, 0);
}

static void test_text(void) {
  g_autoptr(DlvHours) hours = hours_of("Mon..Fri 08:00-19:00;22:00-07:00", 0);
  g_autofree char *text = dlv_hours_text(hours);
  g_autoptr(DlvHours) weekend = dlv_hours_new();

  g_assert_cmpstr(text, ==, "Mon..Fri 08:00-19:00, 22:00-07:00");
  g_assert_true(dlv_hours_add(weekend, NULL, 0x60, NULL));
  g_assert_true(dlv_hours_add(weekend, "10:00-11:00", 0x10, NULL));
  g_autofree char *days = dlv_hours_text(weekend);
  g_assert_cmpstr(days, ==, "Sat,Sun, Fri 10:00-11:00");
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/hours/plain", test_plain);
  g_test_add_func("/hours/over-midnight", test_over_midnight);
  g_test_add_func("/hours/forward", test_forward);
  g_test_add_func("/hours/back", test_back);
  g_test_add_func("/hours/strange-zones", test_strange_zones);
  g_test_add_func("/hours/against-every-minute", test_against_every_minute);
  g_test_add_func("/hours/days", test_days);
  g_test_add_func("/hours/bad-ranges", test_bad_ranges);
  g_test_add_func("/hours/text", test_text);
  return g_test_run();
}
