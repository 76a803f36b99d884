/* pending.c: see pending.h. */
#include "checks/pending.h"

static void on_cancelled(GCancellable *cancel, gpointer user_data) {
  ChkPending *pending = user_data;

  pending->stop(pending->owner);
}

void chk_pending_begin(ChkPending *pending, ChkLook *look, ChkSeenFunc seen, gpointer user_data,
                       void (*stop)(gpointer owner), gpointer owner) {
  *pending = (ChkPending){look, seen, user_data, 0, stop, owner};
  /* not g_cancellable_connect(): its disconnect waits for a running handler, which may be ours */
  if (look->cancel)
    pending->handler =
        g_signal_connect(look->cancel, "cancelled", G_CALLBACK(on_cancelled), pending);
}

void chk_pending_end(ChkPending *pending, ChkSight *sight) {
  if (pending->handler)
    g_signal_handler_disconnect(pending->look->cancel, pending->handler);
  pending->handler = 0;
  pending->seen(sight, pending->user_data);
}

guint64 chk_pending_left(const ChkPending *pending) {
  guint64 now = (guint64)g_get_monotonic_time();

  if (pending->look->deadline == 0)
    return G_USEC_PER_SEC * 3600ULL;
  return pending->look->deadline > now ? pending->look->deadline - now : 1;
}
