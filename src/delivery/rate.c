/* rate.c: see rate.h. */
#include "delivery/rate.h"

/* Time for one token; rounded up, so that never more than `max` come within `per`. */
static gint64 one(guint max, guint64 per) {
  return (gint64)((per + max - 1) / max);
}

guint64 dlv_rate_wait(const DlvRate *rate, guint max, guint64 per, gint64 now) {
  if (max == 0)
    return 0;
  gint64 free_at = rate->full_at - one(max, per) * (gint64)(max - 1);
  return free_at > now ? (guint64)(free_at - now) : 0;
}

void dlv_rate_take(DlvRate *rate, guint max, guint64 per, gint64 now) {
  if (max > 0)
    rate->full_at = MAX(rate->full_at, now) + one(max, per);
}
