/* histogram.h: latency histograms with bounded error and fixed size.
 *
 * Log-linear buckets (16 a power of two): relative error at most 1/16. Recording is one add,
 * no allocation; a histogram has one writer thread. Unit: microseconds. */
#pragma once

#include <glib.h>

#define WG_HISTOGRAM_BUCKETS 512
typedef struct {
  guint64 count, sum, max;
  guint32 bucket[WG_HISTOGRAM_BUCKETS];
} WgHistogram;

void wg_histogram_add(WgHistogram *h, guint64 usec);
guint64 wg_histogram_quantile(const WgHistogram *h,
                              double q); /* upper bound of the bucket; 0 if empty */
/* How many values were at most `usec`, as far as buckets tell: one that `usec` falls into counts.
 */
guint64 wg_histogram_below(const WgHistogram *h, guint64 usec);
/* Over D-Bus: (count, sum, max, [(a value of the bucket, how many)]), only buckets that have any.
 * Floating. */
#define WG_HISTOGRAM_TYPE "(ttta(tu))"
GVariant *wg_histogram_pack(const WgHistogram *h);
/* FALSE: not of that type. Whatever the numbers are, the buckets and the count agree. */
gboolean wg_histogram_unpack(GVariant *packed, WgHistogram *ret);
void wg_histogram_merge(WgHistogram *into, const WgHistogram *from);
