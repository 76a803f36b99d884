/* alerts-turn.c: when which rule is evaluated.
 *
 * By its interval; when a series that it mentions changes, as soon as the loop gets to it (changes
 * that come together cost one evaluation); and when time alone changes one of its alerts. What
 * evaluations for changes take stays a fifth of the time. */
#include "monitoring/alerts-private.h"

#include "common/timer-source.h"

#define SHARE 4                                 /* of the time it took, before the next one */
#define SEEN_USEC ((gint64)10 * G_USEC_PER_SEC) /* how exactly `for` knows when we were away */

static gboolean on_idle(gpointer user_data) {
  MonAlerts *alerts = user_data;

  alerts->idle = 0;
  mon_alerts_turn(alerts);
  return G_SOURCE_REMOVE;
}

void mon_alerts_soon(MonAlerts *alerts) {
  if (alerts->idle != 0)
    return;
  if (mon_alerts_now(alerts) >= alerts->free_at)
    alerts->idle = g_idle_add_full(G_PRIORITY_DEFAULT, on_idle, alerts, NULL);
  else
    wg_timer_source_arm(alerts->timer, wg_clock_to_boottime(wg_records_clock(alerts->daemon->store),
                                                            alerts->free_at));
}

/* Of the rule's alerts: when the next one changes by time alone. Past ones have had their turn. */
static gint64 deadline_of(MonAlerts *alerts, const MonLive *live, gint64 after) {
  gint64 first = G_MAXINT64;
  GHashTableIter iter;
  gpointer value;

  if (live->n_alerts == 0)
    return first;
  g_hash_table_iter_init(&iter, alerts->entries);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    const MonEntry *entry = value;
    gint64 deadline = entry->live == live ? mon_alert_deadline(entry->alert, live->rule) : 0;
    if (deadline > after)
      first = MIN(first, deadline);
  }
  return first;
}

/* Alerts whose rule no file has any more, and drills whose time is over. */
static gint64 end_orphans(MonAlerts *alerts, gint64 now) {
  g_autoptr(GList) entries = g_hash_table_get_values(alerts->entries);
  gint64 next = G_MAXINT64;

  for (GList *at = entries; at != NULL; at = at->next) {
    MonEntry *entry = at->data;
    MonSteps steps;
    if (entry->live != NULL)
      continue;
    if (entry->ends > now) {
      next = MIN(next, entry->ends);
      continue;
    }
    mon_alert_end(entry->alert, now, wg_time_realtime(),
                  entry->alert->is->is_drill ? "drill over" : "rule removed", &steps);
    mon_alerts_take(alerts, entry, &steps);
    if (entry->pending == 0)
      mon_alerts_forget(alerts, entry);
  }
  return next;
}

static void arm(MonAlerts *alerts, gint64 when) {
  const WgClock *clock = wg_records_clock(alerts->daemon->store);

  wg_timer_source_arm(alerts->timer, when == G_MAXINT64 ? when : wg_clock_to_boottime(clock, when));
}

/* Processor time of ours, us: a machine that lets us wait is no reason to wait longer. */
static gint64 spent(void) {
  struct timespec now;

  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000;
}

void mon_alerts_turn(MonAlerts *alerts) {
  gint64 now = mon_alerts_now(alerts), begin = spent(), next = G_MAXINT64;
  gboolean was_dirty = FALSE, may_dirty = now >= alerts->free_at;

  mon_alerts_sample(alerts);
  for (guint i = 0; i < alerts->live->len; i++) {
    MonLive *live = alerts->live->pdata[i];
    gboolean is_tick = live->tick <= now, is_dirty = live->is_dirty && may_dirty;
    if (is_tick)
      live->tick = now + live->rule->interval;
    if (is_tick || is_dirty || live->due <= now) {
      was_dirty |= is_dirty;
      mon_alerts_judge(alerts, live, is_tick);
      live->due = deadline_of(alerts, live, now);
    }
    next = MIN(next, MIN(live->tick, live->due));
    if (live->is_dirty)
      next = MIN(next, alerts->free_at);
  }
  next = MIN(next, end_orphans(alerts, now));
  mon_causes_judge(alerts);
  if (g_hash_table_size(alerts->entries) > 0 && now - alerts->seen >= SEEN_USEC)
    alerts->seen = 0; /* the flush writes it */
  mon_alerts_flush(alerts);
  if (was_dirty)
    alerts->free_at = now + SHARE * (spent() - begin);
  arm(alerts, next);
}
