/* live.c: deliveries and their state.
 *
 * Every change of a delivery goes through msg_live_move(), so that the row, the receipts, the
 * counts, the window and everybody who waits can never disagree. The row is written in the same
 * call: what is in memory between two calls is what the store has in this transaction. */
#include "messaging/engine-private.h"

#define CACHE_MAX 8192

static gboolean is_volatile(const MsgLive *live) {
  return msg_place_volatile(live->place);
}

/* When the row wants attention by itself: what the indexed column `due` holds. */
static gint64 live_due(const MsgLive *live) {
  gint64 due = 0;

  if (live->state == MSG_STATE_LEASED)
    return 0; /* leases are timed in memory; a message that is being handled does not expire */
  if (live->state == MSG_STATE_SCHEDULED && !live->calendar)
    due = live->ready_at;
  if (live->expires && (!due || live->expires < due))
    due = live->expires;
  return due;
}

static gint64 live_calendar(const MsgLive *live) {
  return live->state == MSG_STATE_SCHEDULED ? live->calendar : 0;
}

/* Mail that its sender scheduled takes its turn when its time has come, not before, and also when
 * it is held meanwhile. */
static gboolean live_in_turn(const MsgLive *live) {
  return live->okey && !msg_state_is_final(live->state) && !(live->flags & MSG_LIVE_FIRST_WAIT);
}

void msg_live_read(MsgLive *live) {
  live->due_row = live_due(live);
  live->calendar_row = live_calendar(live);
  live->turn_row = live_in_turn(live);
}

static void time_row(MsgEngine *e, const MsgLive *live, gint64 at, MsgSql put, MsgSql delete) {
  sqlite3_stmt *stmt = msg_sql(e, is_volatile(live), at ? put : delete);

  sqlite3_bind_int64(stmt, 1, msg_place_row(live->place));
  if (at)
    sqlite3_bind_int64(stmt, 2, at);
  msg_sql_run(e, stmt);
  e->due_changed = TRUE;
}

static void turn_row(MsgEngine *e, const MsgLive *live, gboolean in_turn) {
  sqlite3_stmt *stmt =
      msg_sql(e, is_volatile(live), in_turn ? MSG_SQL_TURN_PUT : MSG_SQL_TURN_DELETE);

  sqlite3_bind_int64(stmt, 1, (gint64)live->okey);
  sqlite3_bind_int64(stmt, 2, (gint64)msg_place_seq(live->place));
  if (in_turn)
    sqlite3_bind_int64(stmt, 3, msg_place_row(live->place));
  msg_sql_run(e, stmt);
}

void msg_live_time_row(MsgEngine *e, guint64 place, gboolean calendar) {
  const MsgLive *live = msg_live_get(e, place);
  const MsgLive none = {.place = place};
  gint64 at = !live || !msg_agent_by_id(e, msg_place_agent(place)) ? 0
              : calendar                                           ? live->calendar_row
                                                                   : live->due_row;

  if (!e->failed)
    time_row(e, live ? live : &none, at, calendar ? MSG_SQL_CALENDAR_PUT : MSG_SQL_DUE_PUT,
             calendar ? MSG_SQL_CALENDAR_DELETE : MSG_SQL_DUE_DELETE);
}

/* The rows beside the delivery: most have none, before and after. */
static void beside_write(MsgEngine *e, MsgLive *live) {
  gboolean final = msg_state_is_final(live->state), in_turn = live_in_turn(live);
  gint64 due = final ? 0 : live_due(live), calendar = final ? 0 : live_calendar(live);

  if (due != live->due_row)
    time_row(e, live, due, MSG_SQL_DUE_PUT, MSG_SQL_DUE_DELETE);
  if (calendar != live->calendar_row)
    time_row(e, live, calendar, MSG_SQL_CALENDAR_PUT, MSG_SQL_CALENDAR_DELETE);
  if (in_turn != live->turn_row)
    turn_row(e, live, in_turn);
  live->due_row = due;
  live->calendar_row = calendar;
  live->turn_row = in_turn;
}

void msg_live_index(MsgEngine *e, MsgLive *live) {
  live->due_row = live->calendar_row = 0;
  live->turn_row = FALSE;
  beside_write(e, live);
}

static gboolean record_write(MsgEngine *e, const MsgLive *live, MsgSql how) {
  sqlite3_stmt *stmt = msg_sql(e, is_volatile(live), how);

  msg_live_pack(live, e->pack);
  sqlite3_bind_int64(stmt, 1, msg_place_row(live->place));
  sqlite3_bind_blob(stmt, 2, e->pack->data, e->pack->len, SQLITE_STATIC);
  return msg_sql_run(e, stmt);
}

static gboolean live_write(MsgEngine *e, MsgLive *live, MsgSql how) {
  beside_write(e, live);
  return record_write(e, live, how);
}

static void cache_add(MsgEngine *e, MsgLive *live) {
  g_hash_table_insert(e->live_cache, &live->place, live);
}

static gboolean evictable(gpointer key, gpointer value, gpointer user_data) {
  MsgLive *live = value;

  if (live->state == MSG_STATE_LEASED)
    return FALSE;
  msg_live_free(live);
  return TRUE;
}

void msg_live_cache_trim(MsgEngine *e, gboolean all) {
  if (all || g_hash_table_size(e->live_cache) >= CACHE_MAX + g_hash_table_size(e->leases))
    g_hash_table_foreach_remove(e->live_cache, evictable, NULL);
}

MsgLive *msg_live_get(MsgEngine *e, guint64 place) {
  MsgLive *live = g_hash_table_lookup(e->live_cache, &place);

  if (live)
    return live;
  sqlite3_stmt *stmt = msg_sql(e, msg_place_volatile(place), MSG_SQL_LIVE_GET);
  sqlite3_bind_int64(stmt, 1, msg_place_row(place));
  int r = sqlite3_step(stmt);
  gboolean rebuilt = FALSE;
  if (r == SQLITE_ROW) {
    const void *data = sqlite3_column_blob(stmt, 0);
    gsize size = sqlite3_column_bytes(stmt, 0);
    live = msg_live_unpack(place, data, size);
    if ((rebuilt = !live))
      live = msg_live_rebuild(e, place, data, size);
    else
      msg_live_read(live);
    cache_add(e, live);
  } else if (r != SQLITE_DONE) {
    msg_fail(e, "reading a delivery");
  }
  sqlite3_reset(stmt);
  if (rebuilt && live_write(e, live, MSG_SQL_LIVE_UPDATE)) {
    MsgAgent *agent = msg_agent_by_id(e, msg_place_agent(place));
    if (agent)
      msg_ready_insert(e, agent, live); /* no window knows yet that it is in the queue */
  }
  return live;
}

MsgLive *msg_done_get(MsgEngine *e, guint64 place) {
  sqlite3_stmt *stmt = msg_sql(e, msg_place_volatile(place), MSG_SQL_DONE_GET);
  MsgLive *live = NULL;

  sqlite3_bind_int64(stmt, 1, msg_place_row(place));
  int r = sqlite3_step(stmt);
  if (r == SQLITE_ROW)
    live = msg_live_unpack(place, sqlite3_column_blob(stmt, 0), sqlite3_column_bytes(stmt, 0));
  else if (r != SQLITE_DONE)
    msg_fail(e, "reading a final delivery");
  sqlite3_reset(stmt);
  return live;
}

gboolean msg_done_put(MsgEngine *e, MsgLive *live) {
  return record_write(e, live, MSG_SQL_DONE_UPDATE);
}

static guint64 *count_of(MsgCounts *counts, MsgState state) {
  switch (state) {
  case MSG_STATE_SCHEDULED:
    return &counts->scheduled;
  case MSG_STATE_HELD:
    return &counts->held;
  case MSG_STATE_QUEUED:
    return &counts->queued;
  case MSG_STATE_LEASED:
    return &counts->in_flight;
  case MSG_STATE_DEAD:
    return &counts->dead;
  default:
    return NULL;
  }
}

/* Never below 0, whatever a damaged store said. */
static void add_to(guint64 *value, guint64 n, gint sign) {
  *value = sign > 0 ? *value + n : *value - MIN(*value, n);
}

static void count_one(MsgCounts *counts, guint64 place, MsgState state, gint sign) {
  guint64 *count = count_of(counts, state);

  if (count)
    add_to(count, 1, sign);
  if (state == MSG_STATE_QUEUED && msg_place_urgent(place))
    add_to(&counts->urgent, 1, sign);
}

static void count_in(MsgCounts *counts, guint64 place, MsgState from, MsgState to) {
  count_one(counts, place, from, -1);
  count_one(counts, place, to, 1);
}

void msg_count_move(MsgEngine *e, MsgAgent *agent, guint64 place, MsgState from, MsgState to) {
  count_in(&agent->counts, place, from, to);
  if (msg_place_volatile(place)) {
    count_in(&agent->volatile_counts, place, from, to);
    agent->volatile_dirty = TRUE;
  }
  msg_agent_dirty(e, agent);
}

static void size_add(MsgEngine *e, MsgAgent *agent, MsgLive *live, gint sign) {
  MsgSender *sender = msg_sender_by_id(e, live->sender);
  gboolean of_volatile = is_volatile(live);

  add_to(&agent->counts.bytes, live->size, sign);
  if (of_volatile)
    add_to(&agent->volatile_counts.bytes, live->size, sign);
  if (!sender)
    return;
  add_to(&sender->messages, 1, sign);
  add_to(&sender->bytes, live->size, sign);
  if (of_volatile) {
    add_to(&sender->volatile_messages, 1, sign);
    add_to(&sender->volatile_bytes, live->size, sign);
    sender->volatile_dirty = TRUE;
  }
  msg_sender_dirty(e, sender);
}

void msg_live_count_size(MsgEngine *e, MsgAgent *agent, MsgLive *live) {
  size_add(e, agent, live, 1);
}

void msg_live_add(MsgEngine *e, MsgAgent *agent, MsgLive *live) {
  if (!live_write(e, live, MSG_SQL_LIVE_INSERT)) {
    msg_live_free(live);
    return;
  }
  msg_count_move(e, agent, live->place, MSG_STATE_NONE, live->state);
  size_add(e, agent, live, 1);
  cache_add(e, live);
  if (live->state == MSG_STATE_QUEUED)
    msg_ready_insert(e, agent, live);
  if (!msg_agent_reads(e, agent)) {
    g_hash_table_remove(e->live_cache, &live->place);
    msg_live_free(live);
  }
}

static void dead_insert(MsgEngine *e, const MsgLive *live) {
  sqlite3_stmt *stmt = msg_sql(e, is_volatile(live), MSG_SQL_DEAD_INSERT);

  sqlite3_bind_int64(stmt, 1, msg_place_row(live->place));
  sqlite3_bind_int64(stmt, 2, e->now_real);
  msg_sql_run(e, stmt);
}

void msg_live_add_final(MsgEngine *e, MsgAgent *agent, MsgLive *live) {
  record_write(e, live, MSG_SQL_DONE_INSERT);
  if (live->state == MSG_STATE_DEAD)
    dead_insert(e, live);
  msg_count_move(e, agent, live->place, MSG_STATE_NONE, live->state);
  msg_live_free(live);
}

static void note_dead(MsgEngine *e, MsgAgent *agent, const MsgLive *live, const char *cause) {
  dead_insert(e, live);
  e->stat.died++;
  MsgNote *note = msg_note_add(e, MSG_NOTE_DEAD);
  note->seq = msg_place_seq(live->place);
  note->name = g_strdup(agent->name);
  note->cause = g_strdup(cause);
  note->traceparent = msg_message_trace(e, note->seq);
}

/* Out of `live`, into `done`; frees it. */
static void live_finish(MsgEngine *e, MsgAgent *agent, MsgLive *live, const char *cause) {
  sqlite3_stmt *stmt = msg_sql(e, is_volatile(live), MSG_SQL_LIVE_DELETE);
  guint64 okey = live->okey;

  live->ready_at = live->until = live->next_attempt = live->calendar = 0;
  beside_write(e, live);
  sqlite3_bind_int64(stmt, 1, msg_place_row(live->place));
  if (!msg_sql_run(e, stmt) || !record_write(e, live, MSG_SQL_DONE_INSERT))
    return; /* the roll-back throws the cache away */
  if (live->state == MSG_STATE_DEAD)
    note_dead(e, agent, live, cause);
  size_add(e, agent, live, -1);
  g_hash_table_remove(e->live_cache, &live->place);
  msg_live_free(live);
  if (okey)
    msg_ready_key_freed(e, agent, okey);
}

void msg_live_move(MsgEngine *e, MsgAgent *agent, MsgLive *live, MsgState state,
                   const MsgActor *actor, const char *cause) {
  MsgState old = live->state;

  if (old == MSG_STATE_QUEUED)
    msg_ready_remove(e, agent, live->place);
  live->state = state;
  msg_history_add(live, state, e->now_real, msg_actor_row(e, actor), cause);
  msg_count_move(e, agent, live->place, old, state);
  msg_event_happened(e, agent, live, state, actor, cause);
  if (msg_state_is_final(state)) {
    live_finish(e, agent, live, cause);
    return;
  }
  if (!live_write(e, live, MSG_SQL_LIVE_UPDATE))
    return;
  if (state == MSG_STATE_QUEUED)
    msg_ready_insert(e, agent, live);
  /* an older one of its key may have come meanwhile */
  if (old == MSG_STATE_LEASED && live->okey)
    msg_ready_key_freed(e, agent, live->okey);
}

void msg_live_save(MsgEngine *e, MsgLive *live) {
  live_write(e, live, MSG_SQL_LIVE_UPDATE);
}

void msg_live_note(MsgEngine *e, MsgAgent *agent, MsgLive *live, MsgState event,
                   const MsgActor *actor, const char *cause) {
  msg_history_add(live, event, e->now_real, msg_actor_row(e, actor), cause);
  msg_event_happened(e, agent, live, event, actor, cause);
  if (msg_state_is_final(live->state))
    msg_done_put(e, live);
  else
    live_write(e, live, MSG_SQL_LIVE_UPDATE);
}

/* Full jitter: anything up to the step, so that what failed together does not come back together.
 */
static guint64 backoff(MsgEngine *e, const MsgAgent *agent, guint failed) {
  const guint64 *list = agent->n_backoff ? agent->backoff : e->backoff_list;
  gsize n = agent->n_backoff ? agent->n_backoff : e->settings.n_backoff_list;

  if (n > 0)
    return list[MIN(MAX(failed, 1) - 1, n - 1)];
  guint shift = MIN(MAX(failed, 1) - 1, 30);
  guint64 step = e->settings.backoff_first > e->settings.backoff_max >> shift
                     ? e->settings.backoff_max
                     : e->settings.backoff_first << shift;
  return step / 2 + (guint64)(g_rand_double(e->random) * (step / 2 + 1));
}

/* Why that was the last delivery; NULL: it was not. What killed two handlers gets no third. */
static char *count_failure(const MsgAgent *agent, MsgLive *live, MsgNackMode mode,
                           const char *cause) {
  gboolean crash = mode == MSG_NACK_CRASH, again = crash && (live->flags & MSG_LIVE_CRASHED);
  guint n = crash ? 2 : mode == MSG_NACK_FAIL ? 1 : 0;

  live->failed = (guint16)MIN(live->failed + n, G_MAXUINT16);
  if (crash)
    live->flags |= MSG_LIVE_CRASHED;
  if (again)
    return g_strdup_printf("handler-crash: it killed two handlers; last: %s", cause);
  if (n > 0 && agent->max_deliveries && live->failed >= MIN(agent->max_deliveries, G_MAXUINT16))
    return g_strdup_printf("delivery limit of %u reached; last: %s", agent->max_deliveries, cause);
  return NULL;
}

void msg_live_return(MsgEngine *e, MsgAgent *agent, MsgLive *live, MsgNackMode mode, guint64 delay,
                     const MsgActor *actor, const char *cause) {
  g_autofree char *why = count_failure(agent, live, mode, cause ? cause : "no reason given");
  if (mode == MSG_NACK_FATAL || why) {
    msg_live_move(e, agent, live, MSG_STATE_DEAD, actor, why ? why : cause);
    return;
  }
  if (live->expires && live->expires <= e->now) {
    e->stat.expired++;
    msg_live_move(e, agent, live, MSG_STATE_EXPIRED, NULL, "its time to live ran out");
    return;
  }
  if (delay == G_MAXUINT64)
    delay = mode != MSG_NACK_SILENT ? backoff(e, agent, live->failed) : 0;
  live->until = 0;
  live->ready_at = delay ? e->now + (gint64)MIN(delay, G_MAXINT64 / 4) : 0;
  /* whoever was told of it did not finish: it may be told again, from the first step on */
  if (live->flags & MSG_LIVE_ANNOUNCED)
    live->step = live->next_attempt = 0;
  live->flags &= ~(MSG_LIVE_DETACHED | MSG_LIVE_FIRST_WAIT | MSG_LIVE_ANNOUNCED);
  live->calendar = 0;
  msg_live_move(e, agent, live, delay ? MSG_STATE_SCHEDULED : MSG_STATE_QUEUED, actor, cause);
}
