/* dead.c: RequeueDead and PurgeDead.
 *
 * A dead letter is a final delivery that is kept until somebody decides: its record stands in
 * `done`, and its place in `dead`, by which it is found. Only who owns the agent, or an
 * administrator, decides. */
#include "messaging/engine-private.h"

#define SLICE 256

static gboolean may(const MsgJob *job, const MsgAgent *agent) {
  return job->admin || job->actor->uid == 0 || (agent && job->actor->uid == agent->uid);
}

static void delete_row(MsgEngine *e, MsgSql which, guint64 place) {
  sqlite3_stmt *stmt = msg_sql(e, msg_place_volatile(place), which);

  sqlite3_bind_int64(stmt, 1, msg_place_row(place));
  msg_sql_run(e, stmt);
}

/* No longer final: out of `done` and `dead`. */
static void take_out(MsgEngine *e, MsgAgent *agent, guint64 place) {
  delete_row(e, MSG_SQL_DONE_DELETE, place);
  delete_row(e, MSG_SQL_DEAD_DELETE, place);
  msg_count_move(e, agent, place, MSG_STATE_DEAD, MSG_STATE_NONE);
}

/* Takes `done`. */
static void revive(MsgEngine *e, const MsgJob *job, MsgLive *done, MsgAgent *agent,
                   const char *cause) {
  done->state = MSG_STATE_QUEUED;
  done->flags = done->step = 0;
  done->acquired = done->failed = done->attempts = 0;
  done->ready_at = done->until = done->next_attempt = done->calendar = 0;
  done->expires = 0; /* who requeues it wants it delivered, also when its time to live is over */
  done->okey = 0;    /* it has lost its turn */
  guint32 actor = msg_actor_row(e, job->actor);
  msg_history_add(done, MSG_EVENT_REQUEUED, e->now_real, actor, cause);
  msg_history_add(done, MSG_STATE_QUEUED, e->now_real, actor, NULL);
  msg_event_happened(e, agent, done, MSG_EVENT_REQUEUED, job->actor, cause);
  msg_event_happened(e, agent, done, MSG_STATE_QUEUED, job->actor, NULL);
  msg_live_add(e, agent, done);
}

/* The message goes to another agent: the one change that a stored message can see. */
static gboolean readdress(MsgEngine *e, guint64 seq, guint32 from, guint32 to, GError **error) {
  g_autoptr(MsgMessage) m = msg_message_load(e, seq, TRUE, error);

  if (!m)
    return FALSE;
  g_autofree guint32 *rows = g_memdup2(m->recipients, m->n_recipients * sizeof(guint32));
  for (guint i = 0; i < m->n_recipients; i++)
    if (rows[i] == from)
      rows[i] = to;
  g_autofree guint64 *sequences =
      m->sequences ? g_memdup2(m->sequences, m->n_recipients * sizeof(guint64)) : NULL;
  for (guint i = 0; sequences && i < m->n_recipients; i++)
    if (m->recipients[i] == from)
      sequences[i] = msg_pair_next(e, (seq & MSG_VOLATILE_BIT) != 0, m->sender, to);
  msg_pairs_keep(e);
  MsgMessage changed = *m;
  changed.recipients = rows;
  changed.sequences = sequences;
  g_autoptr(sqlite3_stmt) stmt = msg_rare_in(e, (seq & MSG_VOLATILE_BIT) != 0,
                                             "UPDATE %s.message SET meta = ?2 WHERE seq = ?1");
  msg_message_pack(&changed, e->pack);
  msg_message_forget(e, seq);
  if (!stmt)
    return FALSE;
  sqlite3_bind_int64(stmt, 1, seq);
  sqlite3_bind_blob(stmt, 2, e->pack->data, e->pack->len, SQLITE_STATIC);
  return msg_rare_run(e, stmt);
}

static gboolean requeue(MsgEngine *e, const MsgJob *job, MsgLive *done, MsgAgent *agent,
                        MsgAgent *to, GError **error) {
  guint64 seq = msg_place_seq(done->place), old = done->place;
  guint rank = msg_place_rank(old);
  g_autofree char *cause = to ? g_strdup_printf("from agent '%s'", agent->name) : NULL;

  if (to && !readdress(e, seq, agent->id, to->id, error)) {
    msg_live_free(done);
    return FALSE;
  }
  take_out(e, agent, old);
  if (to)
    done->place = msg_place(to->id, rank, seq);
  revive(e, job, done, to ? to : agent, cause);
  return TRUE;
}

static gboolean target(MsgEngine *e, const MsgJob *job, const MsgMessage *m, const char *name,
                       MsgAgent **ret, GError **error) {
  const MsgEdgeEnd from = msg_edge_from(e, msg_sender_by_id(e, m->sender));

  if (!name)
    return TRUE;
  if (!(*ret = msg_agent_find(e, name, error)) ||
      (!job->admin && !msg_edge_check(e, &from, *ret, name, error)))
    return FALSE;
  if (!msg_message_place(m, (*ret)->id))
    return TRUE;
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_STATE,
              "Message %" G_GUINT64_FORMAT " was sent to agent '%s' as well", m->seq, name);
  return FALSE;
}

WgJobResult msg_call_requeue_dead(MsgEngine *e, MsgCallJob *job) {
  GError **error = &job->base.job.error;
  guint64 seq;
  const char *name = NULL, *to_name = NULL;
  MsgAgent *to = NULL;
  gboolean was_removed = FALSE;
  guint n = 0;
  g_autoptr(GVariant) options = NULL;

  g_variant_get(job->args, "(t@a{sv})", &seq, &options);
  g_variant_lookup(options, "agent", "&s", &name);
  g_variant_lookup(options, "to", "&s", &to_name);
  g_autoptr(MsgMessage) m = msg_message_for(e, &job->base, seq, FALSE, error);
  if (!m || !target(e, &job->base, m, to_name, &to, error))
    return WG_JOB_DONE;
  for (guint i = 0; i < m->n_recipients && !*error && !e->failed; i++) {
    MsgAgent *agent = msg_agent_by_id(e, m->recipients[i]);
    if (!agent || (name && g_strcmp0(name, agent->name) != 0) || !may(&job->base, agent))
      continue;
    MsgLive *done = msg_done_get(e, msg_message_place(m, agent->id));
    if (!done || done->state != MSG_STATE_DEAD || (agent->removed && !to) || (to && n > 0)) {
      was_removed = was_removed || (done && done->state == MSG_STATE_DEAD && agent->removed);
      msg_live_free(done);
      continue;
    }
    n += requeue(e, &job->base, done, agent, to, error);
  }
  if (n == 0 && !*error)
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_STATE,
                was_removed ? "The agent of message %" G_GUINT64_FORMAT
                              " was removed; say with \"to\" which agent gets it"
                            : "Message %" G_GUINT64_FORMAT
                              " has no dead letter that you may requeue",
                seq);
  else if (!*error)
    job->result = g_variant_ref_sink(g_variant_new("(u)", n));
  return WG_JOB_DONE;
}

/* ---- purge ---- */
/* The message goes with its last delivery. */
static void drop_message(MsgEngine *e, guint64 seq) {
  g_autoptr(MsgMessage) m = msg_message_load(e, seq, FALSE, NULL);
  gboolean is_volatile = (seq & MSG_VOLATILE_BIT) != 0;

  for (guint i = 0; m && i < m->n_recipients; i++) {
    g_autoptr(MsgLive) done = NULL;
    if (msg_delivery_get(e, msg_message_place(m, m->recipients[i]), &done))
      return;
  }
  if (e->failed)
    return;
  msg_message_forget(e, seq);
  sqlite3_stmt *stmt = msg_sql(e, is_volatile, MSG_SQL_MESSAGE_DELETE);
  sqlite3_bind_int64(stmt, 1, seq);
  msg_sql_run(e, stmt);
  msg_pairs_keep(e);
}

typedef struct {
  guint64 seq;   /* 0: all */
  gint64 before; /* CLOCK_REALTIME, 0: any time */
  gint64 after;  /* the place that was looked at last */
  guint32 n;
  gboolean is_volatile;
  char agent[72]; /* "": any */
} Purge;

static gboolean purge_wants(MsgEngine *e, const MsgJob *job, const Purge *p, gint64 row,
                            gint64 time, MsgAgent **ret) {
  MsgAgent *agent = msg_agent_by_id(e, msg_place_agent((guint64)row));

  *ret = agent;
  return agent && may(job, agent) && (!p->before || time < p->before) &&
         (!*p->agent || g_str_equal(p->agent, agent->name));
}

/* A slice of `dead`; TRUE: the end of both schemas was reached. */
static gboolean purge_slice(MsgEngine *e, const MsgJob *job, Purge *p) {
  g_autoptr(GArray) places = g_array_new(FALSE, FALSE, sizeof(guint64));
  g_autoptr(sqlite3_stmt) stmt =
      msg_rare_in(e, p->is_volatile,
                  "SELECT place, time FROM %s.dead WHERE place > ?1 ORDER BY place LIMIT ?2");
  guint rows = 0;
  MsgAgent *agent;

  if (!stmt)
    return TRUE;
  sqlite3_bind_int64(stmt, 1, p->after);
  sqlite3_bind_int(stmt, 2, SLICE);
  while (msg_rare_row(e, stmt)) {
    gint64 row = sqlite3_column_int64(stmt, 0);
    guint64 place = (guint64)row | (p->is_volatile ? MSG_PLACE_VOLATILE : 0);
    rows++;
    p->after = row;
    if (purge_wants(e, job, p, row, sqlite3_column_int64(stmt, 1), &agent))
      g_array_append_val(places, place);
  }
  for (guint i = 0; i < places->len && !e->failed; i++) {
    guint64 place = g_array_index(places, guint64, i);
    take_out(e, msg_agent_by_id(e, msg_place_agent(place)), place);
    drop_message(e, msg_place_seq(place));
    p->n++;
  }
  if (places->len > 0)
    msg_numbers_keep(e);
  if (rows == SLICE)
    return FALSE;
  if (p->is_volatile)
    return TRUE;
  p->is_volatile = TRUE;
  p->after = -1;
  return FALSE;
}

static void purge_answer(MsgEngine *e, MsgCallJob *job, const Purge *p) {
  if (p->n > 0)
    msg_log(e, LOG_NOTICE, WG_MSG_DEAD_PURGED, *p->agent ? p->agent : NULL, p->seq,
            "Uid %u purged %u dead letters", job->base.actor->uid, p->n);
  g_clear_pointer(&job->result, g_variant_unref);
  job->result = g_variant_ref_sink(g_variant_new("(u)", p->n));
}

static gboolean purge_step(MsgEngine *e, MsgCallJob *job, gpointer state, gboolean last) {
  gboolean end = last || purge_slice(e, &job->base, state);

  if (end)
    purge_answer(e, job, state);
  return end;
}

/* One message's dead letters. */
static void purge_one(MsgEngine *e, MsgCallJob *job, Purge *p) {
  GError **error = &job->base.job.error;
  g_autoptr(MsgMessage) m = msg_message_for(e, &job->base, p->seq, FALSE, error);

  for (guint i = 0; m && i < m->n_recipients && !e->failed; i++) {
    MsgAgent *agent = msg_agent_by_id(e, m->recipients[i]);
    guint64 place = msg_message_place(m, m->recipients[i]);
    g_autoptr(MsgLive) done = msg_done_get(e, place);
    if (!done || done->state != MSG_STATE_DEAD || !agent || !may(&job->base, agent) ||
        (*p->agent && !g_str_equal(p->agent, agent->name)))
      continue;
    take_out(e, agent, place);
    p->n++;
  }
  if (!m)
    return;
  if (p->n == 0) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_STATE,
                "Message %" G_GUINT64_FORMAT " has no dead letter that you may purge", p->seq);
    return;
  }
  drop_message(e, p->seq);
  msg_numbers_keep(e);
  purge_answer(e, job, p);
}

WgJobResult msg_call_purge_dead(MsgEngine *e, MsgCallJob *job) {
  const char *name = "";
  g_autoptr(GVariant) options = NULL;
  Purge p = {.after = -1};

  g_variant_get(job->args, "(t@a{sv})", &p.seq, &options);
  g_variant_lookup(options, "agent", "&s", &name);
  g_variant_lookup(options, "before", "t", &p.before);
  g_strlcpy(p.agent, name, sizeof p.agent);
  if (p.seq != 0) {
    purge_one(e, job, &p);
    return WG_JOB_DONE;
  }
  for (guint i = 0; i < 2; i++) /* few dead letters are done with at once */
    if (purge_slice(e, &job->base, &p)) {
      purge_answer(e, job, &p);
      return WG_JOB_DONE;
    }
  return msg_slices_park(e, job, purge_step, &p, sizeof p);
}
