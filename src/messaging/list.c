/* list.c: ListMessages and ListDead.
 *
 * A page walks messages by number, newest first or oldest first, volatile ones being the newest. It
 * examines a bounded number of rows and bytes, so a filter that fits little answers with few
 * entries, a cursor and `more`, and never holds the writer up. All deliveries of one message stand
 * in one page. A caller sees what it sent and what was sent to its agents. */
#include "messaging/engine-private.h"

#include "messaging/list.h"

#define ROWS_MAX 5000
#define ROWS_MIN 500
#define USEC_MAX 20000 /* after ROWS_MIN: others wait for the same thread */
#define BYTES_MAX (32 * 1024 * 1024)

static gboolean bad(GError **error, const char *text) {
  g_set_error_literal(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, text);
  return FALSE;
}

static gboolean filter_parse(GVariant *options, gboolean dead, MsgFilter *f, GError **error) {
  const char *state = NULL;

  f->limit = 100;
  f->reverse = TRUE;
  g_variant_lookup(options, "agent", "&s", &f->agent);
  g_variant_lookup(options, "state", "&s", &state);
  g_variant_lookup(options, "sender", "&s", &f->sender);
  g_variant_lookup(options, "tag", "&s", &f->tag);
  g_variant_lookup(options, "subject", "&s", &f->subject);
  g_variant_lookup(options, "id", "&s", &f->id);
  g_variant_lookup(options, "since", "t", &f->since);
  g_variant_lookup(options, "until", "t", &f->until);
  g_variant_lookup(options, "limit", "u", &f->limit);
  g_variant_lookup(options, "cursor", "t", &f->cursor);
  g_variant_lookup(options, "sequence", "t", &f->sequence);
  g_variant_lookup(options, "reverse", "b", &f->reverse);
  if (f->limit < 1 || f->limit > 1000)
    return bad(error, "Option 'limit' takes 1 to 1000");
  if (state && (f->state = msg_state_from_name(state)) == MSG_STATE_NONE)
    return bad(error, "Option 'state' takes scheduled, held, queued, announced, leased, acked, "
                      "dead, expired or canceled");
  if (dead)
    f->state = MSG_STATE_DEAD;
  return TRUE;
}

/* ---- walking ---- */
typedef struct {
  guint64 seq;
  guint32 sender;
  gint64 time;
  gsize bytes;
} Row;

static const char *const walk_messages[2] = {
    "SELECT seq, sender, time, length(body) FROM %s.message WHERE seq > ?1 ORDER BY seq LIMIT ?2",
    "SELECT seq, sender, time, length(body) FROM %s.message WHERE seq < ?1 ORDER BY seq DESC LIMIT "
    "?2",
};
static const char *const walk_dead[2] = {
    "SELECT DISTINCT place & 274877906943 FROM %s.dead WHERE (place & 274877906943) > ?1"
    " ORDER BY (place & 274877906943) LIMIT ?2",
    "SELECT DISTINCT place & 274877906943 FROM %s.dead WHERE (place & 274877906943) < ?1"
    " ORDER BY (place & 274877906943) DESC LIMIT ?2",
};

typedef struct {
  MsgEngine *e;
  const MsgJob *job;
  MsgFilter filter;
  gboolean dead;
  guint n, examined;
  gsize bytes;
  gint64 started; /* monotonic */
  guint64 last;   /* the number that was examined last */
  GVariantBuilder list;
} Walk;

static gboolean enough(const Walk *w) {
  return w->n >= w->filter.limit || w->examined >= ROWS_MAX || w->bytes >= BYTES_MAX ||
         (w->examined >= ROWS_MIN && g_get_monotonic_time() - w->started > USEC_MAX);
}

static gboolean row_wanted(Walk *w, const Row *r) {
  const MsgFilter *f = &w->filter;

  return w->dead || ((!f->since || r->time >= f->since) && (!f->until || r->time <= f->until));
}

static void look_at(Walk *w, const Row *r) {
  w->examined++;
  w->last = r->seq;
  if (!row_wanted(w, r))
    return;
  w->bytes += r->bytes;
  g_autoptr(MsgMessage) m = msg_message_load(w->e, r->seq, TRUE, NULL);
  if (m)
    w->n += msg_list_entries(w->e, w->job, &w->filter, m, &w->list);
}

/* A read of some numbers at a time: what is looked at may itself change rows (a damaged one is
 * quarantined), which no open statement should see. TRUE: this schema's end was reached. */
static gboolean walk_some(Walk *w, gboolean is_volatile, guint64 *from) {
  const char *const *texts = w->dead ? walk_dead : walk_messages;
  g_autoptr(sqlite3_stmt) stmt = msg_rare_in(w->e, is_volatile, texts[w->filter.reverse]);
  g_autoptr(GArray) rows = g_array_new(FALSE, FALSE, sizeof(Row));
  guint chunk = 200;
  guint64 bit = w->dead && is_volatile ? MSG_VOLATILE_BIT : 0;

  if (!stmt)
    return TRUE;
  sqlite3_bind_int64(stmt, 1, (gint64)(*from & ~bit));
  sqlite3_bind_int(stmt, 2, chunk);
  while (msg_rare_row(w->e, stmt)) {
    Row r = {.seq = (guint64)sqlite3_column_int64(stmt, 0) | bit};
    if (!w->dead) {
      r.sender = sqlite3_column_int64(stmt, 1);
      r.time = sqlite3_column_int64(stmt, 2);
      r.bytes = sqlite3_column_int64(stmt, 3);
    }
    g_array_append_val(rows, r);
  }
  g_clear_pointer(&stmt, sqlite3_finalize);
  for (guint i = 0; i < rows->len && !enough(w) && !w->e->failed; i++) {
    look_at(w, &g_array_index(rows, Row, i));
    *from = w->last;
  }
  return rows->len < chunk && !enough(w);
}

/* TRUE: there is nothing more. */
static gboolean walk(Walk *w) {
  const MsgFilter *f = &w->filter;
  guint64 from = f->cursor;

  /* the numbers of volatile messages are above all others */
  for (guint pass = 0; pass < 2; pass++) {
    gboolean is_volatile = (pass == 0) == f->reverse;
    if (is_volatile && f->reverse && from && !(from & MSG_VOLATILE_BIT))
      continue; /* past them already */
    if (!is_volatile && !f->reverse && (from & MSG_VOLATILE_BIT))
      continue;
    if (f->reverse && (from == 0 || (!is_volatile && (from & MSG_VOLATILE_BIT))))
      from = is_volatile ? G_MAXINT64 : MSG_VOLATILE_BIT;
    if (!f->reverse && is_volatile && !(from & MSG_VOLATILE_BIT))
      from = MSG_VOLATILE_BIT;
    while (!enough(w) && !w->e->failed)
      if (walk_some(w, is_volatile, &from))
        break;
    if (enough(w))
      return FALSE;
  }
  return TRUE;
}

static WgJobResult list_call(MsgEngine *e, MsgCallJob *job, gboolean dead) {
  g_autoptr(GVariant) options = g_variant_get_child_value(job->args, 0);
  Walk w = {.e = e, .job = &job->base, .dead = dead, .started = g_get_monotonic_time()};

  if (!filter_parse(options, dead, &w.filter, &job->base.job.error))
    return WG_JOB_DONE;
  if (w.filter.agent && !msg_list_knows_agent(e, w.filter.agent, &job->base.job.error))
    return WG_JOB_DONE;
  g_variant_builder_init(&w.list, G_VARIANT_TYPE("aa{sv}"));
  gboolean end = walk(&w);
  job->result = g_variant_ref_sink(
      g_variant_new("(aa{sv}tb)", &w.list, end ? G_GUINT64_CONSTANT(0) : w.last, !end));
  return WG_JOB_DONE;
}

WgJobResult msg_call_list_messages(MsgEngine *e, MsgCallJob *job) {
  return list_call(e, job, FALSE);
}

WgJobResult msg_call_list_dead(MsgEngine *e, MsgCallJob *job) {
  return list_call(e, job, TRUE);
}
