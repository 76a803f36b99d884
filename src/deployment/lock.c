/* lock.c: who may begin a deployment.
 *
 * The lock of a target is its transaction: there is no file that could go stale. It is taken in
 * memory before the first write and frees itself with the transaction's end; the transaction of a
 * holder that died is finished or undone by the daemon. What else is remembered of a target and of
 * digests stands here too. */
#include "deployment/txn-private.h"

#include "common/error.h"

/* The same directory under another name would be two transactions at one place. */
static DplTxn *holder_of(DplEngine *engine, const DplRecord *wanted) {
  DplTxn *txn = g_hash_table_lookup(engine->by_target, wanted->target);
  GHashTableIter iter;
  gpointer value;

  if (txn != NULL)
    return txn;
  g_hash_table_iter_init(&iter, engine->txns);
  while (g_hash_table_iter_next(&iter, NULL, &value))
    if (g_str_equal(((DplTxn *)value)->record->root, wanted->root))
      return value;
  return NULL;
}

static gboolean check_free(DplEngine *engine, const DplRecord *wanted, GError **error) {
  DplTxn *txn = holder_of(engine, wanted);

  if (txn == NULL)
    return TRUE;
  const DplRecord *r = txn->record;
  g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(r->created / G_USEC_PER_SEC);
  g_autofree char *since = time != NULL ? g_date_time_format_iso8601(time) : NULL;
  g_set_error(error, WG_ERROR, WG_ERROR_TARGET_BUSY,
              "target %s is held by deployment %" G_GUINT64_FORMAT " of %s since %s (%s); wait for "
              "it or cancel it",
              wanted->target, r->id, r->who != NULL ? r->who : "the service",
              since != NULL ? since : "?", dpl_states[r->state].name);
  return FALSE;
}

static gboolean check_frozen(DplEngine *engine, const DplRecord *wanted, GError **error) {
  guint64 frozen = dpl_engine_frozen(engine, wanted->target);

  if (frozen == 0)
    return TRUE;
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_STATE,
              "the roll-back of deployment %" G_GUINT64_FORMAT
              " at target %s failed, or its record "
              "was lost; look at it, then use force",
              frozen, wanted->target);
  return FALSE;
}

static gboolean check_twice(const GPtrArray *records, guint i, GError **error) {
  const DplRecord *one = records->pdata[i];

  for (guint k = 0; k < i; k++) {
    const DplRecord *other = records->pdata[k];
    if (!g_str_equal(one->target, other->target) && !g_str_equal(one->root, other->root))
      continue;
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                "targets %s and %s are one: each may be named once", other->target, one->target);
    return FALSE;
  }
  return TRUE;
}

gboolean dpl_lock_check(DplEngine *engine, const DplRequest *request, GError **error) {
  if (engine->stopping) {
    g_set_error_literal(error, WG_ERROR, WG_ERROR_SHUTTING_DOWN,
                        "the service is leaving; repeat the call");
    return FALSE;
  }
  if (request->records == NULL || request->records->len == 0) {
    g_set_error_literal(error, WG_ERROR, WG_ERROR_UNKNOWN_TARGET, "no target is named");
    return FALSE;
  }
  for (guint i = 0; i < request->records->len; i++) {
    const DplRecord *wanted = request->records->pdata[i];
    if (!check_twice(request->records, i, error) || !check_free(engine, wanted, error) ||
        (!request->force && !check_frozen(engine, wanted, error)))
      return FALSE;
  }
  return TRUE;
}

char **dpl_lock_reasons(DplEngine *engine, const DplRecord *wanted) {
  g_autoptr(GStrvBuilder) reasons = g_strv_builder_new();
  g_autofree char *poisoned = dpl_engine_poison_text(engine, wanted->digest);
  g_autoptr(GError) busy = NULL, frozen = NULL;

  if (!check_free(engine, wanted, &busy))
    g_strv_builder_add(reasons, busy->message);
  if (!check_frozen(engine, wanted, &frozen))
    g_strv_builder_add(reasons, frozen->message);
  if (poisoned != NULL)
    g_strv_builder_add(reasons, poisoned);
  return g_strv_builder_end(reasons);
}

/* ---- what is remembered ---- */
static DplTarget *target_of(DplEngine *engine, const char *name) {
  return g_hash_table_lookup(engine->found.targets, name);
}

DplTarget *dpl_target_note(DplEngine *engine, const DplRecord *r) {
  DplTarget *target = target_of(engine, r->target);

  if (target == NULL) {
    target = dpl_target_new(r->target, r->root);
    g_hash_table_insert(engine->found.targets, target->name, target);
  }
  dpl_record_set(&target->root, r->root);
  target->last = r->id;
  target->last_state = r->state;
  target->since = wg_time_realtime();
  return target;
}

const DplTarget *dpl_engine_target(DplEngine *engine, const char *target) {
  return target_of(engine, target);
}

void dpl_engine_each_target(DplEngine *engine, void (*func)(const DplTarget *target, gpointer data),
                            gpointer data) {
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init(&iter, engine->found.targets);
  while (g_hash_table_iter_next(&iter, NULL, &value))
    func(value, data);
}

const char *dpl_engine_good(DplEngine *engine, const char *target) {
  DplTarget *found = target_of(engine, target);

  return found != NULL ? found->good : NULL;
}

guint64 dpl_engine_frozen(DplEngine *engine, const char *target) {
  DplTarget *found = target_of(engine, target);

  return found != NULL ? found->frozen : 0;
}

gint64 dpl_engine_rollback_p95(DplEngine *engine, const char *target) {
  DplTarget *found = target_of(engine, target);

  if (found == NULL)
    return 0;
  g_autofree gint64 *copy =
      g_memdup2(found->durations->data, found->durations->len * sizeof(gint64));
  return dpl_budget_p95(copy, found->durations->len);
}

gint64 dpl_engine_poisoned(DplEngine *engine, const char *digest) {
  const gint64 *until = g_hash_table_lookup(engine->found.poison, digest);

  return until != NULL && *until > wg_time_realtime() ? *until : 0;
}

char *dpl_engine_poison_text(DplEngine *engine, const char *digest) {
  gint64 until = digest != NULL ? dpl_engine_poisoned(engine, digest) : 0;

  if (until == 0)
    return NULL;
  g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(until / G_USEC_PER_SEC);
  g_autofree char *when = time != NULL ? g_date_time_format_iso8601(time) : NULL;
  return g_strdup_printf("release %.16s failed its verification before and is refused until %s; "
                         "force deploys it nevertheless",
                         digest, when != NULL ? when : "later");
}

void dpl_engine_forgive(DplEngine *engine, const char *digest) {
  g_hash_table_remove(engine->found.poison, digest);
}
