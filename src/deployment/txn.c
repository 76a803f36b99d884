/* txn.c: the engine's life, its deadlines, and looking into it. See txn.h. */
#include "deployment/txn-private.h"

#include "common/error.h"

static void free_txn(gpointer data) {
  dpl_txn_free(data);
}

static void free_rollout(gpointer data) {
  dpl_rollout_free(data);
}

DplTxn *dpl_txn_new(DplEngine *engine, DplRollout *rollout, DplRecord *record) {
  DplTxn *txn = g_new0(DplTxn, 1);

  txn->id = record->id;
  txn->engine = engine;
  txn->rollout = rollout;
  txn->record = record;
  txn->draft = dpl_record_copy(record);
  txn->retry_at = G_MAXINT64;
  g_hash_table_insert(engine->txns, &txn->id, txn);
  g_hash_table_insert(engine->by_target, g_strdup(record->target), txn);
  g_ptr_array_add(rollout->txns, txn);
  return txn;
}

/* An act that runs belongs to nobody then: its steps' side must not call back any more. */
static void drop_act(DplTxn *txn) {
  if (txn->act == NULL)
    return;
  dpl_record_free(txn->act->record);
  g_object_unref(txn->act->cancel);
  g_free(txn->act->results);
  g_free(txn->act);
}

void dpl_txn_free(DplTxn *txn) {
  DplEngine *engine = txn->engine;

  if (txn->answer != NULL) {
    g_autoptr(GError) error =
        g_error_new_literal(WG_ERROR, WG_ERROR_SHUTTING_DOWN,
                            "the service is leaving; look what came of it and repeat");
    dpl_txn_answer(txn, error);
  }
  drop_act(txn);
  if (txn->work != NULL)
    engine->o.steps->drop(engine->o.steps_self, txn->work);
  if (txn->source != 0)
    g_source_remove(txn->source);
  g_clear_error(&txn->outcome);
  dpl_record_free(txn->record);
  dpl_record_free(txn->draft);
  dpl_record_free(txn->next);
  g_free(txn->results);
  g_free(txn->stop);
  g_free(txn->stop_who);
  g_free(txn->who);
  g_free(txn);
}

DplEngine *dpl_engine_new(const DplEngineOptions *options, DplLoaded *loaded) {
  DplEngine *engine = g_new0(DplEngine, 1);

  engine->o = *options;
  engine->found = *loaded;
  *loaded = (DplLoaded){0};
  engine->txns = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, free_txn);
  engine->by_target = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  engine->rollouts = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, free_rollout);
  return engine;
}

void dpl_engine_free(DplEngine *engine) {
  if (engine == NULL)
    return;
  g_hash_table_unref(engine->by_target);
  g_hash_table_unref(engine->txns);
  g_hash_table_unref(engine->rollouts);
  dpl_loaded_clear(&engine->found);
  g_free(engine);
}

gint64 dpl_now(DplEngine *engine) {
  return wg_clock_now(engine->o.clock);
}

void dpl_trouble(DplEngine *engine, const char *why) {
  if (why == NULL && !engine->troubled)
    return;
  engine->troubled = why != NULL;
  if (engine->o.events.trouble != NULL)
    engine->o.events.trouble(why, engine->o.events_data);
}

/* ---- stopping ---- */
static gboolean tell_stopped(gpointer data) {
  DplEngine *engine = data;

  engine->stopped(engine->stopped_data);
  return G_SOURCE_REMOVE;
}

gboolean dpl_stopping(DplEngine *engine) {
  if (engine->stopping && engine->n_acts == 0 && engine->n_puts == 0 && !engine->told) {
    engine->told = TRUE;
    g_idle_add(tell_stopped, engine);
  }
  return engine->stopping;
}

void dpl_engine_stop(DplEngine *engine, void (*stopped)(gpointer data), gpointer data) {
  GHashTableIter iter;
  gpointer value;

  engine->stopping = TRUE;
  engine->stopped = stopped;
  engine->stopped_data = data;
  g_hash_table_iter_init(&iter, engine->txns);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    DplTxn *txn = value;
    if (txn->act != NULL)
      g_cancellable_cancel(txn->act->cancel);
  }
  dpl_stopping(engine);
}

/* ---- deadlines ---- */
static gint64 txn_wake_at(DplTxn *txn) {
  gint64 at = txn->rewrite ? txn->retry_at : G_MAXINT64;

  if (txn->act != NULL && txn->stop == NULL)
    at = MIN(at, txn->act->deadline);
  if (txn->act == NULL && txn->next == NULL && txn->record->state == DPL_STATE_VERIFIED)
    at = MIN(at, dpl_budget_deadline(txn->record));
  return at;
}

void dpl_wake(DplEngine *engine) {
  GHashTableIter iter;
  gpointer value;
  gint64 at = G_MAXINT64;

  if (engine->o.events.wake == NULL)
    return;
  g_hash_table_iter_init(&iter, engine->txns);
  while (g_hash_table_iter_next(&iter, NULL, &value))
    at = MIN(at, txn_wake_at(value));
  g_hash_table_iter_init(&iter, engine->rollouts);
  while (g_hash_table_iter_next(&iter, NULL, &value))
    at = MIN(at, ((DplRollout *)value)->retry_at);
  engine->o.events.wake(engine->stopping ? G_MAXINT64 : at, engine->o.events_data);
}

static void tick(DplTxn *txn, gint64 now) {
  if (now < txn_wake_at(txn))
    return;
  if (txn->rewrite) {
    dpl_txn_retry(txn);
    return;
  }
  const DplRecord *of = txn->act != NULL ? txn->act->record : txn->record;
  g_autofree char *words = dpl_budget_words(of);
  g_autofree char *cause = g_strdup_printf("%s is over", words);
  if (txn->act != NULL)
    dpl_txn_interrupt(txn, cause, NULL);
  else
    dpl_txn_fail(txn, cause, NULL);
}

void dpl_engine_tick(DplEngine *engine) {
  g_autoptr(GList) txns = g_hash_table_get_values(engine->txns);
  g_autoptr(GList) rollouts = g_hash_table_get_values(engine->rollouts);
  gint64 now = dpl_now(engine);

  if (engine->stopping)
    return;
  /* an end is only reached by a write, which is never over in here: all stay valid */
  for (GList *l = txns; l != NULL; l = l->next)
    tick(l->data, now);
  for (GList *l = rollouts; l != NULL; l = l->next)
    dpl_rollout_tick(l->data, now);
  dpl_wake(engine);
}

/* ---- looking ---- */
const DplRecord *dpl_engine_find(DplEngine *engine, guint64 id) {
  DplTxn *txn = g_hash_table_lookup(engine->txns, &id);

  return txn != NULL ? txn->record : NULL;
}

const DplJob *dpl_engine_find_job(DplEngine *engine, guint64 id) {
  DplRollout *rollout = g_hash_table_lookup(engine->rollouts, &id);

  return rollout != NULL ? rollout->job : NULL;
}

const DplRecord *dpl_engine_holder(DplEngine *engine, const char *target) {
  DplTxn *txn = g_hash_table_lookup(engine->by_target, target);

  return txn != NULL ? txn->record : NULL;
}

guint dpl_engine_n_live(DplEngine *engine) {
  return g_hash_table_size(engine->txns);
}

gboolean dpl_engine_busy(DplEngine *engine) {
  return g_hash_table_size(engine->txns) > 0 || g_hash_table_size(engine->rollouts) > 0;
}

void dpl_engine_each(DplEngine *engine, void (*func)(const DplRecord *record, gpointer data),
                     gpointer data) {
  g_autoptr(GList) txns = g_hash_table_get_values(engine->txns);

  for (GList *l = txns; l != NULL; l = l->next)
    func(((DplTxn *)l->data)->record, data);
}
