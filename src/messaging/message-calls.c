/* message-calls.c: Cancel, Hold, Release and FindMessage.
 *
 * They act on each delivery of the message that the caller may act on: all for its sender and an
 * administrator, those to its own agents for an owner. A delivery that is being handled is left
 * alone: who has the lease decides. To hold what is held, or to release what is not, is no error
 * and changes nothing. */
#include "messaging/engine-private.h"

#include <string.h>

typedef enum { CANCEL, HOLD, RELEASE } Verb;

static const char *const verb_text[] = {
    [CANCEL] = "canceled", [HOLD] = "held", [RELEASE] = "released"};

static gboolean apply(MsgEngine *e, MsgAgent *agent, MsgLive *live, Verb verb,
                      const MsgActor *actor) {
  gboolean waits = live->state == MSG_STATE_SCHEDULED || live->state == MSG_STATE_QUEUED;

  if (verb == CANCEL && (waits || live->state == MSG_STATE_HELD)) {
    e->stat.canceled++;
    msg_live_move(e, agent, live, MSG_STATE_CANCELED, actor, NULL);
    return TRUE;
  }
  if (verb == HOLD && waits) {
    msg_live_move(e, agent, live, MSG_STATE_HELD, actor, NULL);
    return TRUE;
  }
  if (verb != RELEASE || live->state != MSG_STATE_HELD)
    return FALSE;
  msg_live_note(e, agent, live, MSG_EVENT_RELEASED, actor, NULL);
  if (live->calendar > e->now_real || live->ready_at > e->now) { /* its time is still to come */
    msg_live_move(e, agent, live, MSG_STATE_SCHEDULED, actor, NULL);
    return TRUE;
  }
  live->calendar = live->ready_at = 0;
  live->flags &= ~MSG_LIVE_FIRST_WAIT;
  msg_live_move(e, agent, live, MSG_STATE_QUEUED, actor, NULL);
  return TRUE;
}

/* Whoever asks again, because the answer was lost, gets what was asked for. */
static gboolean is_so(const MsgLive *live, Verb verb) {
  return verb == HOLD ? live->state == MSG_STATE_HELD
                      : verb == RELEASE &&
                            (live->state == MSG_STATE_SCHEDULED || live->state == MSG_STATE_QUEUED);
}

static void nothing_done(GError **error, guint64 seq, Verb verb, MsgState state,
                         const char *agent) {
  if (state == MSG_STATE_NONE)
    g_set_error(error, WG_ERROR, WG_ERROR_UNKNOWN_AGENT,
                "Message " MSG_SEQ_FORMAT " was not sent to an agent '%s' that you may act for",
                MSG_SEQ_ARGS(seq), agent ? agent : "");
  else
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_STATE,
                "Message " MSG_SEQ_FORMAT " is %s and cannot be %s%s", MSG_SEQ_ARGS(seq),
                msg_state_name(state), verb_text[verb],
                state == MSG_STATE_LEASED ? "; whoever has it may nack or terminate it" : "");
}

static WgJobResult each(MsgEngine *e, MsgCallJob *job, Verb verb) {
  GError **error = &job->base.job.error;
  guint64 seq;
  const char *name = NULL;
  guint n = 0;
  gboolean so_already = FALSE;
  MsgState state = MSG_STATE_NONE;
  g_autoptr(GVariant) options = NULL;

  g_variant_get(job->args, "(t@a{sv})", &seq, &options);
  g_variant_lookup(options, "agent", "&s", &name);
  g_autoptr(MsgMessage) m = msg_message_for(e, &job->base, seq, FALSE, error);
  if (!m)
    return WG_JOB_DONE;
  for (guint i = 0; i < m->n_recipients && !e->failed; i++) {
    MsgAgent *agent = msg_agent_by_id(e, m->recipients[i]);
    g_autoptr(MsgLive) done = NULL;
    if (!agent || (name && g_strcmp0(name, agent->name) != 0) ||
        !msg_delivery_visible(e, &job->base, m, agent))
      continue;
    guint64 place = msg_message_place(m, agent->id);
    const MsgLive *live = msg_delivery_get(e, place, &done);
    if (live)
      state = live->state;
    so_already = so_already || (live && !done && is_so(live, verb));
    if (live && !done && apply(e, agent, (MsgLive *)live, verb, job->base.actor))
      n++;
  }
  if (n == 0 && !so_already)
    nothing_done(error, seq, verb, state, name);
  else
    job->result = g_variant_ref_sink(g_variant_new("(u)", n));
  return WG_JOB_DONE;
}

WgJobResult msg_call_cancel(MsgEngine *e, MsgCallJob *job) {
  return each(e, job, CANCEL);
}

WgJobResult msg_call_hold(MsgEngine *e, MsgCallJob *job) {
  return each(e, job, HOLD);
}

WgJobResult msg_call_release(MsgEngine *e, MsgCallJob *job) {
  return each(e, job, RELEASE);
}

/* The newest message that a sender of this name and uid sent with `id`, within the time for which
 * ids are remembered; 0: none. */
static guint64 find_sent(MsgEngine *e, const char *sender, gint64 uid, const char *id) {
  g_autoptr(sqlite3_stmt) stmt = msg_rare(
      e, "SELECT d.seq FROM sender s JOIN dedup d ON d.sender = s.id WHERE s.name = ?1 AND d.id = "
         "?2 AND (?3 < 0 OR s.uid = ?3) ORDER BY d.seq DESC LIMIT 1");
  const char *name = g_str_has_prefix(sender, "uid:") ? "" : sender;

  if (!stmt)
    return 0;
  sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
  sqlite3_bind_text(stmt, 2, id, -1, SQLITE_STATIC);
  sqlite3_bind_int64(stmt, 3, *name ? uid : (gint64)g_ascii_strtoull(sender + 4, NULL, 10));
  return msg_rare_row(e, stmt) ? (guint64)sqlite3_column_int64(stmt, 0) : 0;
}

static guint64 find_imported(MsgEngine *e, const char *id) {
  g_autoptr(sqlite3_stmt) stmt = msg_rare(e, "SELECT seq FROM imported WHERE id = ?1");

  if (!stmt)
    return 0;
  sqlite3_bind_text(stmt, 1, id, -1, SQLITE_STATIC);
  return msg_rare_row(e, stmt) ? (guint64)sqlite3_column_int64(stmt, 0) : 0;
}

WgJobResult msg_call_find_message(MsgEngine *e, MsgCallJob *job) {
  GError **error = &job->base.job.error;
  const char *sender, *id;
  g_autoptr(GVariant) options = NULL;
  gboolean admin = job->base.admin || job->base.actor->uid == 0;

  g_variant_get(job->args, "(&s&s@a{sv})", &sender, &id, &options);
  guint64 seq = find_sent(e, sender, admin ? -1 : (gint64)job->base.actor->uid, id);
  if (seq == 0)
    seq = find_imported(e, id);
  if (seq == 0 || e->failed) {
    g_set_error(error, WG_ERROR, WG_ERROR_UNKNOWN_MESSAGE,
                "'%s' sent no message with the id '%s' within the time for which ids are "
                "remembered; \"waggle list --sender\" shows older ones",
                sender, id);
    return WG_JOB_DONE;
  }
  g_autoptr(MsgMessage) m = msg_message_for(e, &job->base, seq, FALSE, error);
  if (m)
    job->result = g_variant_ref_sink(g_variant_new("(t)", seq));
  return WG_JOB_DONE;
}
