/* test-breaker.c: the breaker, the back-off and the rate, each at the edges of its times. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "delivery/breaker.h"
#include "delivery/rate.h"
#include "delivery/span.h"

#include "common/amounts.h"

#define SEC ((gint64)G_USEC_PER_SEC)

static void test_opens_and_closes(void) {
  DlvBreaker b = {0};
  gint64 now = 100 * SEC, pause = 30 * SEC;

  for (guint i = 0; i < 4; i++) {
    dlv_breaker_failed(&b, now);
    g_assert_cmpint(dlv_breaker_state(&b, now), ==, DLV_BREAKER_CLOSED);
  }
  b = (DlvBreaker){0}; /* in a row means in a row */
  for (guint i = 0; i < 4; i++)
    dlv_breaker_failed(&b, now);
  g_assert_cmpint(dlv_breaker_state(&b, now), ==, DLV_BREAKER_CLOSED);
  dlv_breaker_failed(&b, now);
  for (guint i = 0; i < 8; i++) { /* 30 s doubling to 15 min */
    g_assert_cmpint(dlv_breaker_state(&b, now), ==, DLV_BREAKER_OPEN);
    dlv_breaker_failed(&b, now + 1); /* was on its way: changes nothing */
    g_assert_cmpint(dlv_breaker_state(&b, now + pause - 1), ==, DLV_BREAKER_OPEN);
    now += pause;
    g_assert_cmpint(dlv_breaker_state(&b, now), ==, DLV_BREAKER_PROBING);
    dlv_breaker_failed(&b, now);
    pause = MIN(pause * 2, 900 * SEC);
  }
  g_assert_cmpint(pause, ==, 900 * SEC);
  now += pause;
  b = (DlvBreaker){0};
  g_assert_cmpint(dlv_breaker_state(&b, now), ==, DLV_BREAKER_CLOSED);
}

static void test_back_off(void) {
  static const gint64 pauses[] = {5, 10, 20, 40, 80, 120, 120};
  DlvBackoff b = {0};
  gint64 now = 7;

  g_assert_cmpuint(dlv_backoff_left(&b, now), ==, 0);
  for (guint i = 0; i < G_N_ELEMENTS(pauses); i++) {
    dlv_backoff_next(&b, 5 * SEC, now);
    g_assert_cmpuint(dlv_backoff_left(&b, now), ==, (guint64)(pauses[i] * SEC));
    now += pauses[i] * SEC;
    g_assert_cmpuint(dlv_backoff_left(&b, now - 1), ==, 1);
    g_assert_cmpuint(dlv_backoff_left(&b, now), ==, 0);
  }
  b = (DlvBackoff){0};
  dlv_backoff_next(&b, 600 * SEC, now); /* a first pause above the largest stays as it is */
  dlv_backoff_next(&b, 600 * SEC, now);
  g_assert_cmpuint(dlv_backoff_left(&b, now), ==, (guint64)(600 * SEC));
  dlv_backoff_set(&b, G_MAXUINT64, now);
  g_assert_cmpint(b.until, ==, G_MAXINT64);
}

/* Never more than `max` and what came back meanwhile, whenever they are asked for. */
static void test_rate(void) {
  DlvRate rate = {0};
  gint64 now = 50 * SEC;

  for (guint i = 0; i < 4; i++) {
    g_assert_cmpuint(dlv_rate_wait(&rate, 4, 60 * SEC, now), ==, 0);
    dlv_rate_take(&rate, 4, 60 * SEC, now);
  }
  g_assert_cmpuint(dlv_rate_wait(&rate, 4, 60 * SEC, now), ==, (guint64)(15 * SEC));
  g_assert_cmpuint(dlv_rate_wait(&rate, 4, 60 * SEC, now + 15 * SEC - 1), ==, 1);
  now += 15 * SEC;
  g_assert_cmpuint(dlv_rate_wait(&rate, 4, 60 * SEC, now), ==, 0);
  dlv_rate_take(&rate, 4, 60 * SEC, now);
  dlv_rate_take(&rate, 4, 60 * SEC, now); /* in debt */
  g_assert_cmpuint(dlv_rate_wait(&rate, 4, 60 * SEC, now), ==, (guint64)(30 * SEC));
  g_assert_cmpuint(dlv_rate_wait(&rate, 0, 0, now), ==, 0); /* no limit */
  dlv_rate_take(&rate, 0, 0, now);
}

static void test_rate_over_time(void) {
  for (guint seed = 0; seed < 50; seed++) {
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    guint max = (guint)g_rand_int_range(rand, 1, 9), n = 0;
    gint64 per = g_rand_int_range(rand, 1, 100) * SEC + g_rand_int_range(rand, 0, 1000);
    DlvRate rate = {0};
    gint64 begin = G_MAXINT32, now = begin;
    for (guint i = 0; i < 2000; i++) {
      now += g_rand_int_range(rand, 0, (gint)(per / max));
      if (dlv_rate_wait(&rate, max, (guint64)per, now) == 0) {
        dlv_rate_take(&rate, max, (guint64)per, now);
        n++;
      }
      g_assert_cmpuint(n, <=, max + (guint)((double)(now - begin) / (double)per * max) + 1);
    }
    g_assert_cmpuint(n, >=, (guint)((double)(now - begin) / (double)per * max * 0.4));
  }
}

static void test_words(void) {
  static const struct {
    guint64 usec;
    const char *text;
  } spans[] = {
      {0, "0s"},
      {1, "1us"},
      {999, "999us"},
      {1000, "1ms"},
      {1001, "1ms 1us"},
      {1500000, "1s 500ms"},
      {59999999, "1min"},
      {60000000, "1min"},
      {90000000, "1min 30s"},
      {3599000001, "1h"},
      {3600000000, "1h"},
      {86400000000, "1d"},
      {90000000000, "1d 1h"},
      {G_MAXUINT64, "infinity"},
  };
  g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
  gint64 noon = G_GINT64_CONSTANT(1795435200000000);

  for (guint i = 0; i < G_N_ELEMENTS(spans); i++) {
    g_autofree char *text = wg_span_text(spans[i].usec);
    g_assert_cmpstr(text, ==, spans[i].text);
  }
  g_autofree char *today = dlv_instant_text(noon + 3600 * SEC, noon, utc);
  g_autofree char *tomorrow = dlv_instant_text(noon + 12 * 3600 * SEC, noon, utc);
  g_autofree char *later = dlv_instant_text(noon + 30 * 24 * 3600 * SEC + 1 * SEC, noon, utc);
  g_autofree char *never = dlv_instant_text(G_MAXINT64, noon, utc);
  g_assert_cmpstr(today, ==, "13:00");
  g_assert_cmpstr(tomorrow, ==, "Tue 00:00");
  g_assert_cmpstr(later, ==, "2026-12-23 12:00:01");
  g_assert_cmpstr(never, ==, "an unknown time");
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/breaker/opens-and-closes", test_opens_and_closes);
  g_test_add_func("/breaker/back-off", test_back_off);
  g_test_add_func("/breaker/rate", test_rate);
  g_test_add_func("/breaker/rate-over-time", test_rate_over_time);
  g_test_add_func("/breaker/words", test_words);
  return g_test_run();
}
