/* txn-act.c: the action of a state: begun, watched, and what comes of it. */
#include "deployment/txn-private.h"

#include "common/error.h"

static const struct {
  const char *name;
  DplState state;
} steps[_DPL_STEP_MAX] = {
    [DPL_STEP_CHECK] = {"pre-flight", DPL_STATE_VALIDATED},
    [DPL_STEP_BACK_UP] = {"backup", DPL_STATE_BACKING_UP},
    [DPL_STEP_STAGE] = {"staging", DPL_STATE_STAGING},
    [DPL_STEP_PREPARE] = {"proof", DPL_STATE_STAGED},
    [DPL_STEP_MIGRATE] = {"migration", DPL_STATE_MIGRATING},
    [DPL_STEP_SWITCH] = {"switch", DPL_STATE_SWITCHING},
    [DPL_STEP_START] = {"start", DPL_STATE_STARTING},
    [DPL_STEP_VERIFY] = {"verification", DPL_STATE_VERIFYING},
    [DPL_STEP_COMMIT] = {"commit", DPL_STATE_COMMITTED},
    [DPL_STEP_CLEAN] = {"clean-up", DPL_STATE_CLEANING},
    [DPL_STEP_UNDO] = {"roll-back", DPL_STATE_ROLLING_BACK},
    [DPL_STEP_DISCARD] = {"clean-up", _DPL_STATE_MAX}, /* of no state */
};

const char *dpl_step_name(DplStep step) {
  return steps[step].name;
}

DplStep dpl_step_of(DplState state) {
  for (guint i = 0; i < _DPL_STEP_MAX; i++)
    if (steps[i].state == state)
      return (DplStep)i;
  g_return_val_if_reached(DPL_STEP_DISCARD);
}

void dpl_txn_act(DplTxn *txn, DplStep step) {
  DplEngine *engine = txn->engine;
  DplAct *act = g_new0(DplAct, 1);

  g_assert(txn->act == NULL && txn->next == NULL);
  act->step = step;
  act->record = dpl_record_copy(txn->draft);
  act->cancel = g_cancellable_new();
  act->work = &txn->work;
  act->engine = txn;
  act->deadline = step == DPL_STEP_DISCARD ? G_MAXINT64 : dpl_budget_deadline(txn->record);
  txn->act = act;
  engine->n_acts++;
  if (act->deadline <= dpl_now(engine)) {
    g_autofree char *words = dpl_budget_words(txn->record);
    g_autofree char *cause =
        g_strdup_printf("%s was over before its %s", words, dpl_step_name(step));
    dpl_txn_interrupt(txn, cause, NULL);
    dpl_act_done(act, g_error_new_literal(WG_ERROR, WG_ERROR_TIMEOUT, cause));
    return;
  }
  engine->o.steps->begin(engine->o.steps_self, act);
  dpl_wake(engine);
}

void dpl_txn_interrupt(DplTxn *txn, const char *cause, const char *who) {
  if (txn->stop == NULL) {
    txn->stop = g_strdup(cause);
    txn->stop_who = g_strdup(who);
  }
  if (txn->act != NULL)
    g_cancellable_cancel(txn->act->cancel);
}

/* The release that came of staging failed its verification lately. */
static gboolean is_poisoned(DplTxn *txn) {
  const DplRecord *r = txn->draft;
  g_autofree char *cause = dpl_engine_poison_text(txn->engine, r->digest);

  if (cause == NULL || r->force || r->kind == DPL_KIND_ROLLBACK)
    return FALSE;
  dpl_txn_fail(txn, cause, NULL);
  return TRUE;
}

static void went_well(DplTxn *txn, DplStep step) {
  DplState state = txn->record->state;

  if (step == DPL_STEP_DISCARD)
    dpl_txn_enter(txn, DPL_STATE_ABORTED, txn->draft->failure, txn->who);
  else if (step == DPL_STEP_UNDO)
    dpl_txn_enter(txn, DPL_STATE_ROLLED_BACK, txn->draft->failure, NULL);
  else if (step != DPL_STEP_STAGE || !is_poisoned(txn))
    dpl_txn_enter(txn, dpl_state_after(state, txn->draft->migrates != 0), NULL, NULL);
}

/* After the commit the release stays: what goes wrong is told, and the next clean-up does it. */
static void went_wrong(DplTxn *txn, DplStep step, const char *why) {
  g_autofree char *cause = g_strdup_printf("%s: %s", dpl_step_name(step), why);

  if (step == DPL_STEP_DISCARD) {
    g_autofree char *both =
        g_strdup_printf("%s (not all that was staged could be removed: %s)",
                        txn->draft->failure != NULL ? txn->draft->failure : "aborted", why);
    dpl_txn_enter(txn, DPL_STATE_ABORTED, both, txn->who);
  } else if (step == DPL_STEP_COMMIT || step == DPL_STEP_CLEAN)
    dpl_txn_enter(txn, dpl_state_after(txn->record->state, FALSE), cause, NULL);
  else if (step == DPL_STEP_UNDO)
    dpl_txn_undo_failed(txn, cause);
  else
    dpl_txn_fail(txn, cause, NULL);
}

/* What a step has found out stays, however it ended. */
static void take(DplTxn *txn, DplAct *act) {
  dpl_record_free(txn->draft);
  txn->draft = g_steal_pointer(&act->record);
  if (act->results != NULL) {
    g_free(txn->results);
    txn->results = g_steal_pointer(&act->results);
  }
  txn->poison |= act->poison;
}

static gboolean act_over(gpointer data) {
  DplTxn *txn = data;
  DplEngine *engine = txn->engine;
  g_autofree DplAct *act = g_steal_pointer(&txn->act);
  DplStep step = act->step;
  g_autoptr(GError) error = g_steal_pointer(&txn->outcome);

  txn->source = 0;
  engine->n_acts--;
  g_object_unref(act->cancel);
  take(txn, act);
  dpl_record_free(act->record);
  g_free(act->results);
  if (dpl_stopping(engine))
    return G_SOURCE_REMOVE;
  g_autofree char *stop = g_steal_pointer(&txn->stop);
  g_autofree char *who = g_steal_pointer(&txn->stop_who);
  if (stop != NULL && step == DPL_STEP_UNDO && error == NULL)
    went_well(txn, step); /* it was over before it could be ended */
  else if (stop != NULL && step == DPL_STEP_UNDO)
    dpl_txn_undo_failed(txn, stop);
  else if (stop != NULL && txn->record->state < DPL_STATE_COMMITTED && step != DPL_STEP_DISCARD)
    dpl_txn_fail(txn, stop, who);
  else if (error != NULL)
    went_wrong(txn, step, error->message);
  else
    went_well(txn, step);
  dpl_wake(engine);
  return G_SOURCE_REMOVE;
}

void dpl_act_done(DplAct *act, GError *error) {
  DplTxn *txn = act->engine;

  g_return_if_fail(txn->source == 0);
  txn->outcome = error;
  txn->source = g_idle_add_full(G_PRIORITY_DEFAULT, act_over, txn, NULL);
}

void dpl_act_progress(DplAct *act, int percent, const char *text) {
  DplTxn *txn = act->engine;

  if (txn->engine->o.events.progress != NULL)
    txn->engine->o.events.progress(txn->record, percent, text, txn->engine->o.events_data);
}

void dpl_act_result(DplAct *act, const char *json) {
  DplTxn *txn = act->engine;

  if (txn->engine->o.events.result != NULL)
    txn->engine->o.events.result(txn->record, json, txn->engine->o.events_data);
}

guint64 dpl_act_left(const DplAct *act) {
  DplTxn *txn = act->engine;

  if (act->deadline == G_MAXINT64)
    return G_MAXUINT64;
  return (guint64)MAX(act->deadline - dpl_now(txn->engine), 0);
}
