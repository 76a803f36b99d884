/* attempts.c: attempts to tell an agent of a delivery: which comes next, who has it.
 *
 * For each level of priority an agent remembers up to which number its queued deliveries were
 * offered; a delivery that comes back to the queue, or whose back-off is over, moves that mark down
 * again. So an offer looks at each delivery once, however many wait. The windows (ready.c) hold
 * only a beginning of the queue; behind it the store is read. */
#include "messaging/courier.h"

#include <string.h>

/* Held mail that a new policy makes come at once; what is more comes at its time. */
#define POLICY_MAX 4096

#define SCAN_ROWS 64

static void forget(MsgEngine *e, MsgAttempt *a) {
  msg_timer_remove(e, &a->timer);
  if (a->token)
    g_hash_table_remove(e->attempts, &a->token);
  if (g_hash_table_lookup(e->attempts_by_place, &a->place) == a)
    g_hash_table_remove(e->attempts_by_place, &a->place);
}

static void remember(MsgEngine *e, MsgAttempt *a) {
  if (a->token)
    g_hash_table_insert(e->attempts, &a->token, a);
  g_hash_table_insert(e->attempts_by_place, &a->place, a);
  msg_timer_add(e, &a->timer, a->timer.when);
}

MsgAttempt *msg_attempt_new(MsgEngine *e, MsgAgent *agent, guint64 place, MsgCourier *courier,
                            gint64 when) {
  MsgAttempt *a = g_new0(MsgAttempt, 1);

  a->token = courier ? ++e->last_id : 0;
  a->courier = courier;
  a->agent = agent;
  a->place = place;
  a->lease = (guint64)MAX(when - e->now, 0);
  a->made = e->batch;
  a->timer = (MsgTimer){.when = when, .kind = MSG_TIMER_ATTEMPT, .what = a};
  remember(e, a);
  return a;
}

void msg_attempt_end(MsgEngine *e, MsgAttempt *a) {
  a->ended = e->batch;
  forget(e, a);
  g_ptr_array_add(e->attempts_ended, a);
}

void msg_attempt_renew(MsgEngine *e, MsgAttempt *a) {
  if (a->renewed != e->batch)
    a->before = a->timer.when;
  a->renewed = e->batch;
  msg_timer_remove(e, &a->timer);
  msg_timer_add(e, &a->timer, e->now + (gint64)a->lease);
}

void msg_attempts_commit(MsgEngine *e) {
  g_ptr_array_set_size(e->attempts_ended, 0);
}

/* As it was before the batch; the courier of one that ended with it does not come back. */
static void put_back(MsgEngine *e, MsgAttempt *a) {
  if (a->renewed == e->batch)
    a->timer.when = a->before;
  a->ended = a->renewed = 0;
  if (a->made == e->batch || (a->token && !a->courier))
    g_free(a);
  else
    remember(e, a);
}

void msg_attempts_undo(MsgEngine *e) {
  g_autoptr(GList) all = g_hash_table_get_values(e->attempts_by_place);

  for (GList *l = all; l; l = l->next) {
    MsgAttempt *a = l->data;
    if (a->made != e->batch && a->renewed != e->batch)
      continue;
    forget(e, a);
    put_back(e, a);
  }
  while (e->attempts_ended->len > 0)
    put_back(e, g_ptr_array_steal_index(e->attempts_ended, e->attempts_ended->len - 1));
  for (guint i = 0; i < e->agents->len; i++) { /* what was passed over is looked at again */
    MsgAgent *agent = e->agents->pdata[i];
    if (!agent)
      continue;
    memset(agent->offered, 0, sizeof agent->offered);
    memset(agent->noted, 0, sizeof agent->noted);
  }
}

static void mark_down(MsgAgent *agent, guint64 place) {
  guint rank = MIN(msg_place_rank(place), MSG_LEVELS - 1);
  guint64 *mark = &agent->offered[msg_place_volatile(place)][rank], seq = msg_place_seq(place);

  *mark = MIN(*mark, seq - 1);
  mark = &agent->noted[msg_place_volatile(place)][rank];
  *mark = MIN(*mark, seq - 1);
}

void msg_attempt_queued(MsgEngine *e, MsgAgent *agent, guint64 place) {
  MsgAttempt *a = g_hash_table_size(e->attempts_by_place) > 0
                      ? g_hash_table_lookup(e->attempts_by_place, &place)
                      : NULL;

  mark_down(agent, place);
  if (a && !a->token)
    msg_attempt_end(e, a); /* its time was that of an earlier turn in the queue */
}

void msg_attempt_again(MsgEngine *e, MsgAttempt *a) {
  msg_attempt_end(e, a);
  mark_down(a->agent, a->place);
  msg_touch(e, a->agent);
}

/* Nothing but a return to the queue would make it one to be offered. */
static gboolean is_done_with(const MsgLive *live) {
  return live->state != MSG_STATE_QUEUED || (live->flags & MSG_LIVE_NO_ATTEMPT) ||
         ((live->flags & MSG_LIVE_ANNOUNCED) && !live->next_attempt);
}

/* Whether a courier may be told of it now; one whose time is still to come gets a timer. */
static gboolean eligible(MsgEngine *e, MsgAgent *agent, const MsgLive *live) {
  if (is_done_with(live) || g_hash_table_contains(e->attempts_by_place, &live->place))
    return FALSE;
  if (live->next_attempt <= e->now)
    return msg_ready_is_turn(e, live);
  msg_attempt_new(e, agent, live->place, NULL, live->next_attempt);
  return FALSE;
}

/* FALSE: this batch has looked at enough. */
static gboolean may_look(MsgEngine *e, MsgAgent *agent) {
  if (e->looks_batch != e->batch)
    e->looks = 0;
  e->looks_batch = e->batch;
  if (e->looks++ < e->looks_max)
    return TRUE;
  agent->look_later = e->look_later = TRUE;
  msg_wake_now(e);
  return FALSE;
}

void msg_attempts_look_on(MsgEngine *e) {
  if (!e->look_later)
    return;
  e->look_later = FALSE;
  for (guint i = 0; i < e->agents->len; i++) {
    MsgAgent *agent = e->agents->pdata[i];
    if (!agent || !agent->look_later)
      continue;
    agent->look_later = FALSE;
    msg_touch(e, agent);
  }
}

/* The first number after `*mark` in the store that may be one to be offered; 0: none. Moves the
 * mark over the others. */
static guint64 scan_store(MsgEngine *e, MsgAgent *agent, guint rank, gboolean v, guint64 *mark) {
  gint64 base = msg_place_row(msg_place(agent->id, rank, 0));
  sqlite3_stmt *stmt = msg_sql(e, v, MSG_SQL_LIVE_SCAN);
  guint64 found = 0;
  guint rows;
  int r;

  do {
    rows = 0;
    sqlite3_bind_int64(stmt, 1, base + (gint64)(*mark & MSG_SEQ_MASK));
    sqlite3_bind_int64(stmt, 2, base + (gint64)MSG_SEQ_MASK);
    sqlite3_bind_int(stmt, 3, SCAN_ROWS);
    while ((r = sqlite3_step(stmt)) == SQLITE_ROW && !found && may_look(e, agent)) {
      guint64 place = (guint64)sqlite3_column_int64(stmt, 0) | (v ? MSG_PLACE_VOLATILE : 0);
      g_autoptr(MsgLive) live =
          msg_live_unpack(place, sqlite3_column_blob(stmt, 1), sqlite3_column_bytes(stmt, 1));
      rows++;
      if (!live || !is_done_with(live)) /* a damaged one is mended when it is read */
        found = msg_place_seq(place);
      else
        *mark = msg_place_seq(place);
    }
    sqlite3_reset(stmt);
    if (r != SQLITE_ROW && r != SQLITE_DONE)
      msg_fail(e, "looking for what couriers could be told of");
  } while (!found && rows == SCAN_ROWS && !e->failed);
  return found;
}

static guint64 number_after(MsgEngine *e, MsgAgent *agent, guint rank, gboolean v, guint64 *mark) {
  guint64 seq = msg_ready_after(agent, rank, v, *mark), loaded;

  if (seq)
    return may_look(e, agent) ? seq : 0;
  loaded = msg_ready_loaded(agent, rank, v);
  if (loaded == G_MAXUINT64)
    return 0;
  *mark = MAX(*mark, loaded);
  return scan_store(e, agent, rank, v, mark);
}

/* `pass`: move the mark beyond it. */
static MsgLive *next_candidate(MsgEngine *e, MsgAgent *agent, guint64 marks[2][MSG_LEVELS],
                               gboolean pass) {
  if (!msg_ready_peek(e, agent)) /* loads the windows; paused: none */
    return NULL;
  for (guint rank = 0; rank < MSG_LEVELS; rank++)
    for (guint v = 0; v < 2; v++) {
      guint64 *mark = &marks[v][rank], seq;
      while (!e->failed && (seq = number_after(e, agent, rank, v == 1, mark)) != 0) {
        MsgLive *live = msg_live_get(e, msg_place(agent->id, rank, seq));
        gboolean found = live && eligible(e, agent, live);
        if (!found || pass)
          *mark = seq;
        if (found)
          return live;
      }
    }
  return NULL;
}

MsgLive *msg_attempt_candidate(MsgEngine *e, MsgAgent *agent) {
  return next_candidate(e, agent, agent->offered, TRUE);
}

gboolean msg_attempt_waits(MsgEngine *e, MsgAgent *agent) {
  return next_candidate(e, agent, agent->offered, FALSE) != NULL;
}

/* What is not to be offered has nothing to be noted either. */
MsgLive *msg_attempt_unnoted(MsgEngine *e, MsgAgent *agent) {
  for (guint rank = 0; rank < MSG_LEVELS; rank++)
    for (guint v = 0; v < 2; v++)
      agent->noted[v][rank] = MAX(agent->noted[v][rank], agent->offered[v][rank]);
  return next_candidate(e, agent, agent->noted, TRUE);
}

void msg_attempts_of_gone(MsgEngine *e, MsgCourier *courier) {
  g_autoptr(GList) all = g_hash_table_get_values(e->attempts);

  for (GList *l = all; l; l = l->next) {
    MsgAttempt *a = l->data;
    if (a->courier != courier)
      continue;
    a->courier = NULL;
    msg_attempt_again(e, a);
  }
}

void msg_attempts_of_moved(MsgEngine *e, MsgAgent *agent) {
  g_autoptr(GList) all = g_hash_table_get_values(e->attempts);

  for (GList *l = all; l; l = l->next)
    if (((MsgAttempt *)l->data)->agent == agent)
      msg_attempt_again(e, l->data);
}

void msg_attempts_of_policy(MsgEngine *e, MsgAgent *agent) {
  g_autoptr(GList) all = g_hash_table_get_values(e->attempts_by_place);
  guint n = 0;

  for (GList *l = all; l && n < POLICY_MAX; l = l->next) {
    MsgAttempt *a = l->data;
    MsgLive *live = a->agent == agent && !a->token ? msg_live_get(e, a->place) : NULL;
    if (!live || (live->flags & MSG_LIVE_ANNOUNCED))
      continue;
    live->next_attempt = 0;
    live->step = 0;
    msg_live_save(e, live);
    msg_attempt_again(e, a);
    n++;
  }
}

MsgAttempt *msg_attempt_find(MsgEngine *e, const MsgCallJob *job, guint64 token, GError **error) {
  MsgAttempt *a = g_hash_table_lookup(e->attempts, &token);

  if (a && a->courier && a->courier->actor->caller == job->base.actor->caller)
    return a;
  g_set_error(error, WG_ERROR, WG_ERROR_LEASE_EXPIRED,
              "This connection has no attempt %" G_GUINT64_FORMAT
              ": its time ran out, or its result is known already",
              token);
  return NULL;
}

void msg_attempt_refuse(GVariantBuilder *refused, guint64 token, const GError *error) {
  g_variant_builder_add(refused, "(tss)", token, wg_error_name(error->code), error->message);
}
