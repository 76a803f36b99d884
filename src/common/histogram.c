/* histogram.c: see histogram.h.
 *
 * Values below 32 have a bucket each; above, every power of two is cut into 16 buckets, so a
 * bucket is never wider than 1/16 of its lower bound. 512 buckets reach 2^36 us (19 hours); what
 * is larger falls into the last one. It never allocates and never locks. */
#include "common/histogram.h"

#define LINEAR 32 /* two powers of two of 16 buckets: exact */
#define SUB_BITS 4

static guint bucket_of(guint64 v) {
  if (v < LINEAR)
    return v;
  guint msb = 63 - __builtin_clzll(v);
  guint shift = msb - SUB_BITS;
  guint b = (shift << SUB_BITS) + (guint)(v >> shift);
  return MIN(b, WG_HISTOGRAM_BUCKETS - 1);
}

/* The largest value that falls into bucket `b`. */
static guint64 upper_of(guint b) {
  if (b < LINEAR)
    return b;
  guint shift = (b >> SUB_BITS) - 1;
  guint64 top = (b & ((1 << SUB_BITS) - 1)) + (1 << SUB_BITS);
  return ((top + 1) << shift) - 1;
}

void wg_histogram_add(WgHistogram *h, guint64 usec) {
  h->count++;
  h->sum += usec;
  if (usec > h->max)
    h->max = usec;
  h->bucket[bucket_of(usec)]++;
}

guint64 wg_histogram_quantile(const WgHistogram *h, double q) {
  if (h->count == 0)
    return 0;
  /* The smallest value that at least a share q of all values does not exceed. */
  double want = CLAMP(q, 0.0, 1.0) * (double)h->count;
  guint64 seen = 0;
  for (guint b = 0; b < WG_HISTOGRAM_BUCKETS; b++) {
    seen += h->bucket[b];
    if (seen > 0 && (double)seen >= want)
      return b == WG_HISTOGRAM_BUCKETS - 1 ? h->max : MIN(upper_of(b), h->max);
  }
  return h->max;
}

guint64 wg_histogram_below(const WgHistogram *h, guint64 usec) {
  guint64 n = 0;

  for (guint b = 0, last = bucket_of(usec); b <= last; b++)
    n += h->bucket[b];
  return n;
}

void wg_histogram_merge(WgHistogram *into, const WgHistogram *from) {
  into->count += from->count;
  into->sum += from->sum;
  into->max = MAX(into->max, from->max);
  for (guint b = 0; b < WG_HISTOGRAM_BUCKETS; b++)
    into->bucket[b] += from->bucket[b];
}

GVariant *wg_histogram_pack(const WgHistogram *h) {
  GVariantBuilder buckets;

  g_variant_builder_init(&buckets, G_VARIANT_TYPE("a(tu)"));
  for (guint b = 0; b < WG_HISTOGRAM_BUCKETS; b++)
    if (h->bucket[b] > 0)
      g_variant_builder_add(&buckets, "(tu)", upper_of(b), h->bucket[b]);
  return g_variant_new(WG_HISTOGRAM_TYPE, h->count, h->sum, h->max, &buckets);
}

gboolean wg_histogram_unpack(GVariant *packed, WgHistogram *ret) {
  g_autoptr(GVariantIter) buckets = NULL;
  guint64 count, upper;
  guint32 n;

  *ret = (WgHistogram){0};
  if (!g_variant_is_of_type(packed, G_VARIANT_TYPE(WG_HISTOGRAM_TYPE)))
    return FALSE;
  g_variant_get(packed, WG_HISTOGRAM_TYPE, &count, &ret->sum, &ret->max, &buckets);
  while (g_variant_iter_next(buckets, "(tu)", &upper, &n)) {
    ret->bucket[bucket_of(upper)] += n;
    ret->count += n;
  }
  return TRUE;
}
