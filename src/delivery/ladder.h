/* ladder.h: what happens to an agent's mail now, and what follows from what came of it. The single
 * place where the policy's semantics live; pure, so every sentence here is a test's.
 *
 * Words: an entry of the policy is a rung; a message is at a rung (`step`), at first the lowest.
 *
 * Which rung, for one message, now (dlv_ladder_decide):
 *   quiet hours hold, and its priority is not excepted   held until they end; not counted as held
 *   its rung held it for hold-max                        next rung
 *   its rung is held (somebody types there ...)          held until the rung may be tried again
 *   condition false | breaker open | rung backs off      rung is passed over
 *   all rungs from its own on are passed over            again from its floor; if that does not
 *                                                        help either: held until one could be used
 *   no rung will ever take it                            held (looked at again after a day);
 *                                                        announced before: finished
 * Which messages go together: those of the rung of the most urgent message that can go (its oldest
 * of that priority), up to the class's max_messages; the others wait for their turn. A doorbell
 * (dlv_is_doorbell) tells of all of its rung's messages, unless max_messages says less; it is held
 * while the digest's window is open (never when an urgent one is among them) or the rate is used
 * up. A probe of a class that handles messages one by one carries one message.
 *
 * What came of it (dlv_ladder_next), for a message of a job:
 *   announced   finished; with `escalate` and a rung above: offered again after that time at the
 *               next rung, which is its floor from then on; nothing rings there again
 *   failed      next rung at once; no rung above that could be used now or soon: again from its
 *               floor when one could be
 *   held        again later at this rung; after hold-max the next one
 *   partial     finished: what may have arrived is not tried again
 *   acked | later | refused | crashed   (classes that lease) as said; a leased message that failed
 * or was held is given back as if it had never been received And for the rung, once a job: a
 * message that was announced, acked, given back or refused: it works; else one that failed:
 * back-off, and a failure for the breaker; held and partial: neither, but a held rung is left alone
 * for a while. The rate is charged for a doorbell that was announced or partial, once a job.
 *
 * messaged keeps `step` and `announced` of a message; everything else here is the courier's memory
 * and may be lost: then holding begins anew, and a back-off ends early. */
#pragma once

#include "delivery/breaker.h"
#include "delivery/policy.h"
#include "delivery/rate.h"

#define DLV_WAIT_MAX (24 * 3600 * (guint64)G_USEC_PER_SEC)
#define DLV_HELD_RETRY (5 * G_USEC_PER_SEC) /* of a held rung, doubling to DLV_BACKOFF_MAX */

typedef struct {
  gint64 boot; /* CLOCK_BOOTTIME, us: pauses, rate, holding */
  gint64 real; /* CLOCK_REALTIME, us: hours, signs of life, the digest's window */
  GTimeZone *zone;
} DlvNow;

/* A rung's state, zeroed at first; belongs to one agent and one entry. */
typedef struct {
  DlvBreaker breaker;
  DlvBackoff backoff; /* after failures */
  DlvBackoff hold;    /* after it said "held" */
} DlvRung;

/* The agent, as far as it matters here. */
typedef struct {
  gint64 last_seen; /* its owner's last sign of life (receive, ack), REALTIME us; 0: none known */
  DlvRate rate;
} DlvAgentState;

/* A message that is offered. The first three are the caller's; the rest is kept here from offer to
 * offer, begun by dlv_mail_init(). */
typedef struct {
  guint64 number;
  guint8 priority;
  gint64 time;       /* stored, REALTIME us */
  guint step, floor; /* what is below `step` was tried; below `floor` never again */
  gboolean announced;
  guint held_at;     /* the rung that held it */
  gint64 held_since; /* BOOTTIME us; 0: not held */
  guint laters;      /* given back by DLV_LATER in a row */
} DlvMail;

/* `step` and `announced` as messaged told them with the attempt. */
void dlv_mail_init(DlvMail *mail, guint64 number, guint8 priority, gint64 time, guint step,
                   gboolean announced);

typedef enum {
  DLV_RUN,      /* part of the job */
  DLV_WAIT,     /* its turn comes after the job */
  DLV_HOLD,     /* not before `wait` */
  DLV_FINISHED, /* nothing more is done about it */
} DlvVerdict;

typedef struct {
  DlvVerdict verdict;
  guint step;   /* the rung; as ReportAttempt's option */
  guint64 wait; /* us, at least 1, at most DLV_WAIT_MAX */
  char *why;    /* HOLD and FINISHED: one line for the receipt; NULL else */
} DlvAnswer;

typedef struct {
  int entry;       /* the rung that runs; -1: none */
  guint n_run;     /* messages of the job */
  guint *run;      /* their places in `mail`, the most urgent first */
  guint n_answers; /* one for each of `mail` */
  DlvAnswer *answers;
  guint64 wait;      /* until the first held one may go on; 0: none is held */
  char *explanation; /* a sentence: what happens now and why */
  char **passed;     /* for each entry: why it is passed over, NULL: it is not; n_entries long */
  guint n_passed;
} DlvDecision;

/* Decides for the messages of one agent that has no job in flight. `rungs`: one for each entry.
 * Keeps track in `mail`; changes nothing else. Never NULL. */
DlvDecision *dlv_ladder_decide(const DlvPolicy *policy, const DlvRung *rungs,
                               const DlvAgentState *agent, DlvMail *const *mail, guint n_mail,
                               const DlvNow *now);
void dlv_decision_free(DlvDecision *decision);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DlvDecision, dlv_decision_free)

/* A job that runs: what it has told about its rung. {.entry = decision->entry} at first. */
typedef struct {
  guint entry;
  gboolean worked, failed, held, charged;
} DlvRun;

typedef enum {                  /* how messaged is told */
               DLV_TELL_REPORT, /* ReportAttempt: result, step, continue, retry-after, cause */
               DLV_TELL_ACK,    /* Ack of the lease */
               DLV_TELL_NACK,   /* given back as if never received, after `retry` */
               DLV_TELL_FAIL, /* Nack as a failure of the message, after `retry` (0: messaged's own)
                               */
               DLV_TELL_CRASH,     /* the same; the message killed its handler */
               DLV_TELL_TERMINATE, /* a lease whose work may be half done: kept as a dead letter */
} DlvTell;

typedef struct {
  DlvTell tell;
  const char *result; /* "announced", "failed", "held", "partial"; for DLV_TELL_REPORT */
  guint step;
  gboolean go_on; /* "continue": the message stays, dlv_ladder_decide() goes on with it */
  guint64 retry;  /* retry-after, us; 0: none */
  gboolean done;  /* forget the message: nothing follows */
  char *cause;    /* with the rung's name; free with g_free() */
} DlvReport;

/* What follows from a back-end's report for one message of a job. `retry` and `cause` are its own.
 * Changes the rung, the agent's rate and the message. */
DlvReport dlv_ladder_next(const DlvPolicy *policy, DlvRung *rungs, DlvAgentState *agent,
                          DlvRun *run, DlvMail *mail, DlvResult result, guint64 retry,
                          const char *cause, const DlvNow *now);

/* What would happen to a message like that (Explain); frees nothing, keeps nothing. */
DlvDecision *dlv_ladder_explain(const DlvPolicy *policy, const DlvRung *rungs,
                                const DlvAgentState *agent, guint8 priority, const DlvNow *now);

/* Until when it is quiet for `priority`, REALTIME us; 0: it is not. */
gint64 dlv_ladder_quiet_until(const DlvPolicy *policy, guint8 priority, const DlvNow *now);
/* The conditions of an entry as people read them, "" when there are none; free with g_free(). */
char *dlv_conditions_text(const DlvConditions *conditions);
/* "ready", "backing-off", "open" or "probing"; `ret_wait`: rest of the pause, us. */
const char *dlv_rung_state(const DlvRung *rung, gint64 boot, guint64 *ret_wait);
