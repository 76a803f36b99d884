/* inhibit.c: an alert that explains others keeps them quiet (alerting.h). Pure. */
#include "monitoring/alerting.h"

static gboolean agree(const MonInhibitRule *rule, const MonLabels *a, const MonLabels *b) {
  for (guint i = 0; rule->equal[i]; i++)
    if (g_strcmp0(mon_labels_get(a, rule->equal[i]), mon_labels_get(b, rule->equal[i])) != 0)
      return FALSE;
  return TRUE;
}

static gboolean inhibits(const MonInhibitRule *rule, gboolean target_is_source,
                         const MonLabels *target, const MonLabels *source) {
  if (mon_labels_equal(target, source) || !mon_matchers_all_hold(rule->source, source) ||
      !agree(rule, target, source))
    return FALSE;
  /* two that are both would silence each other, and nobody would be told */
  return !(target_is_source && mon_matchers_all_hold(rule->target, source));
}

gboolean mon_inhibited(const MonAlerting *alerting, const MonLabels *target, GPtrArray *sources,
                       const MonLabels **ret_source) {
  for (guint i = 0; i < alerting->inhibits->len; i++) {
    const MonInhibitRule *rule = g_ptr_array_index(alerting->inhibits, i);
    gboolean is_source;

    if (!mon_matchers_all_hold(rule->target, target))
      continue;
    is_source = mon_matchers_all_hold(rule->source, target);
    for (guint k = 0; k < sources->len; k++) {
      const MonLabels *source = g_ptr_array_index(sources, k);
      if (!inhibits(rule, is_source, target, source))
        continue;
      if (ret_source)
        *ret_source = source;
      return TRUE;
    }
  }
  return FALSE;
}
