/* send.c: Send and SendMany.
 *
 * Two passes, so that SendMany is all or nothing and a refusal changes nothing: the first resolves
 * and checks every message against the state as it would be after those before it, the second
 * writes. */
#include "messaging/engine-private.h"

#include <string.h>

#define ID_MAX 128
#define DIGEST_SIZE 32

/* What the first pass found out about one message. */
typedef struct {
  MsgSender *sender;
  MsgAgent *from; /* NULL: sent as uid:N */
  guint first, n; /* recipients, in e->plan_agents */
  gboolean group;
  guint64 replied_place; /* the delivery that this is a reply to, 0: none */
  guint64 chain;         /* where its line of answers began, 0: it is no answer */
  guint32 hops;
  guint8 digest[DIGEST_SIZE];
} Plan;

static gboolean refuse(GError **error, WgErrorCode code, const char *text) {
  g_set_error_literal(error, WG_ERROR, code, text);
  return FALSE;
}

static void body_digest(const MsgSend *s, guint8 *digest) {
  g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
  gsize n = DIGEST_SIZE;

  g_checksum_update(sum, s->body, s->size);
  g_checksum_get_digest(sum, digest, &n);
}

static gboolean plan_sender(MsgEngine *e, const MsgJob *job, const MsgSend *s, Plan *p,
                            GError **error) {
  const MsgActor *actor = job->actor;

  if (s->from) {
    p->from = msg_agent_find(e, s->from, error);
    if (!p->from)
      return FALSE;
    if (p->from->uid != actor->uid) {
      g_set_error(error, WG_ERROR, WG_ERROR_NOT_AUTHORIZED,
                  "Agent '%s' belongs to uid %u; uid %u cannot send in its name", s->from,
                  p->from->uid, actor->uid);
      return FALSE;
    }
  }
  p->sender = msg_sender_get(e, actor->uid, s->from ? s->from : "");
  return p->sender != NULL;
}

/* What an earlier run had in memory only is gone, and so is its number. */
static gboolean is_of_this_run(const MsgEngine *e, guint64 seq) {
  guint64 n = seq & ~MSG_VOLATILE_BIT;

  return !(seq & MSG_VOLATILE_BIT) || (n > e->first_volatile && n <= e->last_volatile);
}

/* TRUE: may go on. A duplicate is no refusal: the first one's number is the answer. */
static gboolean plan_dedup(MsgEngine *e, MsgSend *s, Plan *p, GHashTable *in_call, GError **error) {
  sqlite3_stmt *stmt = e->sql[0][MSG_SQL_DEDUP_GET];
  gboolean same = TRUE;

  if (!s->id)
    return TRUE;
  if (!*s->id || strlen(s->id) > ID_MAX)
    return refuse(error, WG_ERROR_INVALID_ARGUMENT, "Option 'id' takes 1 to 128 bytes");
  body_digest(s, p->digest);
  sqlite3_bind_int64(stmt, 1, p->sender->id);
  sqlite3_bind_text(stmt, 2, s->id, -1, SQLITE_STATIC);
  int r = sqlite3_step(stmt);
  if (r == SQLITE_ROW && sqlite3_column_int64(stmt, 1) > e->now &&
      is_of_this_run(e, sqlite3_column_int64(stmt, 0))) {
    s->duplicate = TRUE;
    s->seq = sqlite3_column_int64(stmt, 0);
    same = sqlite3_column_bytes(stmt, 2) == DIGEST_SIZE &&
           memcmp(sqlite3_column_blob(stmt, 2), p->digest, DIGEST_SIZE) == 0;
  }
  sqlite3_reset(stmt);
  if (r != SQLITE_ROW && r != SQLITE_DONE) {
    msg_fail(e, "looking for a message with the same id");
    return FALSE;
  }
  if (in_call && !s->duplicate) {
    g_autofree char *key = g_strdup_printf("%u/%s", p->sender->id, s->id);
    const guint8 *digest = g_hash_table_lookup(in_call, key);
    if (digest)
      return refuse(error, WG_ERROR_DUPLICATE_MISMATCH,
                    "The same id stands twice in one SendMany; give each message its own");
    g_hash_table_insert(in_call, g_steal_pointer(&key), p->digest);
  }
  if (same)
    return TRUE;
  g_set_error(error, WG_ERROR, WG_ERROR_DUPLICATE_MISMATCH,
              "The id '%s' was already sent with another body, as message " MSG_SEQ_FORMAT
              "; a new message needs a new id",
              s->id, MSG_SEQ_ARGS(s->seq));
  return FALSE;
}

static gboolean plan_reply(MsgEngine *e, const MsgSend *s, Plan *p, GError **error) {
  if (!s->in_reply_to)
    return TRUE;
  g_autoptr(MsgMessage) m = msg_message_load(e, s->in_reply_to, FALSE, error);
  if (!m)
    return FALSE;
  if (p->from)
    p->replied_place = msg_message_place(m, p->from->id);
  p->chain = m->chain ? m->chain : m->seq;
  p->hops = MIN(m->hops, G_MAXUINT32 - 1) + 1;
  if (e->settings.max_hops == 0 || p->hops <= e->settings.max_hops)
    return TRUE;
  g_set_error(
      error, WG_ERROR, WG_ERROR_LIMITS_EXCEEDED,
      "This would be answer %u in a line of answers that began with message " MSG_SEQ_FORMAT
      ", and MaxHops= of messaged.conf allows %u: agents that answer each other without end "
      "are stopped here; what is no answer is sent without 'in-reply-to'",
      p->hops, MSG_SEQ_ARGS(p->chain), e->settings.max_hops);
  return FALSE;
}

static gboolean plan_item(MsgEngine *e, MsgSendJob *j, MsgSend *s, Plan *p, GHashTable *in_call,
                          GError **error) {
  if (s->size > e->settings.max_body) {
    g_set_error(error, WG_ERROR, WG_ERROR_BODY_TOO_LARGE,
                "The body has %" G_GSIZE_FORMAT " bytes, the limit is %" G_GUINT64_FORMAT
                " (MaxBody= in messaged.conf); nothing is ever cut",
                s->size, e->settings.max_body);
    return FALSE;
  }
  if (s->priority > 9)
    return refuse(error, WG_ERROR_INVALID_ARGUMENT, "Option 'priority' takes 0 to 9");
  if (s->key && strlen(s->key) > 255)
    return refuse(error, WG_ERROR_INVALID_ARGUMENT, "Option 'key' takes at most 255 bytes");
  if (s->head && g_variant_get_size(s->head) > MSG_INLINE_MAX)
    return refuse(error, WG_ERROR_INVALID_ARGUMENT,
                  "Headers, tags and subject take at most 256 KiB together");
  if (!plan_sender(e, &j->base, s, p, error) || !plan_dedup(e, s, p, in_call, error))
    return FALSE;
  if (s->duplicate)
    return TRUE;
  if (!plan_reply(e, s, p, error))
    return FALSE;
  p->first = e->plan_agents->len;
  const MsgEdgeEnd from = msg_edge_from(e, p->sender);
  if (!msg_recipients(e, &from, s->to, e->plan_agents, &p->group, error))
    return FALSE;
  p->n = e->plan_agents->len - p->first;
  for (guint i = 0; i < p->n; i++) {
    MsgAgent *agent = e->plan_agents->pdata[p->first + i];
    if (!msg_quota_check(e, agent, p->sender, s->size, &j->base.retry_after, error))
      return FALSE;
    agent->pending_messages++;
    agent->pending_bytes += s->size;
    p->sender->pending_messages++;
    p->sender->pending_bytes += s->size;
  }
  return TRUE;
}

static void plan_forget(MsgEngine *e, Plan *plans, guint n) {
  for (guint i = 0; i < e->plan_agents->len; i++) {
    MsgAgent *agent = e->plan_agents->pdata[i];
    agent->pending_messages = agent->pending_bytes = 0;
  }
  for (guint i = 0; i < n; i++)
    if (plans[i].sender)
      plans[i].sender->pending_messages = plans[i].sender->pending_bytes = 0;
  g_ptr_array_set_size(e->plan_agents, 0);
}

/* FNV-1a. */
guint64 msg_key_hash(guint agent, const char *key) {
  guint64 h = G_GUINT64_CONSTANT(14695981039346656037) ^ agent;

  h *= G_GUINT64_CONSTANT(1099511628211);
  for (; *key; key++)
    h = (h ^ (guint8)*key) * G_GUINT64_CONSTANT(1099511628211);
  return h ? h : 1;
}

static void deliver(MsgEngine *e, MsgSend *s, const Plan *p, MsgAgent *agent,
                    const MsgActor *actor) {
  MsgLive *live = msg_live_new(msg_place(agent->id, MSG_LEVELS - 1 - s->priority, s->seq));
  guint32 row = msg_actor_row(e, actor);

  live->sender = p->sender->id;
  live->size = s->size;
  live->time = e->now_real;
  live->expires = s->ttl ? e->now + (gint64)MIN(s->ttl, (guint64)G_MAXINT64 / 4) : 0;
  live->okey = s->key ? msg_key_hash(agent->id, s->key) : 0;
  live->state = MSG_STATE_QUEUED;
  if (s->deliver_at > e->now_real) {
    live->calendar = s->deliver_at;
    live->state = MSG_STATE_SCHEDULED;
  } else if (s->delay) {
    live->ready_at = e->now + (gint64)MIN(s->delay, (guint64)G_MAXINT64 / 4);
    live->state = MSG_STATE_SCHEDULED;
  }
  if (live->state == MSG_STATE_SCHEDULED)
    live->flags |= MSG_LIVE_FIRST_WAIT;
  if (s->hold)
    live->state = MSG_STATE_HELD;
  s->state = live->state;
  msg_history_add(live, MSG_EVENT_STORED, e->now_real, row, NULL);
  msg_history_add(live, live->state, e->now_real, row, NULL);
  msg_event_happened(e, agent, live, MSG_EVENT_STORED, actor, NULL);
  msg_event_happened(e, agent, live, live->state, actor, NULL);
  msg_live_add(e, agent, live);
  msg_quota_take(e, agent, p->sender);
}

static void put_dedup(MsgEngine *e, const MsgSend *s, const Plan *p) {
  sqlite3_stmt *stmt = e->sql[0][MSG_SQL_DEDUP_PUT];

  sqlite3_bind_int64(stmt, 1, p->sender->id);
  sqlite3_bind_text(stmt, 2, s->id, -1, SQLITE_STATIC);
  sqlite3_bind_int64(stmt, 3, s->seq);
  sqlite3_bind_int64(stmt, 4, e->now + (gint64)e->settings.dedup_usec);
  sqlite3_bind_blob(stmt, 5, p->digest, DIGEST_SIZE, SQLITE_STATIC);
  msg_sql_run(e, stmt);
}

static void write_item(MsgEngine *e, const MsgJob *job, MsgSend *s, const Plan *p) {
  guint32 one, *rows = p->n == 1 ? &one : g_newa(guint32, MIN(p->n, 1024));
  g_autofree guint32 *many = NULL;

  guint64 first, *sequences = p->n == 1 ? &first : g_newa(guint64, MIN(p->n, 1024));
  g_autofree guint64 *many_sequences = NULL;

  if (p->n > 1024) {
    rows = many = g_new(guint32, p->n);
    sequences = many_sequences = g_new(guint64, p->n);
  }
  for (guint i = 0; i < p->n; i++) {
    rows[i] = ((MsgAgent *)e->plan_agents->pdata[p->first + i])->id;
    sequences[i] = msg_pair_next(e, s->is_volatile, p->sender->id, rows[i]);
  }
  s->sequence = p->group ? 0 : sequences[0];
  s->seq = s->is_volatile ? ++e->last_volatile | MSG_VOLATILE_BIT : ++e->last_seq;
  MsgMessage m = {
      .seq = s->seq,
      .sender = p->sender->id,
      .actor = msg_actor_row(e, job->actor),
      .time = e->now_real,
      .expires = s->ttl ? e->now + (gint64)MIN(s->ttl, (guint64)G_MAXINT64 / 4) : 0,
      .reply_by = s->reply_by ? e->now_real + (gint64)MIN(s->reply_by, (guint64)G_MAXINT64 / 4) : 0,
      .in_reply_to = s->in_reply_to,
      .chain = p->chain,
      .hops = p->hops,
      .size = s->size,
      .priority = s->priority,
      .flags = (s->expects_reply || s->reply_by ? MSG_FLAG_EXPECTS_REPLY : 0) |
               (s->is_volatile ? MSG_FLAG_VOLATILE : 0),
      .n_recipients = p->n,
      .recipients = rows,
      .sequences = sequences,
      .to = p->group ? s->to : NULL,
      .id = s->id,
      .key = s->key,
      .head = s->head ? g_variant_get_data(s->head) : NULL,
      .head_size = s->head ? g_variant_get_size(s->head) : 0,
      .body = s->body,
  };
  if (!msg_message_store(e, &m))
    return;
  for (guint i = 0; i < p->n && !e->failed; i++)
    deliver(e, s, p, e->plan_agents->pdata[p->first + i], job->actor);
  if (p->group) {
    s->recipients = g_new0(char *, p->n + 1);
    for (guint i = 0; i < p->n; i++)
      s->recipients[i] = g_strdup(((MsgAgent *)e->plan_agents->pdata[p->first + i])->name);
  }
  if (s->id)
    put_dedup(e, s, p);
  if (p->replied_place)
    msg_reply_note(e, p->from, p->replied_place, s->seq, job->actor);
  if (s->reply_by)
    msg_reply_expect(e, s->seq, s->reply_by);
  e->stat.sent += p->n;
}

WgJobResult msg_run_send(WgJob *job, gpointer engine) {
  MsgSendJob *j = (MsgSendJob *)job;
  MsgEngine *e = engine;
  Plan few[4] = {0};
  g_autofree Plan *many = j->n > G_N_ELEMENTS(few) ? g_new0(Plan, j->n) : NULL;
  Plan *plans = many ? many : few;
  g_autoptr(GHashTable) in_call =
      j->n > 1 ? g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL) : NULL;
  gboolean ok = TRUE;

  for (guint i = 0; i < j->n; i++) {
    MsgSend *s = &j->items[i];
    s->seq = 0; /* the job may be run a second time */
    s->duplicate = FALSE;
    s->sequence = 0;
    g_clear_pointer(&s->recipients, g_strfreev);
    if (!(ok = plan_item(e, j, s, &plans[i], in_call, &job->error)))
      break;
  }
  if (!ok || e->failed) {
    plan_forget(e, plans, j->n);
    e->stat.refused++;
    return WG_JOB_DONE;
  }
  for (guint i = 0; i < e->plan_agents->len; i++) {
    MsgAgent *agent = e->plan_agents->pdata[i];
    agent->pending_messages = agent->pending_bytes = 0;
  }
  for (guint i = 0; i < j->n && !e->failed; i++) {
    if (j->items[i].duplicate)
      e->stat.duplicates++;
    else
      write_item(e, &j->base, &j->items[i], &plans[i]);
  }
  plan_forget(e, plans, j->n);
  return WG_JOB_DONE;
}
