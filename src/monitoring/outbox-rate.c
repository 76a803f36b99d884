/* outbox-rate.c: a lane with a bound on how often its receiver is told (rate_limit).
 *
 * In any time of the bound at most so many are told; those under way count as told, since they may
 * be. What comes above it waits, and when the next one may go, all that waits and was never tried
 * is one summary of it. It is sent only when it is stored as such, so that a crash neither loses
 * what it says nor tells it twice. */
#include "monitoring/outbox-private.h"

static gint64 told_at(const MonLane *lane, guint i) {
  return g_array_index(lane->told, gint64, i);
}

void mon_lane_told(MonLane *lane, gint64 now) {
  if (lane->told->len >= MON_RATE_MAX)
    g_array_remove_index(lane->told, 0);
  g_array_append_val(lane->told, now);
}

void mon_outbox_told(MonOutbox *outbox, const char *integration, gint64 time) {
  mon_lane_told(mon_lane_get(outbox, integration), time);
}

/* The oldest that counts. */
static guint forget_old(MonLane *lane, gint64 before) {
  guint n = 0;

  while (n < lane->told->len && told_at(lane, n) <= before)
    n++;
  if (n > 0)
    g_array_remove_range(lane->told, 0, n);
  return lane->told->len;
}

gboolean mon_lane_admits(MonLane *lane, const MonIntegration *it, gint64 now) {
  const MonOutbox *outbox = lane->outbox;
  guint n;

  if (it->rate_max == 0)
    return TRUE;
  n = forget_old(lane, now - (gint64)it->rate_per) + lane->n_in_flight;
  lane->opens = G_MAXINT64; /* when what is under way has ended, or is stored */
  if (n >= it->rate_max) {
    guint too_many = n - it->rate_max;
    if (too_many < lane->told->len)
      lane->opens = told_at(lane, too_many) + (gint64)it->rate_per;
    if (!lane->is_limited)
      outbox->funcs->limited(it, outbox->user_data);
    lane->is_limited = TRUE;
    return FALSE;
  }
  if (lane->n_held > 0) /* nothing goes before the summary */
    return FALSE;
  lane->opens = 0;
  return TRUE;
}

gboolean mon_outbox_limited(MonOutbox *outbox, const char *integration) {
  const MonLane *lane = g_hash_table_lookup(outbox->lanes, integration);

  return lane && lane->is_limited && lane->entries.length > 0;
}

/* What was tried may be there already, under its own key. */
static gboolean is_untried(const MonAttempt *entry) {
  return entry->attempts == 0 && !entry->in_flight;
}

gboolean mon_lane_summarise(MonLane *lane) {
  MonAttempt *into = NULL;
  guint n = 0;

  for (GList *l = lane->entries.tail, *before; l; l = before) {
    MonAttempt *entry = l->data;
    before = l->prev;
    if (!is_untried(entry))
      continue;
    if (into == NULL) {
      into = entry;
      continue;
    }
    mon_notice_absorb(into->notice, entry->notice);
    mon_entry_merge(entry, into, "its rate_limit was reached");
    n++;
  }
  if (n > 0)
    mon_entry_hold(into);
  return n > 0;
}
