/* runner-task.c: one check: look, judge, bind to its unit, and again until it is final. A pause
 * holds no slot. */
#include "checks/runner-internal.h"
#include "checks/text.h"

#include <string.h>

#define ATTEMPTS_KEPT 100

/* Outlives the task when the answer comes too late. */
struct Binding {
  Task *task; /* NULL: given up */
  GCancellable *cancel;
};

static gboolean dispatch(GSource *source, GSourceFunc func, gpointer user_data) {
  g_source_set_ready_time(source, -1);
  return func(user_data);
}

static GSourceFuncs funcs = {.dispatch = dispatch};

GSource *chk_timer_new(gint64 ready, GSourceFunc func, gpointer user_data) {
  GSource *source = g_source_new(&funcs, sizeof(GSource));

  g_source_set_callback(source, func, user_data, NULL);
  g_source_set_ready_time(source, ready);
  g_source_attach(source, NULL);
  return source;
}

static void stop_timer(Task *task) {
  if (!task->timer)
    return;
  g_source_destroy(task->timer);
  g_clear_pointer(&task->timer, g_source_unref);
}

static void give_up_binding(Task *task) {
  Binding *binding = g_steal_pointer(&task->binding);

  if (!binding)
    return;
  binding->task = NULL;
  g_cancellable_cancel(binding->cancel);
}

/* Nothing that is under way will be heard of again. */
static void let_go(Task *task) {
  stop_timer(task);
  g_clear_pointer(&task->looking, chk_looking_forget);
  g_clear_pointer(&task->judging, chk_judging_forget);
  give_up_binding(task);
}

void chk_task_clear(Task *task) {
  let_go(task);
  g_array_unref(task->dependents);
}

static void set_text(Task *task, const char *text) {
  char *copy = g_strdup(text);

  g_free(task->result->text);
  task->result->text = copy;
}

void chk_task_stop(Task *task, ChkVerdict found, const char *text) {
  if (task->state == TASK_LOOKING)
    chk_run_free_slot(task);
  if (task->state == TASK_QUEUED)
    g_queue_remove(&task->run->queue, task);
  let_go(task);
  task->result->found = found;
  if (task->began)
    task->result->duration = (guint64)(g_get_monotonic_time() - task->began);
  set_text(task, text);
  chk_run_final(task);
}

static gboolean on_pause_over(gpointer user_data) {
  Task *task = user_data;

  stop_timer(task);
  chk_run_queue(task);
  chk_run_go_on(task->run);
  return G_SOURCE_REMOVE;
}

static void pause_for(Task *task, guint64 usec) {
  task->state = TASK_PAUSING;
  task->timer = chk_timer_new(g_get_monotonic_time() + (gint64)usec, on_pause_over, task);
}

void chk_task_begin(Task *task) {
  if (task->run->options.began)
    task->run->options.began(task->check, task->run->options.user_data);
  if (task->check->initial_delay > 0)
    pause_for(task, task->check->initial_delay);
  else
    chk_run_queue(task);
}

/* The end of an attempt; `text` is its cause. */
static void attempt_over(Task *task, ChkVerdict verdict, const char *text) {
  const ChkCheck *check = task->check;
  ChkAttempt *attempt = g_new0(ChkAttempt, 1);
  gint64 now = g_get_monotonic_time();
  gboolean good = verdict == CHK_PASS || verdict == CHK_WARN;

  *attempt = (ChkAttempt){verdict, (guint64)(now - task->looked), g_strdup(text)};
  if (task->result->attempts->len >= ATTEMPTS_KEPT)
    g_ptr_array_remove_index(task->result->attempts, 0);
  g_ptr_array_add(task->result->attempts, attempt);
  task->result->n_attempts++;
  task->successes = good ? task->successes + 1 : 0;
  task->failures += !good;
  if (verdict == CHK_SKIP || task->run->options.observe_only ||
      (good ? task->successes >= check->successes : task->failures >= check->attempts)) {
    chk_task_stop(task, verdict, text);
  } else {
    chk_run_free_slot(task);
    pause_for(task, task->pause);
    if (!good)
      task->pause = (guint64)MIN((double)task->pause * check->back_off, 3600.0 * G_USEC_PER_SEC);
  }
  chk_run_go_on(task->run);
}

/* Why it is so: "connected: observed false" says less than the error that the type observed with
 * it, or than its remark. */
static const char *reason(JsonObject *values, const char *remark) {
  JsonNode *node = values ? json_object_get_member(values, "error") : NULL;

  return node && json_node_get_value_type(node) == G_TYPE_STRING ? json_node_get_string(node)
                                                                 : remark;
}

/* What is wrong, and why, when it is not said already. */
static char *asserted_text(const ChkAsserted *a, const char *why) {
  const ChkMatch *m = &a->match;

  if (m->holds == CHK_HOLDS_UNKNOWN)
    return g_strdup_printf("%s could not be judged: %s", a->key, m->text ? m->text : "unknown");
  if (why == NULL || *why == 0 || strstr(m->observed, why))
    return g_strdup_printf("%s: expected %s, observed %s%s%s%s", a->key, m->expected, m->observed,
                           m->text ? " (" : "", m->text ? m->text : "", m->text ? ")" : "");
  return g_strdup_printf("%s: expected %s, observed %s: %s", a->key, m->expected, m->observed, why);
}

/* The worst of the assertions, and which one tells it. */
static ChkVerdict sum_up(const GPtrArray *asserted, const ChkAsserted **ret_which) {
  ChkVerdict verdict = CHK_SKIP;
  static const guint rank[] = {
      [CHK_SKIP] = 0, [CHK_PASS] = 1, [CHK_WARN] = 2, [CHK_ERROR] = 3, [CHK_FAIL] = 4};

  for (guint i = 0; i < asserted->len; i++) {
    const ChkAsserted *a = g_ptr_array_index(asserted, i);
    ChkVerdict one = a->match.holds == CHK_HOLDS           ? CHK_PASS
                     : a->match.holds == CHK_HOLDS_NO_CASE ? CHK_SKIP
                     : a->match.holds == CHK_HOLDS_UNKNOWN ? (a->warn ? CHK_WARN : CHK_ERROR)
                     : a->warn                             ? CHK_WARN
                                                           : CHK_FAIL;
    if (rank[one] <= rank[verdict])
      continue;
    verdict = one;
    *ret_which = a;
  }
  return verdict;
}

static void on_bound(ChkSight *sight, gpointer user_data) {
  Binding *binding = user_data;
  Task *task = binding->task;

  g_object_unref(binding->cancel);
  g_free(binding);
  if (!task)
    return;
  task->binding = NULL;
  stop_timer(task);
  ChkVerdict verdict = sight->known != CHK_OBSERVED ? CHK_ERROR
                       : sight->text                ? CHK_FAIL
                                                    : task->pending;
  g_clear_pointer(&task->result->unit, json_object_unref);
  task->result->unit = g_steal_pointer(&sight->values);
  g_autofree char *text = g_strdup(sight->text ? sight->text : task->result->text);
  chk_sight_clear(sight);
  attempt_over(task, verdict, text);
}

static gboolean on_bind_time(gpointer user_data) {
  Task *task = user_data;

  give_up_binding(task);
  stop_timer(task);
  attempt_over(task, CHK_ERROR, "it could not be told in time which process answered");
  return G_SOURCE_REMOVE;
}

static void bind_to_unit(Task *task, ChkVerdict verdict) {
  const ChkCheck *check = task->check;
  JsonNode *peer = json_object_get_member(task->result->values, "peer");

  if (!task->run->options.bind || !peer) {
    attempt_over(task, CHK_ERROR, "it cannot be told which process answered");
    return;
  }
  Binding *binding = g_new0(Binding, 1);
  *binding = (Binding){task, g_cancellable_new()};
  task->binding = binding;
  task->pending = verdict;
  task->timer = chk_timer_new(g_get_monotonic_time() + (gint64)check->timeout, on_bind_time, task);
  task->run->options.bind(task->run->world, check->unit, json_node_get_string(peer),
                          binding->cancel, on_bound, binding);
}

static void hide(char **text) {
  g_free(*text);
  *text = g_strdup("(secret)");
}

/* Of a secret check nothing leaves the runner but whether it holds; "peer" is who answered. */
static void keep_secret(ChkResult *result) {
  JsonNode *peer = json_object_get_member(result->values, "peer");
  g_autoptr(JsonObject) left = json_object_new();

  for (guint i = 0; i < result->assertions->len; i++) {
    ChkMatch *match = &((ChkAsserted *)g_ptr_array_index(result->assertions, i))->match;
    hide(&match->expected);
    hide(&match->observed);
    g_clear_pointer(&match->chain, g_free);
    g_clear_pointer(&match->text, g_free);
  }
  if (peer)
    json_object_set_member(left, "peer", json_node_ref(peer));
  json_object_unref(result->values);
  result->values = g_steal_pointer(&left);
  g_clear_pointer(&result->text, g_free); /* a remark may quote what was read */
}

static void on_judged(GPtrArray *asserted, JsonObject *values, gpointer user_data) {
  Task *task = user_data;
  ChkResult *result = task->result;
  const ChkAsserted *which = NULL;

  task->judging = NULL;
  if (!asserted) {
    attempt_over(task, CHK_ERROR, "its patterns take too long on what was observed");
    return;
  }
  g_ptr_array_unref(result->assertions);
  result->assertions = asserted;
  result->values = values;
  ChkVerdict verdict = sum_up(asserted, &which);
  if (task->check->secret)
    keep_secret(result);
  if (verdict == CHK_PASS || verdict == CHK_SKIP) {
    result->not_applicable = verdict == CHK_SKIP;
    if (verdict == CHK_SKIP)
      set_text(task, "there is nothing in the baseline to compare with");
  } else {
    g_autofree char *text = asserted_text(which, reason(result->values, result->text));
    set_text(task, text);
  }
  if (task->check->unit && (verdict == CHK_PASS || verdict == CHK_WARN)) {
    bind_to_unit(task, verdict);
    return;
  }
  g_autofree char *text = g_strdup(result->text);
  attempt_over(task, verdict, text);
}

static void on_seen(ChkSight *sight, gpointer user_data) {
  Task *task = user_data;
  ChkResult *result = task->result;

  task->looking = NULL;
  g_clear_pointer(&result->values, json_object_unref);
  g_clear_pointer(&result->unit, json_object_unref);
  g_ptr_array_set_size(result->assertions, 0);
  set_text(task, sight->text);
  if (sight->known != CHK_OBSERVED) {
    g_autofree char *text = g_strdup(sight->text);
    result->not_applicable = sight->known == CHK_NOT_APPLICABLE;
    attempt_over(task, result->not_applicable ? CHK_SKIP : CHK_ERROR, text);
    return;
  }
  JsonObject *values = g_steal_pointer(&sight->values);
  if (task->run->options.observe_only) {
    result->values = values;
    g_autofree char *text = g_strdup(sight->text);
    attempt_over(task, CHK_PASS, text);
    return;
  }
  ChkJudging *judging =
      chk_judging_start(task->run->plan, task->check, values, task->run->options.baseline,
                        task->check->timeout, on_judged, task);
  if (judging)
    task->judging = judging;
}

static void keep_plan(gpointer plan) {
  chk_plan_ref(plan);
}

static void drop_plan(gpointer plan) {
  chk_plan_unref(plan);
}

static gboolean compares(const GPtrArray *assertions) {
  for (guint i = 0; i < assertions->len; i++)
    if (chk_matcher_needs_baseline(((ChkAssertion *)g_ptr_array_index(assertions, i))->matcher))
      return TRUE;
  return FALSE;
}

/* Recording wants everything; but some values (a file's content) are looked at only when they are
 * asked for, so a check that compares asks for what it compares. */
static JsonObject *wanted(const Task *task) {
  gboolean all = task->run->options.observe_only && !compares(task->check->expect) &&
                 !compares(task->check->warn);

  return all ? NULL : task->check->wanted;
}

void chk_task_look(Task *task) {
  const ChkCheck *check = task->check;
  ChkLookingOptions options = {.type = check->type,
                               .subject = check->subject,
                               .options = check->options,
                               .wanted = wanted(task),
                               .limit = check->timeout,
                               .keep = task->run->plan,
                               .keep_ref = keep_plan,
                               .keep_unref = drop_plan};

  task->state = TASK_LOOKING;
  task->looked = g_get_monotonic_time();
  if (!task->began)
    task->began = task->looked;
  task->looking = chk_looking_start(task->run->world, &options, on_seen, task);
}
