/* senders.c: who sends, and how much each may: quotas and rates of senders and agents.
 *
 * A sender is a name (an agent's, or "" for uid:N) of a uid; its row's number stands in every
 * message. What it has outstanding is counted in memory and written once a batch. Rates are token
 * buckets in memory: a restart fills them, which errs on the side of the sender. */
#include "messaging/engine-private.h"

void msg_sender_free(MsgSender *sender) {
  g_free(sender->name);
  g_free(sender);
}

static char *sender_key(uid_t uid, const char *name) {
  return g_strdup_printf("%u/%s", uid, name);
}

static MsgSender *sender_add(MsgEngine *e, guint32 id, uid_t uid, const char *name,
                             guint64 messages, guint64 bytes) {
  MsgSender *sender = g_new0(MsgSender, 1);

  sender->id = id;
  sender->uid = uid;
  sender->name = g_strdup(name);
  sender->messages = messages;
  sender->bytes = bytes;
  sender->bucket.tokens = -1;
  g_hash_table_insert(e->senders, GUINT_TO_POINTER(id), sender);
  g_hash_table_insert(e->senders_by_name, sender_key(uid, name), sender);
  return sender;
}

MsgSender *msg_sender_get(MsgEngine *e, uid_t uid, const char *name) {
  char key[96];
  sqlite3_stmt *stmt = e->sql[0][MSG_SQL_SENDER_FIND];

  g_snprintf(key, sizeof key, "%u/%s", uid, name);
  MsgSender *sender = g_hash_table_lookup(e->senders_by_name, key);
  if (sender)
    return sender;
  sqlite3_bind_int64(stmt, 1, uid);
  sqlite3_bind_text(stmt, 2, name, -1, SQLITE_STATIC);
  if (sqlite3_step(stmt) == SQLITE_ROW)
    sender = sender_add(e, sqlite3_column_int64(stmt, 0), uid, name, sqlite3_column_int64(stmt, 1),
                        sqlite3_column_int64(stmt, 2));
  sqlite3_reset(stmt);
  if (sender)
    return sender;
  stmt = e->sql[0][MSG_SQL_SENDER_INSERT];
  sqlite3_bind_int64(stmt, 1, uid);
  sqlite3_bind_text(stmt, 2, name, -1, SQLITE_STATIC);
  if (!msg_sql_run(e, stmt))
    return NULL;
  return sender_add(e, sqlite3_last_insert_rowid(e->db), uid, name, 0, 0);
}

MsgSender *msg_sender_by_id(MsgEngine *e, guint32 id) {
  MsgSender *sender = g_hash_table_lookup(e->senders, GUINT_TO_POINTER(id));
  sqlite3_stmt *stmt = e->sql[0][MSG_SQL_SENDER_GET];

  if (sender || id == 0)
    return sender;
  sqlite3_bind_int64(stmt, 1, id);
  if (sqlite3_step(stmt) == SQLITE_ROW)
    sender =
        sender_add(e, id, sqlite3_column_int64(stmt, 0), (const char *)sqlite3_column_text(stmt, 1),
                   sqlite3_column_int64(stmt, 2), sqlite3_column_int64(stmt, 3));
  sqlite3_reset(stmt);
  return sender;
}

void msg_sender_dirty(MsgEngine *e, MsgSender *sender) {
  if (sender->dirty)
    return;
  sender->dirty = TRUE;
  g_ptr_array_add(e->dirty_senders, sender);
}

void msg_senders_flush(MsgEngine *e) {
  sqlite3_stmt *stmt = e->sql[0][MSG_SQL_SENDER_PUT];

  for (guint i = 0; i < e->dirty_senders->len; i++) {
    MsgSender *sender = e->dirty_senders->pdata[i];
    sender->dirty = FALSE;
    if (e->failed)
      continue;
    sqlite3_bind_int64(stmt, 1, sender->id);
    sqlite3_bind_int64(stmt, 2, sender->messages);
    sqlite3_bind_int64(stmt, 3, sender->bytes);
    msg_sql_run(e, stmt);
  }
  g_ptr_array_set_size(e->dirty_senders, 0);
}

char *msg_sender_text(const MsgSender *sender) {
  if (!sender)
    return g_strdup("unknown");
  return *sender->name ? g_strdup(sender->name) : g_strdup_printf("uid:%u", sender->uid);
}

/* Us until `need` tokens are there; 0: they are. */
static guint64 bucket_wait(MsgBucket *b, double rate, double burst, double need, gint64 now) {
  if (rate <= 0)
    return 0;
  burst = MAX(burst, MAX(rate, 1.0));
  if (b->stamp == 0 || b->tokens < 0)
    b->tokens = burst;
  else
    b->tokens = MIN(burst, b->tokens + rate * (double)MAX(now - b->stamp, 0) / G_USEC_PER_SEC);
  b->stamp = now;
  need = MIN(need, burst);
  return b->tokens >= need ? 0 : (guint64)((need - b->tokens) / rate * G_USEC_PER_SEC) + 1;
}

/* Nobody can tell when mail will be read; a second is an honest guess for a client that repeats. */
#define RETRY_WHEN_READ G_USEC_PER_SEC

static gboolean over(guint64 limit, guint64 have, guint64 more) {
  return limit > 0 && have + more > limit;
}

gboolean msg_quota_check(MsgEngine *e, MsgAgent *agent, MsgSender *sender, guint64 size,
                         guint64 *ret_retry, GError **error) {
  const MsgSettings *s = &e->settings;
  guint64 waiting =
      agent->counts.queued + agent->counts.scheduled + agent->counts.held + agent->counts.in_flight;
  guint64 wait;

  *ret_retry = RETRY_WHEN_READ;
  if (over(agent->max_messages, waiting + agent->pending_messages, 1)) {
    g_set_error(error, WG_ERROR, WG_ERROR_QUOTA_EXCEEDED,
                "Agent '%s' has %" G_GUINT64_FORMAT
                " messages waiting, its limit is %" G_GUINT64_FORMAT
                "; send again when some are read",
                agent->name, waiting, agent->max_messages);
    return FALSE;
  }
  if (over(agent->max_bytes, agent->counts.bytes + agent->pending_bytes, size)) {
    g_set_error(error, WG_ERROR, WG_ERROR_QUOTA_EXCEEDED,
                "Agent '%s' has %" G_GUINT64_FORMAT " bytes waiting and %" G_GUINT64_FORMAT
                " more would pass its limit of %" G_GUINT64_FORMAT
                "; send again when some are read",
                agent->name, agent->counts.bytes, size, agent->max_bytes);
    return FALSE;
  }
  if (over(s->sender_max_messages, sender->messages + sender->pending_messages, 1) ||
      over(s->sender_max_bytes, sender->bytes + sender->pending_bytes, size)) {
    g_autofree char *who = msg_sender_text(sender);
    g_set_error(error, WG_ERROR, WG_ERROR_QUOTA_EXCEEDED,
                "Sender '%s' has %" G_GUINT64_FORMAT " messages with %" G_GUINT64_FORMAT
                " bytes outstanding, which is all it may; send again when some are read",
                who, sender->messages, sender->bytes);
    return FALSE;
  }
  if ((wait = bucket_wait(&agent->bucket, agent->rate, agent->burst, 1.0 + agent->pending_messages,
                          e->now)) ||
      (wait = bucket_wait(&sender->bucket, s->sender_rate, s->sender_burst,
                          1.0 + sender->pending_messages, e->now))) {
    *ret_retry = wait;
    g_set_error(error, WG_ERROR, WG_ERROR_QUOTA_EXCEEDED,
                "More messages a second than %s '%s' allows; send again in %.3f s",
                agent->rate > 0 ? "agent" : "the rate of senders to", agent->name,
                (double)wait / G_USEC_PER_SEC);
    return FALSE;
  }
  *ret_retry = 0;
  return TRUE;
}

void msg_quota_take(MsgEngine *e, MsgAgent *agent, MsgSender *sender) {
  if (agent->rate > 0)
    agent->bucket.tokens = MAX(agent->bucket.tokens - 1, 0);
  if (e->settings.sender_rate > 0)
    sender->bucket.tokens = MAX(sender->bucket.tokens - 1, 0);
}
