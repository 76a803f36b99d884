/* settle.c: what a back-end's report means: the ladder decides, this carries it out.
 *
 * Each attempt ends in exactly one way: it is reported, its lease is ended, or it goes back to the
 * agent's queue for the next rung. */
#include "delivery/task.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/names.h"
#include "common/trace-context.h"

static DlvResult result_of(const char *name) {
  switch (name[0]) {
  case 'a':
    return DLV_ANNOUNCED;
  case 'h':
    return DLV_HELD;
  case 'p':
    return DLV_PARTIAL;
  default:
    return DLV_FAILED;
  }
}

static void log_breaker(const DlvAgent *agent, const DlvEntry *entry, const DlvRung *before,
                        const DlvRung *after, const char *cause) {
  if (before->breaker.pause == 0 && after->breaker.pause != 0)
    wg_log(LOG_WARNING, WG_MSG_BREAKER_OPENED,
           WG_FIELDS(WG_FIELD_AGENT, agent->name, WG_FIELD_ERROR, cause),
           "Back-end '%s' of agent '%s' keeps failing and is left alone for a while: %s",
           entry->name, agent->name, cause);
  else if (before->breaker.pause != 0 && after->breaker.pause == 0)
    wg_log(LOG_NOTICE, WG_MSG_BREAKER_CLOSED, WG_FIELDS(WG_FIELD_AGENT, agent->name),
           "Back-end '%s' of agent '%s' works again", entry->name, agent->name);
}

static void note_last(DlvAgent *agent, guint rung, DlvResult result, const char *cause) {
  DlvLast *last = &agent->last[rung];

  g_free(last->cause);
  *last = (DlvLast){TRUE, result, g_strdup(cause), wg_time_realtime()};
}

/* The ladder's answer. A policy that was changed meanwhile has rungs of its own: nothing is learned
 * for them, and the message begins at the lowest one. */
static DlvReport ask_ladder(DlvTask *task, DlvMail *mail, DlvResult result, guint64 retry,
                            const char *cause) {
  DlvAgent *agent = task->agent;
  const DlvPolicy *policy = task->plan->policy;
  const DlvEntry *entry = &policy->entries[task->told.entry];
  GTimeZone *zone = dlv_courier_zone(agent->link->courier);
  const DlvNow now = {wg_time_boottime(), wg_time_realtime(), zone};

  if (task->plan == agent->plan) {
    DlvRung before = agent->rungs[task->told.entry];
    note_last(agent, task->told.entry, result, cause);
    DlvReport report = dlv_ladder_next(policy, agent->rungs, &agent->state, &task->told, mail,
                                       result, retry, cause, &now);
    log_breaker(agent, entry, &before, &agent->rungs[task->told.entry], report.cause);
    return report;
  }
  g_autofree DlvRung *rungs = g_new0(DlvRung, policy->n_entries);
  DlvReport report =
      dlv_ladder_next(policy, rungs, &agent->state, &task->told, mail, result, retry, cause, &now);
  mail->step = mail->floor = report.step = 0;
  return report;
}

static void tell(DlvAgent *agent, DlvAttempt *attempt, const DlvReport *report) {
  DlvNotice notice = {
      .agent = agent,
      .number = attempt->number,
      .attempt = attempt->attempt,
      .result = result_of(report->result),
      .cause = g_strdup(report->cause),
      .retry = report->retry,
      .step = (int)report->step,
      .goes_on = report->go_on,
  };

  dlv_link_report(agent->link, &notice);
}

static void log_partial(const DlvAgent *agent, const DlvAttempt *attempt, const char *cause) {
  g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT, attempt->number);
  WgTraceIds ids = wg_trace_ids(attempt->trace);

  wg_log(LOG_NOTICE, WG_MSG_PARTIAL,
         WG_FIELDS(WG_FIELD_AGENT, agent->name, WG_FIELD_MESSAGE, text, WG_FIELD_ERROR, cause,
                   WG_TRACE_FIELDS(ids)),
         "Message %s to '%s' may have been told in part and is not told again: %s", text,
         agent->name, cause);
}

static void carry_out(DlvAgent *agent, DlvAttempt *attempt, const DlvReport *report) {
  DlvLink *link = agent->link;

  switch (report->tell) {
  case DLV_TELL_REPORT:
    tell(agent, attempt, report);
    break;
  case DLV_TELL_ACK:
    dlv_link_ack(link, agent, attempt->number, attempt->lease, report->cause);
    break;
  case DLV_TELL_NACK:
    if (attempt->lease != 0)
      dlv_link_nack(link, attempt->lease, "silent", report->retry, report->step, report->cause);
    else if (report->result != NULL) /* it never came to the lease */
      tell(agent, attempt, report);
    break;
  case DLV_TELL_FAIL:
    dlv_link_nack(link, attempt->lease, "fail", report->retry, report->step, report->cause);
    break;
  case DLV_TELL_CRASH:
    dlv_link_nack(link, attempt->lease, "crash", report->retry, report->step, report->cause);
    break;
  case DLV_TELL_TERMINATE:
    if (attempt->lease != 0)
      dlv_link_terminate(link, attempt->lease, report->cause);
    else
      tell(agent, attempt, report);
    break;
  }
}

void dlv_settle(DlvTask *task, DlvAttempt *attempt, DlvResult result, guint64 retry,
                const char *cause) {
  DlvAgent *agent = task->agent;
  DlvLetter *letter = dlv_agent_letter(agent, attempt->number, TRUE);

  if (result == DLV_FAILED && task->cancelled && agent->link->courier->draining) {
    result = DLV_HELD; /* it was ended because we leave: whoever comes next may try at once */
    retry = 1;
  }
  DlvReport report = ask_ladder(task, &letter->mail, result, retry, cause);
  gboolean stays = report.go_on && attempt->attempt != 0;

  letter->in_hand = stays;
  if (report.tell == DLV_TELL_TERMINATE ||
      (report.result != NULL && result_of(report.result) == DLV_PARTIAL))
    log_partial(agent, attempt, report.cause);
  if (report.done)
    dlv_agent_forget(agent, attempt->number);
  carry_out(agent, attempt, &report);
  g_free(report.cause);
  if (stays) {
    g_queue_push_tail_link(&agent->queue, &attempt->node);
    return;
  }
  dlv_attempt_free(attempt);
}
