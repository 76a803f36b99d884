/* txn-end.c: where a failure leads, and the end.
 *
 * Before the target was changed a failure discards what was staged, and the end is `aborted`; after
 * it the way is back, at most three times within one budget. From the commit on nothing leads back:
 * that is another deployment. */
#include "deployment/txn-private.h"

#include "common/error.h"

/* The first cause is what people want to know, not what followed from it. */
static void note_failure(DplTxn *txn, const char *cause) {
  if (txn->draft->failure == NULL)
    txn->draft->failure = g_strdup(cause);
}

void dpl_txn_fail(DplTxn *txn, const char *cause, const char *who) {
  DplState state = txn->record->state;

  note_failure(txn, cause);
  if (!dpl_states[state].changed) {
    dpl_record_set(&txn->who, who);
    dpl_txn_act(txn, DPL_STEP_DISCARD);
  } else if (state == DPL_STATE_ROLLING_BACK)
    dpl_txn_undo_failed(txn, cause);
  else
    dpl_txn_enter(txn, DPL_STATE_ROLLING_BACK, cause, who);
}

void dpl_txn_undo_failed(DplTxn *txn, const char *cause) {
  const DplRecord *r = txn->record;
  g_autofree char *text = NULL;

  if (r->tries < DPL_ROLLBACK_TRIES && dpl_budget_left(r, dpl_now(txn->engine))) {
    text =
        g_strdup_printf("try %i of %i follows: %s", (int)r->tries + 1, DPL_ROLLBACK_TRIES, cause);
    dpl_txn_enter(txn, DPL_STATE_ROLLING_BACK, text, NULL);
    return;
  }
  text = g_strdup_printf("after %i tries: %s", (int)r->tries, cause);
  dpl_txn_enter(txn, DPL_STATE_ROLLBACK_FAILED, text, NULL);
}

gboolean dpl_txn_stop(DplTxn *txn, const char *cause, const char *who) {
  DplState state = txn->next != NULL ? txn->next->state : txn->record->state;

  if (state >= DPL_STATE_COMMITTED)
    return FALSE;
  if (txn->act != NULL && txn->act->step == DPL_STEP_DISCARD)
    return FALSE;
  if (txn->next != NULL || txn->act != NULL || txn->rollout->created != NULL)
    dpl_txn_interrupt(txn, cause, who);
  else
    dpl_txn_fail(txn, cause, who);
  return TRUE;
}

void dpl_txn_finish(DplTxn *txn) {
  DplEngine *engine = txn->engine;
  DplRollout *rollout = txn->rollout;
  DplTarget *target = g_hash_table_lookup(engine->found.targets, txn->record->target);

  if (txn->record->state == DPL_STATE_ROLLED_BACK && target != NULL) {
    gint64 began = txn->record->rollback_until - txn->record->budget_rollback;
    gint64 took = dpl_now(engine) - began;
    g_array_append_val(target->durations, took);
  }
  dpl_rollout_ended(rollout, txn);
  g_hash_table_remove(engine->by_target, txn->record->target);
  g_hash_table_remove(engine->txns, &txn->id);
  dpl_rollout_pump(rollout);
}

/* ---- from outside ---- */
gboolean dpl_engine_cancel(DplEngine *engine, guint64 id, const char *who, GError **error) {
  DplTxn *txn = g_hash_table_lookup(engine->txns, &id);
  g_autofree char *cause = g_strdup_printf("cancelled by %s", who != NULL ? who : "the service");

  if (txn == NULL) {
    g_set_error(error, WG_ERROR, WG_ERROR_UNKNOWN_DEPLOYMENT,
                "deployment %" G_GUINT64_FORMAT " does not run", id);
    return FALSE;
  }
  if (dpl_txn_stop(txn, cause, who))
    return TRUE;
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_STATE,
              "deployment %" G_GUINT64_FORMAT " is %s: there is nothing to cancel any more", id,
              dpl_states[txn->record->state].name);
  return FALSE;
}

gboolean dpl_engine_cancel_job(DplEngine *engine, guint64 job, const char *who, GError **error) {
  DplRollout *rollout = g_hash_table_lookup(engine->rollouts, &job);
  g_autofree char *cause = g_strdup_printf("cancelled by %s", who != NULL ? who : "the service");

  if (rollout == NULL) {
    g_set_error(error, WG_ERROR, WG_ERROR_UNKNOWN_DEPLOYMENT,
                "job %" G_GUINT64_FORMAT " does not run", job);
    return FALSE;
  }
  for (guint i = 0; i < rollout->txns->len; i++)
    dpl_txn_stop(rollout->txns->pdata[i], cause, who);
  return TRUE;
}

void dpl_engine_caller_gone(DplEngine *engine, guint64 caller) {
  g_autoptr(GList) txns = g_hash_table_get_values(engine->txns);

  if (engine->stopping)
    return;
  for (GList *l = txns; l != NULL; l = l->next) {
    DplTxn *txn = l->data;
    if (txn->caller == caller && caller != 0)
      dpl_txn_stop(txn, "the connection that held this deployment is gone", NULL);
  }
}
