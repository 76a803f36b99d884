/* group.c: see group.h. Which alert is in which group, and when a group's time comes. */
#include "monitoring/group-private.h"

static void group_free(gpointer data) {
  MonGroup *group = data;

  g_free(group->key);
  mon_labels_unref(group->labels);
  g_hash_table_unref(group->members);
  g_free(group);
}

MonGroups *mon_groups_new(MonAlerting *alerting, const MonGroupFuncs *funcs, gpointer user_data) {
  MonGroups *groups = g_new0(MonGroups, 1);

  groups->alerting = mon_alerting_ref(alerting);
  groups->funcs = funcs;
  groups->user_data = user_data;
  groups->groups = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, group_free);
  groups->sent =
      g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)mon_sent_free);
  groups->firing =
      g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)mon_transition_free);
  return groups;
}

void mon_groups_free(MonGroups *groups) {
  if (groups == NULL)
    return;
  g_hash_table_unref(groups->groups);
  g_hash_table_unref(groups->sent);
  g_hash_table_unref(groups->firing);
  mon_alerting_unref(groups->alerting);
  g_free(groups);
}

typedef struct {
  MonGroups *groups;
  const MonTransition *alert;
  gint64 now, realtime;
  gboolean is_decided; /* a start: it was dealt with, or comes again with the transitions */
} Take;

/* When the first notice was to be sent; what was waited already counts. After a restart that is the
 * time of the last notice, and what follows it. */
static gint64 first_due(const Take *take, const MonGroup *group) {
  gint64 wait = (gint64)group->route->group_wait, last = 0;
  gint64 waited = CLAMP(take->realtime - take->alert->time, 0, wait);

  for (guint i = 0; i < group->route->receiver->integrations->len; i++) {
    const MonIntegration *it = g_ptr_array_index(group->route->receiver->integrations, i);
    const MonSent *sent = mon_sent_get(take->groups, it->key, group->key, FALSE);
    last = MAX(last, sent ? sent->time : 0);
  }
  if (last > 0)
    return CLAMP(last + (gint64)group->route->group_interval, take->now,
                 take->now + (gint64)group->route->group_interval);
  return take->now + wait - waited;
}

static MonGroup *group_get(const Take *take, const MonRoute *route) {
  g_autoptr(MonLabels) labels = mon_route_group(route, take->alert->labels);
  g_autofree char *text = mon_labels_text(labels);
  g_autofree char *key = g_strdup_printf("%s:%s", route->key, text);
  MonGroup *group = g_hash_table_lookup(take->groups->groups, key);

  /* a resolved alone makes no group: nobody was told, or the log knows who */
  if (group || take->alert->resolved_at != 0)
    return group;
  group = g_new0(MonGroup, 1);
  group->key = g_steal_pointer(&key);
  group->route = route;
  group->labels = g_steal_pointer(&labels);
  group->members =
      g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)mon_transition_free);
  group->due = first_due(take, group);
  group->escalates_at = G_MAXINT64;
  g_hash_table_insert(take->groups->groups, group->key, group);
  return group;
}

static void put_member(GHashTable *members, const MonTransition *alert) {
  MonTransition *copy = mon_transition_copy(alert);

  g_hash_table_replace(members, copy->fingerprint, copy);
}

static void on_route(const MonRoute *route, gpointer user_data) {
  const Take *take = user_data;
  MonGroup *group = group_get(take, route);
  const MonTransition *old =
      group ? g_hash_table_lookup(group->members, take->alert->fingerprint) : NULL;

  if (group == NULL || (old == NULL && take->alert->resolved_at != 0) ||
      (old && old->seq > take->alert->seq))
    return;
  put_member(group->members, take->alert);
  mon_group_note_escalation(take->groups, group, take->alert, take->now, take->realtime);
  if (group->undecided == 0 && !take->is_decided)
    group->undecided = take->alert->seq;
}

static void route_alert(MonGroups *groups, const MonTransition *alert, gint64 now, gint64 realtime,
                        gboolean is_decided) {
  Take take = {groups, alert, now, realtime, is_decided};

  if (alert->resolved_at == 0)
    put_member(groups->firing, alert);
  else
    g_hash_table_remove(groups->firing, alert->fingerprint);
  mon_route_match(groups->alerting->root, alert->labels, on_route, &take);
  if (alert->resolved_at != 0)
    mon_sent_orphans(groups, alert, now);
}

static gboolean is_older(MonGroups *groups, const MonTransition *alert) {
  const MonTransition *known = g_hash_table_lookup(groups->firing, alert->fingerprint);

  return known && known->seq > alert->seq;
}

static gboolean fires(const MonTransition *alert) {
  return alert->fired_at != 0 && alert->resolved_at == 0;
}

void mon_groups_seed(MonGroups *groups, const MonTransition *alert, gint64 now, gint64 realtime) {
  if (fires(alert) && !is_older(groups, alert))
    route_alert(groups, alert, now, realtime, TRUE);
}

void mon_groups_take(MonGroups *groups, const MonTransition *transition, gint64 now,
                     gint64 realtime) {
  groups->last_seq = MAX(groups->last_seq, transition->seq);
  if ((fires(transition) || transition->kind == MON_TRANSITION_RESOLVED) &&
      !is_older(groups, transition))
    route_alert(groups, transition, now, realtime, FALSE);
}

static gint64 due_of(const MonGroup *group) {
  return MIN(group->due, group->escalates_at);
}

void mon_groups_run(MonGroups *groups, gint64 now, gint64 realtime) {
  g_autoptr(GPtrArray) due = g_ptr_array_new();
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init(&iter, groups->groups);
  while (g_hash_table_iter_next(&iter, NULL, &value))
    if (due_of(value) <= now)
      g_ptr_array_add(due, value);
  for (guint i = 0; i < due->len; i++) {
    MonGroup *group = g_ptr_array_index(due, i);
    if (group->due > now) {
      mon_group_escalate(groups, group, now, realtime);
      continue;
    }
    mon_group_flush(groups, group, now, realtime);
    if (g_hash_table_size(group->members) == 0)
      g_hash_table_remove(groups->groups, group->key);
  }
}

gint64 mon_groups_due(MonGroups *groups) {
  gint64 due = G_MAXINT64;
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init(&iter, groups->groups);
  while (g_hash_table_iter_next(&iter, NULL, &value))
    due = MIN(due, due_of(value));
  return due;
}

gint64 mon_groups_cursor(MonGroups *groups) {
  gint64 cursor = groups->last_seq;
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init(&iter, groups->groups);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    gint64 undecided = ((MonGroup *)value)->undecided;
    if (undecided > 0)
      cursor = MIN(cursor, undecided - 1);
  }
  return cursor;
}

/* Alerts that were resolved and not told yet: of a group of the old file. */
static void collect_resolved(MonGroups *groups, GPtrArray *into) {
  GHashTableIter iter, members;
  gpointer group, alert;

  g_hash_table_iter_init(&iter, groups->groups);
  while (g_hash_table_iter_next(&iter, NULL, &group)) {
    g_hash_table_iter_init(&members, ((MonGroup *)group)->members);
    while (g_hash_table_iter_next(&members, NULL, &alert))
      if (((MonTransition *)alert)->resolved_at != 0)
        g_ptr_array_add(into, mon_transition_copy(alert));
  }
}

void mon_groups_reload(MonGroups *groups, MonAlerting *alerting, gint64 now, gint64 realtime) {
  g_autoptr(GPtrArray) resolved =
      g_ptr_array_new_with_free_func((GDestroyNotify)mon_transition_free);
  g_autoptr(GHashTable) firing = g_steal_pointer(&groups->firing);
  MonAlerting *old = groups->alerting;
  GHashTableIter iter;
  gpointer alert;

  collect_resolved(groups, resolved);
  g_hash_table_remove_all(groups->groups);
  groups->firing =
      g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)mon_transition_free);
  groups->alerting = mon_alerting_ref(alerting);
  g_hash_table_iter_init(&iter, firing);
  while (g_hash_table_iter_next(&iter, NULL, &alert))
    route_alert(groups, alert, now, realtime, FALSE);
  for (guint i = 0; i < resolved->len; i++)
    mon_sent_orphans(groups, g_ptr_array_index(resolved, i), now);
  mon_alerting_unref(old);
}

guint mon_groups_n(MonGroups *groups) {
  return g_hash_table_size(groups->groups);
}

void mon_groups_each(MonGroups *groups, MonGroupInfoFunc func, gpointer user_data) {
  GHashTableIter iter, members;
  gpointer value, alert;

  g_hash_table_iter_init(&iter, groups->groups);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    const MonGroup *group = value;
    MonGroupInfo info = {group->key, group->route, 0, 0, group->due};
    g_hash_table_iter_init(&members, group->members);
    while (g_hash_table_iter_next(&members, NULL, &alert))
      if (((MonTransition *)alert)->resolved_at == 0)
        info.n_firing++;
      else
        info.n_resolved++;
    func(&info, user_data);
  }
}

GPtrArray *mon_groups_dependants(MonGroups *groups, const char *fingerprint) {
  GPtrArray *list = g_ptr_array_new();
  GHashTableIter iter;
  gpointer alert;

  g_hash_table_iter_init(&iter, groups->firing);
  while (g_hash_table_iter_next(&iter, NULL, &alert))
    if (g_strcmp0(((const MonTransition *)alert)->cause, fingerprint) == 0)
      g_ptr_array_add(list, alert);
  return list;
}
