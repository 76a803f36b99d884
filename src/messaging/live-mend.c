/* live-mend.c: a delivery whose record does not pass its checksum.
 *
 * What can be known without the record comes from the message, from the agent that stands in the
 * place, and from the row of the ordering key. The damaged bytes are kept in quarantine. */
#include "messaging/engine-private.h"

/* The ordering key of a delivery whose record is damaged, from its message or else from its turn,
 * which is taken back. */
static guint64 key_of_damaged(MsgEngine *e, guint64 place, const MsgMessage *m) {
  guint64 okey = m && m->key ? msg_key_hash(msg_place_agent(place), m->key) : 0;
  g_autoptr(sqlite3_stmt) stmt = msg_rare_in(e, msg_place_volatile(place),
                                             "DELETE FROM %s.turn WHERE place = ?1 RETURNING okey");

  if (!stmt)
    return okey;
  sqlite3_bind_int64(stmt, 1, msg_place_row(place));
  while (msg_rare_row(e, stmt))
    okey = okey ? okey : (guint64)sqlite3_column_int64(stmt, 0);
  return okey;
}

void msg_live_corrupt(MsgEngine *e, MsgAgent *agent, MsgLive *live) {
  msg_live_move(e, agent, live, MSG_STATE_DEAD, NULL,
                "corrupt: the message is damaged in the store");
}

/* A delivery's record is damaged but the message may be sound: mail is rather delivered twice than
 * lost, so it is queued again, and its receipts say what happened. */
MsgLive *msg_live_rebuild(MsgEngine *e, guint64 place, const void *bytes, gsize size) {
  GError *ignored = NULL;

  wg_store_quarantine(e->db, "live", msg_place_row(place), "checksum differs", bytes, size,
                      &ignored);
  g_clear_error(&ignored);
  e->stat.quarantined++;
  MsgLive *live = msg_live_new(place);
  live->state = MSG_STATE_QUEUED;
  g_autoptr(MsgMessage) m = msg_message_load(e, msg_place_seq(place), FALSE, NULL);
  if (m) {
    live->sender = m->sender;
    live->size = m->size;
    live->time = m->time;
    live->expires = m->expires;
  }
  live->okey = key_of_damaged(e, place, m);
  live->due_row = live->calendar_row = -1; /* whatever they have is written anew */
  live->turn_row = FALSE;
  msg_history_add(live, MSG_EVENT_REQUEUED, e->now_real, 0,
                  "the delivery's record was damaged; its older receipts are in quarantine");
  return live;
}
