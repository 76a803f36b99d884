/* task.h: one run of one back-end for one agent: what the core keeps around a DlvJob.
 *
 * A task goes: made with its attempts -> bodies fetched and mail leased where the class wants that
 * -> run() -> reports, each of which settles one attempt (settle.c) -> gone. It holds the plan that
 * it runs on, so that the policy may change meanwhile. */
#pragma once

#include "delivery/agent.h"

struct DlvTask {
  DlvJob job; /* first: what the back-end sees is this struct */
  grefcount refs;
  DlvAgent *agent;
  DlvPlan *plan;       /* a reference */
  DlvRun told;         /* for the ladder: the rung, and what it has told */
  gint64 begun;        /* CLOCK_BOOTTIME, us */
  GPtrArray *attempts; /* of DlvAttempt, owned; beside job.messages; NULL once reported */
  guint n_left;        /* not reported yet */
  guint n_awaited;     /* answers of messaged before it can run */
  gboolean running;    /* run() was called */
  gboolean cancelled;
  guint timeout, touch; /* sources */
};

/* Begins a job at the rung with all of `attempts` (owned by it from then on); the agent's task is
 * set until it is over. */
void dlv_task_start(DlvAgent *agent, guint rung, GPtrArray *attempts);
/* Asks the back-end to end it, soon. */
void dlv_task_cancel(DlvTask *task);
/* The connection that its leases hung on is gone; what it still reports is remembered. */
void dlv_task_link_lost(DlvTask *task);
/* The message in it that was not reported yet; NULL: none. */
DlvAttempt *dlv_task_find(DlvTask *task, guint64 number);
/* The program ends although it runs: the core forgets it. */
void dlv_task_drop(DlvTask *task);

/* task-prepare.c: fetches bodies, leases mail; calls dlv_task_ready() when that is over. */
void dlv_task_prepare(DlvTask *task);
void dlv_task_ready(DlvTask *task);
/* Takes message `i` out before run() (messaged would not lease it). */
void dlv_task_withdraw(DlvTask *task, guint i);

/* settle.c: what a back-end's report means for the attempt, its rung and messaged. Takes the
 * attempt. */
void dlv_settle(DlvTask *task, DlvAttempt *attempt, DlvResult result, guint64 retry,
                const char *cause);
