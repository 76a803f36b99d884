/* task.c: see task.h. A report is taken once; a second one of the same message is a bug of the
 * back-end and ignored. The back-end is never called again after its last report. */
#include "delivery/task.h"

#include "delivery/digest.h"

#include "common/clock.h"
#include "common/log.h"

/* The attempt of a long job is told of before messaged takes it for lost. */
#define ALIVE_MSEC (DLV_ATTEMPT_USEC / 2 / 1000)

static const DlvEntry *entry_of(const DlvTask *task) {
  return &task->plan->policy->entries[task->told.entry];
}

static gpointer state_of(const DlvTask *task) {
  return task->plan->states[task->told.entry];
}

static void task_unref(DlvTask *task) {
  if (!g_ref_count_dec(&task->refs))
    return;
  dlv_plan_unref(task->plan);
  g_ptr_array_unref(task->attempts);
  g_free(task->job.messages);
  g_free((char *)task->job.doorbell);
  g_free(task);
}

/* The agent and the program go on without it. */
static void task_end(DlvTask *task) {
  DlvAgent *agent = task->agent;

  g_clear_handle_id(&task->timeout, g_source_remove);
  g_clear_handle_id(&task->touch, g_source_remove);
  if (agent->task == task) {
    agent->task = NULL;
    agent->link->courier->n_jobs--;
    dlv_agent_task_over(agent);
  }
  task_unref(task);
}

static void attempt_free(gpointer data) {
  if (data != NULL)
    dlv_attempt_free(data);
}

static void fill_message(DlvMessage *m, const DlvAttempt *a) {
  *m = (DlvMessage){
      .number = a->number,
      .attempt = a->attempt,
      .token = a->lease,
      .from = a->from,
      .subject = a->subject,
      .priority = a->priority,
      .time = a->time,
      .fields = a->fields,
      .trace = a->trace,
      .body = a->body,
  };
}

void dlv_task_start(DlvAgent *agent, guint rung, GPtrArray *attempts) {
  DlvTask *task = g_new0(DlvTask, 1);

  g_ref_count_init(&task->refs);
  task->agent = agent;
  task->plan = dlv_plan_ref(agent->plan);
  task->told.entry = rung;
  task->begun = wg_time_boottime();
  task->attempts = attempts;
  g_ptr_array_set_free_func(attempts, attempt_free);
  task->n_left = attempts->len;
  agent->task = task;
  agent->link->courier->n_jobs++;
  dlv_task_prepare(task);
}

static gboolean on_timeout(gpointer data) {
  DlvTask *task = data;

  task->timeout = 0;
  dlv_task_cancel(task);
  return G_SOURCE_REMOVE;
}

static void still_runs(DlvTask *task, const DlvAttempt *a) {
  const DlvNotice notice = {
      .agent = task->agent,
      .number = a->number,
      .attempt = a->attempt,
      .result = DLV_HELD,
      .cause = g_strdup_printf("%s: still under way", entry_of(task)->name),
      .step = -1,
      .goes_on = TRUE,
  };

  dlv_link_report(task->agent->link, &notice);
}

static gboolean on_touch(gpointer data) {
  DlvTask *task = data;
  DlvLink *link = task->agent->link;

  for (guint i = 0; i < task->attempts->len; i++) {
    const DlvAttempt *a = task->attempts->pdata[i];
    if (a != NULL && a->lease != 0)
      dlv_link_touch(link, a->lease, link->courier->settings.lease);
    else if (a != NULL && a->attempt != 0)
      still_runs(task, a);
  }
  return G_SOURCE_CONTINUE;
}

void dlv_task_withdraw(DlvTask *task, guint i) {
  DlvAttempt *a = g_steal_pointer(&task->attempts->pdata[i]);

  dlv_agent_forget(task->agent, a->number);
  dlv_attempt_free(a);
  task->n_left--;
}

/* What was withdrawn leaves no gap: the back-end's index is the attempts'. */
static void fill_job(DlvTask *task) {
  DlvAgent *agent = task->agent;
  guint n = 0, n_urgent = 0;

  for (guint i = 0; i < task->attempts->len; i++)
    if (task->attempts->pdata[i] != NULL)
      task->attempts->pdata[n++] = task->attempts->pdata[i];
  for (guint i = n; i < task->attempts->len; i++)
    task->attempts->pdata[i] = NULL;
  g_ptr_array_set_size(task->attempts, (gint)n);
  task->job.agent = agent->name;
  task->job.n_messages = n;
  task->job.messages = g_new(DlvMessage, MAX(n, 1));
  for (guint i = 0; i < n; i++) {
    fill_message(&task->job.messages[i], task->attempts->pdata[i]);
    n_urgent += task->job.messages[i].priority >= DLV_URGENT;
  }
  task->job.waiting = MAX(agent->waiting, n);
  task->job.urgent = MAX(agent->urgent, n_urgent);
  task->job.doorbell = dlv_digest_text(task->plan->policy, agent->name, task->job.waiting,
                                       task->job.urgent, task->job.messages, n);
}

void dlv_task_ready(DlvTask *task) {
  const DlvEntry *entry = entry_of(task);
  guint64 lease = task->agent->link->courier->settings.lease;

  if (task->n_left == 0) {
    task_end(task);
    return;
  }
  fill_job(task);
  if (task->cancelled) {
    dlv_job_report_all(&task->job, DLV_HELD, 0, "the courier leaves");
    return;
  }
  if ((entry->class->flags & DLV_TIMES) == 0)
    task->timeout = g_timeout_add((guint)MIN(entry->timeout / 1000, G_MAXUINT), on_timeout, task);
  task->touch = g_timeout_add((entry->class->flags & DLV_LEASES) != 0 ? (guint)(lease / 2 / 1000)
                                                                      : ALIVE_MSEC,
                              on_touch, task);
  task->running = TRUE;
  g_ref_count_inc(&task->refs); /* it may be over before run() returns */
  entry->class->run(state_of(task), &task->job);
  task_unref(task);
}

void dlv_task_cancel(DlvTask *task) {
  if (task->cancelled)
    return;
  task->cancelled = TRUE;
  if (!task->running)
    return; /* dlv_task_ready() sees it */
  g_ref_count_inc(&task->refs);
  entry_of(task)->class->cancel(state_of(task), &task->job);
  task_unref(task);
}

void dlv_task_link_lost(DlvTask *task) {
  for (guint i = 0; i < task->attempts->len; i++) {
    DlvAttempt *a = task->attempts->pdata[i];
    if (a != NULL)
      a->attempt = a->lease = 0;
  }
}

DlvAttempt *dlv_task_find(DlvTask *task, guint64 number) {
  for (guint i = 0; i < task->attempts->len; i++) {
    DlvAttempt *a = task->attempts->pdata[i];
    if (a != NULL && a->number == number)
      return a;
  }
  return NULL;
}

void dlv_task_drop(DlvTask *task) {
  g_clear_handle_id(&task->timeout, g_source_remove);
  g_clear_handle_id(&task->touch, g_source_remove);
  task->agent->task = NULL; /* its back-end still knows the job, so that stays with the process */
}

void dlv_job_report(DlvJob *job, guint i, DlvResult result, guint64 retry_usec, const char *cause) {
  DlvTask *task = (DlvTask *)job;

  if (i >= task->attempts->len || task->attempts->pdata[i] == NULL)
    return;
  DlvAttempt *attempt = g_steal_pointer(&task->attempts->pdata[i]);
  task->n_left--;
  dlv_settle(task, attempt, result, retry_usec, cause);
  if (task->n_left == 0)
    task_end(task);
}

void dlv_job_report_all(DlvJob *job, DlvResult result, guint64 retry_usec, const char *cause) {
  DlvTask *task = (DlvTask *)job;

  g_ref_count_inc(&task->refs);
  for (guint i = 0, n = task->attempts->len; i < n; i++)
    dlv_job_report(job, i, result, retry_usec, cause);
  task_unref(task);
}
