/* txn.h: the transaction engine.
 *
 * A transaction takes one target from one release to another and verifies it, or puts everything
 * back. The engine walks the states of states.h: it writes a state down, waits until that is on
 * the disk, begins the state's action (steps.h), and decides by its outcome where to go. It is all
 * on the loop's thread; files, units and SQLite are elsewhere.
 *
 * Invariants: at most one transaction a target that has not ended; only the transitions that
 * dpl_state_may_follow() allows; no action before its state is on the disk; no second action of a
 * transaction while one runs; a roll-back is begun at most DPL_ROLLBACK_TRIES times; an end is
 * written once. The engine never touches a file, a unit or a bus. */
#pragma once

#include "deployment/budget.h"
#include "deployment/record-store.h"
#include "deployment/steps.h"

#include "common/clock.h"

typedef struct DplEngine DplEngine;

/* All on the loop's thread, after the fact is on the disk. Records and jobs are borrowed for the
 * call. Every member may be NULL. None may free the engine. */
typedef struct {
  /* A new transaction has `from` = record->state. */
  void (*state)(const DplRecord *record, DplState from, gpointer data);
  void (*progress)(const DplRecord *record, int percent, const char *text, gpointer data);
  void (*result)(const DplRecord *record, const char *json, gpointer data);
  /* A rollout is new, or has ended (job->result is set). */
  void (*job)(const DplJob *job, gpointer data);
  /* dpl_engine_tick() wants to be called at this lasting time; G_MAXINT64: not at all. */
  void (*wake)(gint64 lasting, gpointer data);
  /* A state could not be written; `why` NULL: it could again. */
  void (*trouble)(const char *why, gpointer data);
} DplEvents;

typedef struct {
  const WgClock *clock; /* borrowed */
  const DplLedger *ledger;
  gpointer ledger_self;
  const DplSteps *steps;
  gpointer steps_self;
  DplEvents events;
  gpointer events_data;
} DplEngineOptions;

/* Takes over what the store has (`loaded` is emptied); nothing runs until dpl_engine_recover(). */
DplEngine *dpl_engine_new(const DplEngineOptions *options, DplLoaded *loaded);
/* Goes on with what a crash, a power cut or a restart left, by the table of states.h. */
void dpl_engine_recover(DplEngine *engine);
/* Ends all actions without writing anything: the next start recovers. `stopped` is called once
 * nothing runs any more, later. New transactions are refused from now on. */
void dpl_engine_stop(DplEngine *engine, void (*stopped)(gpointer data), gpointer data);
/* Only when nothing runs: before dpl_engine_recover(), or after `stopped`. */
void dpl_engine_free(DplEngine *engine);
void dpl_engine_tick(DplEngine *engine);

/* ---- asking ---- */
typedef struct {
  DplKind kind;
  const char *who; /* "uid:1000" */
  guint uid;
  int pid;
  const char *unit;        /* NULL */
  guint64 caller;          /* WgCaller.id; with `hold` its end is the roll-back */
  const char *reason;      /* NULL */
  const char *traceparent; /* the caller's, right in its form; NULL: a new trace for all of it */
  gboolean hold, force;    /* force: poisoned releases and targets with a failed roll-back too */
  guint parallel;          /* 0: 1 */
  guint max_failures;      /* 0: no bound */
  /* One a target, of DplRecord: target, root, name, version, manifest, manifest_hash, base, the
   * budgets, poison, migrates, and for a roll-back `to`. Everything else is the engine's. */
  const GPtrArray *records;
} DplRequest;

/* `job` is NULL when `error` says why it was refused. */
typedef void (*DplCreatedFunc)(const DplJob *job, const GError *error, gpointer data);
/* `created` is called once, when the rollout is on the disk or refused; may be at once. */
void dpl_engine_create(DplEngine *engine, const DplRequest *request, DplCreatedFunc created,
                       gpointer data);

typedef void (*DplAnswerFunc)(const GError *error, gpointer data);
/* Confirms a deployment that waits for it; answered when the commit is on the disk. */
void dpl_engine_confirm(DplEngine *engine, guint64 id, const char *who, DplAnswerFunc answer,
                        gpointer data);
/* Before the switch it is aborted, after it rolled back; FALSE: there is nothing to cancel. */
gboolean dpl_engine_cancel(DplEngine *engine, guint64 id, const char *who, GError **error);
/* The same for what of a rollout has not ended. */
gboolean dpl_engine_cancel_job(DplEngine *engine, guint64 job, const char *who, GError **error);
/* The connection is gone: what it held is taken back. */
void dpl_engine_caller_gone(DplEngine *engine, guint64 caller);

/* ---- looking ---- */
/* The transaction that holds a target, or NULL. Borrowed until the loop turns. */
const DplRecord *dpl_engine_holder(DplEngine *engine, const char *target);
const DplRecord *dpl_engine_find(DplEngine *engine, guint64 id); /* live ones only */
const DplJob *dpl_engine_find_job(DplEngine *engine, guint64 id);
guint dpl_engine_n_live(DplEngine *engine);
/* Something runs, or a deadline is armed: no reason to leave. */
gboolean dpl_engine_busy(DplEngine *engine);
void dpl_engine_each(DplEngine *engine, void (*func)(const DplRecord *record, gpointer data),
                     gpointer data);

/* ---- what is remembered of targets and digests ---- */
/* All of it; NULL: nothing was ever deployed there. Borrowed until the loop turns. */
const DplTarget *dpl_engine_target(DplEngine *engine, const char *target);
void dpl_engine_each_target(DplEngine *engine, void (*func)(const DplTarget *target, gpointer data),
                            gpointer data);
/* The release that was committed last at the target; NULL: none is known to be good. */
const char *dpl_engine_good(DplEngine *engine, const char *target);
/* The transaction whose roll-back failed here and that nobody has looked after; 0: none. */
guint64 dpl_engine_frozen(DplEngine *engine, const char *target);
/* CLOCK_REALTIME us until which the digest is refused; 0: it is not. */
gint64 dpl_engine_poisoned(DplEngine *engine, const char *digest);
/* Why it is refused and what to do, or NULL; free it. */
char *dpl_engine_poison_text(DplEngine *engine, const char *digest);
/* All that would stop a deployment of `wanted` (target, root, digest) now. (transfer full) */
char **dpl_lock_reasons(DplEngine *engine, const DplRecord *wanted);
/* After the row is gone from the store. */
void dpl_engine_forgive(DplEngine *engine, const char *digest);
/* 95th percentile of this target's roll-backs, us; 0: there were none. */
gint64 dpl_engine_rollback_p95(DplEngine *engine, const char *target);
