/* test-clock.c: lasting time through suspend, set clocks and reboots, on a fake machine. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "common/clock.h"

#include <string.h>

#define DAY (G_GINT64_CONSTANT(86400) * G_USEC_PER_SEC)
#define NOW_2026 (G_GINT64_CONSTANT(1790000000) * G_USEC_PER_SEC)

static WgClockFake fake;

static void begin(void) {
  fake = (WgClockFake){.boot_id = "aa", .boottime = 1000, .realtime = NOW_2026};
  wg_clock_set_fake(&fake);
}

static gboolean init(WgClock *clock, const WgClock *stored, gint64 last_seen) {
  gboolean is_new;

  g_assert_true(wg_clock_init(clock, stored ? stored->boot_id : NULL, stored ? stored->base : 0,
                              last_seen, &is_new, NULL));
  return is_new;
}

static void test_first(void) {
  WgClock clock;

  begin();
  g_assert_true(init(&clock, NULL, 0));
  g_assert_cmpstr(clock.boot_id, ==, "aa");
  g_assert_cmpint(wg_clock_now(&clock), ==, NOW_2026);
  g_assert_cmpint(wg_clock_to_boottime(&clock, NOW_2026 + 5), ==, 1005);
}

static void test_suspend(void) {
  WgClock clock, again;

  begin();
  init(&clock, NULL, 0);
  gint64 deadline = wg_clock_now(&clock) + DAY;
  fake.boottime += 2 * DAY; /* a lid was closed; both clocks go on counting */
  fake.realtime += 2 * DAY;
  g_assert_cmpint(wg_clock_now(&clock), ==, deadline + DAY);
  g_assert_false(init(&again, &clock, NOW_2026));
  g_assert_cmpint(wg_clock_now(&again), ==, wg_clock_now(&clock));
}

static void test_clock_set(gconstpointer data) {
  gint64 step = GPOINTER_TO_INT(data) * DAY;
  WgClock clock, again;

  begin();
  init(&clock, NULL, 0);
  gint64 deadline = wg_clock_now(&clock) + DAY;
  fake.boottime += DAY / 2;
  fake.realtime += DAY / 2 + step;
  g_assert_cmpint(deadline - wg_clock_now(&clock), ==, DAY / 2);
  /* A restarted daemon in the same boot sees the same. */
  g_assert_false(init(&again, &clock, deadline - DAY));
  g_assert_cmpint(deadline - wg_clock_now(&again), ==, DAY / 2);
  /* What a wall clock will show then follows the clock on the wall. */
  g_assert_cmpint(wg_clock_to_realtime(&clock, deadline), ==, fake.realtime + DAY / 2);
}

static void test_reboot(void) {
  WgClock before, after;

  begin();
  init(&before, NULL, 0);
  gint64 deadline = wg_clock_now(&before) + DAY;
  gint64 last_seen = wg_clock_now(&before) + 10;
  fake = (WgClockFake){.boot_id = "bb", .boottime = 7, .realtime = NOW_2026 + 3 * DAY};
  g_assert_true(init(&after, &before, last_seen));
  g_assert_cmpstr(after.boot_id, ==, "bb");
  g_assert_cmpint(wg_clock_now(&after), ==, NOW_2026 + 3 * DAY); /* the time off counts */
  g_assert_cmpint(wg_clock_now(&after), >, deadline);
}

static void test_reboot_without_clock(void) {
  WgClock before, after, later;

  begin();
  init(&before, NULL, 0);
  fake.boottime += DAY;
  gint64 last_seen = wg_clock_now(&before);
  fake = (WgClockFake){.boot_id = "bb", .boottime = 7, .realtime = 100}; /* 1970 */
  g_assert_true(init(&after, &before, last_seen));
  g_assert_cmpint(wg_clock_now(&after), ==, last_seen);
  fake.boottime += 60;
  fake.realtime = NOW_2026 + 5 * DAY; /* the network set it: not in this boot any more */
  g_assert_cmpint(wg_clock_now(&after), ==, last_seen + 60);
  g_assert_cmpint(wg_clock_to_realtime(&after, last_seen + 60), ==, NOW_2026 + 5 * DAY);

  fake = (WgClockFake){.boot_id = "cc", .boottime = 9, .realtime = NOW_2026 + 6 * DAY};
  g_assert_true(init(&later, &after, last_seen + 60));
  g_assert_cmpint(wg_clock_now(&later), ==, NOW_2026 + 6 * DAY);
}

static void test_never(void) {
  WgClock clock;

  begin();
  init(&clock, NULL, 0);
  g_assert_cmpint(wg_clock_to_boottime(&clock, G_MAXINT64), ==, G_MAXINT64);
  g_assert_cmpint(wg_clock_to_realtime(&clock, G_MAXINT64), ==, G_MAXINT64);
  g_assert_cmpint(wg_clock_to_boottime(&clock, G_MININT64), ==, G_MININT64);
}

static void test_real(void) {
  WgClock clock;

  wg_clock_set_fake(NULL);
  g_assert_true(init(&clock, NULL, 0));
  g_assert_cmpuint(strlen(clock.boot_id), ==, 32);
  gint64 now = wg_clock_now(&clock);
  g_assert_cmpint(now, >, NOW_2026 / 2);
  g_assert_cmpint(wg_clock_now(&clock), >=, now);
  g_assert_cmpint(wg_clock_to_boottime(&clock, now), <=, wg_time_boottime());
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/clock/first", test_first);
  g_test_add_func("/clock/suspend", test_suspend);
  g_test_add_data_func("/clock/set-forward", GINT_TO_POINTER(1), test_clock_set);
  g_test_add_data_func("/clock/set-back", GINT_TO_POINTER(-1), test_clock_set);
  g_test_add_func("/clock/reboot", test_reboot);
  g_test_add_func("/clock/reboot-without-clock", test_reboot_without_clock);
  g_test_add_func("/clock/never", test_never);
  g_test_add_func("/clock/real", test_real);
  return g_test_run();
}
