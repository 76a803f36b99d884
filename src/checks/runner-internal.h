/* runner-internal.h: a run from within; for runner.c (who may look, and when) and runner-task.c
 * (one check: its attempts). */
#pragma once

#include "checks/judge.h"
#include "checks/looking.h"
#include "checks/runner.h"

typedef enum {
  TASK_WAITING, /* for what it requires */
  TASK_PAUSING, /* its timer runs; no slot */
  TASK_QUEUED,  /* for a slot */
  TASK_LOOKING, /* has a slot */
  TASK_FINAL,
} TaskState;

typedef struct Binding Binding;

typedef struct {
  ChkRun *run;
  const ChkCheck *check;
  ChkResult *result;
  TaskState state;
  guint n_waiting;    /* requirements that are not final */
  GArray *dependents; /* guint */
  guint failures, successes;
  guint64 pause;        /* us, the next one */
  gint64 began, looked; /* monotonic us: the first look; this one */
  GSource *timer;
  ChkLooking *looking; /* at most one of the three */
  ChkJudging *judging;
  Binding *binding;
  ChkVerdict pending; /* while binding: what the assertions came to */
} Task;

struct ChkRun {
  ChkWorld *world;
  ChkPlan *plan;
  ChkRunOptions options;
  ChkReport *report;
  Task *tasks;
  guint n, n_final, n_looking, n_last; /* n_last: tasks that come after all others */
  GQueue queue;                        /* of Task: TASK_QUEUED */
  GQueue ended;                        /* of Task: final, not yet told to dependents */
  GSource *timer;
  gint64 started; /* monotonic us */
  gboolean ending, settling;
};

/* runner.c */
void chk_run_queue(Task *task); /* wants a slot */
void chk_run_free_slot(Task *task);
void chk_run_final(Task *task);  /* task->result->found is set */
void chk_run_go_on(ChkRun *run); /* hands out slots, ends the run; at the end of each event */

/* runner-task.c */
void chk_task_begin(Task *task); /* what it requires has passed */
void chk_task_look(Task *task);  /* it has its slot */
/* Ends it as it is. */
void chk_task_stop(Task *task, ChkVerdict found, const char *text);
void chk_task_clear(Task *task);
GSource *chk_timer_new(gint64 ready, GSourceFunc func, gpointer user_data);
