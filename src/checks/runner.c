/* runner.c: see runner.h: the graph, the slots, the deadline. A check that becomes final is put in
 * a list and its dependents are told from there, so that no chain of checks is a chain of calls. */
#include "checks/runner-internal.h"
#include "checks/text.h"

static void run_end(ChkRun *run);

void chk_run_queue(Task *task) {
  task->state = TASK_QUEUED;
  g_queue_push_tail(&task->run->queue, task);
}

void chk_run_free_slot(Task *task) {
  task->run->n_looking--;
}

void chk_run_final(Task *task) {
  ChkRun *run = task->run;

  g_assert(task->state != TASK_FINAL);
  task->state = TASK_FINAL;
  run->n_final++;
  chk_result_finish(task->result);
  if (run->options.result)
    run->options.result(task->result, run->options.user_data);
  g_queue_push_tail(&run->ended, task);
}

/* A waiver says that the failure is known and accepted; "wanted" only that it does not spoil the
 * run: what needs it still cannot work. */
static gboolean satisfies(const ChkResult *result) {
  return result->found == CHK_PASS || result->found == CHK_WARN || result->waived;
}

static void skip(Task *task, const Task *because) {
  static const char *const ways[] = {
      [CHK_FAIL] = "failed", [CHK_ERROR] = "could not be determined", [CHK_SKIP] = "was skipped"};
  g_autofree char *text = g_strdup_printf("it requires \"%s\", which %s", because->check->name,
                                          ways[because->result->found]);

  chk_task_stop(task, CHK_SKIP, text);
}

static void tell_dependents(ChkRun *run, const Task *task) {
  for (guint k = 0; k < task->dependents->len; k++) {
    Task *other = &run->tasks[g_array_index(task->dependents, guint, k)];
    if (other->state != TASK_WAITING)
      continue;
    if (!satisfies(task->result))
      skip(other, task);
    else if (--other->n_waiting == 0)
      chk_task_begin(other);
  }
}

static gboolean failed_already(const ChkRun *run) {
  for (guint i = 0; i < run->n; i++) {
    const Task *task = &run->tasks[i];
    if (task->state == TASK_FINAL && !task->check->grouped &&
        (task->result->verdict == CHK_FAIL || task->result->verdict == CHK_ERROR))
      return TRUE;
  }
  return FALSE;
}

/* The settle window: when all others are final. */
static void begin_last(ChkRun *run) {
  gboolean failed = failed_already(run);

  run->settling = TRUE;
  for (guint i = 0; i < run->n; i++) {
    Task *task = &run->tasks[i];
    if (!task->check->after_all)
      continue;
    if (run->options.observe_only)
      chk_task_stop(task, CHK_SKIP, "a settle window is no baseline");
    else if (failed)
      chk_task_stop(task, CHK_SKIP, "the verification has failed already");
    else
      chk_task_begin(task);
  }
}

void chk_run_go_on(ChkRun *run) {
  if (run->ending)
    return;
  do {
    Task *task;
    while ((task = g_queue_pop_head(&run->ended)))
      tell_dependents(run, task);
    if (!run->settling && run->n_last > 0 && run->n_final + run->n_last == run->n)
      begin_last(run);
  } while (!g_queue_is_empty(&run->ended));
  while (run->n_looking < run->plan->parallel && !g_queue_is_empty(&run->queue)) {
    run->n_looking++;
    chk_task_look(g_queue_pop_head(&run->queue));
  }
  if (!run->ending && run->n_final == run->n)
    run_end(run);
}

static void run_free(ChkRun *run) {
  for (guint i = 0; i < run->n; i++)
    chk_task_clear(&run->tasks[i]);
  g_free(run->tasks);
  g_queue_clear(&run->queue);
  g_queue_clear(&run->ended);
  if (run->timer) {
    g_source_destroy(run->timer);
    g_source_unref(run->timer);
  }
  g_clear_pointer(&run->options.baseline, json_node_unref);
  chk_world_unref(run->world);
  chk_plan_unref(run->plan);
  g_free(run);
}

static gboolean on_end(gpointer user_data) {
  ChkRun *run = user_data;
  ChkReport *report = g_steal_pointer(&run->report);
  void (*done)(ChkReport *, gpointer) = run->options.done;
  gpointer data = run->options.user_data;

  report->duration = (guint64)(g_get_monotonic_time() - run->started);
  report->finished = report->started + (gint64)report->duration;
  run_free(run);
  chk_report_finish(report);
  done(report, data);
  return G_SOURCE_REMOVE;
}

static void run_end(ChkRun *run) {
  run->ending = TRUE;
  g_autoptr(GSource) source = chk_timer_new(0, on_end, run);
}

/* Everything that is not final ends now. */
static void stop_all(ChkRun *run, const char *why) {
  if (run->ending)
    return;
  run->ending = TRUE;
  for (guint i = 0; i < run->n; i++) {
    Task *task = &run->tasks[i];
    if (task->state == TASK_FINAL)
      continue;
    const GPtrArray *attempts = task->result->attempts;
    const ChkAttempt *last =
        attempts->len > 0 ? g_ptr_array_index(attempts, attempts->len - 1) : NULL;
    g_autofree char *text = last && last->text
                                ? g_strdup_printf("%s; the last attempt: %s", why, last->text)
                                : g_strdup(why);
    chk_task_stop(task, CHK_ERROR, text);
  }
  run_end(run);
}

static gboolean on_deadline(gpointer user_data) {
  ChkRun *run = user_data;
  g_autofree char *span = chk_usec_text(run->plan->deadline);
  g_autofree char *why =
      g_strdup_printf("the run's deadline of %s passed before it was known", span);

  run->report->deadline = !run->ending;
  stop_all(run, why);
  return G_SOURCE_REMOVE;
}

void chk_run_cancel(ChkRun *run, const char *why) {
  stop_all(run, why);
}

static gboolean on_start(gpointer user_data) {
  ChkRun *run = user_data;

  if (run->ending)
    return G_SOURCE_REMOVE;
  for (guint i = 0; i < run->n; i++)
    if (run->tasks[i].n_waiting == 0 && !run->tasks[i].check->after_all)
      chk_task_begin(&run->tasks[i]);
  chk_run_go_on(run);
  return G_SOURCE_REMOVE;
}

static void make_tasks(ChkRun *run) {
  run->n = run->plan->checks->len;
  run->tasks = g_new0(Task, run->n + 1);
  for (guint i = 0; i < run->n; i++) {
    const ChkCheck *check = g_ptr_array_index(run->plan->checks, i);
    ChkResult *result = chk_result_new(check);
    g_ptr_array_add(run->report->results, result);
    run->tasks[i] = (Task){.run = run,
                           .check = check,
                           .result = result,
                           .dependents = g_array_new(FALSE, FALSE, sizeof(guint)),
                           .pause = check->pause};
    run->n_last += check->after_all;
  }
  for (guint i = 0; i < run->n; i++) {
    const ChkCheck *check = run->tasks[i].check;
    for (guint k = 0; k < check->needs->len && !run->options.observe_only; k++) {
      g_array_append_val(run->tasks[g_array_index(check->needs, guint, k)].dependents, i);
      run->tasks[i].n_waiting++;
    }
  }
}

ChkRun *chk_run_start(ChkWorld *world, ChkPlan *plan, const ChkRunOptions *options) {
  ChkRun *run = g_new0(ChkRun, 1);
  JsonObject *context = chk_world_context(world);

  run->world = chk_world_ref(world);
  run->plan = chk_plan_ref(plan);
  run->options = *options;
  if (run->options.baseline)
    json_node_ref(run->options.baseline);
  run->report = g_new0(ChkReport, 1);
  run->report->plan = chk_plan_ref(plan);
  run->report->started = g_get_real_time();
  run->report->context = context ? json_object_ref(context) : NULL;
  run->report->results = g_ptr_array_new_with_free_func((GDestroyNotify)chk_result_free);
  g_queue_init(&run->queue);
  g_queue_init(&run->ended);
  run->started = g_get_monotonic_time();
  make_tasks(run);
  run->timer = chk_timer_new(run->started + (gint64)plan->deadline, on_deadline, run);
  g_autoptr(GSource) start = chk_timer_new(0, on_start, run);
  return run;
}
