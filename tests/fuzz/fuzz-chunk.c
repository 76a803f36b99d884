/* fuzz-chunk.c: any bytes as a run of samples from a disk. It is refused and nothing was appended;
 * or as many times as values came, within the bound. The same bytes taken as samples come back as
 * they were. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "monitoring/chunk.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode(gconstpointer data, gsize size, GArray *times, GArray *values) {
  gboolean good = mon_chunk_decode(data, size, times, values);

  g_assert_cmpuint(times->len, ==, values->len);
  g_assert_cmpuint(times->len, <=, MON_CHUNK_MAX);
  g_assert_true(good || times->len == 0);
}

static void there_and_back(const uint8_t *data, size_t size, GArray *times, GArray *values) {
  gint64 given[64], time = 1700000000 * G_TIME_SPAN_SECOND;
  double numbers[64];
  guint n = 0;

  for (size_t at = 0; n < G_N_ELEMENTS(given) && at + 10 <= size; at += 10, n++) {
    guint16 step;
    memcpy(&step, data + at, sizeof step);
    memcpy(&numbers[n], data + at + 2, sizeof numbers[n]);
    time += (1 + step) * G_TIME_SPAN_MILLISECOND;
    given[n] = time;
  }
  if (n == 0)
    return;
  g_autoptr(GByteArray) chunk = mon_chunk_encode(given, numbers, n);
  g_array_set_size(times, 0);
  g_array_set_size(values, 0);
  decode(chunk->data, chunk->len, times, values);
  g_assert_cmpuint(times->len, ==, n);
  for (guint i = 0; i < n; i++) {
    double back = g_array_index(values, double, i);
    g_assert_cmpint(g_array_index(times, gint64, i), ==, given[i]);
    g_assert_true((isnan(back) && isnan(numbers[i])) || back == numbers[i] ||
                  fabs(back - numbers[i]) <= fabs(numbers[i]) * 1e-14);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  g_autoptr(GArray) times = g_array_new(FALSE, FALSE, sizeof(gint64));
  g_autoptr(GArray) values = g_array_new(FALSE, FALSE, sizeof(double));

  decode(data, size, times, values);
  there_and_back(data, size, times, values);
  return 0;
}
