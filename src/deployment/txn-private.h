/* txn-private.h: inside of the engine.
 *
 * A transaction does one thing at a time: it writes (`next` is set), acts (`act` is set), waits for
 * a confirmation or for its turn (neither). What happens from outside meanwhile (a deadline, a
 * cancel, a connection that goes) is only noted in `stop`, and looked at when the one thing is
 * over.
 *
 *     txn-enter.c   a state is written down          txn-act.c     its action
 *     txn-end.c     where a failure leads            rollout.c     many transactions
 *     confirm.c     waiting for Confirm()            recover.c     after a restart
 *     lock.c        who may begin                    txn.c         life, deadlines */
#pragma once

#include "deployment/txn.h"

typedef struct DplRollout DplRollout;

typedef struct {
  guint64 id;
  DplEngine *engine;
  DplRollout *rollout;
  DplRecord *record;  /* as it is on the disk (but see `unwritten`) */
  DplRecord *draft;   /* as it will be next: steps have added to it */
  DplRecord *next;    /* on its way to the disk; NULL: nothing is */
  DplAct *act;        /* runs; NULL: nothing does */
  gpointer work;      /* the steps' */
  GError *outcome;    /* of the act that has just ended */
  guint source;       /* looks at the outcome */
  char *results;      /* to be written with the next state */
  gboolean poison;    /* the same */
  gboolean recover;   /* what is being written says that a restart found it */
  gboolean rewrite;   /* `next` was refused by the store and is tried again at `retry_at` */
  gboolean unwritten; /* a roll-back goes on though the store refuses its state */
  guint refusals;
  gint64 retry_at; /* lasting */
  guint64 caller;  /* with `hold`; 0: none */
  char *stop, *stop_who;
  char *who; /* of the state that is being written */
  DplAnswerFunc answer;
  gpointer answer_data;
} DplTxn;

struct DplRollout {
  DplEngine *engine;
  DplJob *job;
  GPtrArray *txns; /* of DplTxn: those that have not ended, in order; borrowed */
  gboolean writing, over;
  guint doubts; /* how often nobody knew whether its beginning is on the disk */
  gint64 retry_at;
  DplCreatedFunc created; /* until it is on the disk */
  gpointer created_data;
};

struct DplEngine {
  DplEngineOptions o;
  DplLoaded found;       /* its records and jobs are gone once they were taken up */
  GHashTable *txns;      /* &id -> DplTxn */
  GHashTable *by_target; /* name -> DplTxn, borrowed */
  GHashTable *rollouts;  /* &job id -> DplRollout */
  guint n_puts, n_acts;
  gboolean stopping, told, troubled;
  void (*stopped)(gpointer data);
  gpointer stopped_data;
};

/* txn.c */
DplTxn *dpl_txn_new(DplEngine *engine, DplRollout *rollout, DplRecord *record);
void dpl_txn_free(DplTxn *txn);
gint64 dpl_now(DplEngine *engine);
void dpl_wake(DplEngine *engine); /* deadlines have changed */
/* Nothing new is begun; tells it when nothing runs any more. TRUE while stopping. */
gboolean dpl_stopping(DplEngine *engine);
void dpl_trouble(DplEngine *engine, const char *why);

/* txn-enter.c: writes `state` down and goes on from there. `who` NULL: the daemon itself. */
void dpl_txn_enter(DplTxn *txn, DplState state, const char *cause, const char *who);
void dpl_txn_retry(DplTxn *txn); /* the store may take it now */

/* txn-act.c */
void dpl_txn_act(DplTxn *txn, DplStep step);
/* The running action is asked to end; dpl_txn_fail() follows with `cause`. */
void dpl_txn_interrupt(DplTxn *txn, const char *cause, const char *who);

/* txn-end.c: it does not go on forward: discard and abort, or roll back. */
void dpl_txn_fail(DplTxn *txn, const char *cause, const char *who);
void dpl_txn_undo_failed(DplTxn *txn, const char *cause);
/* Its end is on the disk: it is freed. */
void dpl_txn_finish(DplTxn *txn);
/* Ends it now where nothing runs, else as soon as nothing does. FALSE: it cannot be ended. */
gboolean dpl_txn_stop(DplTxn *txn, const char *cause, const char *who);

/* confirm.c */
void dpl_txn_verified(DplTxn *txn);
void dpl_txn_answer(DplTxn *txn, const GError *error);

/* rollout.c */
DplRollout *dpl_rollout_new(DplEngine *engine, DplJob *job);
void dpl_rollout_free(DplRollout *rollout);
/* One of its transactions has ended and is about to be freed. */
void dpl_rollout_ended(DplRollout *rollout, DplTxn *txn);
void dpl_rollout_pump(DplRollout *rollout);
void dpl_rollout_tick(DplRollout *rollout, gint64 now);

/* recover.c */
void dpl_txn_recover(DplTxn *txn);
void dpl_txn_recovered(DplTxn *txn); /* that it was found is on the disk */

/* lock.c: may `request` begin? */
gboolean dpl_lock_check(DplEngine *engine, const DplRequest *request, GError **error);
/* A transaction's state is on the disk: the target remembers it. */
DplTarget *dpl_target_note(DplEngine *engine, const DplRecord *record);
