/* rate.h: a bucket of `max` tokens that fills again evenly within `per`. Kept as one instant, the
 * time at which it is full again, so nothing has to run while nothing happens. Zeroed: full. Times
 * are CLOCK_BOOTTIME in microseconds, given by the caller; pure. */
#pragma once

#include <glib.h>

typedef struct {
  gint64 full_at;
} DlvRate;

/* How long until there is a token, us; 0: there is one. `max` 0: no limit. */
guint64 dlv_rate_wait(const DlvRate *rate, guint max, guint64 per, gint64 now);
/* Takes one. When there is none the bucket goes into debt, for what cannot be undone. */
void dlv_rate_take(DlvRate *rate, guint max, guint64 per, gint64 now);
