/* test-calendar.c: calendar expressions: the next instant, as systemd-analyze(1) tells it where it
 * is installed, and windows. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "common/calendar.h"

#include <gio/gio.h>
#include <string.h>

static gint64 at(const char *iso, const char *zone) {
  g_autoptr(GTimeZone) tz = g_time_zone_new_identifier(zone);
  g_autoptr(GDateTime) time = g_date_time_new_from_iso8601(iso, tz);

  g_assert_nonnull(time);
  return g_date_time_to_unix(time) * G_USEC_PER_SEC;
}

static char *next_text(const char *expression, gint64 after) {
  g_autoptr(GError) error = NULL;
  g_autoptr(WgCalendar) calendar = wg_calendar_parse(expression, &error);

  g_assert_no_error(error);
  gint64 next = wg_calendar_next(calendar, after);
  if (next == G_MAXINT64)
    return g_strdup("never");
  g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(next / G_USEC_PER_SEC);
  return g_date_time_format(time, "%a %Y-%m-%d %H:%M:%S");
}

static const struct {
  const char *expression, *next;
} known[] = {
    /* after Sat 2026-11-21 12:34:56 UTC */
    {"minutely", "Sat 2026-11-21 12:35:00"},
    {"hourly", "Sat 2026-11-21 13:00:00"},
    {"daily", "Sun 2026-11-22 00:00:00"},
    {"weekly", "Mon 2026-11-23 00:00:00"},
    {"monthly", "Tue 2026-12-01 00:00:00"},
    {"quarterly", "Fri 2027-01-01 00:00:00"},
    {"semiannually", "Fri 2027-01-01 00:00:00"},
    {"yearly", "Fri 2027-01-01 00:00:00"},
    {"Mon..Fri *-*-* 09:30", "Mon 2026-11-23 09:30:00"},
    {"Sat,Sun 20:15", "Sat 2026-11-21 20:15:00"},
    {"*-*-* *:0/10", "Sat 2026-11-21 12:40:00"},
    {"*-02~01", "Sun 2027-02-28 00:00:00"},
    {"Mon *-05~07/1", "Mon 2027-05-31 00:00:00"},
    {"2028-02-29 12:00:30", "Tue 2028-02-29 12:00:30"},
    {"*-02-29", "Tue 2028-02-29 00:00:00"},
    {"05-08", "Sat 2027-05-08 00:00:00"},
    {"*-*-1,2,3 08..10,18:05:05", "Tue 2026-12-01 08:05:05"},
    {"*-*-* 0/6:00", "Sat 2026-11-21 18:00:00"},
    {"Wed", "Wed 2026-11-25 00:00:00"},
    {"12:34:57", "Sat 2026-11-21 12:34:57"},
    {"12:34:56", "Sun 2026-11-22 12:34:56"},
    {"2020-01-01", "never"},
    {"*-02-30", "never"},
    {"*-*-* 10:00 UTC", "Sun 2026-11-22 10:00:00"},
    {"Thursday 01:02", "Thu 2026-11-26 01:02:00"},
    {"26-12-24 18:00", "Thu 2026-12-24 18:00:00"},
};

static void test_known(void) {
  gint64 after = at("2026-11-21T12:34:56", "UTC");

  for (guint i = 0; i < G_N_ELEMENTS(known); i++) {
    g_autofree char *next = next_text(known[i].expression, after);
    g_test_message("%s", known[i].expression);
    g_assert_cmpstr(next, ==, known[i].next);
  }
}

/* What systemd itself says of the same expressions. */
static void test_as_systemd(void) {
  g_autofree char *program = g_find_program_in_path("systemd-analyze");

  if (program == NULL) {
    g_test_skip("there is no systemd-analyze to compare with");
    return;
  }
  for (guint i = 0; i < G_N_ELEMENTS(known); i++) {
    const char *const argv[] = {program, "calendar", "--base-time=2026-11-21 12:34:56 UTC",
                                known[i].expression, NULL};
    g_autoptr(GError) error = NULL;
    g_autoptr(GSubprocess) process = g_subprocess_newv(
        argv, G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_MERGE, &error);
    g_autofree char *out = NULL;
    g_assert_no_error(error);
    g_assert_true(g_subprocess_communicate_utf8(process, NULL, NULL, &out, NULL, &error));
    g_test_message("%s: %s", known[i].expression, out);
    g_assert_nonnull(strstr(out, known[i].next));
  }
}

static void test_refused(void) {
  static const char *const wrong[] = {
      "",          "   ",           "now",        "Xyz",           "Mon..",
      "Sun..Mon",  "25:00",         "12:60",      "*-13-01",       "*-*-32",
      "1/0:00",    "*-*-* 1:2:3:4", "Mon Tue",    "12:00 Nowhere", "12..:00",
      "*/2:00",    "2026-1",        "a-b-c",      "12:00..12:00",  "24:30..25:00",
      "10..08:00", "99999-01-01",   "12:00:00.5",
  };

  for (guint i = 0; i < G_N_ELEMENTS(wrong); i++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(WgCalendar) calendar = wg_calendar_parse(wrong[i], &error);
    g_test_message("'%s'", wrong[i]);
    g_assert_null(calendar);
    g_assert_nonnull(error);
  }
}

/* An hour that does not happen, and one that happens twice. */
static void test_daylight_saving(void) {
  g_autofree char *spring =
      next_text("*-*-* 02:30 Europe/Berlin", at("2027-03-27T12:00:00", "Europe/Berlin"));
  g_autofree char *autumn =
      next_text("*-*-* 03:30 Europe/Berlin", at("2027-10-30T12:00:00", "Europe/Berlin"));

  g_assert_cmpstr(spring, ==, "Mon 2027-03-29 00:30:00"); /* the 28th has no 02:30 */
  g_assert_cmpstr(autumn, ==, "Sun 2027-10-31 02:30:00");
}

static void in_window(const char *expression, const char *iso, gboolean is_in) {
  g_autoptr(GError) error = NULL;
  g_autoptr(WgCalendar) calendar = wg_calendar_parse(expression, &error);

  g_assert_no_error(error);
  g_test_message("%s at %s", expression, iso);
  g_assert_cmpint(wg_calendar_contains(calendar, at(iso, "UTC")), ==, is_in);
}

static void test_windows(void) {
  in_window("Sat..Sun", "2026-11-21T00:00:00", TRUE);
  in_window("Sat..Sun", "2026-11-22T23:59:59", TRUE);
  in_window("Sat..Sun", "2026-11-23T00:00:00", FALSE);
  in_window("*-*-* 02:00..04:00", "2026-11-21T01:59:59", FALSE);
  in_window("*-*-* 02:00..04:00", "2026-11-21T02:00:00", TRUE);
  in_window("*-*-* 02:00..04:00", "2026-11-21T03:59:59", TRUE);
  in_window("*-*-* 02:00..04:00", "2026-11-21T04:00:00", FALSE);
  in_window("Fri 22:00..06:00", "2026-11-20T21:59:00", FALSE);
  in_window("Fri 22:00..06:00", "2026-11-20T22:00:00", TRUE);
  in_window("Fri 22:00..06:00", "2026-11-21T05:59:59", TRUE);
  in_window("Fri 22:00..06:00", "2026-11-21T06:00:00", FALSE);
  in_window("Fri 22:00..06:00", "2026-11-20T05:00:00", FALSE);
  in_window("Fri 22:00..06:00", "2026-11-21T22:30:00", FALSE);
  in_window("18:00..24:00", "2026-11-21T23:59:59", TRUE);
  in_window("*-12-24", "2026-12-24T13:00:00", TRUE);
  in_window("*-12-24", "2026-12-25T00:00:00", FALSE);
  in_window("Mon 02..03:*", "2026-11-23T03:59:30", TRUE);
  in_window("Mon 02..03:*", "2026-11-23T04:00:00", FALSE);
  in_window("10:00..12:00 Europe/Berlin", "2026-11-21T09:30:00", TRUE);
  in_window("10:00..12:00 Europe/Berlin", "2026-11-21T11:30:00", FALSE);
}

static void test_next_of_window(void) {
  g_autofree char *next = next_text("Fri 22:00..06:00", at("2026-11-21T12:00:00", "UTC"));

  g_assert_cmpstr(next, ==, "Fri 2026-11-27 22:00:00");
}

int main(int argc, char **argv) {
  g_setenv("TZ", "UTC", TRUE);
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/calendar/known", test_known);
  g_test_add_func("/calendar/as-systemd", test_as_systemd);
  g_test_add_func("/calendar/refused", test_refused);
  g_test_add_func("/calendar/daylight-saving", test_daylight_saving);
  g_test_add_func("/calendar/windows", test_windows);
  g_test_add_func("/calendar/next-of-window", test_next_of_window);
  return g_test_run();
}
