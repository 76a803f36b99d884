/* notice-merge.c: one notification instead of several (notice.h): a newer one of a group for an
 * older one, and a summary for whatever a receiver was not to be told one by one. Nothing that was
 * to be told is left out, and nothing is told that a later one knows better. */
#include "monitoring/notice.h"

static gboolean is_about(const MonNotice *notice, const char *fingerprint) {
  for (guint i = 0; i < notice->alerts->len; i++)
    if (g_str_equal(((const MonTransition *)notice->alerts->pdata[i])->fingerprint, fingerprint))
      return TRUE;
  return FALSE;
}

/* What fired then is in the later one if it still does. */
void mon_notice_merge(MonNotice *into, const MonNotice *older) {
  for (guint i = older->n_firing; i < older->alerts->len; i++) {
    const MonTransition *alert = older->alerts->pdata[i];
    if (!is_about(into, alert->fingerprint))
      g_ptr_array_add(into->alerts, mon_transition_copy(alert));
  }
}

static gboolean has_group(const MonNotice *notice, const char *group) {
  return g_str_equal(notice->group, group) ||
         (notice->groups && g_strv_contains((const char *const *)notice->groups, group));
}

static void take_alerts(MonNotice *into, const MonNotice *older) {
  /* a later one of its group has all that still fires */
  gboolean is_known = older->groups == NULL && has_group(into, older->group);

  for (guint i = 0; i < older->alerts->len; i++) {
    const MonTransition *alert = older->alerts->pdata[i];
    gboolean fires = i < older->n_firing;
    if ((fires && is_known) || is_about(into, alert->fingerprint))
      continue;
    g_ptr_array_insert(into->alerts, fires ? (int)into->n_firing++ : -1,
                       mon_transition_copy(alert));
  }
}

static void take_dependants(MonNotice *into, const MonNotice *older) {
  GHashTableIter iter;
  gpointer fingerprint, names;

  g_hash_table_iter_init(&iter, older->dependants);
  while (g_hash_table_iter_next(&iter, &fingerprint, &names))
    if (!g_hash_table_contains(into->dependants, fingerprint))
      g_hash_table_insert(into->dependants, g_strdup(fingerprint), g_ptr_array_ref(names));
}

static void add_group(GPtrArray *groups, const char *group) {
  if (!g_ptr_array_find_with_equal_func(groups, group, g_str_equal, NULL))
    g_ptr_array_add(groups, g_strdup(group));
}

static void add_groups(GPtrArray *groups, const MonNotice *notice) {
  if (notice->groups == NULL)
    add_group(groups, notice->group);
  for (guint i = 0; notice->groups && notice->groups[i]; i++)
    add_group(groups, notice->groups[i]);
}

/* One of several groups is a group of its own to whoever gets it. */
static void take_groups(MonNotice *into, const MonNotice *older) {
  GPtrArray *groups = g_ptr_array_new();

  add_groups(groups, into);
  add_groups(groups, older);
  g_clear_pointer(&into->groups, g_strfreev);
  if (groups->len == 1) { /* it stays what it is */
    g_ptr_array_set_free_func(groups, g_free);
    g_ptr_array_unref(groups);
    return;
  }
  g_free(into->group);
  into->group = g_strdup_printf("suppressed:%s", into->integration);
  mon_labels_unref(into->labels);
  into->labels = mon_labels_new(NULL, NULL);
  g_ptr_array_add(groups, NULL);
  into->groups = (char **)g_ptr_array_free(groups, FALSE);
}

void mon_notice_absorb(MonNotice *into, const MonNotice *older) {
  take_alerts(into, older);
  take_dependants(into, older);
  take_groups(into, older);
  into->suppressed = MAX(into->suppressed, 1) + MAX(older->suppressed, 1);
  into->escalation = MAX(into->escalation, older->escalation);
  into->valid_for = MAX(into->valid_for, older->valid_for);
  g_free(into->dedup);
  into->dedup = mon_notice_dedup(into);
}
