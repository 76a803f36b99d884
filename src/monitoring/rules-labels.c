/* rules-labels.c: the labels and texts that a rule gives its alerts. */
#include "monitoring/rules.h"
#include "monitoring/template.h"

MonLabels *mon_rule_texts(char *const *pairs, const MonLabels *labels, double value) {
  g_autoptr(GPtrArray) made = g_ptr_array_new_with_free_func(g_free);

  for (; *pairs != NULL; pairs += 2) {
    char *text = mon_template_expand(pairs[1], labels, value, NULL);
    g_ptr_array_add(made, g_strdup(pairs[0]));
    g_ptr_array_add(made, text != NULL ? text : g_strdup(pairs[1]));
  }
  return mon_labels_from((const char *const *)made->pdata, made->len / 2);
}

MonLabels *mon_rule_labels(const MonRule *rule, const MonLabels *result, double value) {
  g_autoptr(MonLabels) own = mon_rule_texts(rule->labels, result, value);
  MonLabels *labels = mon_labels_with(result, "alertname", rule->records ? NULL : rule->name);

  for (guint i = 0; i < mon_labels_n(own); i++) {
    const char *name, *text;
    mon_labels_nth(own, i, &name, &text);
    MonLabels *with = mon_labels_with(labels, name, text);
    mon_labels_unref(labels);
    labels = with;
  }
  return labels;
}
