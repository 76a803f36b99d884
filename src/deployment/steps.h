/* steps.h: the actions of a transaction, as the engine sees them.
 *
 * The engine (txn.h) decides what is done and when; a set of steps does it. There are two sets: the
 * real one (steps-real.h: files, units, hooks, verification) and the one of the tests, in memory.
 *
 * Every step is idempotent: after a crash it is begun again from its start, upon whatever the first
 * time left. A step changes nothing outside its own room before the engine began it, and leaves
 * nothing running when it is done. UNDO and DISCARD work from the record alone, since after a
 * crash it is all there is. */
#pragma once

#include "deployment/record.h"

#include <gio/gio.h>

typedef enum {
  DPL_STEP_CHECK,   /* validated: pre-flight, without changing anything */
  DPL_STEP_BACK_UP, /* backing-up: what the manifest names is copied aside */
  DPL_STEP_STAGE,   /* staging: sets record->to and ->digest */
  DPL_STEP_PREPARE, /* staged: proves the tree, captures the baseline, sets ->from and ->intent */
  DPL_STEP_MIGRATE, /* migrating: units stopped, snapshot, "up" */
  DPL_STEP_SWITCH,  /* switching: link and unit files */
  DPL_STEP_START,   /* starting */
  DPL_STEP_VERIFY,  /* verifying: sets ->verdict and act->results */
  DPL_STEP_COMMIT,  /* committed: hooks after the commit; its failure is only told */
  DPL_STEP_CLEAN,   /* cleaning: retention, staging and backups */
  DPL_STEP_UNDO,    /* rolling-back: everything as ->intent says it was; the old release proven */
  DPL_STEP_DISCARD, /* before any end without a change: staging and backup go */
  _DPL_STEP_MAX,
} DplStep;

/* One action that runs. The steps' side may write what is marked so; everything else is the
 * engine's. */
typedef struct {
  DplStep step;
  DplRecord *record;    /* a copy. What a step sets in it is kept when the step goes well */
  gint64 deadline;      /* lasting time; G_MAXINT64: none. The engine cancels by itself */
  GCancellable *cancel; /* cancelled: end as soon as nothing is half done; done() follows */
  gpointer *work;       /* the steps' own memory of this transaction: NULL at first and after a
                           restart, ended by drop() */
  char *results;        /* written by the step: JSON that is kept with the transaction */
  gboolean poison;      /* written by the step: the release itself is at fault */
  gpointer engine;      /* the engine's */
} DplAct;

typedef struct {
  /* Begins act->step. dpl_act_done() follows exactly once, from inside or later. */
  void (*begin)(gpointer self, DplAct *act);
  /* The transaction has ended, or the engine goes. No action of it runs. */
  void (*drop)(gpointer self, gpointer work);
} DplSteps;

const char *dpl_step_name(DplStep step); /* "pre-flight"; for people */
/* The step of a state; not for VERIFIED and the ends. */
DplStep dpl_step_of(DplState state);

/* ---- what steps call, on the loop's thread ---- */
/* The action is over. Takes `error`; NULL: it went well. `act` is gone afterwards. */
void dpl_act_done(DplAct *act, GError *error);
/* `percent` of this step, or -1; `text` is for people. */
void dpl_act_progress(DplAct *act, int percent, const char *text);
/* One final result of a check, as JSON. */
void dpl_act_result(DplAct *act, const char *json);
/* us from now to the deadline, at least 0; G_MAXUINT64 without one. */
guint64 dpl_act_left(const DplAct *act);
