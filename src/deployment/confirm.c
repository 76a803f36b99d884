/* confirm.c: a verified release that waits until somebody says that it is wanted.
 *
 * The deadline is stored and counts over restarts and reboots; when it is over, or the connection
 * that holds the deployment goes, the old release comes back. Without a time to confirm a verified
 * release is committed at once. */
#include "deployment/txn-private.h"

#include "common/error.h"

void dpl_txn_verified(DplTxn *txn) {
  const DplRecord *r = txn->record;

  if (r->confirm_until == 0)
    dpl_txn_enter(txn, DPL_STATE_COMMITTED, NULL, NULL);
  else if (dpl_now(txn->engine) >= r->confirm_until)
    dpl_txn_fail(txn, "nobody confirmed it in time", NULL);
  else
    dpl_wake(txn->engine);
}

void dpl_txn_answer(DplTxn *txn, const GError *error) {
  DplAnswerFunc answer = g_steal_pointer(&txn->answer);

  if (answer != NULL)
    answer(error, txn->answer_data);
}

/* NULL: it can be confirmed. */
static GError *why_not(DplEngine *engine, guint64 id) {
  DplTxn *txn = g_hash_table_lookup(engine->txns, &id);

  if (engine->stopping)
    return g_error_new_literal(WG_ERROR, WG_ERROR_SHUTTING_DOWN,
                               "the service is leaving; repeat the call");
  if (txn == NULL)
    return g_error_new(WG_ERROR, WG_ERROR_UNKNOWN_DEPLOYMENT,
                       "deployment %" G_GUINT64_FORMAT " does not run", id);
  if (txn->record->state != DPL_STATE_VERIFIED || txn->next != NULL || txn->stop != NULL)
    return g_error_new(WG_ERROR, WG_ERROR_INVALID_STATE,
                       "deployment %" G_GUINT64_FORMAT
                       " is %s: only a verified one that waits can be confirmed",
                       id, dpl_states[txn->record->state].name);
  if (dpl_now(engine) >= txn->record->confirm_until)
    return g_error_new(WG_ERROR, WG_ERROR_TIMEOUT,
                       "the time to confirm deployment %" G_GUINT64_FORMAT " is over", id);
  return NULL;
}

void dpl_engine_confirm(DplEngine *engine, guint64 id, const char *who, DplAnswerFunc answer,
                        gpointer data) {
  g_autoptr(GError) error = why_not(engine, id);
  g_autofree char *cause = NULL;

  if (error != NULL) {
    answer(error, data);
    return;
  }
  DplTxn *txn = g_hash_table_lookup(engine->txns, &id);
  cause = g_strdup_printf("confirmed by %s", who != NULL ? who : "the service");
  txn->answer = answer;
  txn->answer_data = data;
  txn->draft->confirmed = TRUE;
  dpl_txn_enter(txn, DPL_STATE_COMMITTED, cause, who);
}
