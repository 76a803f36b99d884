/* notify-store.c: what the notifier writes (notify.h): batches of small things in order, each batch
 * in one transaction and one at a time. A batch that fails is kept and written again, before
 * whatever came after it: nothing is sent that is not on the disk, and nothing is forgotten. Until
 * it is written groups say nothing (notify.c), so that what waits is bounded. */
#include "monitoring/notify-private.h"

#include "monitoring/store-private.h"

#define RETRY_MSEC 1000
#define KEEP_NOTIFICATIONS 10000

typedef struct {
  MonNotifier *notifier; /* NULL: it is gone */
  GPtrArray *ops;        /* of MonOp */
  gint64 now;            /* CLOCK_REALTIME */
} Batch;

void mon_op_free(MonOp *op) {
  g_free(op->key);
  g_free(op->group);
  g_free(op->text);
  mon_notice_free(op->notice);
  mon_silence_free(op->silence);
  g_free(op);
}

static void batch_free(Batch *batch) {
  g_ptr_array_unref(batch->ops);
  g_free(batch);
}

static void bind_text(sqlite3_stmt *stmt, int i, const char *text) {
  sqlite3_bind_text(stmt, i, text, -1, SQLITE_STATIC);
}

static void write_cursor(MonStore *store, const MonOp *op) {
  sqlite3_stmt *stmt =
      wg_records_statement(store, "INSERT OR REPLACE INTO cursor VALUES('notify', ?1)");
  g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT, op->id);

  if (stmt == NULL)
    return;
  bind_text(stmt, 1, text);
  wg_records_run(store, stmt);
}

static void write_sent(MonStore *store, const MonOp *op) {
  sqlite3_stmt *stmt = wg_records_statement(
      store, op->text ? "INSERT OR REPLACE INTO notify_sent VALUES(?1, ?2, ?3, ?4)"
                      : "DELETE FROM notify_sent WHERE integration = ?1 AND grp = ?2");

  if (stmt == NULL)
    return;
  bind_text(stmt, 1, op->key);
  bind_text(stmt, 2, op->group);
  if (op->text) {
    bind_text(stmt, 3, op->text);
    sqlite3_bind_int64(stmt, 4, wg_records_crc(0, op->text));
  }
  wg_records_run(store, stmt);
}

static void write_notice(MonStore *store, const MonOp *op) {
  sqlite3_stmt *stmt = wg_records_statement(
      store, "INSERT OR REPLACE INTO notification VALUES(?1, ?2, ?3, 0, 0, NULL, ?4, ?5)");

  if (stmt == NULL)
    return;
  sqlite3_bind_int64(stmt, 1, op->notice->id);
  sqlite3_bind_int64(stmt, 2, op->notice->time);
  bind_text(stmt, 3, op->notice->integration);
  bind_text(stmt, 4, op->text);
  sqlite3_bind_int64(stmt, 5, wg_records_crc(op->notice->id, op->text));
  wg_records_run(store, stmt);
}

static void write_again(MonStore *store, const MonOp *op) {
  sqlite3_stmt *stmt =
      wg_records_statement(store, "UPDATE notification SET record = ?2, crc = ?3 WHERE id = ?1");

  if (stmt == NULL)
    return;
  sqlite3_bind_int64(stmt, 1, op->id);
  bind_text(stmt, 2, op->text);
  sqlite3_bind_int64(stmt, 3, wg_records_crc(op->id, op->text));
  wg_records_run(store, stmt);
}

static void write_ended(MonStore *store, const MonOp *op) {
  sqlite3_stmt *stmt = wg_records_statement(
      store, "UPDATE notification SET ended = ?2, attempts = ?3, error = ?4 WHERE id = ?1");

  if (stmt == NULL)
    return;
  sqlite3_bind_int64(stmt, 1, op->id);
  sqlite3_bind_int64(stmt, 2, op->time);
  sqlite3_bind_int64(stmt, 3, op->number);
  bind_text(stmt, 4, op->text);
  if (wg_records_run(store, stmt) && op->id % 256 == 0) {
    stmt = wg_records_statement(
        store, "DELETE FROM notification WHERE id <= ?1 AND ended > 0"); /* a small step */
    if (stmt == NULL)
      return;
    sqlite3_bind_int64(stmt, 1, op->id - KEEP_NOTIFICATIONS);
    wg_records_run(store, stmt);
  }
}

static void write_silence(MonStore *store, const MonOp *op, gint64 now) {
  g_autofree char *text = mon_silence_text(op->silence);
  sqlite3_stmt *stmt =
      wg_records_statement(store, "INSERT OR REPLACE INTO silence VALUES(?1, ?2, ?3, ?4)");

  if (stmt == NULL)
    return;
  sqlite3_bind_int64(stmt, 1, op->silence->id);
  sqlite3_bind_int64(stmt, 2, op->silence->ends);
  bind_text(stmt, 3, text);
  sqlite3_bind_int64(stmt, 4, wg_records_crc(op->silence->id, text));
  if (!wg_records_run(store, stmt))
    return;
  stmt = wg_records_statement(store, "DELETE FROM silence WHERE ends < ?1");
  if (stmt == NULL)
    return;
  sqlite3_bind_int64(stmt, 1, now - MON_SILENCE_KEEP);
  wg_records_run(store, stmt);
}

/* Writer's thread. Any statement that fails rolls all of it back. */
static gboolean run(MonStore *store, gpointer data, GError **error) {
  const Batch *batch = data;

  for (guint i = 0; i < batch->ops->len; i++) {
    const MonOp *op = g_ptr_array_index(batch->ops, i);
    if (op->kind == MON_OP_CURSOR)
      write_cursor(store, op);
    else if (op->kind == MON_OP_SENT)
      write_sent(store, op);
    else if (op->kind == MON_OP_NOTICE)
      write_notice(store, op);
    else if (op->kind == MON_OP_AGAIN)
      write_again(store, op);
    else if (op->kind == MON_OP_ENDED)
      write_ended(store, op);
    else
      write_silence(store, op, batch->now);
  }
  return TRUE;
}

static gboolean on_retry(gpointer user_data) {
  MonNotifier *notifier = user_data;

  notifier->retry = 0;
  mon_notify_write(notifier);
  return G_SOURCE_REMOVE;
}

/* Where somebody waits for the answer it is told now, and not tried again. */
static void refuse_awaited(GPtrArray *ops, const GError *error) {
  for (guint i = ops->len; i > 0; i--) {
    MonOp *op = g_ptr_array_index(ops, i - 1);
    if (op->stored == NULL)
      continue;
    op->stored(op->id, error, op->user_data);
    g_ptr_array_remove_index(ops, i - 1);
  }
}

static void done(const GError *error, gpointer data) {
  Batch *batch = data;
  MonNotifier *notifier = batch->notifier;

  if (notifier == NULL) {
    batch_free(batch);
    return;
  }
  notifier->batch = NULL;
  notifier->refused = FALSE;
  if (error) { /* what came meanwhile goes behind */
    GPtrArray *ops = g_steal_pointer(&batch->ops);
    batch->ops = g_ptr_array_new();
    refuse_awaited(ops, error);
    g_ptr_array_extend_and_steal(ops, g_steal_pointer(&notifier->waiting));
    notifier->waiting = ops;
    notifier->refused = ops->len > 0;
    if (notifier->retry == 0)
      notifier->retry = g_timeout_add(RETRY_MSEC, on_retry, notifier);
  } else {
    mon_notify_written(notifier, batch->ops);
    mon_notify_write(notifier);
  }
  batch_free(batch);
}

void mon_notify_op(MonNotifier *notifier, MonOp *op) {
  g_ptr_array_add(notifier->waiting, op);
}

void mon_notify_write(MonNotifier *notifier) {
  Batch *batch;

  if (!notifier->running || notifier->batch || notifier->retry || notifier->waiting->len == 0)
    return;
  batch = g_new0(Batch, 1);
  *batch = (Batch){notifier, g_steal_pointer(&notifier->waiting), wg_time_realtime()};
  notifier->waiting = g_ptr_array_new_with_free_func((GDestroyNotify)mon_op_free);
  notifier->batch = batch;
  mon_store_do(notifier->daemon->store, run, done, batch, FALSE);
}

/* Nobody hears any more how it went. */
static void detach(MonNotifier *notifier) {
  Batch *batch = g_steal_pointer(&notifier->batch);

  if (batch)
    batch->notifier = NULL;
}

/* Behind a batch that may yet fail goes only what does not stand on it. */
void mon_notify_leave(MonNotifier *notifier) {
  gboolean is_behind = notifier->batch != NULL || notifier->retry != 0;

  g_clear_handle_id(&notifier->retry, g_source_remove);
  detach(notifier);
  for (guint i = notifier->waiting->len; i > 0 && is_behind; i--) {
    MonOpKind kind = ((MonOp *)g_ptr_array_index(notifier->waiting, i - 1))->kind;
    if (kind != MON_OP_ENDED && kind != MON_OP_AGAIN)
      g_ptr_array_remove_index(notifier->waiting, i - 1);
  }
  mon_notify_write(notifier);
  detach(notifier);
}
