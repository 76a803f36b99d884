/* alerts-judge.c: one rule against its data: which alerts it has, and what becomes of each. */
#include "monitoring/alerts-private.h"
#include "monitoring/deployments.h"

#include <math.h>
#include <string.h>

#define NO_DATA "no_data" /* the label of the alert of a rule that has nothing to judge by */

/* ---- entries ---- */
MonEntry *mon_alerts_entry(MonAlerts *alerts, MonLive *live, MonAlert *alert) {
  MonEntry *entry = g_new0(MonEntry, 1);

  entry->alert = alert;
  entry->live = live;
  if (live != NULL)
    live->n_alerts++;
  g_hash_table_insert(alerts->entries, alert->is->fingerprint, entry);
  return entry;
}

void mon_alerts_forget(MonAlerts *alerts, MonEntry *entry) {
  if (entry->has_row)
    g_ptr_array_add(alerts->gone, g_strdup(entry->alert->is->fingerprint));
  if (entry->live != NULL) {
    entry->live->n_alerts--;
    if (entry->result != NULL)
      g_hash_table_remove(entry->live->by_result, entry->result);
  }
  g_hash_table_remove(alerts->entries, entry->alert->is->fingerprint);
}

void mon_gathered_free(gpointer data) {
  MonGathered *gathered = data;

  mon_transition_free(gathered->transition);
  g_free(gathered);
}

static void gather(MonAlerts *alerts, MonEntry *entry, MonTransition *transition) {
  MonGathered *gathered = g_new0(MonGathered, 1);

  gathered->entry = entry;
  gathered->transition = transition;
  entry->pending++;
  g_ptr_array_add(alerts->gathered, gathered);
}

void mon_alerts_take(MonAlerts *alerts, MonEntry *entry, const MonSteps *steps) {
  MonTransition *is = entry->alert->is;

  if (!steps->changed)
    return;
  is->time = wg_time_realtime();
  if (entry->live != NULL && steps->n > 0) {
    g_clear_pointer(&is->annotations, mon_labels_unref);
    is->annotations = mon_rule_texts(entry->live->rule->annotations, is->labels, is->value);
  }
  for (guint i = 0; i < steps->n; i++) {
    is->kind = steps->kinds[i];
    gather(alerts, entry, mon_transition_copy(is));
  }
  if (steps->n == 0)
    gather(alerts, entry, NULL);
}

/* Of the series, or of the deployment that the unit is of. */
static const char *release_of(const MonAlerts *alerts, const MonLabels *labels) {
  const char *release = mon_labels_get(labels, "release"), *unit = mon_labels_get(labels, "unit");

  if (release != NULL || unit == NULL || alerts->daemon->deployments == NULL)
    return release;
  return mon_deployments_release(alerts->daemon->deployments, unit);
}

static const char *trace_of(const MonAlerts *alerts, const MonLabels *labels) {
  const char *unit = mon_labels_get(labels, "unit");

  if (unit == NULL || alerts->daemon->deployments == NULL)
    return NULL;
  return mon_deployments_trace(alerts->daemon->deployments, unit);
}

static MonAlert *new_alert(const MonAlerts *alerts, const MonRule *rule, const MonLabels *labels) {
  MonAlert *alert = mon_alert_new(labels);
  const char *severity = mon_labels_get(labels, "severity");

  alert->is->rule = g_strdup(rule->key);
  alert->is->group = g_strdup(rule->group);
  alert->is->severity = g_strdup(severity != NULL ? severity : "");
  alert->is->release = g_strdup(release_of(alerts, labels));
  alert->is->traceparent = g_strdup(trace_of(alerts, labels));
  alert->is->annotations = mon_labels_new(NULL, NULL);
  return alert;
}

/* The entry of a result. NULL: its labels are another rule's alert already. */
static MonEntry *entry_of(MonAlerts *alerts, MonLive *live, const MonElement *element) {
  MonEntry *entry = g_hash_table_lookup(live->by_result, element->labels);

  if (entry != NULL)
    return entry;
  g_autoptr(MonLabels) labels = mon_rule_labels(live->rule, element->labels, element->value);
  g_autoptr(MonAlert) alert = new_alert(alerts, live->rule, labels);
  entry = g_hash_table_lookup(alerts->entries, alert->is->fingerprint);
  if (entry != NULL && entry->live != live)
    return NULL;
  if (entry == NULL)
    entry = mon_alerts_entry(alerts, live, g_steal_pointer(&alert));
  else if (entry->result != NULL) /* two results that the rule's own labels make one */
    return entry;
  entry->result = mon_labels_ref(element->labels);
  g_hash_table_insert(live->by_result, mon_labels_ref(element->labels), entry);
  return entry;
}

/* ---- judging ---- */
/* What is asked only when an alert is not in the result, and then once. */
typedef struct {
  MonAlerts *alerts;
  MonLive *live;
  MonLook look;
  gboolean has_resolve, has_there, had_data, clashes;
  MonValue resolve, there;
} Judge;

static gboolean resolves(Judge *judge, const MonEntry *entry) {
  const MonRule *rule = judge->live->rule;

  if (rule->resolve == NULL)
    return TRUE;
  if (!judge->has_resolve)
    mon_expr_eval(rule->resolve, &mon_alerts_source, judge->alerts, judge->look.real,
                  MON_EVAL_PLAIN, &judge->resolve, NULL);
  judge->has_resolve = TRUE;
  return mon_value_has(&judge->resolve, entry->alert->is->labels);
}

/* There is data about it, so that its absence from the result is news. */
static gboolean is_judged(Judge *judge, const MonEntry *entry) {
  if (mon_labels_get(entry->alert->is->labels, NO_DATA) != NULL) /* what it says is over */
    return judge->had_data;
  if (!judge->has_there)
    mon_expr_eval(judge->live->rule->expr, &mon_alerts_source, judge->alerts, judge->look.real,
                  MON_EVAL_UNFILTERED, &judge->there, NULL);
  judge->has_there = TRUE;
  return judge->there.elements != NULL && mon_value_has(&judge->there, entry->alert->is->labels);
}

static void step(Judge *judge, MonEntry *entry, const MonLook *look) {
  MonSteps steps;

  mon_alert_step(entry->alert, judge->live->rule, look, &steps);
  mon_alerts_take(judge->alerts, entry, &steps);
}

static void step_absent(Judge *judge, MonEntry *entry) {
  const MonRule *rule = judge->live->rule;
  MonLook look = judge->look;

  look.holds = FALSE;
  if (entry->alert->is->state == MON_ALERT_INACTIVE) {
    step(judge, entry, &look);
    return;
  }
  gboolean asks = rule->no_data != MON_NO_DATA_OK || entry->alert->restored_until > look.now;
  if (asks && is_judged(judge, entry))
    entry->alert->restored_until = 0;
  else if (rule->no_data == MON_NO_DATA_ALERT) {
    look.holds = TRUE;
    look.value = entry->alert->is->value;
  } else if (rule->no_data != MON_NO_DATA_OK) {
    look.is_blind = TRUE;
    look.is_unknown =
        rule->no_data == MON_NO_DATA_UNKNOWN && entry->alert->restored_until <= look.now;
  }
  look.resolves = resolves(judge, entry);
  step(judge, entry, &look);
}

static void set_error(MonLive *live, const char *text) {
  if (g_strcmp0(live->error, text) == 0)
    return;
  g_free(live->error);
  live->error = g_strdup(text);
  mon_alerts_log_rule(live);
}

static void end_all(Judge *judge, const char *reason) {
  g_autoptr(GList) entries = g_hash_table_get_values(judge->alerts->entries);

  for (GList *at = entries; at != NULL; at = at->next) {
    MonEntry *entry = at->data;
    MonSteps steps;
    if (entry->live != judge->live)
      continue;
    mon_alert_end(entry->alert, judge->look.now, judge->look.real, reason, &steps);
    mon_alerts_take(judge->alerts, entry, &steps);
  }
}

static gboolean has_alerts(const Judge *judge) {
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init(&iter, judge->alerts->entries);
  while (judge->live->n_alerts > 0 && g_hash_table_iter_next(&iter, NULL, &value)) {
    const MonEntry *entry = value;
    if (entry->live == judge->live && entry->alert->is->state != MON_ALERT_INACTIVE)
      return TRUE;
  }
  return FALSE;
}

/* Nothing at all is there to judge by: the rule itself has an alert, which fires or is unknown. */
static void step_nothing(Judge *judge, MonValue *value) {
  MonElement element = {NULL, mon_labels_new(NO_DATA, "true", NULL), NAN};
  MonSteps steps;

  if (judge->live->rule->no_data == MON_NO_DATA_ALERT) {
    g_array_append_val(value->elements, element);
    return;
  }
  MonEntry *entry = entry_of(judge->alerts, judge->live, &element);
  mon_labels_unref(element.labels);
  judge->clashes = entry == NULL;
  if (entry == NULL)
    return;
  entry->is_seen = TRUE;
  entry->alert->is->value = NAN;
  mon_alert_begin_unknown(entry->alert, &judge->look, &steps);
  mon_alerts_take(judge->alerts, entry, &steps);
}

static void step_present(Judge *judge, const MonElement *element) {
  MonEntry *entry = entry_of(judge->alerts, judge->live, element);

  if (entry == NULL) {
    judge->clashes = TRUE;
    return;
  }
  if (entry->is_seen)
    return;
  entry->is_seen = TRUE;
  MonLook look = judge->look;
  look.holds = TRUE;
  look.value = element->value;
  step(judge, entry, &look);
}

/* Those of the rule that are not in the result; and those that are over go. */
static void step_others(Judge *judge) {
  g_autoptr(GList) entries =
      judge->live->n_alerts > 0 ? g_hash_table_get_values(judge->alerts->entries) : NULL;

  for (GList *at = entries; at != NULL; at = at->next) {
    MonEntry *entry = at->data;
    if (entry->live != judge->live)
      continue;
    if (!entry->is_seen)
      step_absent(judge, entry);
    entry->is_seen = FALSE;
    if (entry->pending == 0 && mon_alert_is_over(entry->alert, judge->live->rule, judge->look.now))
      mon_alerts_forget(judge->alerts, entry);
  }
}

static void judge_alerts(Judge *judge, MonValue *value) {
  const MonRule *rule = judge->live->rule;

  mon_value_to_vector(value);
  judge->had_data = value->had_data;
  if (!value->had_data && !has_alerts(judge) &&
      (rule->no_data == MON_NO_DATA_ALERT || rule->no_data == MON_NO_DATA_UNKNOWN))
    step_nothing(judge, value);
  if (rule->limit > 0 && value->elements->len > rule->limit) {
    g_autofree char *text = g_strdup_printf("%u alerts, and its limit is %u: it has none now",
                                            value->elements->len, rule->limit);
    set_error(judge->live, text);
    end_all(judge, "limit");
    return;
  }
  for (guint i = 0; i < value->elements->len; i++)
    step_present(judge, &g_array_index(value->elements, MonElement, i));
  step_others(judge);
  set_error(judge->live,
            judge->clashes
                ? "another rule has an alert with the same labels; give one of them a label more"
                : NULL);
}

/* The series that it made before and makes no more have ended. Those of the name that other rules
 * make are theirs. */
static void end_others(MonAlerts *alerts, MonLive *live, GHashTable *made, gint64 real) {
  GHashTableIter iter;
  gpointer labels;

  g_hash_table_iter_init(&iter, live->made);
  while (g_hash_table_iter_next(&iter, &labels, NULL))
    if (!g_hash_table_contains(made, labels))
      mon_samples_end(alerts->recorded, live->rule->name, labels, real);
  g_hash_table_unref(live->made);
  live->made = made;
}

static void unref_labels(gpointer labels) {
  mon_labels_unref(labels);
}

/* A recording rule's series, with its own labels over theirs. `value` NULL: it failed. */
static void record(MonAlerts *alerts, MonLive *live, MonValue *value, gint64 real) {
  const MonRule *rule = live->rule;
  const gint64 *span = g_hash_table_lookup(alerts->spans, g_intern_string(rule->name));
  GHashTable *made = g_hash_table_new_full(NULL, NULL, unref_labels, g_free);

  mon_samples_trim(alerts->recorded, rule->name, real - MON_EXPR_LOOKBACK - (span ? *span : 0));
  if (value != NULL)
    mon_value_to_vector(value);
  for (guint i = 0; value != NULL && i < value->elements->len; i++) {
    const MonElement *element = &g_array_index(value->elements, MonElement, i);
    g_autoptr(MonLabels) labels = mon_rule_labels(rule, element->labels, element->value);
    mon_samples_add(alerts->recorded, rule->name, labels, 0, real, element->value);
    g_hash_table_replace(made, g_steal_pointer(&labels),
                         g_memdup2(&element->value, sizeof element->value));
  }
  end_others(alerts, live, made, real);
}

void mon_alerts_judge(MonAlerts *alerts, MonLive *live, gboolean is_tick) {
  g_autoptr(GError) error = NULL;
  g_auto(MonValue) value = {0};
  Judge judge = {.alerts = alerts, .live = live};
  gint64 begin = g_get_monotonic_time();

  judge.look = (MonLook){.now = mon_alerts_now(alerts),
                         .real = mon_board_now(alerts->daemon->board), /* as windows stand */
                         .is_tick = is_tick,
                         .resolves = TRUE};
  live->is_dirty = FALSE;
  live->evaluated = judge.look.real;
  if (!mon_expr_eval(live->rule->expr, &mon_alerts_source, alerts, judge.look.real, MON_EVAL_PLAIN,
                     &value, &error)) {
    mon_alerts_count_failure(alerts, live);
    set_error(live, error->message); /* its alerts stay as they are */
    if (live->rule->records)
      record(alerts, live, NULL, judge.look.real);
    return;
  }
  live->no_data = !value.had_data;
  if (live->rule->records) {
    set_error(live, NULL);
    record(alerts, live, &value, judge.look.real);
  } else
    judge_alerts(&judge, &value);
  mon_value_clear(&judge.resolve);
  mon_value_clear(&judge.there);
  live->took = g_get_monotonic_time() - begin;
  wg_histogram_add(&alerts->took, (guint64)live->took);
}
