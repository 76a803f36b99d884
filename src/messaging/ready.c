/* ready.c: which delivery of an agent comes next.
 *
 * For each level of priority an agent has a window: the numbers of queued deliveries in order, a
 * prefix of what the store has. `loaded_to` says how far the store has been looked at, `complete`
 * that nothing lies beyond; so a million waiting messages cost no memory, and a message that comes
 * while all is in memory never needs to be read back. Higher levels come first, but waiting raises
 * a message by one level each `ageing_usec`, so that none starves.
 *
 * Of deliveries with the same ordering key only the oldest is handed out, and only when none of the
 * key is being handled; the next one enters its window when that ended. One that took its turn late
 * (it was scheduled) may find a younger one in a window or leased: then it goes before the one, and
 * waits for the other. */
#include "messaging/engine-private.h"

#include <string.h>

#define WINDOW_MAX 2048
#define SCAN_ROWS 256

void msg_level_clear(MsgLevel *level) {
  g_clear_pointer(&level->seq, g_free);
  *level = (MsgLevel){0};
}

static guint64 ring_at(const MsgLevel *l, guint i) {
  return l->seq[(l->head + i) & (l->room - 1)];
}

static void ring_grow(MsgLevel *l) {
  guint room = l->room ? l->room * 2 : 16;
  guint64 *seq = g_new(guint64, room);

  for (guint i = 0; i < l->n; i++)
    seq[i] = ring_at(l, i);
  g_free(l->seq);
  l->seq = seq;
  l->head = 0;
  l->room = room;
}

static void ring_pop(MsgLevel *l) {
  l->head = (l->head + 1) & (l->room - 1);
  l->n--;
}

/* The first index whose number is not below `seq`. */
static guint ring_find(const MsgLevel *l, guint64 seq) {
  guint low = 0, high = l->n;

  while (low < high) {
    guint middle = (low + high) / 2;
    if (ring_at(l, middle) < seq)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static void ring_insert(MsgLevel *l, guint64 seq) {
  guint at = l->n > 0 && ring_at(l, l->n - 1) < seq ? l->n : ring_find(l, seq);

  if (at < l->n && ring_at(l, at) == seq)
    return;
  if (l->n == l->room)
    ring_grow(l);
  if (at == 0 && l->n > 0) {
    l->head = (l->head - 1) & (l->room - 1);
  } else {
    for (guint i = l->n; i > at; i--)
      l->seq[(l->head + i) & (l->room - 1)] = ring_at(l, i - 1);
  }
  l->seq[(l->head + at) & (l->room - 1)] = seq;
  l->n++;
}

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
  if (l->complete && seq > l->loaded_to) {
    if (l->n >= WINDOW_MAX) {
      l->complete = FALSE;
      return;
    }
    l->loaded_to = seq;
  } else if (seq > l->loaded_to) {
    return; /* the scan will come to it */
  }
  if (msg_ready_is_turn(e, live))
    ring_insert(l, seq);
}

void msg_ready_remove(MsgEngine *e, MsgAgent *agent, guint64 place) {
  MsgLevel *l = level_of(agent, place);
  guint64 seq = msg_place_seq(place);

  if (l->n == 0)
    return;
  if (ring_at(l, 0) == seq) {
    ring_pop(l);
    return;
  }
  guint at = ring_find(l, seq);
  if (at == l->n || ring_at(l, at) != seq)
    return;
  for (guint i = at; i + 1 < l->n; i++)
    l->seq[(l->head + i) & (l->room - 1)] = ring_at(l, i + 1);
  l->n--;
}

void msg_ready_key_freed(MsgEngine *e, MsgAgent *agent, guint64 okey) {
  for (guint v = 0; v < 2; v++) {
    guint64 place = key_first(e, v == 1, okey);
    MsgLive *live = place ? msg_live_get(e, place) : NULL;
    if (live && live->state == MSG_STATE_QUEUED)
      msg_ready_insert(e, agent, live);
  }
}

/* Looks further into the store until the level has something, or nothing is left. */
static void level_load(MsgEngine *e, MsgAgent *agent, guint rank, gboolean is_volatile) {
  MsgLevel *l = is_volatile ? &agent->volatile_level[rank] : &agent->level[rank];
  gint64 base = msg_place_row(msg_place(agent->id, rank, 0));

  while (l->n == 0 && !l->complete && !e->failed) {
    g_autoptr(GArray) places = g_array_sized_new(FALSE, FALSE, sizeof(guint64), SCAN_ROWS);
    sqlite3_stmt *stmt = msg_sql(e, is_volatile, MSG_SQL_LIVE_SCAN);
    int r;
    sqlite3_bind_int64(stmt, 1, base + (gint64)(l->loaded_to & MSG_SEQ_MASK));
    sqlite3_bind_int64(stmt, 2, base + (gint64)MSG_SEQ_MASK);
    sqlite3_bind_int(stmt, 3, SCAN_ROWS);
    guint rows = 0;
    while ((r = sqlite3_step(stmt)) == SQLITE_ROW) {
      guint64 place =
          (guint64)sqlite3_column_int64(stmt, 0) | (is_volatile ? MSG_PLACE_VOLATILE : 0);
      g_autoptr(MsgLive) live =
          msg_live_unpack(place, sqlite3_column_blob(stmt, 1), sqlite3_column_bytes(stmt, 1));
      rows++;
      l->loaded_to = msg_place_seq(place);
      /* a damaged one too: msg_live_get() mends it */
      if (!live || live->state == MSG_STATE_QUEUED)
        g_array_append_val(places, place);
    }
    sqlite3_reset(stmt);
    if (r != SQLITE_DONE) {
      msg_fail(e, "looking for queued messages");
      return;
    }
    l->complete = rows < SCAN_ROWS;
    for (guint i = 0; i < places->len; i++) {
      guint64 place = g_array_index(places, guint64, i);
      MsgLive *live = msg_live_get(e, place);
      if (live && live->state == MSG_STATE_QUEUED && msg_ready_is_turn(e, live))
        ring_insert(l, msg_place_seq(place));
    }
  }
}

/* The first sound, queued delivery of a level. */
static MsgLive *level_head(MsgEngine *e, MsgAgent *agent, guint rank, gboolean is_volatile) {
  MsgLevel *l = is_volatile ? &agent->volatile_level[rank] : &agent->level[rank];

  for (;;) {
    if (l->n == 0 && !l->complete)
      level_load(e, agent, rank, is_volatile);
    if (l->n == 0)
      return NULL;
    MsgLive *live = msg_live_get(e, msg_place(agent->id, rank, ring_at(l, 0)));
    if (live && live->state == MSG_STATE_QUEUED && msg_ready_is_turn(e, live))
      return live;
    if (e->failed)
      return NULL;
    ring_pop(l); /* one whose turn it is not comes back when the key is free */
  }
}

static gint64 effective(const MsgEngine *e, const MsgLive *live) {
  gint64 waited = MAX(e->now_real - live->time, 0);
  guint priority = MSG_LEVELS - 1 - MIN(msg_place_rank(live->place), MSG_LEVELS - 1);

  return priority + (e->settings.ageing_usec ? waited / (gint64)e->settings.ageing_usec : 0);
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
      if (!best || effective(e, live) > effective(e, best))
        best = live;
    }
  return best;
}

guint64 msg_ready_after(MsgAgent *agent, guint rank, gboolean is_volatile, guint64 seq) {
  const MsgLevel *l = is_volatile ? &agent->volatile_level[rank] : &agent->level[rank];
  guint at = l->n > 0 ? ring_find(l, seq + 1) : 0;

  return at < l->n ? ring_at(l, at) : 0;
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
