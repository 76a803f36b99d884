/* retention.c: what nobody needs any more goes, a little at a time.
 *
 * A message goes when all its deliveries ended longer ago than the retention time and none is a
 * dead letter (those stay until somebody decides). It runs in ticks, one bounded step each; between
 * two passes lie at least ten minutes, and no wake-up is armed for the next, so that it does not
 * keep an idle service from leaving: the first call after that time starts it. Ids of imported
 * entries are kept for good, or an import could bring old mail a second time. */
#include "messaging/engine-private.h"

#define ROWS 256
#define PASS_USEC (10 * G_TIME_SPAN_MINUTE)
#define VOLATILE_USEC (10 * G_TIME_SPAN_MINUTE)

void msg_numbers_keep(MsgEngine *e) {
  msg_meta_put(e, "last-seq", e->last_seq);
}

/* An imported delivery's receipts are older than itself. */
static gint64 last_event(const MsgLive *live) {
  g_autoptr(GArray) events = msg_history_parse(live->history, live->history_size);

  return events->len ? MAX(live->time, g_array_index(events, MsgEvent, events->len - 1).time)
                     : live->time;
}

/* TRUE: nobody needs this delivery any more. */
static gboolean is_over(MsgEngine *e, guint64 place, gint64 before) {
  g_autoptr(MsgLive) done = NULL;

  if (!msg_delivery_get(e, place, &done))
    return !e->failed;
  return done && done->state != MSG_STATE_DEAD && last_event(done) < before;
}

static void run_with(MsgEngine *e, gboolean is_volatile, MsgSql which, gint64 key) {
  sqlite3_stmt *stmt = msg_sql(e, is_volatile, which);

  sqlite3_bind_int64(stmt, 1, key);
  msg_sql_run(e, stmt);
}

static gboolean remove_if_over(MsgEngine *e, guint64 seq, gint64 before) {
  g_autoptr(MsgMessage) m = msg_message_load(e, seq, FALSE, NULL);
  gboolean is_volatile = (seq & MSG_VOLATILE_BIT) != 0;

  if (!m)
    return FALSE; /* damaged: it stays for those who repair */
  for (guint i = 0; i < m->n_recipients; i++)
    if (!is_over(e, msg_message_place(m, m->recipients[i]), before))
      return FALSE;
  for (guint i = 0; i < m->n_recipients && !e->failed; i++)
    run_with(e, is_volatile, MSG_SQL_DONE_DELETE,
             msg_place_row(msg_message_place(m, m->recipients[i])));
  msg_message_forget(e, seq);
  if (!e->failed)
    run_with(e, is_volatile, MSG_SQL_MESSAGE_DELETE, seq);
  msg_pairs_keep(e);
  return TRUE;
}

/* TRUE: this schema is done with. Numbers grow with time, but for imports and set clocks: the pass
 * ends with the first step in which nothing is old enough. */
static gboolean messages_step(MsgEngine *e, gboolean is_volatile, gint64 before) {
  g_autoptr(sqlite3_stmt) stmt = msg_rare_in(
      e, is_volatile, "SELECT seq, time FROM %s.message WHERE seq > ?1 ORDER BY seq LIMIT ?2");
  g_autoptr(GArray) old = g_array_new(FALSE, FALSE, sizeof(guint64));
  guint64 *cursor = is_volatile ? &e->retention_volatile : &e->retention_cursor;
  guint rows = 0, removed = 0;

  if (!stmt)
    return TRUE;
  sqlite3_bind_int64(stmt, 1, *cursor);
  sqlite3_bind_int(stmt, 2, ROWS);
  for (; msg_rare_row(e, stmt); rows++) {
    *cursor = sqlite3_column_int64(stmt, 0);
    if (sqlite3_column_int64(stmt, 1) < before)
      g_array_append_val(old, *cursor);
  }
  g_clear_pointer(&stmt, sqlite3_finalize);
  for (guint i = 0; i < old->len && !e->failed; i++)
    removed += remove_if_over(e, g_array_index(old, guint64, i), before);
  if (removed > 0 && !is_volatile)
    msg_numbers_keep(e);
  return rows < ROWS || old->len == 0;
}

static gboolean dedup_step(MsgEngine *e) {
  g_autoptr(sqlite3_stmt) stmt =
      msg_rare(e, "DELETE FROM dedup WHERE (sender, id) IN (SELECT sender, id FROM dedup WHERE "
                  "expires <= ?1 ORDER BY expires LIMIT ?2)");

  if (!stmt)
    return TRUE;
  sqlite3_bind_int64(stmt, 1, e->now);
  sqlite3_bind_int(stmt, 2, ROWS);
  return !msg_rare_run(e, stmt) || sqlite3_changes(e->db) < ROWS;
}

static gboolean pass_step(MsgEngine *e) {
  guint64 keep = e->settings.retention_usec;

  if (e->retention_stage == 0 &&
      (keep == 0 || messages_step(e, FALSE, e->now_real - (gint64)MIN(keep, G_MAXINT64 / 4))))
    e->retention_stage++;
  else if (e->retention_stage == 1 && messages_step(e, TRUE, e->now_real - VOLATILE_USEC))
    e->retention_stage++;
  else if (e->retention_stage == 2 && dedup_step(e))
    e->retention_stage++;
  return e->retention_stage > 2;
}

void msg_retention_step(MsgEngine *e) {
  if (!e->retaining && e->now < e->next_retention)
    return;
  if (!e->retaining) { /* a new pass */
    e->next_retention = e->now + PASS_USEC;
    e->retention_cursor = 0;
    e->retention_volatile = MSG_VOLATILE_BIT;
    e->retention_stage = 0;
    e->retaining = TRUE;
    msg_meta_put(e, "last-time", e->now);
    msg_numbers_keep(e);
  }
  if (pass_step(e))
    e->retaining = FALSE;
  else
    msg_wake_now(e);
}
