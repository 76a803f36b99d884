/* ladder-next.c: what follows from a back-end's report. See the table in ladder.h. */
#include "delivery/ladder-private.h"

#define HELD_RETRY_MIN                                                                             \
  (100 * G_TIME_SPAN_MILLISECOND) /* a back-end's own "again" is no busy loop */

/* A class reports only what its flags allow; the other results are read as the least they claim. */
static DlvResult claim(DlvBackendFlags flags, DlvResult result) {
  if (flags & DLV_LEASES)
    return result == DLV_ANNOUNCED ? DLV_LATER : result;
  switch (result) {
  case DLV_ACKED:
    return DLV_ANNOUNCED;
  case DLV_LATER:
    return DLV_HELD;
  case DLV_REFUSED:
  case DLV_CRASHED:
    return DLV_FAILED;
  default:
    return result;
  }
}

static gboolean works(DlvResult result) {
  return result == DLV_ANNOUNCED || result == DLV_ACKED || result == DLV_LATER ||
         result == DLV_REFUSED || result == DLV_CRASHED;
}

/* What the rung learns from it; each only once a job, and nothing bad from a job that worked. */
static void note_rung(DlvRung *rung, const DlvEntry *entry, DlvRun *run, DlvResult result,
                      guint64 retry, gint64 now) {
  if (works(result) && !run->worked) {
    run->worked = TRUE;
    *rung = (DlvRung){0};
  } else if (result == DLV_FAILED && !run->worked && !run->failed) {
    run->failed = TRUE;
    dlv_breaker_failed(&rung->breaker, now);
    dlv_backoff_next(&rung->backoff, entry->retry, now);
    if (retry)
      dlv_backoff_set(&rung->backoff, MIN(retry, DLV_WAIT_MAX), now);
  } else if (result == DLV_HELD && !run->worked && !run->held) {
    run->held = TRUE;
    dlv_backoff_next(&rung->hold, DLV_HELD_RETRY, now);
    if (retry)
      dlv_backoff_set(&rung->hold, CLAMP(retry, (guint64)HELD_RETRY_MIN, DLV_WAIT_MAX), now);
  }
}

static void charge(const DlvPolicy *policy, DlvAgentState *agent, DlvRun *run, DlvResult result,
                   gint64 now) {
  if (run->charged || !dlv_is_doorbell(policy->entries[run->entry].class) ||
      (result != DLV_ANNOUNCED && result != DLV_PARTIAL))
    return;
  run->charged = TRUE;
  dlv_rate_take(&agent->rate, policy->rate_max, policy->rate_per, now);
}

/* Is there a rung above that could ever take it? */
static gboolean can_escalate(const DlvPolicy *policy, guint step, guint8 priority) {
  if (policy->entries[step].escalate == 0)
    return FALSE;
  for (guint i = step + 1; i < policy->n_entries; i++)
    if (dlv_priorities_have(policy->entries[i].conditions.priorities, priority))
      return TRUE;
  return FALSE;
}

static DlvReport announced(const DlvPolicy *policy, guint step, DlvMail *mail) {
  DlvReport report = {.result = "announced", .step = step, .done = TRUE};

  mail->announced = TRUE;
  mail->held_since = 0;
  mail->step = mail->floor = step + 1;
  if (can_escalate(policy, step, mail->priority)) {
    report.step = step + 1;
    report.retry = policy->entries[step].escalate;
    report.done = FALSE;
  }
  return report;
}

/* Not reached here; where it goes from here is judged as at any other time. */
static DlvReport not_reached(const DlvLadder *l, guint step, DlvMail *mail, DlvResult result,
                             char **ret_why) {
  gboolean leased = l->policy->entries[step].class->flags & DLV_LEASES;
  DlvReport report = {.tell = leased ? DLV_TELL_NACK : DLV_TELL_REPORT,
                      .result = result == DLV_HELD ? "held" : "failed"};

  if (result == DLV_FAILED) {
    mail->step = step + 1;
    mail->held_since = 0;
  } else if (mail->held_since == 0 || mail->held_at != step) {
    mail->held_at = step;
    mail->held_since = MAX(l->now->boot, 1);
  }
  DlvAnswer next = dlv_ladder_judge(l, mail);
  report.step = mail->step;
  report.go_on = next.verdict == DLV_RUN && !leased;
  report.retry = next.verdict == DLV_HOLD ? next.wait : 0;
  report.done = next.verdict == DLV_FINISHED;
  *ret_why = next.why;
  return report;
}

static DlvReport later(const DlvEntry *entry, DlvMail *mail, guint64 retry) {
  DlvReport report = {.tell = DLV_TELL_NACK, .step = mail->step, .retry = retry};
  DlvBackoff pause = {0};

  mail->laters = MIN(mail->laters + 1, 16);
  for (guint i = 0; i < mail->laters; i++)
    dlv_backoff_next(&pause, entry->retry, 0);
  if (retry == 0)
    report.retry = pause.pause;
  return report;
}

static char *cause_text(const DlvEntry *entry, const char *cause, const char *why) {
  return g_strconcat(entry->name, cause && *cause ? ": " : "", cause ?: "", why ? "; " : "",
                     why ?: "", NULL);
}

DlvReport dlv_ladder_next(const DlvPolicy *policy, DlvRung *rungs, DlvAgentState *agent,
                          DlvRun *run, DlvMail *mail, DlvResult result, guint64 retry,
                          const char *cause, const DlvNow *now) {
  const DlvLadder l = {policy, rungs, agent, now};
  const DlvEntry *entry = &policy->entries[run->entry];
  gboolean leased = entry->class->flags & DLV_LEASES;
  g_autofree char *why = NULL;
  DlvReport report = {0};

  result = claim(entry->class->flags, result);
  note_rung(&rungs[run->entry], entry, run, result, retry, now->boot);
  charge(policy, agent, run, result, now->boot);
  switch (result) {
  case DLV_ANNOUNCED:
    report = announced(policy, run->entry, mail);
    break;
  case DLV_HELD:
  case DLV_FAILED:
    report = not_reached(&l, run->entry, mail, result, &why);
    break;
  case DLV_PARTIAL:
    report = (DlvReport){.tell = leased ? DLV_TELL_TERMINATE : DLV_TELL_REPORT,
                         .result = "partial",
                         .step = run->entry,
                         .done = TRUE};
    break;
  case DLV_ACKED:
    report = (DlvReport){.tell = DLV_TELL_ACK, .step = run->entry, .done = TRUE};
    break;
  case DLV_LATER:
    report = later(entry, mail, retry);
    break;
  case DLV_REFUSED:
    report = (DlvReport){.tell = DLV_TELL_FAIL, .step = mail->step, .retry = retry};
    break;
  case DLV_CRASHED:
    report = (DlvReport){.tell = DLV_TELL_CRASH, .step = mail->step, .retry = retry};
    break;
  }
  report.cause = cause_text(entry, cause, why);
  return report;
}
