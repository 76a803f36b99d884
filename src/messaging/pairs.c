/* pairs.c: the numbers by which a receiver sees that nothing of a sender is missing.
 *
 * Each delivery that Send stores has a number in its message's record: 1, 2, 3 and so on for each
 * pair of a sender and a receiver. The record is what decides. Table `pair` has the last number of
 * each pair as of the message in its row 0, its mark; so a start reads the messages after the mark
 * and nothing else, and a Send writes no row here. Memory knows the last numbers; it is thrown away
 * when a batch is rolled back, as every cache.
 *
 * A message that is removed or gets another receiver may have the newest number of its pair:
 * whoever does that says so (msg_pairs_keep()), and the rows are written by the same commit. */
#include "messaging/engine-private.h"

#define KEY_AGENT_BITS 21
#define KEY_VOLATILE (G_GUINT64_CONSTANT(1) << 63)
#define MARK_KEY 0
#define WRITE_EACH 1024  /* numbers: what a start reads at most, about */
#define MEMORY_MAX 65536 /* pairs */
#define SALVAGE_GAP 1000000
#define PLAUSIBLE_STEP (2 * SALVAGE_GAP) /* a record is read here without its checksum */

G_STATIC_ASSERT(MSG_AGENT_MAX < 1 << KEY_AGENT_BITS);

typedef struct {
  guint64 key, last;
  gboolean dirty;
} Pair;

static guint64 key_of(gboolean is_volatile, guint32 sender, guint agent) {
  return ((guint64)sender << KEY_AGENT_BITS | agent) | (is_volatile ? KEY_VOLATILE : 0);
}

static guint64 read_row(MsgEngine *e, gboolean is_volatile, gint64 row) {
  sqlite3_stmt *stmt = msg_sql(e, is_volatile, MSG_SQL_PAIR_GET);
  guint64 last = 0;

  sqlite3_bind_int64(stmt, 1, row);
  int r = sqlite3_step(stmt);
  if (r == SQLITE_ROW)
    last = (guint64)sqlite3_column_int64(stmt, 0);
  else if (r != SQLITE_DONE)
    msg_fail(e, "reading the last number of a sender and a receiver");
  sqlite3_reset(stmt);
  return last;
}

static void put_row(MsgEngine *e, gboolean is_volatile, gint64 row, guint64 last) {
  sqlite3_stmt *stmt = msg_sql(e, is_volatile, MSG_SQL_PAIR_PUT);

  sqlite3_bind_int64(stmt, 1, row);
  sqlite3_bind_int64(stmt, 2, (gint64)last);
  msg_sql_run(e, stmt);
}

static Pair *pair_get(MsgEngine *e, guint64 key) {
  Pair *pair = g_hash_table_lookup(e->pairs, &key);

  if (pair)
    return pair;
  pair = g_new0(Pair, 1);
  pair->key = key;
  pair->last = read_row(e, (key & KEY_VOLATILE) != 0, (gint64)(key & ~KEY_VOLATILE));
  g_hash_table_insert(e->pairs, &pair->key, pair);
  return pair;
}

static void pair_raise(MsgEngine *e, Pair *pair, guint64 last) {
  pair->last = last;
  e->pairs_given++;
  if (pair->dirty)
    return;
  pair->dirty = TRUE;
  g_ptr_array_add(e->dirty_pairs, pair);
}

/* What the messages after the mark say. */
static void read_after(MsgEngine *e, gboolean is_volatile, guint64 mark) {
  g_autoptr(sqlite3_stmt) stmt =
      msg_rare_in(e, is_volatile,
                  "SELECT seq, sender, time, meta, length(body) FROM %s.message "
                  "WHERE seq > ?1 ORDER BY seq");

  if (!stmt)
    return;
  sqlite3_bind_int64(stmt, 1, (gint64)mark);
  while (msg_rare_row(e, stmt)) {
    g_autoptr(MsgMessage) m = msg_message_decode(
        sqlite3_column_int64(stmt, 0), sqlite3_column_int64(stmt, 1), sqlite3_column_int64(stmt, 2),
        sqlite3_column_blob(stmt, 3), sqlite3_column_bytes(stmt, 3), /* body= */ NULL,
        sqlite3_column_int64(stmt, 4), /* with_body= */ FALSE);
    for (guint i = 0; m && m->sequences && i < m->n_recipients && !e->failed; i++) {
      if (m->recipients[i] > MSG_AGENT_MAX)
        continue;
      Pair *pair = pair_get(e, key_of(is_volatile, m->sender, m->recipients[i]));
      if (m->sequences[i] > pair->last && m->sequences[i] - pair->last <= PLAUSIBLE_STEP)
        pair_raise(e, pair, m->sequences[i]);
    }
  }
}

static void read_all(MsgEngine *e) {
  if (e->pairs_read)
    return;
  for (guint v = 0; v < 2 && !e->failed; v++)
    read_after(e, v == 1, read_row(e, v == 1, MARK_KEY));
  e->pairs_read = !e->failed;
}

guint64 msg_pair_next(MsgEngine *e, gboolean is_volatile, guint32 sender, guint agent) {
  read_all(e);
  if (e->failed)
    return 0;
  Pair *pair = pair_get(e, key_of(is_volatile, sender, agent));
  pair_raise(e, pair, pair->last + 1);
  return pair->last;
}

guint64 msg_message_sequence(const MsgMessage *m, guint agent) {
  for (guint i = 0; m->sequences && i < m->n_recipients; i++)
    if (m->recipients[i] == agent)
      return m->sequences[i];
  return 0;
}

void msg_pairs_keep(MsgEngine *e) {
  e->pairs_keep = TRUE;
}

static void write_all(MsgEngine *e) {
  read_all(e);
  for (guint i = 0; i < e->dirty_pairs->len && !e->failed; i++) {
    Pair *pair = e->dirty_pairs->pdata[i];
    put_row(e, (pair->key & KEY_VOLATILE) != 0, (gint64)(pair->key & ~KEY_VOLATILE), pair->last);
    pair->dirty = FALSE;
  }
  if (!e->failed)
    put_row(e, FALSE, MARK_KEY, e->last_seq);
  if (!e->failed)
    put_row(e, TRUE, MARK_KEY, e->last_volatile | MSG_VOLATILE_BIT);
  g_ptr_array_set_size(e->dirty_pairs, 0);
  e->pairs_keep = FALSE;
  e->pairs_given = 0;
  if (g_hash_table_size(e->pairs) > MEMORY_MAX)
    g_hash_table_remove_all(e->pairs); /* their rows have it all */
}

void msg_pairs_flush(MsgEngine *e) {
  if (e->pairs_keep || e->pairs_given >= WRITE_EACH)
    write_all(e);
}

void msg_pairs_forget(MsgEngine *e) {
  g_ptr_array_set_size(e->dirty_pairs, 0);
  g_hash_table_remove_all(e->pairs);
  e->pairs_read = e->pairs_keep = FALSE;
  e->pairs_given = 0;
}

/* The newest messages may be lost, and no number may come twice: each pair leaves a gap. */
void msg_pairs_salvaged(MsgEngine *e) {
  msg_pairs_forget(e);
  put_row(e, FALSE, MARK_KEY, 0);
  write_all(e);
  g_hash_table_remove_all(e->pairs);
  g_autoptr(sqlite3_stmt) stmt =
      msg_rare(e, "UPDATE main.pair SET last = last + ?1 WHERE key <> 0");
  if (!stmt)
    return;
  sqlite3_bind_int64(stmt, 1, SALVAGE_GAP);
  msg_rare_run(e, stmt);
}

void msg_pairs_init(MsgEngine *e) {
  e->pairs = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
  e->dirty_pairs = g_ptr_array_new();
}

void msg_pairs_free(MsgEngine *e) {
  g_ptr_array_unref(e->dirty_pairs);
  g_hash_table_unref(e->pairs);
}
