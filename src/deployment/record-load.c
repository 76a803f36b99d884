/* record-load.c: what a start finds in the store.
 *
 * Only what lives is read into memory: transactions that have not ended, their rollouts, targets
 * and poisoned digests. History stays where it is. */
#include "deployment/record-private.h"

#include "common/error.h"

/* Roll-backs of a target that its reserve is measured by. */
#define DURATIONS 32
/* After a salvage the newest rows may be among the lost ones: their numbers are not given again. */
#define SALVAGE_GAP 1000

static void free_record(gpointer data) {
  dpl_record_free(data);
}

static void free_job(gpointer data) {
  dpl_job_free(data);
}

static void free_target(gpointer data) {
  dpl_target_free(data);
}

DplTarget *dpl_target_new(const char *name, const char *root) {
  DplTarget *target = g_new0(DplTarget, 1);

  target->name = g_strdup(name);
  target->root = g_strdup(root);
  target->durations = g_array_new(FALSE, FALSE, sizeof(gint64));
  return target;
}

void dpl_target_free(DplTarget *target) {
  g_free(target->name);
  g_free(target->root);
  g_free(target->good);
  g_array_unref(target->durations);
  g_free(target);
}

void dpl_loaded_init(DplLoaded *loaded) {
  *loaded = (DplLoaded){
      .records = g_ptr_array_new_with_free_func(free_record),
      .jobs = g_ptr_array_new_with_free_func(free_job),
      .targets = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_target),
      .poison = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free),
      .next_id = 1,
      .next_job = 1,
  };
}

void dpl_loaded_clear(DplLoaded *loaded) {
  g_clear_pointer(&loaded->records, g_ptr_array_unref);
  g_clear_pointer(&loaded->jobs, g_ptr_array_unref);
  g_clear_pointer(&loaded->targets, g_hash_table_unref);
  g_clear_pointer(&loaded->poison, g_hash_table_unref);
}

static gboolean load_records(DplStore *store, DplLoaded *ret) {
  g_autoptr(WgStatement) stmt =
      wg_records_statement(store, "SELECT id, record, crc FROM txn WHERE live = 1 ORDER BY id");

  while (stmt != NULL && wg_records_row(store, stmt)) {
    const char *text = wg_records_checked(store, "txn", sqlite3_column_int64(stmt, 0),
                                          (const char *)sqlite3_column_text(stmt, 1),
                                          (guint32)sqlite3_column_int64(stmt, 2));
    DplRecord *record = text != NULL ? dpl_record_from_text(text, NULL) : NULL;
    if (record != NULL)
      g_ptr_array_add(ret->records, record);
    else
      ret->rebuilt = TRUE;
  }
  return wg_records_is_good(store);
}

/* What of a rollout ended before: the newest of its own record may be older. */
static void count_ended(DplStore *store, DplJob *job) {
  g_autoptr(WgStatement) stmt =
      wg_records_statement(store, "SELECT state FROM txn WHERE job = ?1 AND live = 0");

  if (stmt == NULL)
    return;
  job->exit = job->failures = 0;
  sqlite3_bind_int64(stmt, 1, (sqlite3_int64)job->id);
  while (wg_records_row(store, stmt)) {
    DplState end;
    if (dpl_state_parse((const char *)sqlite3_column_text(stmt, 0), &end))
      dpl_job_count(job, end);
  }
}

static gboolean load_jobs(DplStore *store, DplLoaded *ret) {
  g_autoptr(WgStatement) stmt =
      wg_records_statement(store, "SELECT id, record, crc FROM job WHERE live = 1 ORDER BY id");

  while (stmt != NULL && wg_records_row(store, stmt)) {
    const char *text = wg_records_checked(store, "job", sqlite3_column_int64(stmt, 0),
                                          (const char *)sqlite3_column_text(stmt, 1),
                                          (guint32)sqlite3_column_int64(stmt, 2));
    DplJob *job = text != NULL ? dpl_job_from_text(text, NULL) : NULL;
    if (job == NULL)
      continue;
    count_ended(store, job);
    g_ptr_array_add(ret->jobs, job);
  }
  return wg_records_is_good(store);
}

/* A damaged row says nothing about what is good. */
static void add_target(DplStore *store, sqlite3_stmt *stmt, DplLoaded *ret) {
  const char *name = (const char *)sqlite3_column_text(stmt, 0);
  const char *root = (const char *)sqlite3_column_text(stmt, 1);
  const char *good = (const char *)sqlite3_column_text(stmt, 2);
  guint64 good_txn = (guint64)sqlite3_column_int64(stmt, 3);
  guint64 frozen = (guint64)sqlite3_column_int64(stmt, 4);

  if (name == NULL || root == NULL)
    return;
  DplTarget *target = dpl_target_new(name, root);
  g_autofree char *text = dpl_target_text(name, root, good, good_txn, frozen);
  g_hash_table_replace(ret->targets, target->name, target);
  target->frozen = frozen;
  if (!wg_records_checked(store, "target", 0, text, (guint32)sqlite3_column_int64(stmt, 5))) {
    ret->rebuilt = TRUE;
    return;
  }
  target->good = g_strdup(good);
  target->good_txn = good_txn;
}

static gboolean load_targets(DplStore *store, DplLoaded *ret) {
  g_autoptr(WgStatement) stmt =
      wg_records_statement(store, "SELECT name, root, good, good_txn, frozen, crc FROM target");

  while (stmt != NULL && wg_records_row(store, stmt))
    add_target(store, stmt, ret);
  return wg_records_is_good(store);
}

/* `state` stands outside of the checked record: what it says is shown, and never acted upon. */
static gboolean load_last(DplStore *store, DplLoaded *ret) {
  g_autoptr(WgStatement) stmt = wg_records_statement(
      store, "SELECT target, id, state, ifnull((SELECT max(time) FROM transition WHERE txn = id),"
             " created) FROM txn WHERE id IN (SELECT max(id) FROM txn GROUP BY target)");

  while (stmt != NULL && wg_records_row(store, stmt)) {
    const char *name = (const char *)sqlite3_column_text(stmt, 0);
    const char *state = (const char *)sqlite3_column_text(stmt, 2);
    DplTarget *target = name != NULL ? g_hash_table_lookup(ret->targets, name) : NULL;
    if (target == NULL || state == NULL || !dpl_state_parse(state, &target->last_state))
      continue;
    target->last = (guint64)sqlite3_column_int64(stmt, 1);
    target->since = sqlite3_column_int64(stmt, 3);
  }
  return wg_records_is_good(store);
}

/* What undoing took: the transitions into its good end know it. */
static gboolean load_durations(DplStore *store, DplLoaded *ret) {
  g_autoptr(WgStatement) stmt = wg_records_statement(
      store, "SELECT txn.target, transition.took FROM txn JOIN transition ON txn.id ="
             " transition.txn WHERE txn.state = 'rolled-back' AND transition.after = 'rolled-back'"
             " ORDER BY txn.id DESC LIMIT 4096");

  while (stmt != NULL && wg_records_row(store, stmt)) {
    const char *name = (const char *)sqlite3_column_text(stmt, 0);
    DplTarget *target = name != NULL ? g_hash_table_lookup(ret->targets, name) : NULL;
    gint64 took = sqlite3_column_int64(stmt, 1);
    if (target != NULL && target->durations->len < DURATIONS)
      g_array_append_val(target->durations, took);
  }
  return wg_records_is_good(store);
}

static gboolean load_poison(DplStore *store, DplLoaded *ret) {
  g_autoptr(WgStatement) stmt =
      wg_records_statement(store, "SELECT digest, until FROM poison WHERE until > ?1");

  if (stmt == NULL)
    return FALSE;
  sqlite3_bind_int64(stmt, 1, wg_time_realtime());
  while (wg_records_row(store, stmt)) {
    gint64 until = sqlite3_column_int64(stmt, 1);
    g_hash_table_replace(ret->poison, g_strdup((const char *)sqlite3_column_text(stmt, 0)),
                         g_memdup2(&until, sizeof until));
  }
  return wg_records_is_good(store);
}

static gboolean load_numbers(DplStore *store, DplLoaded *ret) {
  g_autoptr(WgStatement) stmt =
      wg_records_statement(store, "SELECT max(ifnull((SELECT max(id) FROM txn), 0),"
                                  " ifnull((SELECT max(txn) FROM transition), 0)),"
                                  " ifnull((SELECT max(id) FROM job), 0)");

  if (stmt == NULL || !wg_records_row(store, stmt))
    return FALSE;
  guint64 gap = wg_records_was_salvaged(store) ? SALVAGE_GAP : 1;
  ret->next_id = (guint64)sqlite3_column_int64(stmt, 0) + gap;
  ret->next_job = (guint64)sqlite3_column_int64(stmt, 1) + gap;
  return TRUE;
}

gboolean dpl_store_load(DplStore *store, DplLoaded *ret, GError **error) {
  dpl_loaded_init(ret);
  ret->rebuilt = wg_records_was_salvaged(store);
  if (load_records(store, ret) && load_jobs(store, ret) && load_targets(store, ret) &&
      load_last(store, ret) && load_durations(store, ret) && load_poison(store, ret) &&
      load_numbers(store, ret))
    return TRUE;
  if (wg_records_good(store, error))
    g_set_error_literal(error, WG_ERROR, WG_ERROR_FAILED, "the store cannot be read");
  dpl_loaded_clear(ret);
  return FALSE;
}
