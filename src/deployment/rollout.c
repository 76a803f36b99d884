/* rollout.c: one call for one or many targets.
 *
 * All its transactions are written down at once, in one commit, and hold their targets from then
 * on; so many of them run at a time, the others wait for their turn. After so many failures
 * nothing more is started: what waits is aborted, what runs ends by itself, since each target owns
 * its transaction. The rollout ends with its last transaction, by the worst of their ends. */
#include "deployment/txn-private.h"

#include "common/error.h"
#include "common/trace-context.h"

#define RETRY_USEC G_USEC_PER_SEC
#define DOUBTS_MAX 3

DplRollout *dpl_rollout_new(DplEngine *engine, DplJob *job) {
  DplRollout *rollout = g_new0(DplRollout, 1);

  rollout->engine = engine;
  rollout->job = job;
  rollout->txns = g_ptr_array_new();
  rollout->retry_at = G_MAXINT64;
  g_hash_table_insert(engine->rollouts, &job->id, rollout);
  return rollout;
}

void dpl_rollout_free(DplRollout *rollout) {
  g_ptr_array_unref(rollout->txns);
  dpl_job_free(rollout->job);
  g_free(rollout);
}

static gboolean waits(const DplTxn *txn) {
  return txn->record->started == 0 && txn->record->state == DPL_STATE_VALIDATED &&
         txn->act == NULL && txn->next == NULL;
}

/* ---- its end ---- */
static void tell(DplRollout *rollout) {
  DplEngine *engine = rollout->engine;

  if (engine->o.events.job != NULL)
    engine->o.events.job(rollout->job, engine->o.events_data);
}

static void end_written(const GError *error, gpointer data) {
  DplRollout *rollout = data;
  DplEngine *engine = rollout->engine;

  engine->n_puts--;
  rollout->writing = FALSE;
  if (dpl_stopping(engine))
    return;
  if (error != NULL) {
    dpl_trouble(engine, error->message);
    rollout->retry_at = dpl_now(engine) + RETRY_USEC;
    dpl_wake(engine);
    return;
  }
  dpl_trouble(engine, NULL);
  tell(rollout);
  g_hash_table_remove(engine->rollouts, &rollout->job->id);
  dpl_wake(engine);
}

static void write_end(DplRollout *rollout) {
  DplEngine *engine = rollout->engine;
  DplWrite write = {.job = rollout->job};

  rollout->writing = TRUE;
  rollout->retry_at = G_MAXINT64;
  engine->n_puts++;
  engine->o.ledger->put(engine->o.ledger_self, &write, 1, end_written, rollout);
}

static void end(DplRollout *rollout) {
  DplJob *job = rollout->job;

  rollout->over = TRUE;
  job->ended = wg_time_realtime();
  dpl_record_set(&job->result, dpl_exit_name((int)job->exit));
  write_end(rollout);
}

void dpl_rollout_tick(DplRollout *rollout, gint64 now) {
  if (rollout->over && !rollout->writing && now >= rollout->retry_at)
    write_end(rollout);
}

void dpl_rollout_ended(DplRollout *rollout, DplTxn *txn) {
  g_ptr_array_remove(rollout->txns, txn);
  dpl_job_count(rollout->job, txn->record->state);
}

/* ---- its turns ---- */
static gboolean is_broken_off(const DplRollout *rollout) {
  return rollout->job->max_failures > 0 && rollout->job->failures >= rollout->job->max_failures;
}

static void begin(DplTxn *txn) {
  txn->draft->started = dpl_now(txn->engine);
  dpl_txn_enter(txn, DPL_STATE_VALIDATED, "its turn in the rollout has come", NULL);
}

static void break_off(DplRollout *rollout) {
  g_autofree char *cause = g_strdup_printf("not started: %i of the rollout's targets failed",
                                           (int)rollout->job->failures);

  for (guint i = 0; i < rollout->txns->len; i++)
    if (waits(rollout->txns->pdata[i]))
      dpl_txn_fail(rollout->txns->pdata[i], cause, NULL);
}

void dpl_rollout_pump(DplRollout *rollout) {
  gint64 running = 0;

  if (rollout->txns->len == 0 && !rollout->over) {
    end(rollout);
    return;
  }
  if (is_broken_off(rollout)) {
    break_off(rollout);
    return;
  }
  for (guint i = 0; i < rollout->txns->len; i++)
    running += !waits(rollout->txns->pdata[i]);
  for (guint i = 0; i < rollout->txns->len && running < rollout->job->parallel; i++)
    if (waits(rollout->txns->pdata[i])) {
      begin(rollout->txns->pdata[i]);
      running++;
    }
}

/* ---- its beginning ---- */
/* It may be on the disk all the same, or will be with the next commit: it gets an end there. */
static void refuse_stored(DplRollout *rollout, const GError *error) {
  g_autoptr(GPtrArray) txns = g_ptr_array_copy(rollout->txns, NULL, NULL);
  g_autofree char *cause = g_strdup_printf("it was refused: %s", error->message);

  rollout->created(NULL, error, rollout->created_data);
  rollout->created = NULL;
  for (guint i = 0; i < txns->len; i++)
    dpl_txn_fail(txns->pdata[i], cause, NULL);
  dpl_wake(rollout->engine);
}

static void refuse(DplRollout *rollout, const GError *error) {
  DplEngine *engine = rollout->engine;

  if (rollout->doubts > 0 && !engine->stopping) {
    refuse_stored(rollout, error);
    return;
  }
  for (guint i = 0; i < rollout->txns->len; i++) {
    DplTxn *txn = rollout->txns->pdata[i];
    g_hash_table_remove(engine->by_target, txn->record->target);
    g_hash_table_remove(engine->txns, &txn->id);
  }
  rollout->created(NULL, error, rollout->created_data);
  g_hash_table_remove(engine->rollouts, &rollout->job->id);
}

static void start_first(DplRollout *rollout) {
  g_autoptr(GPtrArray) txns = g_ptr_array_copy(rollout->txns, NULL, NULL);

  for (guint i = 0; i < txns->len; i++) {
    DplTxn *txn = txns->pdata[i];
    g_autofree char *stop = g_steal_pointer(&txn->stop);
    g_autofree char *who = g_steal_pointer(&txn->stop_who);
    if (stop != NULL)
      dpl_txn_fail(txn, stop, who);
    else if (txn->record->started != 0)
      dpl_txn_act(txn, DPL_STEP_CHECK);
  }
}

static void created(const GError *error, gpointer data);

static void write_beginning(DplRollout *rollout) {
  DplEngine *engine = rollout->engine;
  g_autofree DplWrite *writes = g_new0(DplWrite, rollout->txns->len);

  for (guint i = 0; i < rollout->txns->len; i++) {
    const DplRecord *record = ((DplTxn *)rollout->txns->pdata[i])->record;
    writes[i] = (DplWrite){.record = record, .is_new = TRUE, .who = record->who};
  }
  writes[0].job = rollout->job;
  engine->n_puts++;
  engine->o.ledger->put(engine->o.ledger_self, writes, rollout->txns->len, created, rollout);
}

/* A sync that failed may have stored it all the same. What is refused must not be found under way
 * by the next start, so it is written once more; and when that is refused as well, perhaps for a
 * reason that is certain, nothing is known of the first time yet. */
static gboolean is_doubtful(const GError *error) {
  return !g_error_matches(error, WG_ERROR, WG_ERROR_STORE_FULL) &&
         !g_error_matches(error, WG_ERROR, WG_ERROR_STORE_READ_ONLY);
}

static void created(const GError *error, gpointer data) {
  DplRollout *rollout = data;
  DplEngine *engine = rollout->engine;

  engine->n_puts--;
  if (error != NULL && !engine->stopping && is_doubtful(error) && ++rollout->doubts < DOUBTS_MAX) {
    write_beginning(rollout);
    return;
  }
  if (error != NULL) {
    refuse(rollout, error);
    dpl_stopping(engine);
    return;
  }
  rollout->created(rollout->job, NULL, rollout->created_data);
  rollout->created = NULL;
  if (dpl_stopping(engine))
    return;
  tell(rollout);
  for (guint i = 0; i < rollout->txns->len; i++) {
    const DplRecord *record = ((DplTxn *)rollout->txns->pdata[i])->record;
    dpl_target_note(engine, record);
    if (engine->o.events.state != NULL)
      engine->o.events.state(record, DPL_STATE_VALIDATED, engine->o.events_data);
  }
  start_first(rollout);
  dpl_wake(engine);
}

/* A deployment is a span; all of one call are in one trace, the caller's if it has one. */
static void set_trace(DplRecord *r, const DplRequest *request, const char *trace) {
  WgTraceIds caller = wg_trace_ids(request->traceparent);

  g_free(r->traceparent);
  r->traceparent = wg_traceparent_child(trace);
  dpl_record_set(&r->parent_span, caller.span[0] != '\0' ? caller.span : NULL);
}

static DplRecord *make_record(DplEngine *engine, const DplRequest *request, const DplJob *job,
                              const DplRecord *wanted, gboolean now) {
  DplRecord *r = dpl_record_copy(wanted);
  DplTarget *target = g_hash_table_lookup(engine->found.targets, r->target);

  r->before = target != NULL ? target->good_txn : 0;
  r->id = engine->found.next_id++;
  r->job = job->id;
  r->kind = request->kind;
  r->state = DPL_STATE_VALIDATED;
  r->uid = request->uid;
  r->pid = request->pid;
  r->created = job->created;
  r->force = request->force;
  r->hold = request->hold;
  r->writes = 1;
  r->tries = r->ended = r->confirm_until = r->rollback_until = 0;
  dpl_record_set(&r->who, request->who);
  dpl_record_set(&r->unit, request->unit);
  dpl_record_set(&r->reason, request->reason);
  dpl_record_set(&r->cause, request->reason);
  dpl_budget_begin(r, dpl_engine_rollback_p95(engine, r->target));
  r->started = now ? dpl_now(engine) : 0;
  dpl_budget_enter(r, r->started);
  return r;
}

static DplJob *make_job(DplEngine *engine, const DplRequest *request) {
  DplJob *job = g_new0(DplJob, 1);

  job->id = engine->found.next_job++;
  job->kind = request->kind;
  job->who = g_strdup(request->who);
  job->reason = g_strdup(request->reason);
  job->uid = request->uid;
  job->created = wg_time_realtime();
  job->parallel = MAX(request->parallel, 1);
  job->max_failures = request->max_failures;
  return job;
}

void dpl_engine_create(DplEngine *engine, const DplRequest *request, DplCreatedFunc func,
                       gpointer data) {
  g_autoptr(GError) error = NULL;
  g_autofree char *trace = wg_traceparent_child(request->traceparent);

  if (!dpl_lock_check(engine, request, &error)) {
    func(NULL, error, data);
    return;
  }
  DplRollout *rollout = dpl_rollout_new(engine, make_job(engine, request));
  rollout->created = func;
  rollout->created_data = data;
  for (guint i = 0; i < request->records->len; i++) {
    DplRecord *record = make_record(engine, request, rollout->job, request->records->pdata[i],
                                    i < rollout->job->parallel);
    set_trace(record, request, trace);
    DplTxn *txn = dpl_txn_new(engine, rollout, record);
    txn->caller = request->hold ? request->caller : 0;
  }
  write_beginning(rollout);
}
