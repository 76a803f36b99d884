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

/* A sender is its own key: uid and name. */
guint msg_sender_hash(gconstpointer sender) {
  const MsgSender *s = sender;

  return g_str_hash(s->name) * 31 + s->uid;
}

gboolean msg_sender_equal(gconstpointer a, gconstpointer b) {
  const MsgSender *x = a, *y = b;

  return x->uid == y->uid && g_str_equal(x->name, y->name);
}

static MsgSender *sender_add(MsgEngine *e, guint32 id, uid_t uid, const char *name) {
  MsgSender *sender = g_new0(MsgSender, 1);

  sender->id = id;
  sender->uid = uid;
  sender->name = g_strdup(name);
  sender->bucket.tokens = -1;
  g_hash_table_insert(e->senders, GUINT_TO_POINTER(id), sender);
  g_hash_table_add(e->senders_by_name, sender);
  return sender;
}

/* A row of SENDER_FIND or SENDER_GET. */
static MsgSender *sender_read(MsgEngine *e, sqlite3_stmt *row, uid_t uid, const char *name) {
  MsgSender *sender = sender_add(e, sqlite3_column_int64(row, 0), uid, name);

  sender->volatile_messages = sqlite3_column_int64(row, 3);
  sender->volatile_bytes = sqlite3_column_int64(row, 4);
  sender->messages = sqlite3_column_int64(row, 1) + sender->volatile_messages;
  sender->bytes = sqlite3_column_int64(row, 2) + sender->volatile_bytes;
  return sender;
}

MsgSender *msg_sender_get(MsgEngine *e, uid_t uid, const char *name) {
  sqlite3_stmt *stmt = e->sql[0][MSG_SQL_SENDER_FIND];
  const MsgSender key = {.uid = uid, .name = (char *)name};

  MsgSender *sender = g_hash_table_lookup(e->senders_by_name, &key);
  if (sender)
    return sender;
  sqlite3_bind_int64(stmt, 1, uid);
  sqlite3_bind_text(stmt, 2, name, -1, SQLITE_STATIC);
  int r = sqlite3_step(stmt);
  if (r == SQLITE_ROW)
    sender = sender_read(e, stmt, uid, name);
  else if (r != SQLITE_DONE)
    msg_fail(e, "reading a sender");
  sqlite3_reset(stmt);
  if (sender || e->failed)
    return sender;
  stmt = e->sql[0][MSG_SQL_SENDER_INSERT];
  sqlite3_bind_int64(stmt, 1, uid);
  sqlite3_bind_text(stmt, 2, name, -1, SQLITE_STATIC);
  if (!msg_sql_run(e, stmt))
    return NULL;
  return sender_add(e, sqlite3_last_insert_rowid(e->db), uid, name);
}

MsgSender *msg_sender_by_id(MsgEngine *e, guint32 id) {
  MsgSender *sender = g_hash_table_lookup(e->senders, GUINT_TO_POINTER(id));
  sqlite3_stmt *stmt = e->sql[0][MSG_SQL_SENDER_GET];

  if (sender || id == 0)
    return sender;
  sqlite3_bind_int64(stmt, 1, id);
  int r = sqlite3_step(stmt);
  if (r == SQLITE_ROW)
    sender = sender_read(e, stmt, sqlite3_column_int64(stmt, 5),
                         (const char *)sqlite3_column_text(stmt, 6));
  else if (r != SQLITE_DONE)
    msg_fail(e, "reading a sender");
  sqlite3_reset(stmt);
  return sender;
}

void msg_sender_dirty(MsgEngine *e, MsgSender *sender) {
  if (sender->dirty)
    return;
  sender->dirty = TRUE;
  g_ptr_array_add(e->dirty_senders, sender);
}

static void sender_put(MsgEngine *e, MsgSql which, guint32 id, guint64 messages, guint64 bytes) {
  sqlite3_stmt *stmt = e->sql[0][which];

  sqlite3_bind_int64(stmt, 1, id);
  sqlite3_bind_int64(stmt, 2, messages);
  sqlite3_bind_int64(stmt, 3, bytes);
  msg_sql_run(e, stmt);
}

void msg_senders_flush(MsgEngine *e) {

  for (guint i = 0; i < e->dirty_senders->len; i++) {
    MsgSender *sender = e->dirty_senders->pdata[i];
    sender->dirty = FALSE;
    if (e->failed)
      continue;
    sender_put(e, MSG_SQL_SENDER_PUT, sender->id, sender->messages - sender->volatile_messages,
               sender->bytes - sender->volatile_bytes);
    if (!sender->volatile_dirty)
      continue;
    sender->volatile_dirty = FALSE;
    sender_put(e, MSG_SQL_SENDER_PUT_VOLATILE, sender->id, sender->volatile_messages,
               sender->volatile_bytes);
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
