/* recover.c: what a start finds is finished or undone, by the table of states.h.
 *
 * That a transaction was found is written down first: it counts as a try, so that a transaction
 * which takes the daemon down with it cannot do so for ever. Only one that waits for a confirmation
 * is left as it is. A connection that held a deployment ended with the process that held it. */
#include "deployment/txn-private.h"

#include "common/error.h"

#define FOUND "the daemon was ended in this state"

static void roll_back(DplTxn *txn, const char *cause) {
  /* the time of the dead does not count: each life has the whole budget */
  txn->draft->rollback_until = 0;
  dpl_txn_fail(txn, cause, NULL);
}

static void redo_roll_back(DplTxn *txn) {
  txn->draft->rollback_until = 0;
  if (txn->record->tries >= DPL_ROLLBACK_TRIES) {
    g_autofree char *text = g_strdup_printf(
        "after %i tries, the last of which did not end: %s", (int)txn->record->tries,
        txn->record->failure != NULL ? txn->record->failure : "");
    dpl_txn_enter(txn, DPL_STATE_ROLLBACK_FAILED, text, NULL);
    return;
  }
  dpl_txn_enter(txn, DPL_STATE_ROLLING_BACK, FOUND, NULL);
}

static void found_again(DplTxn *txn) {
  txn->recover = TRUE;
  dpl_txn_enter(txn, txn->record->state, FOUND, NULL);
}

void dpl_txn_recover(DplTxn *txn) {
  g_autofree char *cause = g_strdup_printf("the daemon was ended while this was %s",
                                           dpl_states[txn->record->state].name);

  switch (dpl_states[txn->record->state].crash) {
  case DPL_CRASH_DISCARD:
  case DPL_CRASH_CONTINUE:
    found_again(txn);
    break;
  case DPL_CRASH_FINISH_OR_UNDO:
  case DPL_CRASH_ROLL_BACK:
    roll_back(txn, cause);
    break;
  case DPL_CRASH_WAIT:
    if (txn->record->hold && txn->record->confirm_until != 0)
      roll_back(txn, "the connection that held this deployment ended with the daemon");
    else
      dpl_txn_verified(txn);
    break;
  case DPL_CRASH_REDO:
    if (txn->record->state == DPL_STATE_ROLLING_BACK)
      redo_roll_back(txn);
    else
      found_again(txn);
    break;
  case DPL_CRASH_NOTHING:
    g_assert_not_reached(); /* ends are not loaded */
  }
}

/* Its record says that it was found: DISCARD, CONTINUE, or the redo of what follows the commit. */
void dpl_txn_recovered(DplTxn *txn) {
  DplState state = txn->record->state;
  gboolean go_on = dpl_states[state].crash == DPL_CRASH_REDO ||
                   (dpl_states[state].crash == DPL_CRASH_CONTINUE && !txn->record->hold &&
                    dpl_budget_left(txn->record, dpl_now(txn->engine)));

  txn->recover = FALSE;
  if (go_on) {
    dpl_txn_act(txn, dpl_step_of(state));
    return;
  }
  g_autofree char *cause =
      g_strdup_printf("the daemon was ended while this was %s", dpl_states[state].name);
  dpl_txn_fail(txn, cause, NULL);
}

/* A rollout whose own record was lost is made up from its transactions. */
static DplRollout *rollout_of(DplEngine *engine, const DplRecord *record) {
  DplRollout *rollout = g_hash_table_lookup(engine->rollouts, &record->job);

  if (rollout != NULL)
    return rollout;
  DplJob *job = g_new0(DplJob, 1);
  job->id = record->job;
  job->kind = record->kind;
  job->who = g_strdup(record->who);
  job->uid = record->uid;
  job->created = record->created;
  job->parallel = 1;
  engine->found.next_job = MAX(engine->found.next_job, job->id + 1);
  return dpl_rollout_new(engine, job);
}

void dpl_engine_recover(DplEngine *engine) {
  g_autoptr(GPtrArray) jobs = g_steal_pointer(&engine->found.jobs);
  g_autoptr(GPtrArray) records = g_steal_pointer(&engine->found.records);
  g_autoptr(GPtrArray) txns = g_ptr_array_new();

  for (guint i = 0; i < jobs->len; i++)
    dpl_rollout_new(engine, dpl_job_copy(jobs->pdata[i]));
  for (guint i = 0; i < records->len; i++) {
    const DplRecord *record = records->pdata[i];
    g_ptr_array_add(txns, dpl_txn_new(engine, rollout_of(engine, record), dpl_record_copy(record)));
  }
  for (guint i = 0; i < txns->len; i++)
    dpl_txn_recover(txns->pdata[i]);
  g_autoptr(GList) rollouts = g_hash_table_get_values(engine->rollouts);
  for (GList *l = rollouts; l != NULL; l = l->next)
    if (((DplRollout *)l->data)->txns->len == 0)
      dpl_rollout_pump(l->data);
  dpl_wake(engine);
}
