/* timer-source.h: a GSource on timerfd.
 *
 * g_timeout_* counts CLOCK_MONOTONIC, which stops in suspend; this one counts
 * CLOCK_BOOTTIME, or CLOCK_REALTIME with TFD_TIMER_CANCEL_ON_SET, in which case the
 * callback also runs, with `clock_was_set`, when somebody sets the clock. */
#pragma once

#include <glib.h>

typedef void (*WgTimerFunc)(gboolean clock_was_set, gpointer user_data);

/* `clock`: CLOCK_BOOTTIME or CLOCK_REALTIME. Attached to the default context, unarmed. */
GSource *wg_timer_source_new(clockid_t clock, WgTimerFunc func, gpointer user_data, GError **error);
/* Absolute us of the source's clock; in the past: at once; G_MAXINT64: disarm. One shot. */
void wg_timer_source_arm(GSource *source, gint64 when_usec);
void wg_timer_source_destroy(GSource *source);
