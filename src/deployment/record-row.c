/* record-row.c: one transition on its way to the disk: made into a row on the loop, written on the
 * writer's thread, possibly twice (store-writer.h). */
#include "deployment/record-private.h"

void dpl_row_init(DplRow *row, const DplWrite *write) {
  const DplRecord *r = write->record;

  *row = (DplRow){.time = g_get_real_time(), .frozen = G_MAXUINT64};
  row->time = wg_time_realtime();
  if (write->job != NULL) {
    row->job_id = write->job->id;
    row->job_record = dpl_job_to_text(write->job);
    row->job_live = write->job->result == NULL;
  }
  if (r == NULL)
    return;
  row->id = r->id;
  row->job = r->job;
  row->target = g_strdup(r->target);
  row->root = g_strdup(r->root);
  row->state = g_strdup(dpl_states[r->state].name);
  row->record = dpl_record_to_text(r);
  row->is_new = write->is_new;
  row->live = !dpl_states[r->state].is_end;
  row->good = write->good;
  row->from = write->is_new ? NULL : g_strdup(dpl_states[write->from].name);
  row->manifest = write->is_new ? g_strdup(r->manifest_hash) : NULL;
  row->cause = g_strdup(r->cause);
  row->failure = g_strdup(r->failure);
  row->who = g_strdup(write->who);
  row->results = g_strdup(write->results);
  row->digest = g_strdup(r->digest);
  row->release = g_strdup(r->to);
  row->created = r->created;
  row->ended = r->ended;
  row->poison_until = write->poison_until;
  if (r->state == DPL_STATE_ROLLBACK_FAILED)
    row->frozen = r->id;
  else if (r->state == DPL_STATE_COMMITTED || r->state == DPL_STATE_ROLLED_BACK)
    row->frozen = 0;
}

void dpl_row_clear(DplRow *row) {
  char **texts[] = {&row->manifest, &row->target,  &row->root,      &row->state,   &row->record,
                    &row->from,     &row->cause,   &row->who,       &row->results, &row->digest,
                    &row->release,  &row->failure, &row->job_record};

  for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
    g_clear_pointer(texts[i], g_free);
}

static gboolean write_record(DplStore *store, const DplRow *row) {
  sqlite3_stmt *stmt = wg_records_statement(
      store, "INSERT OR REPLACE INTO txn VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");

  if (stmt == NULL)
    return FALSE;
  sqlite3_bind_int64(stmt, 1, (sqlite3_int64)row->id);
  sqlite3_bind_int64(stmt, 2, (sqlite3_int64)row->job);
  sqlite3_bind_text(stmt, 3, row->target, -1, SQLITE_STATIC);
  sqlite3_bind_text(stmt, 4, row->state, -1, SQLITE_STATIC);
  sqlite3_bind_int(stmt, 5, row->live);
  sqlite3_bind_int64(stmt, 6, row->created);
  sqlite3_bind_int64(stmt, 7, row->ended);
  sqlite3_bind_text(stmt, 8, row->record, -1, SQLITE_STATIC);
  sqlite3_bind_int64(stmt, 9, wg_records_crc((gint64)row->id, row->record));
  return wg_records_run(store, stmt);
}

/* `took` is the time since this transaction's last transition: the duration of the state that is
 * left, for the statistics. */
static gboolean write_transition(DplStore *store, const DplRow *row) {
  sqlite3_stmt *stmt = wg_records_statement(
      store, "INSERT INTO transition(txn, time, before, after, took, cause, who)"
             " VALUES(?1, ?2, ?3, ?4, max(0, ?2 - ifnull((SELECT time FROM transition"
             " WHERE txn = ?1 ORDER BY n DESC LIMIT 1), ?2)), ?5, ?6)");

  if (stmt == NULL)
    return FALSE;
  sqlite3_bind_int64(stmt, 1, (sqlite3_int64)row->id);
  sqlite3_bind_int64(stmt, 2, row->time);
  sqlite3_bind_text(stmt, 3, row->from, -1, SQLITE_STATIC);
  sqlite3_bind_text(stmt, 4, row->state, -1, SQLITE_STATIC);
  sqlite3_bind_text(stmt, 5, row->cause, -1, SQLITE_STATIC);
  sqlite3_bind_text(stmt, 6, row->who, -1, SQLITE_STATIC);
  return wg_records_run(store, stmt);
}

static gboolean write_audit(DplStore *store, const DplRow *row) {
  const struct {
    const char *key, *value;
  } texts[] = {{"target", row->target},     {"from", row->from},
               {"to", row->state},          {"cause", row->cause},
               {"who", row->who},           {"release", row->release},
               {"digest", row->digest},     {"failure", row->failure},
               {"manifest", row->manifest}, {NULL, NULL}};
  g_autoptr(JsonNode) node = json_node_new(JSON_NODE_OBJECT);
  JsonObject *what = json_object_new();

  json_node_take_object(node, what);
  json_object_set_int_member(what, "deployment", (gint64)row->id);
  for (guint i = 0; texts[i].key != NULL; i++)
    if (texts[i].value != NULL)
      json_object_set_string_member(what, texts[i].key, texts[i].value);
  g_autofree char *text = json_to_string(node, FALSE);
  return dpl_audit_append(store, row->time, text);
}

static gboolean write_results(DplStore *store, const DplRow *row) {
  sqlite3_stmt *stmt =
      wg_records_statement(store, "INSERT OR REPLACE INTO result VALUES(?1, ?2, ?3)");

  if (stmt == NULL)
    return FALSE;
  sqlite3_bind_int64(stmt, 1, (sqlite3_int64)row->id);
  sqlite3_bind_text(stmt, 2, row->results, -1, SQLITE_STATIC);
  sqlite3_bind_int64(stmt, 3, wg_records_crc((gint64)row->id, row->results));
  return wg_records_run(store, stmt);
}

char *dpl_target_text(const char *name, const char *root, const char *good, guint64 good_txn,
                      guint64 frozen) {
  return g_strdup_printf("%s\n%s\n%s\n%" G_GUINT64_FORMAT "\n%" G_GUINT64_FORMAT, name, root,
                         good != NULL ? good : "", good_txn, frozen);
}

/* What is not said stays: the last good release outlives every failed one. */
static gboolean write_target(DplStore *store, const DplRow *row) {
  g_autofree char *good = NULL;
  guint64 good_txn = 0, frozen = 0;
  {
    g_autoptr(WgStatement) old =
        wg_records_statement(store, "SELECT good, good_txn, frozen FROM target WHERE name = ?1");
    if (old == NULL)
      return FALSE;
    sqlite3_bind_text(old, 1, row->target, -1, SQLITE_STATIC);
    if (wg_records_row(store, old)) {
      good = g_strdup((const char *)sqlite3_column_text(old, 0));
      good_txn = (guint64)sqlite3_column_int64(old, 1);
      frozen = (guint64)sqlite3_column_int64(old, 2);
    }
  }
  if (row->good) {
    dpl_record_set(&good, row->release);
    good_txn = row->id;
  }
  if (row->frozen != G_MAXUINT64)
    frozen = row->frozen;
  g_autofree char *text = dpl_target_text(row->target, row->root, good, good_txn, frozen);
  sqlite3_stmt *stmt =
      wg_records_statement(store, "INSERT OR REPLACE INTO target VALUES(?1, ?2, ?3, ?4, ?5, ?6)");
  if (stmt == NULL)
    return FALSE;
  sqlite3_bind_text(stmt, 1, row->target, -1, SQLITE_STATIC);
  sqlite3_bind_text(stmt, 2, row->root, -1, SQLITE_STATIC);
  sqlite3_bind_text(stmt, 3, good, -1, SQLITE_STATIC);
  sqlite3_bind_int64(stmt, 4, (sqlite3_int64)good_txn);
  sqlite3_bind_int64(stmt, 5, (sqlite3_int64)frozen);
  sqlite3_bind_int64(stmt, 6, wg_records_crc(0, text));
  return wg_records_run(store, stmt);
}

static gboolean write_poison(DplStore *store, const DplRow *row) {
  sqlite3_stmt *stmt =
      wg_records_statement(store, "INSERT OR REPLACE INTO poison VALUES(?1, ?2, ?3, ?4, ?5, ?6)");

  if (stmt == NULL)
    return FALSE;
  sqlite3_bind_text(stmt, 1, row->digest, -1, SQLITE_STATIC);
  sqlite3_bind_int64(stmt, 2, row->time);
  sqlite3_bind_int64(stmt, 3, row->poison_until);
  sqlite3_bind_int64(stmt, 4, (sqlite3_int64)row->id);
  sqlite3_bind_text(stmt, 5, row->target, -1, SQLITE_STATIC);
  sqlite3_bind_text(stmt, 6, row->failure, -1, SQLITE_STATIC);
  return wg_records_run(store, stmt);
}

static gboolean write_job(DplStore *store, const DplRow *row) {
  sqlite3_stmt *stmt =
      wg_records_statement(store, "INSERT OR REPLACE INTO job VALUES(?1, ?2, ?3, ?4)");

  if (stmt == NULL)
    return FALSE;
  sqlite3_bind_int64(stmt, 1, (sqlite3_int64)row->job_id);
  sqlite3_bind_int(stmt, 2, row->job_live);
  sqlite3_bind_text(stmt, 3, row->job_record, -1, SQLITE_STATIC);
  sqlite3_bind_int64(stmt, 4, wg_records_crc((gint64)row->job_id, row->job_record));
  return wg_records_run(store, stmt);
}

gboolean dpl_row_write(DplStore *store, const DplRow *row) {
  if (row->job_record != NULL && !write_job(store, row))
    return FALSE;
  if (row->record == NULL)
    return TRUE;
  if (!write_record(store, row) || !write_transition(store, row) || !write_audit(store, row))
    return FALSE;
  if (row->results != NULL && !write_results(store, row))
    return FALSE;
  if (row->poison_until > 0 && row->digest != NULL && !write_poison(store, row))
    return FALSE;
  return !(row->good || row->frozen != G_MAXUINT64 || row->is_new) || write_target(store, row);
}
