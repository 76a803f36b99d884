/* txn-enter.c: a state is written down, and only then counts.
 *
 * When the store refuses: a step forward is given up after a few tries, and what was begun is taken
 * back; everything else is tried again until it is written. One exception to "written before it is
 * done" is deliberate: a roll-back goes on though its state cannot be written, where what is on the
 * disk leads to the same roll-back after a restart anyway. A disk that is full must not keep a bad
 * release alive. */
#include "deployment/txn-private.h"

#include "common/error.h"

#define RETRY_USEC G_USEC_PER_SEC
#define REFUSALS_MAX 3

static void put(DplTxn *txn);

/* A transaction that writes without end is in a loop: it gets the end that changes nothing more.
 * TRUE: `state` is replaced. */
static gboolean is_loop(DplTxn *txn, DplState *state) {
  DplState now = txn->record->state;

  if (txn->draft->writes < DPL_WRITES_MAX || dpl_states[*state].is_end)
    return FALSE;
  if (!dpl_states[now].changed)
    *state = DPL_STATE_ABORTED;
  else if (now == DPL_STATE_COMMITTED && *state == DPL_STATE_CLEANING)
    return FALSE;
  else if (now >= DPL_STATE_CLEANING && now != DPL_STATE_ROLLING_BACK)
    *state = DPL_STATE_DONE;
  else if (now == DPL_STATE_COMMITTED)
    *state = DPL_STATE_CLEANING;
  else
    *state = DPL_STATE_ROLLBACK_FAILED;
  return TRUE;
}

void dpl_txn_enter(DplTxn *txn, DplState state, const char *cause, const char *who) {
  gint64 now = dpl_now(txn->engine);
  DplState before = txn->record->state;

  g_assert(txn->next == NULL && txn->act == NULL);
  if (is_loop(txn, &state))
    cause = "this transaction has been written down too often: it is in a loop";
  if (!dpl_state_may_follow(before, state))
    g_error("deployment %" G_GUINT64_FORMAT ": %s may not follow %s", txn->record->id,
            dpl_states[state].name, dpl_states[before].name);
  DplRecord *next = dpl_record_copy(txn->draft);
  txn->next = next;
  next->state = state;
  next->writes++;
  dpl_record_set(&next->cause, cause);
  dpl_record_set(&txn->who, who);
  if (state == DPL_STATE_ROLLING_BACK)
    next->tries++;
  if (dpl_states[state].is_end)
    next->ended = wg_time_realtime();
  dpl_budget_enter(next, now);
  txn->refusals = 0;
  put(txn);
}

/* The digest is refused from now on. */
static gboolean is_poison(const DplTxn *txn, const DplRecord *r) {
  return txn->poison && r->digest != NULL && r->poison > 0 &&
         (r->state == DPL_STATE_ROLLING_BACK || dpl_states[r->state].is_end);
}

static void remember(DplTxn *txn) {
  const DplRecord *r = txn->record;
  DplTarget *target = dpl_target_note(txn->engine, r);

  if (is_poison(txn, r)) {
    gint64 until = wg_time_realtime() + r->poison;
    g_hash_table_replace(txn->engine->found.poison, g_strdup(r->digest),
                         g_memdup2(&until, sizeof until));
  }
  if (r->state == DPL_STATE_COMMITTED) {
    dpl_record_set(&target->good, r->to);
    target->good_txn = r->id;
  }
  if (r->state == DPL_STATE_ROLLBACK_FAILED)
    target->frozen = r->id;
  else if (r->state == DPL_STATE_COMMITTED || r->state == DPL_STATE_ROLLED_BACK)
    target->frozen = 0;
}

/* `durable`: on the disk; whoever is told reads what is remembered of it. */
static void written(DplTxn *txn, gboolean durable) {
  DplEngine *engine = txn->engine;
  DplState before = txn->record->state;
  DplRecord *old = txn->record;

  txn->record = g_steal_pointer(&txn->next);
  dpl_record_free(old);
  dpl_record_free(txn->draft);
  txn->draft = dpl_record_copy(txn->record);
  if (durable)
    remember(txn);
  if (engine->o.events.state != NULL)
    engine->o.events.state(txn->record, before, engine->o.events_data);
}

/* The state is on the disk: its action may begin. */
static void go_on(DplTxn *txn) {
  DplState state = txn->record->state;
  g_autofree char *stop = g_steal_pointer(&txn->stop);
  g_autofree char *who = g_steal_pointer(&txn->stop_who);

  if (dpl_states[state].is_end)
    dpl_txn_finish(txn);
  else if (stop != NULL && state < DPL_STATE_COMMITTED)
    dpl_txn_fail(txn, stop, who);
  else if (txn->recover)
    dpl_txn_recovered(txn);
  else if (state == DPL_STATE_VERIFIED)
    dpl_txn_verified(txn);
  else
    dpl_txn_act(txn, dpl_step_of(state));
}

/* What is on the disk leads to a roll-back after a restart, whatever happens now. */
static gboolean undo_is_safe(DplTxn *txn) {
  DplCrash crash = dpl_states[txn->record->state].crash;

  return txn->next->state == DPL_STATE_ROLLING_BACK &&
         (crash == DPL_CRASH_ROLL_BACK || crash == DPL_CRASH_FINISH_OR_UNDO);
}

static void refused(DplTxn *txn, const GError *error) {
  gboolean forward = txn->next->state < DPL_STATE_COMMITTED && !txn->recover;

  dpl_trouble(txn->engine, error->message);
  if (++txn->refusals >= REFUSALS_MAX && forward) {
    g_autofree char *cause = g_strdup_printf("the state %s cannot be written down: %s",
                                             dpl_states[txn->next->state].name, error->message);
    g_clear_pointer(&txn->next, dpl_record_free);
    dpl_txn_fail(txn, cause, NULL);
    return;
  }
  if (txn->refusals >= REFUSALS_MAX && undo_is_safe(txn)) {
    txn->unwritten = TRUE;
    written(txn, FALSE);
    go_on(txn);
    return;
  }
  txn->rewrite = TRUE;
  txn->retry_at = dpl_now(txn->engine) + RETRY_USEC;
  dpl_wake(txn->engine);
}

static void put_done(const GError *error, gpointer data) {
  DplTxn *txn = data;
  DplEngine *engine = txn->engine;

  engine->n_puts--;
  if (dpl_stopping(engine))
    return;
  if (error != NULL) {
    refused(txn, error);
    return;
  }
  dpl_trouble(engine, NULL);
  txn->unwritten = FALSE;
  written(txn, TRUE);
  txn->poison = txn->poison && !is_poison(txn, txn->record);
  g_clear_pointer(&txn->results, g_free);
  if (txn->record->confirmed != 0)
    dpl_txn_answer(txn, NULL);
  go_on(txn);
  dpl_wake(engine);
}

static void put(DplTxn *txn) {
  DplEngine *engine = txn->engine;
  const DplRecord *next = txn->next;
  DplWrite write = {
      .record = next,
      .from = txn->record->state,
      .who = txn->who,
      .results = txn->results,
      .poison_until = is_poison(txn, next) ? wg_time_realtime() + next->poison : 0,
      .good = next->state == DPL_STATE_COMMITTED,
  };

  txn->rewrite = FALSE;
  engine->n_puts++;
  engine->o.ledger->put(engine->o.ledger_self, &write, 1, put_done, txn);
}

void dpl_txn_retry(DplTxn *txn) {
  put(txn);
}
