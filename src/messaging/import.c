/* import.c: mail of an older system comes in, with its ids, times, senders and states.
 *
 * What is stored is marked as imported, and its sender as claimed: nobody has proved who wrote it.
 * Receipts keep the older times. An entry is known again by its id, or where it has none by a
 * digest of its content, so that a file can be imported any number of times. An entry that cannot
 * be taken is refused by its index and costs no other. */
#include "messaging/import-entry.h"

#include <unistd.h>

typedef struct {
  MsgEngine *e;
  const MsgActor *actor;
  MsgSender *sender;
  const char *file;
  GVariantBuilder refused;
  guint64 imported, duplicates;
  guint n_refused, n_agents;
} Import;

/* The number under which `key` was imported; 0: it was not. */
static guint64 known_as(MsgEngine *e, const char *key) {
  g_autoptr(sqlite3_stmt) stmt = msg_rare(e, "SELECT seq FROM imported WHERE id = ?1");

  if (!stmt)
    return 0;
  sqlite3_bind_text(stmt, 1, key, -1, SQLITE_STATIC);
  return msg_rare_row(e, stmt) ? (guint64)sqlite3_column_int64(stmt, 0) : 0;
}

static void make_known(MsgEngine *e, const char *key, guint64 seq) {
  g_autoptr(sqlite3_stmt) stmt = msg_rare(e, "INSERT INTO imported VALUES(?1, ?2)");

  if (!stmt)
    return;
  sqlite3_bind_text(stmt, 1, key, -1, SQLITE_STATIC);
  sqlite3_bind_int64(stmt, 2, seq);
  msg_rare_run(e, stmt);
}

/* A time of the calendar as one of the lasting clock, which is what a store of a machine that was
 * asleep or had its clock set goes by; one that is over is over now. */
static gint64 lasting(MsgEngine *e, guint64 realtime) {
  return realtime ? e->now + MAX((gint64)realtime - e->now_real, 0) : 0;
}

static guint64 store_message(Import *im, const MsgImportEntry *entry, MsgAgent *agent,
                             guint64 answered) {
  g_autoptr(GVariant) head = msg_import_head(entry, answered != 0);
  guint32 row = agent->id;
  gboolean has_head = g_variant_n_children(head) > 0;
  gboolean expects = entry->expects_reply || entry->reply_by;
  MsgMessage m = {.seq = ++im->e->last_seq,
                  .sender = im->sender->id,
                  .actor = msg_actor_row(im->e, im->actor),
                  .time = entry->time ? (gint64)entry->time : im->e->now_real,
                  .expires = lasting(im->e, entry->expires),
                  .reply_by = (gint64)entry->reply_by,
                  .in_reply_to = answered,
                  .size = entry->size,
                  .priority = entry->priority,
                  .flags = MSG_FLAG_IMPORTED | (expects ? MSG_FLAG_EXPECTS_REPLY : 0),
                  .n_recipients = 1,
                  .recipients = &row,
                  .id = entry->id && *entry->id ? entry->id : NULL,
                  .key = entry->key && *entry->key ? entry->key : NULL,
                  .claimed = entry->from && *entry->from ? entry->from : NULL,
                  .head = has_head ? g_variant_get_data(head) : NULL,
                  .head_size = has_head ? g_variant_get_size(head) : 0,
                  .body = entry->size ? entry->body : ""};

  return msg_message_store(im->e, &m) ? m.seq : 0;
}

static const char *cause_of(const MsgImportEntry *entry) {
  if (entry->state == MSG_STATE_QUEUED)
    return NULL;
  if (entry->state == MSG_STATE_ACKED)
    return "imported: delivered in the older system";
  if (entry->state == MSG_STATE_EXPIRED)
    return "imported: its time to live had ended";
  if (entry->state == MSG_STATE_CANCELED)
    return "imported: it had been canceled";
  return entry->reason && *entry->reason ? entry->reason
                                         : "imported: it had failed in the older system";
}

/* What is still to be handed out waits as it waited: for its turn, its time or its release. */
static void set_waiting(MsgEngine *e, const MsgImportEntry *entry, MsgAgent *agent, MsgLive *live) {
  live->expires = lasting(e, entry->expires);
  live->okey = entry->key && *entry->key ? msg_key_hash(agent->id, entry->key) : 0;
  if ((gint64)entry->deliver_at > e->now_real) {
    live->calendar = (gint64)entry->deliver_at;
    live->flags |= MSG_LIVE_FIRST_WAIT;
    live->state = MSG_STATE_SCHEDULED;
  }
  if (entry->hold)
    live->state = MSG_STATE_HELD;
}

static void store_delivery(Import *im, const MsgImportEntry *entry, MsgAgent *agent, guint64 seq) {
  MsgEngine *e = im->e;
  MsgLive *live = msg_live_new(msg_place(agent->id, MSG_LEVELS - 1 - entry->priority, seq));
  gint64 stored = entry->time ? (gint64)entry->time : e->now_real;
  gint64 then = entry->updated ? (gint64)MAX(entry->updated, entry->time) : stored;
  g_autofree char *origin =
      g_strdup_printf("imported%s%s", im->file ? " from " : "", im->file ? im->file : "");
  guint32 actor = msg_actor_row(e, im->actor);

  live->sender = im->sender->id;
  live->size = entry->size;
  live->time = e->now_real; /* retention and ageing count from the import */
  live->state = entry->state;
  if (entry->state == MSG_STATE_QUEUED)
    set_waiting(e, entry, agent, live);
  msg_history_add(live, MSG_EVENT_STORED, stored, actor, origin);
  msg_history_add(live, live->state, then, actor, cause_of(entry));
  msg_event_happened(e, agent, live, MSG_EVENT_STORED, im->actor, origin);
  if (entry->state == MSG_STATE_QUEUED)
    msg_live_add(e, agent, live);
  else
    msg_live_add_final(e, agent, live);
}

/* An answer that is due is waited for, until an entry of the import turns out to be it. */
static void store_answers(Import *im, const MsgImportEntry *entry, guint64 seq, guint64 answered) {
  MsgEngine *e = im->e;

  if (entry->state != MSG_STATE_DEAD && (gint64)entry->reply_by > e->now_real)
    msg_reply_expect(e, seq, entry->reply_by - (guint64)e->now_real);
  if (!answered)
    return;
  g_autoptr(MsgMessage) m = msg_message_load(e, answered, FALSE, NULL);
  MsgAgent *by = entry->from ? g_hash_table_lookup(e->agents_by_name, entry->from) : NULL;
  guint64 place = m && by ? msg_message_place(m, by->id) : 0;
  if (place)
    msg_reply_note(e, by, place, seq, im->actor);
}

static void refuse(Import *im, const MsgImportEntry *entry, const char *why) {
  g_variant_builder_add(&im->refused, "(us)", (guint32)entry->index, why);
  im->n_refused++;
}

static void import_one(Import *im, const MsgImportEntry *entry) {
  MsgEngine *e = im->e;
  g_autoptr(GError) error = NULL;
  const char *why = msg_import_why_not(im->e, entry);

  if (why) {
    refuse(im, entry, why);
    return;
  }
  g_autofree char *key = msg_import_key(entry);
  if (known_as(e, key)) {
    im->duplicates++;
    return;
  }
  MsgAgent *agent = g_hash_table_lookup(e->agents_by_name, entry->to);
  if (!agent) {
    agent = msg_agent_create(e, entry->to, entry->uid, NULL, &error);
    im->n_agents += agent != NULL;
  }
  if (!agent) {
    refuse(im, entry, error->message);
    return;
  }
  guint64 answered = entry->answers ? known_as(e, entry->answers) : 0;
  guint64 seq = e->failed ? 0 : store_message(im, entry, agent, answered);
  if (seq == 0)
    return; /* the batch is rolled back */
  store_delivery(im, entry, agent, seq);
  store_answers(im, entry, seq, answered);
  make_known(e, key, seq);
  im->imported++;
}

static gboolean may_import(MsgEngine *e, const MsgCallJob *job, GError **error) {
  uid_t uid = job->base.actor->uid;

  if (job->base.admin || uid == 0 || (e->user_scope && uid == getuid()))
    return TRUE;
  g_set_error_literal(error, WG_ERROR, WG_ERROR_NOT_AUTHORIZED,
                      "Only an administrator may import, since an import says who sent what");
  return FALSE;
}

WgJobResult msg_call_import(MsgEngine *e, MsgCallJob *job) {
  g_autoptr(GVariant) list = NULL, options = NULL;
  guint32 uid = job->base.actor->uid;
  Import im = {.e = e, .actor = job->base.actor};

  if (!may_import(e, job, &job->base.job.error))
    return WG_JOB_DONE;
  g_variant_get(job->args, "(@aa{sv}@a{sv})", &list, &options);
  g_variant_lookup(options, "file", "&s", &im.file);
  g_variant_lookup(options, "uid", "u", &uid);
  if (!(im.sender = msg_sender_get(e, job->base.actor->uid, "")))
    return WG_JOB_DONE;
  g_variant_builder_init(&im.refused, G_VARIANT_TYPE("a(us)"));
  g_autoptr(GArray) entries = msg_import_entries(list, uid);
  for (guint i = 0; i < entries->len && !e->failed; i++)
    import_one(&im, &g_array_index(entries, MsgImportEntry, i));
  if (im.imported + im.n_refused > 0)
    msg_log(e, im.n_refused ? LOG_WARNING : LOG_NOTICE, WG_MSG_IMPORTED, NULL, 0,
            "Imported %" G_GUINT64_FORMAT " messages%s%s for uid %u: %" G_GUINT64_FORMAT
            " were there already, %u were refused, %u agents were registered",
            im.imported, im.file ? " from " : "", im.file ? im.file : "", uid, im.duplicates,
            im.n_refused, im.n_agents);
  job->result =
      g_variant_ref_sink(g_variant_new("(tta(us))", im.imported, im.duplicates, &im.refused));
  return WG_JOB_DONE;
}
