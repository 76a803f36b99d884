/* ready.c: which delivery of an agent comes next.
 *
 * For each level of priority an agent has a window (ready-window.c): the numbers of queued
 * deliveries, of which the senders take turns. A million waiting messages cost no memory, and a
 * message that comes while all is in memory never needs to be read back. Higher levels come first,
 * but waiting raises a level by one each `ageing_usec`, so that none starves.
 *
 * Of deliveries with the same ordering key only the oldest is handed out, and only when none of the
 * key is being handled; the next one enters its window when that ended. One that took its turn late
 * (it was scheduled) may find a younger one in a window or leased: then it goes before the one, and
 * waits for the other. */
#include "messaging/engine-private.h"

#define SCAN_ROWS 256
#define REFILL_ROWS 1024 /* at most, for one turn of one sender */

static MsgLevel *level_of(MsgAgent *agent, guint64 place) {
  guint rank = MIN(msg_place_rank(place), MSG_LEVELS - 1);

  return msg_place_volatile(place) ? &agent->volatile_level[rank] : &agent->level[rank];
}

/* The oldest delivery of an ordering key; 0: none. */
static guint64 key_first(MsgEngine *e, gboolean is_volatile, guint64 okey) {
  sqlite3_stmt *stmt = msg_sql(e, is_volatile, MSG_SQL_TURN_FIRST);
  guint64 place = 0;

  sqlite3_bind_int64(stmt, 1, (gint64)okey);
  int r = sqlite3_step(stmt);
  if (r == SQLITE_ROW)
    place = (guint64)sqlite3_column_int64(stmt, 0) | (is_volatile ? MSG_PLACE_VOLATILE : 0);
  else if (r != SQLITE_DONE)
    msg_fail(e, "looking for the turn of an ordering key");
  sqlite3_reset(stmt);
  return place;
}

gboolean msg_ready_is_turn(MsgEngine *e, const MsgLive *live) {
  return !live->okey || (!msg_lease_has_key(e, live->okey) &&
                         key_first(e, msg_place_volatile(live->place), live->okey) == live->place);
}

void msg_ready_insert(MsgEngine *e, MsgAgent *agent, MsgLive *live) {
  MsgLevel *l = level_of(agent, live->place);
  guint64 seq = msg_place_seq(live->place);

  msg_touch(e, agent);
  msg_attempt_queued(e, agent, live->place);
  if (seq > l->loaded_to && !l->complete && !l->known)
    return; /* the scan will come to it */
  if (!msg_ready_is_turn(e, live))
    msg_window_pass(l, seq);
  else
    msg_window_add(l, live->sender, seq);
}

void msg_ready_remove(MsgEngine *e, MsgAgent *agent, guint64 place) {
  guint16 bit = 1 << MIN(msg_place_rank(place), MSG_LEVELS - 1);

  msg_window_remove(level_of(agent, place), msg_place_seq(place));
  agent->last_volatile = (agent->last_volatile & ~bit) | (msg_place_volatile(place) ? bit : 0);
}

void msg_ready_key_freed(MsgEngine *e, MsgAgent *agent, guint64 okey) {
  for (guint v = 0; v < 2; v++) {
    guint64 place = key_first(e, v == 1, okey);
    MsgLive *live = place ? msg_live_get(e, place) : NULL;
    if (live && live->state == MSG_STATE_QUEUED)
      msg_ready_insert(e, agent, live);
  }
}

/* The queued deliveries of a level after `seq`, SCAN_ROWS rows at most; how many rows there were,
 * and the number of the last one. `sender` 0: any. */
static guint scan(MsgEngine *e, MsgAgent *agent, guint rank, gboolean is_volatile, guint32 sender,
                  guint64 *seq, GArray *places) {
  sqlite3_stmt *stmt = msg_sql(e, is_volatile, MSG_SQL_LIVE_SCAN);
  gint64 base = msg_place_row(msg_place(agent->id, rank, 0));
  guint rows = 0;
  int r;

  sqlite3_bind_int64(stmt, 1, base + (gint64)(*seq & MSG_SEQ_MASK));
  sqlite3_bind_int64(stmt, 2, base + (gint64)MSG_SEQ_MASK);
  sqlite3_bind_int(stmt, 3, SCAN_ROWS);
  while ((r = sqlite3_step(stmt)) == SQLITE_ROW) {
    guint64 place = (guint64)sqlite3_column_int64(stmt, 0) | (is_volatile ? MSG_PLACE_VOLATILE : 0);
    g_autoptr(MsgLive) live =
        msg_live_unpack(place, sqlite3_column_blob(stmt, 1), sqlite3_column_bytes(stmt, 1));
    rows++;
    *seq = msg_place_seq(place);
    /* a damaged one too: msg_live_get() mends it */
    if (!live || (live->state == MSG_STATE_QUEUED && (sender == 0 || live->sender == sender)))
      g_array_append_val(places, place);
  }
  sqlite3_reset(stmt);
  if (r != SQLITE_DONE)
    msg_fail(e, "looking for queued messages");
  return rows;
}

/* Looks further into the store until the level has something, or nothing is left. */
static void level_load(MsgEngine *e, MsgAgent *agent, guint rank, gboolean is_volatile) {
  MsgLevel *l = is_volatile ? &agent->volatile_level[rank] : &agent->level[rank];

  while (l->n == 0 && !l->complete && !l->known && !e->failed) {
    g_autoptr(GArray) places = g_array_sized_new(FALSE, FALSE, sizeof(guint64), SCAN_ROWS);
    guint64 last = l->loaded_to;
    guint rows = scan(e, agent, rank, is_volatile, 0, &last, places);
    if (e->failed)
      return;
    l->loaded_to = last;
    for (guint i = 0; i < places->len; i++) {
      MsgLive *live = msg_live_get(e, g_array_index(places, guint64, i));
      if (live && live->state == MSG_STATE_QUEUED && msg_ready_is_turn(e, live))
        msg_window_add(l, live->sender, msg_place_seq(live->place));
    }
    if (rows < SCAN_ROWS)
      msg_window_complete(l);
  }
}

/* More of a sender whose mail found no room. */
static void refill(MsgEngine *e, MsgAgent *agent, guint rank, gboolean is_volatile, MsgLevel *l,
                   MsgTurn *turn) {
  guint64 seq = turn->dropped - 1;
  guint32 sender = turn->sender;
  gboolean end = FALSE;

  for (guint rows = 0; rows < REFILL_ROWS && !end && turn->n == 0 && !e->failed;) {
    g_autoptr(GArray) places = g_array_sized_new(FALSE, FALSE, sizeof(guint64), SCAN_ROWS);
    guint got = scan(e, agent, rank, is_volatile, sender, &seq, places);
    rows += got;
    end = got < SCAN_ROWS;
    msg_window_take_up(l, turn, seq + 1);
    for (guint i = 0; i < places->len && !e->failed; i++) {
      MsgLive *live = msg_live_get(e, g_array_index(places, guint64, i));
      if (live && live->state == MSG_STATE_QUEUED && live->sender == sender &&
          msg_ready_is_turn(e, live))
        msg_window_put(l, turn, msg_place_seq(live->place));
    }
  }
  if (end && !e->failed)
    msg_window_take_up(l, turn, 0);
}

/* The next sound, queued delivery of a level: of the sender whose turn it is. */
static MsgLive *level_head(MsgEngine *e, MsgAgent *agent, guint rank, gboolean is_volatile) {
  MsgLevel *l = is_volatile ? &agent->volatile_level[rank] : &agent->level[rank];

  while (!e->failed) {
    if (l->n == 0 && !l->complete)
      level_load(e, agent, rank, is_volatile);
    MsgTurn *turn = l->rotation.head ? l->rotation.head->data : NULL;
    if (!turn)
      return NULL;
    if (turn->n == 0) { /* its mail may lie deep in the store: the others go on meanwhile */
      if (turn->dropped)
        refill(e, agent, rank, is_volatile, l, turn);
      msg_window_next(l);
      continue;
    }
    guint64 seq = msg_window_first(l, turn);
    MsgLive *live = msg_live_get(e, msg_place(agent->id, rank, seq));
    if (live && live->state == MSG_STATE_QUEUED && msg_ready_is_turn(e, live))
      return live;
    if (e->failed)
      return NULL;
    msg_window_remove(l, seq); /* one whose turn it is not comes back when the key is free */
  }
  return NULL;
}

/* A level's age is that of its oldest, whose turn comes as that of any. */
static gint64 effective(MsgEngine *e, MsgAgent *agent, const MsgLive *head) {
  const MsgLevel *l = level_of(agent, head->place);
  guint rank = MIN(msg_place_rank(head->place), MSG_LEVELS - 1);
  const MsgLive *oldest = msg_live_get(e, msg_place(agent->id, rank, l->seq[l->head]));
  gint64 waited = MAX(e->now_real - (oldest ? oldest : head)->time, 0);

  return MSG_LEVELS - 1 - (gint64)rank +
         (e->settings.ageing_usec ? waited / (gint64)e->settings.ageing_usec : 0);
}

/* Mail that is in memory only takes turns with what is stored. */
static gboolean goes_before(MsgEngine *e, MsgAgent *agent, const MsgLive *live,
                            const MsgLive *best) {
  guint rank = msg_place_rank(live->place);
  gint64 difference = effective(e, agent, live) - effective(e, agent, best);

  return difference > 0 || (difference == 0 && rank == msg_place_rank(best->place) &&
                            !(agent->last_volatile & 1 << rank));
}

MsgLive *msg_ready_peek(MsgEngine *e, MsgAgent *agent) {
  MsgLive *best = NULL;

  if (msg_agent_is_paused(e, agent) || agent->removed)
    return NULL;
  for (guint rank = 0; rank < MSG_LEVELS; rank++)
    for (guint v = 0; v < 2; v++) {
      MsgLevel *l = v ? &agent->volatile_level[rank] : &agent->level[rank];
      if (l->n == 0 && l->complete)
        continue;
      MsgLive *live = level_head(e, agent, rank, v == 1);
      if (!live)
        continue;
      if (!best || goes_before(e, agent, live, best))
        best = live;
    }
  return best;
}

guint64 msg_ready_after(MsgAgent *agent, guint rank, gboolean is_volatile, guint64 seq) {
  const MsgLevel *l = is_volatile ? &agent->volatile_level[rank] : &agent->level[rank];
  guint64 next = msg_window_after(l, seq);

  return next <= msg_ready_loaded(agent, rank, is_volatile) ? next : 0;
}

guint64 msg_ready_loaded(const MsgAgent *agent, guint rank, gboolean is_volatile) {
  const MsgLevel *l = is_volatile ? &agent->volatile_level[rank] : &agent->level[rank];

  return l->complete ? G_MAXUINT64 : l->loaded_to;
}

void msg_touch(MsgEngine *e, MsgAgent *agent) {
  if (agent->touched)
    return;
  agent->touched = TRUE;
  g_ptr_array_add(e->touched_agents, agent);
}
