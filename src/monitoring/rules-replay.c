/* rules-replay.c: rules over time that is not now, see rules-replay.h. */
#include "monitoring/rules-replay.h"
#include "monitoring/samples.h"

struct MonReplay {
  const MonRules *rules;
  const MonExprSource *source;
  gpointer self;
  MonReplayFunc func;
  gpointer user_data;
  gint64 *due;         /* by rule */
  GHashTable **alerts; /* by rule: labels (borrowed) -> MonAlert */
  MonSamples *recorded;
  GPtrArray *errors;
};

static void replay_select(gpointer self, const char *name, gint64 from, gint64 to, gboolean newest,
                          MonSelectFunc func, gpointer user_data) {
  MonReplay *run = self;

  run->source->select(run->self, name, from, to, newest, func, user_data);
  mon_samples_source.select(run->recorded, name, from, to, newest, func, user_data);
}

const MonExprSource mon_replay_source = {.select = replay_select};

static void alert_free(gpointer alert) {
  mon_alert_free(alert);
}

MonReplay *mon_replay_new(const MonRules *rules, const MonExprSource *source, gpointer self,
                          MonReplayFunc func, gpointer user_data) {
  MonReplay *run = g_new0(MonReplay, 1);
  guint n = rules->rules->len;

  *run = (MonReplay){
      .rules = rules, .source = source, .self = self, .func = func, .user_data = user_data};
  run->due = g_new0(gint64, n + 1);
  run->alerts = g_new0(GHashTable *, n + 1);
  for (guint i = 0; i < n; i++)
    run->alerts[i] = g_hash_table_new_full(NULL, NULL, NULL, alert_free);
  run->recorded = mon_samples_new();
  run->errors = g_ptr_array_new_with_free_func(g_free);
  return run;
}

void mon_replay_free(MonReplay *run) {
  if (run == NULL)
    return;
  for (guint i = 0; i < run->rules->rules->len; i++)
    g_hash_table_unref(run->alerts[i]);
  g_free(run->alerts);
  g_free(run->due);
  mon_samples_free(run->recorded);
  g_ptr_array_unref(run->errors);
  g_free(run);
}

static void note(MonReplay *run, const MonRule *rule, const char *text) {
  g_autofree char *line = g_strdup_printf("%s: %s", rule->key, text);

  if (!g_ptr_array_find_with_equal_func(run->errors, line, g_str_equal, NULL))
    g_ptr_array_add(run->errors, g_steal_pointer(&line));
}

static void step(MonReplay *run, const MonRule *rule, MonAlert *alert, const MonLook *look) {
  MonTransition *is = alert->is;
  MonSteps steps;

  mon_alert_step(alert, rule, look, &steps);
  if (steps.n > 0) {
    g_clear_pointer(&is->annotations, mon_labels_unref);
    is->annotations = mon_rule_texts(rule->annotations, is->labels, is->value);
  }
  is->time = look->real;
  for (guint i = 0; i < steps.n; i++) {
    is->kind = steps.kinds[i];
    if (run->func != NULL)
      run->func(is, run->user_data);
  }
}

static MonAlert *alert_of(MonReplay *run, guint n, const MonElement *element) {
  const MonRule *rule = run->rules->rules->pdata[n];
  g_autoptr(MonLabels) labels = mon_rule_labels(rule, element->labels, element->value);
  MonAlert *alert = g_hash_table_lookup(run->alerts[n], labels);

  if (alert != NULL)
    return alert;
  alert = mon_alert_new(labels);
  alert->is->rule = g_strdup(rule->key);
  alert->is->group = g_strdup(rule->group);
  alert->is->severity = g_strdup(rule->severity);
  g_hash_table_insert(run->alerts[n], (gpointer)alert->is->labels, alert);
  return alert;
}

/* resolve_expr says so for these labels, or for some of them; as with live alerts. */
static gboolean resolves(MonReplay *run, const MonRule *rule, const MonAlert *alert, gint64 time) {
  g_auto(MonValue) value = {0};

  if (rule->resolve == NULL)
    return TRUE;
  mon_expr_eval(rule->resolve, &mon_replay_source, run, time, MON_EVAL_PLAIN, &value, NULL);
  return mon_value_has(&value, alert->is->labels);
}

static void judge(MonReplay *run, guint n, const MonValue *value, gint64 time) {
  const MonRule *rule = run->rules->rules->pdata[n];
  MonLook look = {.now = time, .real = time, .is_tick = TRUE, .resolves = TRUE};
  g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);

  for (guint i = 0; i < value->elements->len; i++) {
    const MonElement *element = &g_array_index(value->elements, MonElement, i);
    MonAlert *alert = alert_of(run, n, element);
    look.holds = TRUE;
    look.value = element->value;
    if (g_hash_table_add(seen, alert))
      step(run, rule, alert, &look);
  }
  GHashTableIter iter;
  gpointer alert;
  look.holds = FALSE;
  g_hash_table_iter_init(&iter, run->alerts[n]);
  while (g_hash_table_iter_next(&iter, NULL, &alert)) {
    if (g_hash_table_contains(seen, alert))
      continue;
    look.is_blind = !value->had_data && rule->no_data != MON_NO_DATA_OK;
    look.is_unknown = look.is_blind && rule->no_data == MON_NO_DATA_UNKNOWN;
    look.resolves = resolves(run, rule, alert, time);
    step(run, rule, alert, &look);
    if (mon_alert_is_over(alert, rule, time))
      g_hash_table_iter_remove(&iter);
  }
}

static void evaluate(MonReplay *run, guint n, gint64 time) {
  const MonRule *rule = run->rules->rules->pdata[n];
  g_autoptr(GError) error = NULL;
  g_auto(MonValue) value = {0};

  if (!mon_expr_eval(rule->expr, &mon_replay_source, run, time, MON_EVAL_PLAIN, &value, &error)) {
    note(run, rule, error->message);
    return;
  }
  mon_value_to_vector(&value);
  if (!rule->records && rule->limit > 0 && value.elements->len > rule->limit) {
    note(run, rule, "more alerts than its limit");
    g_array_set_size(value.elements, 0);
  }
  if (!rule->records) {
    judge(run, n, &value, time);
    return;
  }
  for (guint i = 0; i < value.elements->len; i++) {
    const MonElement *element = &g_array_index(value.elements, MonElement, i);
    g_autoptr(MonLabels) labels = mon_rule_labels(rule, element->labels, element->value);
    mon_samples_add(run->recorded, rule->name, labels, 0, time, element->value);
  }
}

void mon_replay_at(MonReplay *run, gint64 time) {
  for (guint i = 0; i < run->rules->rules->len; i++) {
    if (run->due[i] > time)
      continue;
    run->due[i] = time + ((const MonRule *)run->rules->rules->pdata[i])->interval;
    evaluate(run, i, time);
  }
}

GPtrArray *mon_replay_alerts(const MonReplay *run) {
  GPtrArray *found = g_ptr_array_new();

  for (guint i = 0; i < run->rules->rules->len; i++) {
    GHashTableIter iter;
    gpointer alert;
    g_hash_table_iter_init(&iter, run->alerts[i]);
    while (g_hash_table_iter_next(&iter, NULL, &alert))
      if (((MonAlert *)alert)->is->state != MON_ALERT_INACTIVE)
        g_ptr_array_add(found, ((MonAlert *)alert)->is);
  }
  return found;
}

const GPtrArray *mon_replay_errors(const MonReplay *run) {
  return run->errors;
}
