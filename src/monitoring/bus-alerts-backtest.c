/* bus-alerts-backtest.c: Backtest: what rules would have done, on the history.
 *
 * A turn of it takes a few milliseconds, then the loop goes on: nobody waits for a backtest but who
 * asked for it. */
#include "monitoring/bus-alerts.h"
#include "monitoring/metrics.h"
#include "monitoring/rules-replay.h"

#include "common/error.h"

#include <string.h>

#define DAY ((gint64)86400 * G_USEC_PER_SEC)
#define STEP ((gint64)30 * G_USEC_PER_SEC)
#define EVALUATIONS_MAX 100000
#define TRANSITIONS_MAX 5000
#define SLICE_USEC 4000

typedef struct {
  MonCall *call;
  MonRules *rules;
  MonSamples *past;
  MonReplay *replay;
  gint64 at, until, step;
  JsonArray *transitions;
  guint n, fired; /* transitions in all; firings among them */
  guint source;
} Backtest;

static void backtest_free(gpointer data) {
  Backtest *test = data;

  g_clear_handle_id(&test->source, g_source_remove);
  mon_replay_free(test->replay);
  mon_samples_free(test->past);
  mon_rules_free(test->rules);
  g_clear_pointer(&test->transitions, json_array_unref);
  g_free(test);
}

static void on_transition(const MonTransition *transition, gpointer user_data) {
  Backtest *test = user_data;
  g_autofree char *text = mon_transition_text(transition);

  test->n++;
  test->fired += transition->kind == MON_TRANSITION_FIRING;
  if (test->n <= TRANSITIONS_MAX)
    json_array_add_element(test->transitions, json_from_string(text, NULL));
}

static void answer(Backtest *test) {
  JsonObject *object = json_object_new();
  JsonArray *errors = json_array_new();
  JsonNode *node = json_node_new(JSON_NODE_OBJECT);
  const GPtrArray *failed = mon_replay_errors(test->replay);

  for (guint i = 0; i < failed->len; i++)
    json_array_add_string_element(errors, failed->pdata[i]);
  json_object_set_int_member(object, "rules", test->rules->rules->len);
  json_object_set_int_member(object, "samples", mon_samples_n(test->past));
  json_object_set_int_member(object, "fired", test->fired);
  json_object_set_int_member(object, "n", test->n);
  json_object_set_array_member(object, "transitions", g_steal_pointer(&test->transitions));
  json_object_set_array_member(object, "errors", errors);
  json_node_take_object(node, object);
  mon_call_answer_json(test->call, node);
}

static gboolean on_slice(gpointer user_data) {
  Backtest *test = user_data;
  MonDaemon *daemon = test->call->owner;
  gint64 end = g_get_monotonic_time() + SLICE_USEC;

  for (; test->at <= test->until && g_get_monotonic_time() < end; test->at += test->step)
    mon_replay_at(test->replay, test->at);
  if (test->at <= test->until)
    return G_SOURCE_CONTINUE;
  test->source = 0;
  answer(test);
  g_ptr_array_remove(daemon->alerts->backtests, test);
  return G_SOURCE_REMOVE;
}

static void on_past(MonSamples *past, const GError *error, gpointer user_data) {
  Backtest *test = user_data;
  MonDaemon *daemon = test->call->owner;

  test->past = past;
  if (past == NULL) {
    wg_call_fail(test->call, error);
    backtest_free(test);
    return;
  }
  test->replay = mon_replay_new(test->rules, &mon_samples_source, past, on_transition, test);
  test->source = g_idle_add(on_slice, test);
  g_ptr_array_add(daemon->alerts->backtests, test);
}

static MonRules *rules_of(MonCall *call, gint64 interval, GError **error) {
  g_autoptr(MonRules) rules = mon_rules_new();
  g_autoptr(WgProblems) problems = wg_problems_new();
  gsize size = 0;
  g_autofree char *bytes = mon_call_document(call, &size, error);

  if (bytes == NULL)
    return NULL;
  if (mon_rules_read(rules, bytes, size, "", interval, problems))
    return g_steal_pointer(&rules);
  g_autofree char *text = wg_problems_text(problems, "rules");
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "%s", g_strchomp(text));
  return NULL;
}

/* The metrics that the rules look at, and how far back; NULL at the end. */
static GPtrArray *names_of(const MonRules *rules, gint64 *ret_window) {
  GPtrArray *names = g_ptr_array_new();

  *ret_window = MON_EXPR_LOOKBACK;
  for (guint i = 0; i < rules->rules->len; i++) {
    const MonRule *rule = rules->rules->pdata[i];
    const MonExpr *both[] = {rule->expr, rule->resolve};
    for (guint k = 0; k < 2 && both[k] != NULL; k++) {
      *ret_window = MAX(*ret_window, mon_expr_window(both[k]));
      for (const char *const *name = mon_expr_names(both[k]); *name != NULL; name++)
        if (!g_ptr_array_find(names, *name, NULL))
          g_ptr_array_add(names, (gpointer)*name);
    }
  }
  g_ptr_array_add(names, NULL);
  return names;
}

static gboolean read_times(MonCall *call, Backtest *test, GError **error) {
  gint64 now = wg_time_realtime();
  guint64 since = wg_call_number(call, "since"), until = wg_call_number(call, "until");
  guint64 step = wg_call_number(call, "step");

  test->until = until > 0 ? (gint64)MIN(until, (guint64)now) : now;
  test->at = since > 0 ? (gint64)MIN(since, (guint64)G_MAXINT64) : test->until - DAY;
  test->step = wg_call_has(call, "step") ? (gint64)MIN(step, (guint64)G_MAXINT64) : STEP;
  if (test->at > test->until)
    g_set_error_literal(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                        "there is no history after now, and none before it begins: an earlier "
                        "beginning helps");
  else if (test->step < G_USEC_PER_SEC || test->step > DAY)
    g_set_error_literal(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                        "a step is a second at least and a day at most");
  else if ((test->until - test->at) / test->step > EVALUATIONS_MAX)
    g_set_error(error, WG_ERROR, WG_ERROR_LIMITS_EXCEEDED,
                "more than %d evaluations; a longer step or a later beginning helps",
                EVALUATIONS_MAX);
  else
    return TRUE;
  return FALSE;
}

void mon_handle_alerts_backtest(MonCall *call) {
  MonDaemon *daemon = call->owner;
  MonHistory *history = mon_metrics_history(daemon->metrics);
  g_autoptr(GError) error = NULL;
  Backtest *test = g_new0(Backtest, 1);
  gint64 window;

  test->call = call;
  test->transitions = json_array_new();
  if (history == NULL)
    g_set_error(
        &error, WG_ERROR, WG_ERROR_INVALID_STATE,
        "no history is kept here ([Metrics] in monitord.conf), so there is none to look at");
  else if (read_times(call, test, &error))
    test->rules = rules_of(call, test->step, &error);
  if (error != NULL) {
    wg_call_fail(call, error);
    backtest_free(test);
    return;
  }
  g_autoptr(GPtrArray) names = names_of(test->rules, &window);
  mon_history_load(history, (const char *const *)names->pdata, test->at - window, test->until,
                   (guint64)test->step, on_past, test);
}

GPtrArray *mon_backtests_new(void) {
  return g_ptr_array_new_with_free_func(backtest_free);
}
