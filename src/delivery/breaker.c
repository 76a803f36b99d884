/* breaker.c: see breaker.h. */
#include "delivery/breaker.h"

DlvBreakerState dlv_breaker_state(const DlvBreaker *breaker, gint64 now) {
  if (breaker->pause == 0)
    return DLV_BREAKER_CLOSED;
  return now < breaker->retry_at ? DLV_BREAKER_OPEN : DLV_BREAKER_PROBING;
}

void dlv_breaker_failed(DlvBreaker *breaker, gint64 now) {
  DlvBreakerState state = dlv_breaker_state(breaker, now);

  if (breaker->failures < G_MAXUINT)
    breaker->failures++;
  if (state == DLV_BREAKER_OPEN || breaker->failures < DLV_BREAKER_FAILURES)
    return; /* a job that was on its way when it opened does not make the pause longer */
  breaker->pause = state == DLV_BREAKER_PROBING
                       ? MIN(breaker->pause * 2, (guint64)DLV_BREAKER_PAUSE_MAX)
                       : (guint64)DLV_BREAKER_PAUSE;
  breaker->retry_at = now + (gint64)breaker->pause;
}

/* A pause of somebody else may be "never"; time does not wrap around. */
static gint64 after(gint64 now, guint64 pause) {
  return pause > (guint64)(G_MAXINT64 - MAX(now, 0)) ? G_MAXINT64 : now + (gint64)pause;
}

void dlv_backoff_next(DlvBackoff *backoff, guint64 first, gint64 now) {
  guint64 max = MAX(first, (guint64)DLV_BACKOFF_MAX);

  backoff->pause =
      backoff->pause == 0 ? first : (backoff->pause > max / 2 ? max : backoff->pause * 2);
  backoff->until = after(now, backoff->pause);
}

void dlv_backoff_set(DlvBackoff *backoff, guint64 pause, gint64 now) {
  backoff->until = after(now, pause);
}

guint64 dlv_backoff_left(const DlvBackoff *backoff, gint64 now) {
  return backoff->until > now ? (guint64)(backoff->until - now) : 0;
}
