/* breaker.h: how a back-end that does not work is spared, and for how long.
 *
 * Two things apart: a back-off after each failure (doubling), and a breaker that opens after
 * several failures in a row and lets one job through when its pause is over (the probe). What was
 * held is neither success nor failure. Zeroed structs are "all is well". Times are CLOCK_BOOTTIME
 * in microseconds, given by the caller; pure. */
#pragma once

#include <glib.h>

#define DLV_BREAKER_FAILURES 5
#define DLV_BREAKER_PAUSE (30 * G_USEC_PER_SEC)
#define DLV_BREAKER_PAUSE_MAX (15 * 60 * G_USEC_PER_SEC)
#define DLV_BACKOFF_FIRST (5 * G_USEC_PER_SEC)
#define DLV_BACKOFF_MAX (120 * G_USEC_PER_SEC)

typedef enum {
  DLV_BREAKER_CLOSED,  /* jobs pass */
  DLV_BREAKER_OPEN,    /* none passes before retry_at */
  DLV_BREAKER_PROBING, /* the pause is over: the next job decides */
} DlvBreakerState;

/* All zero: nothing failed; what worked makes it so again. The same of DlvBackoff. */
typedef struct {
  guint failures;  /* in a row */
  guint64 pause;   /* us; 0: closed */
  gint64 retry_at; /* while it is not closed */
} DlvBreaker;

DlvBreakerState dlv_breaker_state(const DlvBreaker *breaker, gint64 now);
/* Opens it after the last of the failures; a failed probe doubles the pause. */
void dlv_breaker_failed(DlvBreaker *breaker, gint64 now);

typedef struct {
  guint64 pause; /* the last one, us; 0: none */
  gint64 until;
} DlvBackoff;

/* Begins the next pause: `first`, then twice the last, at most MAX(first, DLV_BACKOFF_MAX). */
void dlv_backoff_next(DlvBackoff *backoff, guint64 first, gint64 now);
/* Begins a pause that somebody else has set; the doubling goes on from where it was. */
void dlv_backoff_set(DlvBackoff *backoff, guint64 pause, gint64 now);
/* Rest of the pause, us; 0: over. */
guint64 dlv_backoff_left(const DlvBackoff *backoff, gint64 now);
