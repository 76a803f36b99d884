/* message.c: messages in the store, and a small cache of those that are likely to be read soon.
 *
 * A message never changes. What is read is verified; a damaged one is quarantined with its bytes
 * and is from then on a message that cannot be had, never one that looks sound. */
#include "messaging/engine-private.h"

#define CACHE_BYTES (3 * 1024 * 1024)
#define CACHE_BODY_MAX 4096

MsgMessage *msg_message_ref(MsgMessage *message) {
  message->refs++;
  return message;
}

void msg_message_unref(MsgMessage *message) {
  if (message && --message->refs == 0)
    g_free(message);
}

void msg_message_forget(MsgEngine *e, guint64 seq) {
  MsgMessage *m = g_hash_table_lookup(e->message_cache, &seq);

  if (!m)
    return;
  e->message_cache_bytes -= m->allocated;
  g_hash_table_remove(e->message_cache, &seq);
}

/* Takes the reference. A full cache is emptied as a whole: simple, and as good as any order for
 * mail that is read once. */
void msg_message_cache_clear(MsgEngine *e) {
  g_hash_table_remove_all(e->message_cache);
  e->message_cache_bytes = 0;
}

static void message_cache_add(MsgEngine *e, MsgMessage *m) {
  if (e->message_cache_bytes + m->allocated > CACHE_BYTES) {
    msg_message_cache_clear(e);
  }
  e->message_cache_bytes += m->allocated;
  g_hash_table_insert(e->message_cache, &m->seq, m);
}

/* Mail for agents that nobody reads for at the moment is not worth its place. */
static gboolean is_read_soon(MsgEngine *e, const MsgMessage *m) {
  for (guint i = 0; i < MIN(m->n_recipients, 8); i++) {
    MsgAgent *agent = msg_agent_by_id(e, m->recipients[i]);
    if (agent && msg_agent_reads(e, agent))
      return TRUE;
  }
  return FALSE;
}

gboolean msg_message_store(MsgEngine *e, MsgMessage *m) {
  gboolean is_volatile = (m->seq & MSG_VOLATILE_BIT) != 0;
  sqlite3_stmt *stmt = msg_sql(e, is_volatile, MSG_SQL_MESSAGE_INSERT);

  GByteArray *meta = msg_message_pack(m, e->pack);
  sqlite3_bind_int64(stmt, 1, m->seq);
  sqlite3_bind_int64(stmt, 2, m->sender);
  sqlite3_bind_int64(stmt, 3, m->time);
  sqlite3_bind_blob(stmt, 4, meta->data, meta->len, SQLITE_STATIC);
  sqlite3_bind_blob64(stmt, 5, m->body ? m->body : "", m->size, SQLITE_STATIC);
  if (!msg_sql_run(e, stmt))
    return FALSE;
  if (m->size <= CACHE_BODY_MAX && is_read_soon(e, m)) {
    MsgMessage *copy = msg_message_decode(m->seq, m->sender, m->time, meta->data, meta->len,
                                          m->body, m->size, TRUE);
    message_cache_add(e, copy);
  }
  return TRUE;
}

/* A damaged record is met again each time somebody looks; it is kept once. */
static gboolean is_quarantined(MsgEngine *e, guint64 seq) {
  g_autoptr(sqlite3_stmt) stmt =
      msg_rare(e, "SELECT 1 FROM quarantine WHERE source = 'message' AND key = ?1");

  if (!stmt)
    return TRUE;
  sqlite3_bind_int64(stmt, 1, seq);
  return msg_rare_row(e, stmt);
}

static void message_quarantine(MsgEngine *e, guint64 seq, sqlite3_stmt *row) {
  GError *error = NULL;
  g_autoptr(GByteArray) bytes = g_byte_array_new();

  if (is_quarantined(e, seq))
    return;

  g_byte_array_append(bytes, sqlite3_column_blob(row, 2), sqlite3_column_bytes(row, 2));
  g_byte_array_append(bytes, sqlite3_column_blob(row, 3), sqlite3_column_bytes(row, 3));
  if (!wg_store_quarantine(e->db, "message", seq, "checksum differs", bytes->data, bytes->len,
                           &error)) {
    g_clear_error(&error);
    return;
  }
  e->stat.quarantined++;
  MsgNote *note = msg_note_add(e, MSG_NOTE_LOG);
  note->log_level = LOG_ERR;
  note->log_id = WG_MSG_RECORD_QUARANTINED;
  note->seq = seq;
  note->cause = g_strdup_printf("Message %" G_GUINT64_FORMAT
                                " is damaged in the store; its bytes are kept in quarantine",
                                seq);
}

MsgMessage *msg_message_load(MsgEngine *e, guint64 seq, gboolean with_body, GError **error) {
  MsgMessage *m = g_hash_table_lookup(e->message_cache, &seq);
  sqlite3_stmt *stmt = msg_sql(e, (seq & MSG_VOLATILE_BIT) != 0, MSG_SQL_MESSAGE_GET);

  if (m)
    return msg_message_ref(m);
  sqlite3_bind_int64(stmt, 1, seq);
  int r = sqlite3_step(stmt);
  if (r == SQLITE_ROW) {
    m = msg_message_unpack(seq, sqlite3_column_int64(stmt, 0), sqlite3_column_int64(stmt, 1),
                           sqlite3_column_blob(stmt, 2), sqlite3_column_bytes(stmt, 2),
                           sqlite3_column_blob(stmt, 3), sqlite3_column_bytes(stmt, 3), with_body);
    if (!m) {
      message_quarantine(e, seq, stmt);
      g_set_error(error, WG_ERROR, WG_ERROR_STORE_DAMAGED,
                  "Message %" G_GUINT64_FORMAT " is damaged in the store; its bytes are kept in "
                  "quarantine",
                  seq);
    }
  } else if (r == SQLITE_DONE) {
    g_set_error(error, WG_ERROR, WG_ERROR_UNKNOWN_MESSAGE,
                "There is no message " MSG_SEQ_FORMAT "; \"waggle list\" shows those there are",
                MSG_SEQ_ARGS(seq));
  } else {
    wg_store_set_error(e->db, error, "reading a message");
    msg_fail(e, "reading a message");
  }
  sqlite3_reset(stmt);
  return m;
}

guint64 msg_message_place(const MsgMessage *m, guint agent) {
  for (guint i = 0; i < m->n_recipients; i++)
    if (m->recipients[i] == agent)
      return msg_place(agent, MSG_LEVELS - 1 - m->priority, m->seq);
  return 0;
}

MsgMessage *msg_message_for(MsgEngine *e, const MsgJob *job, guint64 seq, gboolean with_body,
                            GError **error) {
  g_autoptr(MsgMessage) m = msg_message_load(e, seq, with_body, error);
  uid_t uid = job->actor->uid;

  if (!m)
    return NULL;
  MsgSender *sender = msg_sender_by_id(e, m->sender);
  if (job->admin || uid == 0 || (sender && sender->uid == uid))
    return g_steal_pointer(&m);
  for (guint i = 0; i < m->n_recipients; i++) {
    MsgAgent *agent = msg_agent_by_id(e, m->recipients[i]);
    if (agent && agent->uid == uid)
      return g_steal_pointer(&m);
  }
  g_set_error(error, WG_ERROR, WG_ERROR_NOT_AUTHORIZED,
              "Message " MSG_SEQ_FORMAT " was neither sent by uid %u nor to an agent of it",
              MSG_SEQ_ARGS(seq), uid);
  return NULL;
}
