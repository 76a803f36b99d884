/* test-histogram.c: bounds of the error, quantiles, merging. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "common/histogram.h"

static void test_empty(void) {
  WgHistogram h = {0};
  g_assert_cmpuint(wg_histogram_quantile(&h, 0.5), ==, 0);
}

/* One value alone: each quantile is that value, whatever its bucket. */
static void test_single(void) {
  for (guint64 v = 0; v < (G_GUINT64_CONSTANT(1) << 40); v = v < 100 ? v + 1 : v * 5 / 4 + 1) {
    WgHistogram h = {0};
    wg_histogram_add(&h, v);
    g_assert_cmpuint(wg_histogram_quantile(&h, 0.0), ==, v);
    g_assert_cmpuint(wg_histogram_quantile(&h, 1.0), ==, v);
    g_assert_cmpuint(h.max, ==, v);
  }
}

/* With a larger value present the answer is the bucket's bound: never below the value, and above
 * it by at most a sixteenth. */
static void test_error_bound(void) {
  for (guint64 v = 1; v < (G_GUINT64_CONSTANT(1) << 35); v = v < 5000 ? v + 1 : v * 9 / 8 + 7) {
    WgHistogram h = {0};
    wg_histogram_add(&h, v);
    wg_histogram_add(&h, G_MAXUINT32 * G_GUINT64_CONSTANT(1000));
    guint64 got = wg_histogram_quantile(&h, 0.5);
    g_assert_cmpuint(got, >=, v);
    g_assert_cmpuint(got - v, <=, v / 16);
  }
}

static void test_quantiles(void) {
  WgHistogram h = {0};
  for (guint64 v = 1; v <= 10000; v++)
    wg_histogram_add(&h, v);
  g_assert_cmpuint(h.count, ==, 10000);
  g_assert_cmpuint(h.sum, ==, 50005000);
  guint64 p50 = wg_histogram_quantile(&h, 0.5), p99 = wg_histogram_quantile(&h, 0.99);
  g_assert_cmpuint(p50, >=, 5000);
  g_assert_cmpuint(p50, <=, 5000 + 5000 / 16);
  g_assert_cmpuint(p99, >=, 9900);
  g_assert_cmpuint(p99, <=, 10000);
  g_assert_cmpuint(wg_histogram_quantile(&h, 1.0), ==, 10000);
}

static void test_merge(void) {
  WgHistogram a = {0}, b = {0}, both = {0};
  for (guint i = 0; i < 5000; i++) {
    guint64 v = g_test_rand_int_range(0, 1 << 30);
    wg_histogram_add(i % 3 ? &a : &b, v);
    wg_histogram_add(&both, v);
  }
  wg_histogram_merge(&a, &b);
  g_assert_cmpmem(&a, sizeof a, &both, sizeof both);
}

/* What comes out is what went in, and no more than the buckets say. */
static void test_pack(void) {
  WgHistogram h = {0}, back;

  for (guint i = 0; i < 5000; i++)
    wg_histogram_add(&h, (guint64)g_test_rand_int_range(0, 1 << 30) << (i % 8));
  wg_histogram_add(&h, G_MAXUINT64 / 2);
  g_autoptr(GVariant) packed = g_variant_ref_sink(wg_histogram_pack(&h));
  g_assert_cmpstr(g_variant_get_type_string(packed), ==, WG_HISTOGRAM_TYPE);
  g_assert_true(wg_histogram_unpack(packed, &back));
  g_assert_cmpmem(&back, sizeof back, &h, sizeof h);
  g_autoptr(GVariant) lies = g_variant_ref_sink(
      g_variant_new_parsed("(uint64 9, uint64 1, uint64 1, [(uint64 5, uint32 2)])"));
  g_assert_true(wg_histogram_unpack(lies, &back));
  g_assert_cmpuint(back.count, ==, 2);
  g_autoptr(GVariant) other = g_variant_ref_sink(g_variant_new_uint64(1));
  g_assert_false(wg_histogram_unpack(other, &back));
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/histogram/empty", test_empty);
  g_test_add_func("/histogram/single", test_single);
  g_test_add_func("/histogram/error-bound", test_error_bound);
  g_test_add_func("/histogram/quantiles", test_quantiles);
  g_test_add_func("/histogram/merge", test_merge);
  g_test_add_func("/histogram/pack", test_pack);
  return g_test_run();
}
