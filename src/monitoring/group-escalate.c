/* group-escalate.c: when an alert that nobody acknowledged goes to further receivers (group.h).
 *
 * The time runs from when the alert's own route told of it first, which the log knows, so that a
 * restart changes nothing, and what was silenced from the beginning escalates only after somebody
 * could have heard of it. Where the route's receiver has no way at all it runs from the firing. */
#include "monitoring/group-private.h"

/* Lasting time; G_MAXINT64: nobody was. */
static gint64 told_at(MonGroups *groups, const MonGroup *group, const MonTransition *alert,
                      gint64 now, gint64 realtime) {
  const GPtrArray *ways = group->route->receiver->integrations;
  gint64 first = G_MAXINT64;

  if (ways->len == 0)
    return now - MAX(realtime - alert->fired_at, 0);
  for (guint i = 0; i < ways->len; i++) {
    const MonIntegration *it = g_ptr_array_index(ways, i);
    const MonSent *sent = mon_sent_get(groups, it->key, group->key, FALSE);
    const MonSentAlert *told = sent ? g_hash_table_lookup(sent->firing, alert->fingerprint) : NULL;
    if (told && told->fired_at == alert->fired_at)
      first = MIN(first, told->told_at);
  }
  return first;
}

/* G_MAXINT64: as it is now it does not. */
static gint64 escalates_at(MonGroups *groups, const MonGroup *group, const MonTransition *alert,
                           const MonEscalation *escalation, gint64 now, gint64 realtime) {
  gint64 first;

  if (alert->resolved_at != 0 || alert->acknowledged)
    return G_MAXINT64;
  first = told_at(groups, group, alert, now, realtime);
  return first == G_MAXINT64 ? G_MAXINT64 : first + (gint64)escalation->after;
}

gboolean mon_group_escalates(MonGroups *groups, const MonGroup *group, const MonTransition *alert,
                             const MonEscalation *escalation, gint64 now, gint64 realtime) {
  return escalates_at(groups, group, alert, escalation, now, realtime) <= now;
}

/* All ways of the receiver were told. */
static gboolean is_told(MonGroups *groups, const MonGroup *group, const MonTransition *alert,
                        const MonReceiver *receiver) {
  for (guint i = 0; i < receiver->integrations->len; i++) {
    const MonIntegration *it = g_ptr_array_index(receiver->integrations, i);
    if (!mon_sent_has(mon_sent_get(groups, it->key, group->key, FALSE), alert))
      return FALSE;
  }
  return TRUE;
}

/* The next escalation of the alert that is not done. */
static gint64 next_of(MonGroups *groups, const MonGroup *group, const MonTransition *alert,
                      gint64 after, gint64 now, gint64 realtime) {
  const MonRoute *route = group->route;
  gint64 next = G_MAXINT64;

  for (guint i = 0; i < route->escalations->len; i++) {
    const MonEscalation *escalation = g_ptr_array_index(route->escalations, i);
    if (escalation->receiver == route->receiver ||
        is_told(groups, group, alert, escalation->receiver))
      continue;
    gint64 at = escalates_at(groups, group, alert, escalation, now, realtime);
    if (at > after)
      next = MIN(next, at);
  }
  return next;
}

void mon_group_note_escalation(MonGroups *groups, MonGroup *group, const MonTransition *alert,
                               gint64 now, gint64 realtime) {
  gint64 next = next_of(groups, group, alert, G_MININT64, now, realtime);

  group->escalates_at = MIN(group->escalates_at, next);
}

/* What is due and muted comes with a flush once it is not. */
void mon_group_plan_escalation(MonGroups *groups, MonGroup *group, gint64 now, gint64 realtime) {
  GHashTableIter iter;
  gpointer alert;

  group->escalates_at = G_MAXINT64;
  if (group->route->escalations->len == 0)
    return;
  g_hash_table_iter_init(&iter, group->members);
  while (g_hash_table_iter_next(&iter, NULL, &alert))
    group->escalates_at =
        MIN(group->escalates_at, next_of(groups, group, alert, now, now, realtime));
}
