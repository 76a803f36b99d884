/* group-flush.c: what a group tells each of its integrations when its time has come (group.h). */
#include "monitoring/group-private.h"

#include <string.h>

/* Who is told: the route's own receiver, or one that it escalates to. */
typedef struct {
  const MonReceiver *receiver;
  const MonEscalation *escalation; /* NULL: the route's own */
  guint level;                     /* of the escalation; 0: none */
  gboolean is_between;             /* two flushes: only what escalates now */
  gint64 now, realtime;
} Whom;

typedef struct {
  MonGroups *groups;
  MonGroup *group;
  const Whom *whom;
  const MonIntegration *it;
  MonSent *sent; /* NULL: nothing was told so far */
  GPtrArray *firing, *resolved;
  gboolean news, someone_cares;
} Flush;

/* What inhibition may start from: everything that fires. */
static GPtrArray *sources(MonGroups *groups) {
  GPtrArray *list = g_ptr_array_new();
  GHashTableIter iter;
  gpointer alert;

  g_hash_table_iter_init(&iter, groups->firing);
  while (g_hash_table_iter_next(&iter, NULL, &alert))
    g_ptr_array_add(list, (gpointer)((const MonTransition *)alert)->labels);
  return list;
}

const char *mon_groups_why_muted(MonGroups *groups, const MonTransition *alert) {
  g_autoptr(GPtrArray) list = NULL;

  if (alert->cause && g_hash_table_contains(groups->firing, alert->cause))
    return "its cause is told instead";
  if (groups->alerting->inhibits->len > 0) {
    list = sources(groups);
    if (mon_inhibited(groups->alerting, alert->labels, list, NULL))
      return "another alert inhibits it";
  }
  return groups->funcs->muted(alert, groups->user_data);
}

static MonToldAs as_what(const MonTransition *alert) {
  if (alert->unknown_at != 0)
    return MON_TOLD_UNKNOWN;
  return alert->flapping ? MON_TOLD_FLAPPING : MON_TOLD_FIRING;
}

/* That it has calmed down is told by its end. */
static gboolean is_other(MonToldAs now, MonToldAs told) {
  return now != told && !(told == MON_TOLD_FLAPPING && now == MON_TOLD_FIRING);
}

/* Whom the route escalates to is told of nothing else; of what fires anew while it still knows it
 * as firing it is told as everybody. */
static gboolean is_for(const Flush *f, const MonTransition *alert, const MonSentAlert *told) {
  const Whom *whom = f->whom;

  return whom->escalation == NULL || told ||
         mon_group_escalates(f->groups, f->group, alert, whom->escalation, whom->now,
                             whom->realtime);
}

static void look_at(Flush *f, MonTransition *alert, gboolean is_muted) {
  const MonSentAlert *told =
      f->sent ? g_hash_table_lookup(f->sent->firing, alert->fingerprint) : NULL;
  gboolean has = mon_sent_has(f->sent, alert);

  if (f->whom->is_between && (alert->resolved_at != 0 || (told && !has)))
    return;
  if (alert->resolved_at != 0) { /* whichever life of it was told: it is over */
    if (told)
      g_ptr_array_add(f->resolved, alert);
    f->news = f->news || (told && f->it->send_resolved);
    return;
  }
  if (is_muted || !is_for(f, alert, told))
    return;
  g_ptr_array_add(f->firing, alert);
  f->news = f->news || !has || is_other(as_what(alert), told->as);
  f->someone_cares = f->someone_cares || !alert->acknowledged;
}

static int by_seq(gconstpointer a, gconstpointer b) {
  const MonTransition *x = *(const MonTransition *const *)a, *y = *(const MonTransition *const *)b;

  return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static void tell(Flush *f) {
  const MonRoute *route = f->group->route;
  g_autoptr(GPtrArray) alerts = g_ptr_array_new();
  MonToTell notice = {f->it,
                      f->whom->receiver,
                      f->group->key,
                      f->group->labels,
                      alerts,
                      f->firing->len,
                      route->repeat_interval + 2 * route->group_interval + G_TIME_SPAN_MINUTE,
                      f->whom->level};

  g_ptr_array_sort(f->firing, by_seq);
  g_ptr_array_sort(f->resolved, by_seq);
  g_ptr_array_extend(alerts, f->firing, NULL, NULL);
  if (f->it->send_resolved)
    g_ptr_array_extend(alerts, f->resolved, NULL, NULL);
  if (alerts->len > 0)
    f->groups->funcs->tell(&notice, f->groups->user_data);
}

static void note(Flush *f, gint64 now) {
  MonSent *sent = mon_sent_get(f->groups, f->it->key, f->group->key, TRUE);

  for (guint i = 0; i < f->resolved->len; i++) {
    const MonTransition *alert = g_ptr_array_index(f->resolved, i);
    g_hash_table_remove(sent->firing, alert->fingerprint);
  }
  for (guint i = 0; i < f->firing->len; i++) {
    const MonTransition *alert = g_ptr_array_index(f->firing, i);
    const MonSentAlert *before =
        mon_sent_has(sent, alert) ? g_hash_table_lookup(sent->firing, alert->fingerprint) : NULL;
    MonSentAlert *told = g_new0(MonSentAlert, 1);
    *told = (MonSentAlert){alert->fired_at, as_what(alert), before ? before->told_at : now};
    g_hash_table_replace(sent->firing, g_strdup(alert->fingerprint), told);
  }
  sent->time = now;
  mon_sent_changed(f->groups, sent);
}

/* Over, and not to be told of it: when it fires again, that is news. */
static void forget_resolved(Flush *f) {
  if (f->resolved->len == 0)
    return;
  for (guint i = 0; i < f->resolved->len; i++) {
    const MonTransition *alert = g_ptr_array_index(f->resolved, i);
    g_hash_table_remove(f->sent->firing, alert->fingerprint);
  }
  mon_sent_changed(f->groups, f->sent);
}

/* `muted`: of each member, in the order of the table. */
static void flush_way(MonGroups *groups, MonGroup *group, const Whom *whom,
                      const MonIntegration *it, const GArray *muted) {
  g_autoptr(GPtrArray) firing = g_ptr_array_new(), resolved = g_ptr_array_new();
  Flush f = {groups, group,    whom,  it,   mon_sent_get(groups, it->key, group->key, FALSE),
             firing, resolved, FALSE, FALSE};
  GHashTableIter iter;
  gpointer alert;
  guint i = 0;

  g_hash_table_iter_init(&iter, group->members);
  while (g_hash_table_iter_next(&iter, NULL, &alert))
    look_at(&f, alert, g_array_index(muted, gboolean, i++));
  if (!f.news && firing->len > 0 && f.someone_cares)
    f.news = whom->now - f.sent->time >= (gint64)group->route->repeat_interval;
  if (!f.news) {
    forget_resolved(&f);
    return;
  }
  tell(&f);
  note(&f, whom->now);
}

static void flush_to(MonGroups *groups, MonGroup *group, const Whom *whom, const GArray *muted) {
  for (guint i = 0; i < whom->receiver->integrations->len; i++)
    flush_way(groups, group, whom, g_ptr_array_index(whom->receiver->integrations, i), muted);
}

static void flush_escalations(MonGroups *groups, MonGroup *group, const GArray *muted,
                              gboolean is_between, gint64 now, gint64 realtime) {
  for (guint i = 0; i < group->route->escalations->len; i++) {
    const MonEscalation *escalation = g_ptr_array_index(group->route->escalations, i);
    const Whom whom = {escalation->receiver, escalation, i + 1, is_between, now, realtime};
    if (escalation->receiver != group->route->receiver) /* of a route below: it is told anyway */
      flush_to(groups, group, &whom, muted);
  }
  mon_group_plan_escalation(groups, group, now, realtime);
}

/* (transfer full) */
static GArray *muted_members(MonGroups *groups, MonGroup *group, gint64 realtime) {
  gboolean route_is_muted = mon_route_muted(group->route, realtime) != NULL;
  GArray *muted = g_array_new(FALSE, FALSE, sizeof(gboolean));
  GHashTableIter iter;
  gpointer alert;

  g_hash_table_iter_init(&iter, group->members);
  while (g_hash_table_iter_next(&iter, NULL, &alert)) {
    gboolean is_muted = route_is_muted || mon_groups_why_muted(groups, alert) != NULL;
    g_array_append_val(muted, is_muted);
  }
  return muted;
}

static gboolean is_resolved(gpointer key, gpointer value, gpointer unused) {
  return ((const MonTransition *)value)->resolved_at != 0;
}

void mon_group_escalate(MonGroups *groups, MonGroup *group, gint64 now, gint64 realtime) {
  g_autoptr(GArray) muted = muted_members(groups, group, realtime);

  flush_escalations(groups, group, muted, TRUE, now, realtime);
}

void mon_group_flush(MonGroups *groups, MonGroup *group, gint64 now, gint64 realtime) {
  g_autoptr(GArray) muted = muted_members(groups, group, realtime);
  const Whom own = {group->route->receiver, NULL, 0, FALSE, now, realtime};

  flush_to(groups, group, &own, muted);
  flush_escalations(groups, group, muted, FALSE, now, realtime);
  g_hash_table_foreach_remove(group->members, is_resolved, NULL);
  group->undecided = 0;
  group->due = now + (gint64)group->route->group_interval;
}
