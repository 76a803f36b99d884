/* causes.c: which alert follows from which, by systemd's own requirement edges.
 *
 * An alert of a unit follows from a firing alert of a unit that it cannot run without (Requires=,
 * BindsTo=, PartOf=, RequiresMountsFor=, also over others), if that one was there first. Mere
 * ordering (After=) proves nothing. What follows is told under its cause: the transition names it.
 * The cause of a cause is the cause of both, so that one failure is one story. */
#include "monitoring/alerts-private.h"
#include "monitoring/inventory.h"

#define UNITS_MAX 200 /* looked through from one alert: a unit that needs all the others */

static gboolean fires(const MonEntry *entry) {
  return entry->alert->is->state == MON_ALERT_FIRING ||
         entry->alert->is->state == MON_ALERT_KEEPING;
}

/* unit -> the alert of it that came first */
static GHashTable *firing_units(MonAlerts *alerts) {
  GHashTable *units = g_hash_table_new(g_str_hash, g_str_equal);
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init(&iter, alerts->entries);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    MonEntry *entry = value;
    const char *unit = mon_labels_get(entry->alert->is->labels, "unit");
    if (unit == NULL || !fires(entry) || entry->alert->is->is_drill)
      continue;
    const MonEntry *other = g_hash_table_lookup(units, unit);
    if (other == NULL || entry->alert->is->active_at < other->alert->is->active_at)
      g_hash_table_insert(units, (gpointer)unit, entry);
  }
  return units;
}

/* `unit` and all that it cannot run without, nearest first; borrowed names. */
static GPtrArray *needs_of(MonAlerts *alerts, const char *unit) {
  g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
  GPtrArray *queue = g_ptr_array_new();

  g_ptr_array_add(queue, (gpointer)unit);
  g_hash_table_add(seen, (gpointer)unit);
  for (guint i = 0; i < queue->len && i < UNITS_MAX; i++) {
    g_autofree const char **needs = mon_inventory_needs(alerts->daemon->inventory, queue->pdata[i]);
    for (guint n = 0; needs != NULL && needs[n] != NULL; n++)
      if (g_hash_table_add(seen, (gpointer)needs[n]))
        g_ptr_array_add(queue, (gpointer)needs[n]);
  }
  return queue;
}

/* Of two that came together the one that does not need the other; of two that need each other
 * neither. */
static gboolean came_first(MonAlerts *alerts, const MonEntry *other, const MonEntry *entry,
                           const char *unit) {
  gint64 a = other->alert->is->active_at, b = entry->alert->is->active_at;

  if (a != b)
    return a < b;
  g_autoptr(GPtrArray) needs = needs_of(alerts, mon_labels_get(other->alert->is->labels, "unit"));
  return !g_ptr_array_find_with_equal_func(needs, unit, g_str_equal, NULL);
}

/* The alert furthest down the edges that was there first. */
static const char *find_cause(MonAlerts *alerts, const MonEntry *entry, GHashTable *firing) {
  const char *unit = mon_labels_get(entry->alert->is->labels, "unit"), *cause = NULL;

  if (unit == NULL || !fires(entry) || entry->alert->is->is_drill)
    return NULL;
  g_autoptr(GPtrArray) needs = needs_of(alerts, unit);
  for (guint i = 1; i < needs->len; i++) {
    const MonEntry *other = g_hash_table_lookup(firing, needs->pdata[i]);
    if (other != NULL && came_first(alerts, other, entry, unit))
      cause = other->alert->is->fingerprint;
  }
  return cause;
}

static void set_cause(MonAlerts *alerts, MonEntry *entry, const char *cause) {
  MonTransition *is = entry->alert->is;
  MonSteps steps = {.n = 1, .changed = TRUE};

  if (g_strcmp0(is->cause, cause) == 0)
    return;
  steps.kinds[0] = cause != NULL ? MON_TRANSITION_CAUSED : MON_TRANSITION_UNCAUSED;
  gboolean is_news = (is->cause == NULL) != (cause == NULL);
  g_free(is->cause);
  is->cause = g_strdup(cause);
  /* what it says in this turn anyhow says it, too; and one that is over needs nobody */
  if (is_news && entry->pending == 0 && fires(entry))
    mon_alerts_take(alerts, entry, &steps);
}

gboolean mon_causes_are_due(const MonAlerts *alerts) {
  const MonInventory *inventory = alerts->daemon->inventory;

  return inventory != NULL && g_hash_table_size(alerts->entries) > 0 &&
         alerts->needs_revision != mon_inventory_needs_revision(inventory);
}

/* Nothing has changed, nothing is judged: with hundreds of alerts that would be most of a turn. */
void mon_causes_judge(MonAlerts *alerts) {
  if (g_hash_table_size(alerts->entries) == 0 || alerts->daemon->inventory == NULL ||
      (alerts->gathered->len == 0 && !mon_causes_are_due(alerts)))
    return;
  alerts->needs_revision = mon_inventory_needs_revision(alerts->daemon->inventory);
  g_autoptr(GHashTable) firing = firing_units(alerts);
  g_autoptr(GList) entries = g_hash_table_get_values(alerts->entries);
  for (GList *at = entries; at != NULL; at = at->next) {
    MonEntry *entry = at->data;
    if (entry->alert->is->state != MON_ALERT_INACTIVE)
      set_cause(alerts, entry, find_cause(alerts, entry, firing));
  }
}
