/* group-sent.c: the log of what each integration was told of each group (group.h). */
#include "monitoring/group-private.h"

#include <string.h>

static char *sent_key(const char *integration, const char *group) {
  return g_strdup_printf("%s\n%s", integration, group);
}

MonSent *mon_sent_get(MonGroups *groups, const char *integration, const char *group,
                      gboolean make) {
  g_autofree char *key = sent_key(integration, group);
  MonSent *sent = g_hash_table_lookup(groups->sent, key);

  if (sent || !make)
    return sent;
  sent = g_new0(MonSent, 1);
  sent->integration = g_strdup(integration);
  sent->group = g_strdup(group);
  sent->firing = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  g_hash_table_insert(groups->sent, g_steal_pointer(&key), sent);
  return sent;
}

void mon_sent_free(MonSent *sent) {
  g_free(sent->integration);
  g_free(sent->group);
  g_hash_table_unref(sent->firing);
  g_free(sent);
}

void mon_sent_changed(MonGroups *groups, MonSent *sent) {
  gboolean gone = g_hash_table_size(sent->firing) == 0;

  groups->funcs->sent(sent, gone, groups->user_data);
  if (gone) {
    g_autofree char *key = sent_key(sent->integration, sent->group);
    g_hash_table_remove(groups->sent, key);
  }
}

gboolean mon_sent_has(const MonSent *sent, const MonTransition *alert) {
  const MonSentAlert *told = sent ? g_hash_table_lookup(sent->firing, alert->fingerprint) : NULL;

  return told && told->fired_at == alert->fired_at;
}

void mon_groups_restore(MonGroups *groups, const char *integration, const char *group,
                        const char *fingerprint, const MonSentAlert *told, gint64 time) {
  MonSent *sent = mon_sent_get(groups, integration, group, TRUE);

  sent->time = time;
  g_hash_table_replace(sent->firing, g_strdup(fingerprint), g_memdup2(told, sizeof *told));
}

static gboolean has_way(const MonReceiver *receiver, const char *integration) {
  for (guint i = 0; i < receiver->integrations->len; i++) {
    const MonIntegration *it = g_ptr_array_index(receiver->integrations, i);
    if (g_str_equal(it->key, integration))
      return TRUE;
  }
  return FALSE;
}

/* A group that lives tells its own. */
static gboolean is_told_by_group(MonGroups *groups, const MonSent *sent,
                                 const MonTransition *alert) {
  const MonGroup *group = g_hash_table_lookup(groups->groups, sent->group);

  if (group == NULL || !g_hash_table_contains(group->members, alert->fingerprint))
    return FALSE;
  if (has_way(group->route->receiver, sent->integration))
    return TRUE;
  for (guint i = 0; i < group->route->escalations->len; i++) {
    const MonEscalation *escalation = g_ptr_array_index(group->route->escalations, i);
    if (has_way(escalation->receiver, sent->integration))
      return TRUE;
  }
  return FALSE;
}

static void tell_orphan(MonGroups *groups, MonSent *sent, const MonTransition *alert, gint64 now) {
  const MonIntegration *it = mon_alerting_integration(groups->alerting, sent->integration);
  g_autofree char *name =
      g_strndup(sent->integration, (gsize)(strchr(sent->integration, '/') - sent->integration));
  g_autoptr(GPtrArray) alerts = g_ptr_array_new();
  MonToTell notice = {
      it, mon_alerting_receiver(groups->alerting, name), sent->group, alert->labels, alerts, 0, 0,
      0};

  g_ptr_array_add(alerts, (gpointer)alert);
  if (it && it->send_resolved)
    groups->funcs->tell(&notice, groups->user_data);
  g_hash_table_remove(sent->firing, alert->fingerprint);
  sent->time = now;
}

void mon_sent_orphans(MonGroups *groups, const MonTransition *alert, gint64 now) {
  g_autoptr(GPtrArray) found = g_ptr_array_new();
  GHashTableIter iter;
  gpointer sent;

  g_hash_table_iter_init(&iter, groups->sent);
  while (g_hash_table_iter_next(&iter, NULL, &sent))
    if (mon_sent_has(sent, alert) && !is_told_by_group(groups, sent, alert))
      g_ptr_array_add(found, sent);
  for (guint i = 0; i < found->len; i++) {
    tell_orphan(groups, g_ptr_array_index(found, i), alert, now);
    mon_sent_changed(groups, g_ptr_array_index(found, i));
  }
}
