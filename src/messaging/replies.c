/* replies.c: who still owes an answer.
 *
 * A message sent with reply-by has a row in table reply until an answer comes. When the time is
 * over its deliveries get the receipt "overdue", once, and watchers are told. */
#include "messaging/engine-private.h"

#define SLICE 128

void msg_reply_expect(MsgEngine *e, guint64 seq, guint64 within) {
  sqlite3_stmt *stmt = e->sql[0][MSG_SQL_REPLY_PUT];

  sqlite3_bind_int64(stmt, 1, seq);
  sqlite3_bind_int64(stmt, 2, e->now + (gint64)MIN(within, (guint64)G_MAXINT64 / 4));
  msg_sql_run(e, stmt);
  e->due_changed = TRUE;
}

void msg_reply_came(MsgEngine *e, guint64 seq) {
  sqlite3_stmt *stmt = e->sql[0][MSG_SQL_REPLY_DELETE];

  sqlite3_bind_int64(stmt, 1, seq);
  msg_sql_run(e, stmt);
}

void msg_reply_note(MsgEngine *e, MsgAgent *from, guint64 place, guint64 seq,
                    const MsgActor *actor) {
  g_autofree char *cause = g_strdup_printf("message %" G_GUINT64_FORMAT, seq);
  MsgLive *live = msg_live_get(e, place);
  g_autoptr(MsgLive) done = live ? NULL : msg_done_get(e, place);

  if (live || done)
    msg_live_note(e, from, live ? live : done, MSG_EVENT_REPLIED, actor, cause);
  msg_reply_came(e, msg_place_seq(place));
}

static void overdue(MsgEngine *e, guint64 seq) {
  g_autoptr(MsgMessage) m = msg_message_load(e, seq, FALSE, NULL);

  for (guint i = 0; m && i < m->n_recipients && !e->failed; i++) {
    MsgAgent *agent = msg_agent_by_id(e, m->recipients[i]);
    g_autoptr(MsgLive) done = NULL;
    const MsgLive *live =
        agent ? msg_delivery_get(e, msg_message_place(m, agent->id), &done) : NULL;
    if (!live)
      continue;
    MsgLease *lease = live->state == MSG_STATE_LEASED ? msg_lease_of(e, live) : NULL;
    if (lease)
      msg_lease_changed(e, lease);
    msg_live_note(e, agent, (MsgLive *)live, MSG_EVENT_OVERDUE, NULL,
                  "no answer came by the time that the sender set");
  }
}

void msg_replies_run(MsgEngine *e) {
  sqlite3_stmt *stmt = e->sql[0][MSG_SQL_REPLY_DUE];
  g_autoptr(GArray) due = g_array_new(FALSE, FALSE, sizeof(guint64));

  sqlite3_bind_int64(stmt, 1, e->now);
  sqlite3_bind_int(stmt, 2, SLICE);
  while (sqlite3_step(stmt) == SQLITE_ROW) {
    guint64 seq = sqlite3_column_int64(stmt, 0);
    g_array_append_val(due, seq);
  }
  sqlite3_reset(stmt);
  for (guint i = 0; i < due->len && !e->failed; i++) {
    overdue(e, g_array_index(due, guint64, i));
    msg_reply_came(e, g_array_index(due, guint64, i)); /* it is told once */
  }
}

gint64 msg_replies_next(MsgEngine *e) {
  sqlite3_stmt *stmt = e->sql[0][MSG_SQL_REPLY_NEXT];
  gint64 next = sqlite3_step(stmt) == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 0;

  sqlite3_reset(stmt);
  return next;
}
