/* test-chunk.c: samples as bytes and back; bytes that are none. */
#undef G_DISABLE_ASSERT
#undef NDEBUG
#include "monitoring/chunk.h"

#include <math.h>
#include <string.h>

#define BEGIN G_GINT64_CONSTANT(1700000000000000)

static void check(const gint64 *times, const double *values, guint n, double within) {
  g_autoptr(GByteArray) bytes = mon_chunk_encode(times, values, n);
  g_autoptr(GArray) got_times = g_array_new(FALSE, FALSE, sizeof(gint64));
  g_autoptr(GArray) got = g_array_new(FALSE, FALSE, sizeof(double));

  g_assert_true(mon_chunk_decode(bytes->data, bytes->len, got_times, got));
  g_assert_cmpuint(got->len, ==, n);
  g_assert_cmpuint(got_times->len, ==, n);
  for (guint i = 0; i < n; i++) {
    double value = g_array_index(got, double, i);
    g_assert_cmpint(g_array_index(got_times, gint64, i), ==, times[i] / 1000 * 1000);
    if (within > 0)
      g_assert_cmpfloat_with_epsilon(value, values[i], within);
    else
      g_assert_cmpint(memcmp(&value, &values[i], sizeof value), ==, 0);
  }
}

static void fill_times(gint64 *times, guint n) {
  for (guint i = 0; i < n; i++)
    times[i] = BEGIN + i * 10 * (gint64)G_USEC_PER_SEC;
}

static void test_special(void) {
  const double values[] = {0,   -0.0,    NAN,   INFINITY, -INFINITY,          5e-324,
                           1.0, 1.0 / 3, 1e300, -1e300,   9007199254740993.0, 0};
  gint64 times[G_N_ELEMENTS(values)];

  fill_times(times, G_N_ELEMENTS(values));
  check(times, values, G_N_ELEMENTS(values), 0);
  for (guint i = 0; i < G_N_ELEMENTS(values); i++)
    check(times, &values[i], 1, 0);
}

static void test_random(void) {
  for (guint round = 0; round < 400; round++) {
    guint n = (guint)g_test_rand_int_range(1, 300), kind = round % 4;
    g_autofree gint64 *times = g_new(gint64, n);
    g_autofree double *values = g_new(double, n);
    gint64 time = g_test_rand_int();
    double value = 0;
    for (guint i = 0; i < n; i++) {
      time += g_test_rand_int_range(1, 1 << g_test_rand_int_range(1, 31));
      times[i] = time;
      double by = g_test_rand_int_range(-1000, 1 << g_test_rand_int_range(1, 30));
      value = kind == 0 ? value + by : kind == 1 ? by : kind == 2 ? value + by * 1e-6 : by / 7;
      values[i] = value;
    }
    check(times, values, n, kind == 2 ? 1e-6 : 0);
  }
}

static void test_largest(void) {
  g_autofree gint64 *times = g_new(gint64, MON_CHUNK_MAX);
  g_autofree double *values = g_new0(double, MON_CHUNK_MAX);

  fill_times(times, MON_CHUNK_MAX);
  check(times, values, MON_CHUNK_MAX, 0);
}

/* Clocks that are set back are the caller's, but no reason to lose bytes. */
static void test_backwards(void) {
  const gint64 times[] = {BEGIN, BEGIN - 5000000, BEGIN + 1000, 0, G_MAXINT64 / 2};
  const double values[] = {1, 2, 3, 4, 5};

  check(times, values, G_N_ELEMENTS(times), 0);
}

/* What the suite measures: bytes a sample. */
static void test_size(void) {
  static const struct {
    const char *what;
    double step, noise, most;
  } rows[] = {
      {"constant", 0, 0, 0.35},
      {"seconds of CPU", 0.0123, 0.004, 3.2},
      {"bytes in pages", 0, 40960, 3.2},
      {"requests", 50, 20, 2},
  };
  enum { N = 360 };
  gint64 times[N];
  double values[N];

  fill_times(times, N);
  for (guint r = 0; r < G_N_ELEMENTS(rows); r++) {
    double value = 1000;
    for (guint i = 0; i < N; i++) {
      value += rows[r].step + rows[r].noise * g_test_rand_double();
      double unit = rows[r].step > 1 ? 1 : rows[r].step > 0 ? 1e-6 : 4096;
      values[i] = unit == 1e-6 ? floor(value * 1e6) * 1e-6 : floor(value / unit) * unit;
    }
    g_autoptr(GByteArray) bytes = mon_chunk_encode(times, values, N);
    g_test_message("%s: %.2f bytes a sample", rows[r].what, (double)bytes->len / N);
    g_assert_cmpfloat((double)bytes->len / N, <=, rows[r].most);
  }
}

/* Every cut and every flipped bit: an answer, within the bytes, and bounded. */
static void test_damage(void) {
  gint64 times[40];
  double values[40];

  fill_times(times, G_N_ELEMENTS(times));
  for (guint kind = 0; kind < 3; kind++) {
    for (guint i = 0; i < G_N_ELEMENTS(values); i++)
      values[i] = kind == 0 ? i * 17 : kind == 1 ? i * 0.25 : sin(i);
    g_autoptr(GByteArray) bytes = mon_chunk_encode(times, values, G_N_ELEMENTS(values));
    g_autoptr(GArray) got_times = g_array_new(FALSE, FALSE, sizeof(gint64));
    g_autoptr(GArray) got = g_array_new(FALSE, FALSE, sizeof(double));
    for (guint n = 0; n < bytes->len; n++) {
      g_autofree guint8 *cut = g_memdup2(bytes->data, n);
      g_assert_false(mon_chunk_decode(cut, n, got_times, got));
      g_assert_cmpuint(got->len, ==, 0);
    }
    for (guint bit = 0; bit < bytes->len * 8; bit++) {
      g_autofree guint8 *bent = g_memdup2(bytes->data, bytes->len);
      bent[bit / 8] ^= (guint8)(1u << bit % 8);
      mon_chunk_decode(bent, bytes->len, got_times, got);
      g_assert_cmpuint(got->len, <=, MON_CHUNK_MAX);
      g_assert_cmpuint(got->len, ==, got_times->len);
      g_array_set_size(got, 0);
      g_array_set_size(got_times, 0);
    }
  }
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/chunk/special", test_special);
  g_test_add_func("/chunk/random", test_random);
  g_test_add_func("/chunk/largest", test_largest);
  g_test_add_func("/chunk/backwards", test_backwards);
  g_test_add_func("/chunk/size", test_size);
  g_test_add_func("/chunk/damage", test_damage);
  return g_test_run();
}
