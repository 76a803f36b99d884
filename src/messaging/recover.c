/* recover.c: what a start, a salvage or a reopened store has to put right.
 *
 * Leases that ended with the process give their mail back; detached ones go on. Everything else is
 * as the store says. After a salvage counts are taken from the rows, and numbers leave a gap, since
 * the newest rows may be among those that were lost. */
#include "messaging/engine-private.h"

#include <string.h>

#define SALVAGE_GAP 1000000
/* Of a packed delivery: the state (codec.c). Only a hint where to look; msg_live_get() verifies. */
#define STATE_AT 5

/* ---- leases ---- */
static void recover_one(MsgEngine *e, MsgAgent *agent, guint64 place) {
  MsgLive *live = msg_live_get(e, place);

  if (!live || live->state != MSG_STATE_LEASED || msg_lease_of(e, live))
    return;
  if ((live->flags & MSG_LIVE_DETACHED) && live->until > e->now) {
    msg_lease_restore(e, agent, live);
    return;
  }
  if (live->flags & MSG_LIVE_DETACHED) { /* it would have ended the same way without the restart */
    msg_live_return(e, agent, live, MSG_NACK_FAIL, G_MAXUINT64, NULL, "the lease's time ran out");
    return;
  }
  live->until = live->ready_at = 0;
  msg_live_move(e, agent, live, MSG_STATE_QUEUED, NULL, "the service was restarted");
}

/* The rows that look leased, as long as some are missing. */
static void find_leased(MsgEngine *e, MsgAgent *agent, guint64 n, GArray *places) {
  g_autoptr(sqlite3_stmt) stmt =
      msg_rare(e, "SELECT place, data FROM main.live WHERE place >= ?1 AND place < ?2");

  if (!stmt)
    return;
  sqlite3_bind_int64(stmt, 1, msg_place_row(msg_place(agent->id, 0, 0)));
  sqlite3_bind_int64(stmt, 2, msg_place_row(msg_place(agent->id + 1, 0, 0)));
  while (places->len < n && msg_rare_row(e, stmt)) {
    const guint8 *data = sqlite3_column_blob(stmt, 1);
    if (sqlite3_column_bytes(stmt, 1) > STATE_AT && data[STATE_AT] == MSG_STATE_LEASED) {
      guint64 place = sqlite3_column_int64(stmt, 0);
      g_array_append_val(places, place);
    }
  }
}

static void recover_agent(MsgEngine *e, MsgAgent *agent) {
  g_autoptr(GArray) places = g_array_new(FALSE, FALSE, sizeof(guint64));

  find_leased(e, agent, agent->counts.in_flight - agent->volatile_counts.in_flight, places);
  for (guint i = 0; i < places->len && !e->failed; i++)
    recover_one(e, agent, g_array_index(places, guint64, i));
}

static void recover_leases(MsgEngine *e) {
  for (guint i = 0; i < e->agents->len && !e->failed; i++) {
    MsgAgent *agent = e->agents->pdata[i];
    if (!agent)
      continue;
    if (agent->counts.in_flight > 0)
      recover_agent(e, agent);
    if (agent->removed && msg_agent_waiting(agent) > 0)
      e->sweeping = TRUE;
  }
}

/* ---- counts ---- */
/* What stands beside the deliveries is made from them again. */
static void empty_beside(MsgEngine *e, gboolean is_volatile) {
  static const char *const texts[] = {"DELETE FROM %s.due", "DELETE FROM %s.calendar",
                                      "DELETE FROM %s.turn"};

  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
    g_autoptr(sqlite3_stmt) stmt = msg_rare_in(e, is_volatile, texts[i]);
    msg_rare_run(e, stmt);
  }
}

static void recount_live(MsgEngine *e, gboolean is_volatile) {
  g_autoptr(sqlite3_stmt) stmt = msg_rare_in(e, is_volatile, "SELECT place, data FROM %s.live");

  while (msg_rare_row(e, stmt)) {
    guint64 place = (guint64)sqlite3_column_int64(stmt, 0) | (is_volatile ? MSG_PLACE_VOLATILE : 0);
    MsgAgent *agent = msg_agent_by_id(e, msg_place_agent(place));
    g_autoptr(MsgLive) live =
        msg_live_unpack(place, sqlite3_column_blob(stmt, 1), sqlite3_column_bytes(stmt, 1));
    if (!agent)
      continue;
    /* a damaged one is mended into a queued one when it is read */
    msg_count_move(e, agent, place, MSG_STATE_NONE, live ? live->state : MSG_STATE_QUEUED);
    if (!live)
      continue;
    msg_live_count_size(e, agent, live);
    msg_live_index(e, live);
  }
}

static void recount_dead(MsgEngine *e, gboolean is_volatile) {
  g_autoptr(sqlite3_stmt) stmt = msg_rare_in(e, is_volatile, "SELECT place FROM %s.dead");

  while (msg_rare_row(e, stmt)) {
    guint64 place = (guint64)sqlite3_column_int64(stmt, 0) | (is_volatile ? MSG_PLACE_VOLATILE : 0);
    MsgAgent *agent = msg_agent_by_id(e, msg_place_agent(place));
    if (agent)
      msg_count_move(e, agent, place, MSG_STATE_NONE, MSG_STATE_DEAD);
  }
}

void msg_count_rows(MsgEngine *e, const MsgAgent *agent, gboolean is_volatile, MsgCounts *ret) {
  static const char *const texts[] = {
      "SELECT place, data FROM %s.live WHERE place >= ?1 AND place < ?2",
      "SELECT place FROM %s.dead WHERE place >= ?1 AND place < ?2"};

  *ret = (MsgCounts){0};
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
    g_autoptr(sqlite3_stmt) stmt = msg_rare_in(e, is_volatile, texts[i]);
    if (!stmt)
      return;
    sqlite3_bind_int64(stmt, 1, msg_place_row(msg_place(agent->id, 0, 0)));
    sqlite3_bind_int64(stmt, 2, msg_place_row(msg_place(agent->id + 1, 0, 0)));
    while (msg_rare_row(e, stmt)) {
      guint64 place =
          (guint64)sqlite3_column_int64(stmt, 0) | (is_volatile ? MSG_PLACE_VOLATILE : 0);
      g_autoptr(MsgLive) live = i == 0 ? msg_live_unpack(place, sqlite3_column_blob(stmt, 1),
                                                         sqlite3_column_bytes(stmt, 1))
                                       : NULL;
      MsgState state = i == 1 ? MSG_STATE_DEAD : live ? live->state : MSG_STATE_QUEUED;
      ret->dead += state == MSG_STATE_DEAD;
      ret->queued += state == MSG_STATE_QUEUED;
      ret->urgent += state == MSG_STATE_QUEUED && msg_place_urgent(place);
      ret->scheduled += state == MSG_STATE_SCHEDULED;
      ret->held += state == MSG_STATE_HELD;
      ret->in_flight += state == MSG_STATE_LEASED;
      ret->bytes += live ? live->size : 0;
    }
  }
}

void msg_recount(MsgEngine *e) {
  g_autoptr(sqlite3_stmt) none = msg_rare(e, "UPDATE sender SET messages = 0, bytes = 0");

  for (guint i = 0; i < e->agents->len; i++) {
    MsgAgent *agent = e->agents->pdata[i];
    if (!agent)
      continue;
    gint64 seen = agent->counts.last_seen;
    agent->counts = (MsgCounts){.last_seen = seen};
    agent->volatile_counts = (MsgCounts){0};
    agent->volatile_dirty = TRUE;
    msg_agent_dirty(e, agent);
  }
  msg_rare_run(e, none);
  g_clear_pointer(&none, sqlite3_finalize);
  if ((none = msg_rare(e, "DELETE FROM vol.outstanding")))
    msg_rare_run(e, none);
  g_hash_table_remove_all(e->senders_by_name);
  g_hash_table_remove_all(e->senders);
  g_ptr_array_set_size(e->dirty_senders, 0);
  for (guint v = 0; v < 2 && !e->failed; v++) {
    empty_beside(e, v == 1);
    recount_live(e, v == 1);
    recount_dead(e, v == 1);
  }
}

/* ---- a salvaged store ---- */
/* 42: the bits of rank and number in a place (record.h). */
G_STATIC_ASSERT(MSG_SEQ_BITS + MSG_RANK_BITS == 42);

/* What memory knows of agents is more than a salvaged file may have. */
static void agents_write(MsgEngine *e) {
  for (guint i = 0; i < e->agents->len && !e->failed; i++)
    if (e->agents->pdata[i])
      msg_agent_write(e, e->agents->pdata[i]);
}

static void adopt_mail(MsgEngine *e) {
  static const char *const texts[] = {"SELECT DISTINCT place >> 42 FROM main.live",
                                      "SELECT DISTINCT place >> 42 FROM main.dead"};

  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
    g_autoptr(sqlite3_stmt) stmt = msg_rare(e, texts[i]);
    g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(guint));
    while (msg_rare_row(e, stmt)) {
      guint id = (guint)sqlite3_column_int64(stmt, 0);
      if (id > 0 && id <= MSG_AGENT_MAX && !msg_agent_by_id(e, id))
        g_array_append_val(ids, id);
    }
    g_clear_pointer(&stmt, sqlite3_finalize);
    for (guint k = 0; k < ids->len && !e->failed; k++)
      msg_agent_adopt(e, g_array_index(ids, guint, k));
  }
}

static void skip_numbers(MsgEngine *e) {
  e->last_seq += SALVAGE_GAP;
  msg_numbers_keep(e);
}

/* In a damaged tree a row may not have been found when it was to be removed: what is final counts,
 * else mail comes again after its ack. */
static void drop_finished(MsgEngine *e) {
  g_autoptr(sqlite3_stmt) stmt =
      msg_rare(e, "DELETE FROM main.live WHERE place IN (SELECT place FROM main.done)");

  msg_rare_row(e, stmt);
}

static gboolean count_rows_missing(MsgEngine *e) {
  g_autoptr(sqlite3_stmt) stmt =
      msg_rare(e, "SELECT 1 FROM agent WHERE id NOT IN (SELECT agent FROM count) LIMIT 1");

  return msg_rare_row(e, stmt);
}

static void put_right(MsgEngine *e, gboolean salvaged) {
  if (salvaged) {
    agents_write(e);
    adopt_mail(e);
    skip_numbers(e);
    msg_pairs_salvaged(e);
    drop_finished(e);
  }
  if (salvaged || count_rows_missing(e))
    msg_recount(e);
  recover_leases(e);
  if (!e->failed) {
    msg_agents_flush(e);
    msg_senders_flush(e);
  }
}

/* Leases whose rows are gone, or are another's by now. */
static void drop_lost_leases(MsgEngine *e) {
  g_autoptr(GList) all = g_hash_table_get_values(e->leases);

  for (GList *l = all; l; l = l->next) {
    MsgLease *lease = l->data;
    guint64 place = lease->live->place;
    sqlite3_stmt *stmt = msg_sql(e, msg_place_volatile(place), MSG_SQL_LIVE_GET);
    sqlite3_bind_int64(stmt, 1, msg_place_row(place));
    g_autoptr(MsgLive) row = NULL;
    if (sqlite3_step(stmt) == SQLITE_ROW)
      row = msg_live_unpack(place, sqlite3_column_blob(stmt, 0), sqlite3_column_bytes(stmt, 0));
    sqlite3_reset(stmt);
    if (row && row->state == MSG_STATE_LEASED && row->nonce == lease->live->nonce)
      continue;
    g_hash_table_remove(e->live_cache, &place);
    MsgLive *lost = lease->live;
    msg_lease_drop(e, lease);
    msg_live_free(lost);
  }
  msg_undo_commit(e);
}

static gboolean in_transaction(MsgEngine *e, gboolean salvaged, GError **error) {
  if (!wg_store_exec(e->db, "BEGIN", error))
    return FALSE;
  put_right(e, salvaged);
  if (!e->failed && wg_store_exec(e->db, "COMMIT", error)) {
    e->agents_changed = FALSE;
    return TRUE;
  }
  sqlite3_exec(e->db, "ROLLBACK", NULL, NULL, NULL);
  if (error && !*error)
    *error = g_steal_pointer(&e->start_error);
  g_clear_error(&e->start_error);
  return FALSE;
}

/* A start must not depend on room on the disk: what could not be written is tried again in ticks,
 * and meanwhile only the mail of lost leases waits longer. */
void msg_recover(MsgEngine *e, gboolean salvaged) {
  g_autoptr(GError) error = NULL;

  e->recover_salvaged = e->recover_salvaged || salvaged;
  e->recover_later =
      wg_store_is_read_only(e->store) || !in_transaction(e, e->recover_salvaged, &error);
  msg_wake_now(e);
  if (!e->recover_later) {
    e->recover_salvaged = FALSE;
    msg_undo_commit(e);
    return;
  }
  msg_memory_reset(e);
  msg_log(e, LOG_WARNING, WG_MSG_DEGRADED, NULL, 0,
          "Mail of leases that ended with the last run stays out of the queue until the store can "
          "be written: %s",
          error ? error->message : "it can only be read");
}

/* Within a tick's batch: what the start could not do. */
void msg_recover_step(MsgEngine *e) {
  if (!e->recover_later || wg_store_is_read_only(e->store))
    return; /* a store that becomes writable is opened anew, and recovered then */
  e->recover_batch = e->batch; /* a roll-back sets recover_later again */
  e->recover_later = FALSE;
  put_right(e, e->recover_salvaged);
}

void msg_recover_reopened(MsgEngine *e, gboolean salvaged) {
  drop_lost_leases(e);
  msg_recover(e, salvaged);
}
