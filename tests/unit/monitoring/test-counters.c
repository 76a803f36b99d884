/* test-counters.c: counters that survive restarts of what they count. */
#undef G_DISABLE_ASSERT
#undef NDEBUG
#include "monitoring/counters.h"

#include <math.h>
#include <string.h>

static void feed(MonCounters *counters, guint64 id, double a, double b) {
  mon_counters_feed(counters, id, (double[]){a, b}, 1000);
}

static void test_restart(void) {
  MonCounters c;

  mon_counters_init(&c, 2);
  g_assert_true(isnan(mon_counters_value(&c, 0)));
  feed(&c, 7, 5, NAN);
  g_assert_cmpfloat(mon_counters_value(&c, 0), ==, 5);
  g_assert_true(isnan(mon_counters_value(&c, 1)));
  feed(&c, 7, 9, 1);
  feed(&c, 8, 2, 1); /* another group */
  g_assert_cmpfloat(mon_counters_value(&c, 0), ==, 11);
  g_assert_cmpfloat(mon_counters_value(&c, 1), ==, 2);
  feed(&c, 8, 1, 1); /* set back within the same one */
  g_assert_cmpfloat(mon_counters_value(&c, 0), ==, 12);
  feed(&c, 8, NAN, 3); /* a controller that was switched off keeps what was counted */
  g_assert_cmpfloat(mon_counters_value(&c, 0), ==, 12);
  g_assert_cmpint(c.created, ==, 1000);
  mon_counters_clear(&c);
}

/* Random restarts: the value never falls, and is the sum of all that was counted. */
static void test_never_falls(void) {
  MonCounters c;
  double raw = 0, sum = 0, before = 0;
  guint64 id = 1;

  mon_counters_init(&c, 2);
  for (guint i = 0; i < 20000; i++) {
    if (g_test_rand_int_range(0, 50) == 0) {
      raw = 0;
      id++;
    }
    double more = g_test_rand_int_range(0, 100);
    raw += more;
    sum += more;
    feed(&c, id, raw, NAN);
    double now = mon_counters_value(&c, 0);
    g_assert_cmpfloat(now, >=, before);
    g_assert_cmpfloat(now, ==, sum);
    before = now;
  }
  mon_counters_clear(&c);
}

/* Over a restart of the monitor: the same group goes on, another (or another boot's) begins. */
static void test_stored(void) {
  static const struct {
    guint64 boot, id;
    double raw, want;
  } rows[] = {{1, 7, 12, 22}, {1, 8, 12, 34}, {2, 7, 12, 34}, {1, 7, 3, 25}};
  MonCounters c;

  mon_counters_init(&c, 2);
  feed(&c, 6, 10, 0);
  feed(&c, 7, 12, 0);
  g_autoptr(GBytes) bytes = mon_counters_pack(&c, 1);
  gsize size;
  gconstpointer data = g_bytes_get_data(bytes, &size);
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    MonCounters again;
    mon_counters_init(&again, 2);
    g_assert_true(mon_counters_unpack(&again, data, size, rows[i].boot));
    feed(&again, rows[i].id, rows[i].raw, 0);
    g_assert_cmpfloat(mon_counters_value(&again, 0), ==, rows[i].want);
    g_assert_cmpint(again.created, ==, 1000);
    mon_counters_clear(&again);
  }
  mon_counters_clear(&c);
}

static void test_strange_bytes(void) {
  MonCounters one, two;

  mon_counters_init(&two, 2);
  feed(&two, 1, 1, 1);
  g_autoptr(GBytes) bytes = mon_counters_pack(&two, 1);
  gsize size;
  const guint8 *data = g_bytes_get_data(bytes, &size);
  mon_counters_init(&one, 1);
  g_assert_false(mon_counters_unpack(&one, data, size, 1)); /* more than we know */
  for (gsize n = 0; n < size; n++)
    g_assert_false(mon_counters_unpack(&two, data, n, 1));
  g_autofree guint8 *huge = g_memdup2(data, size);
  memset(huge + 24, 0xff, 8);
  g_assert_false(mon_counters_unpack(&two, huge, size, 1));
  mon_counters_clear(&one);
  mon_counters_clear(&two);
}

/* More may follow in the same bytes; strange ones reach no further than they are long. */
static void test_packed(void) {
  MonCounters c;

  mon_counters_init(&c, 2);
  feed(&c, 1, 1, 1);
  g_autoptr(GByteArray) all = g_bytes_unref_to_array(mon_counters_pack(&c, 1));
  gsize own = all->len;
  g_assert_cmpuint(mon_counters_packed(all->data, all->len), ==, own);
  g_byte_array_append(all, (const guint8 *)"and more", 8);
  g_assert_cmpuint(mon_counters_packed(all->data, all->len), ==, own);
  for (gsize n = 0; n < own; n++)
    g_assert_cmpuint(mon_counters_packed(all->data, n), ==, n);
  memset(all->data + 24, 0xff, 8);
  g_assert_cmpuint(mon_counters_packed(all->data, all->len), ==, all->len);
  mon_counters_clear(&c);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/counters/restart", test_restart);
  g_test_add_func("/counters/never-falls", test_never_falls);
  g_test_add_func("/counters/stored", test_stored);
  g_test_add_func("/counters/packed", test_packed);
  g_test_add_func("/counters/strange-bytes", test_strange_bytes);
  return g_test_run();
}
