/* import.c: mail of an older system comes in, with its ids, times, senders and states.
 *
 * What is stored is marked as imported, and its sender as claimed: nobody has proved who wrote it.
 * Receipts keep the older times. An entry is known again by its id, or where it has none by a
 * digest of its content, so that a file can be imported any number of times. An entry that cannot
 * be taken is refused by its index and costs no other. */
#include "messaging/engine-private.h"

#include <string.h>
#include <unistd.h>

#define ID_MAX 255
#define TEXT_MAX 1024

typedef struct {
  guint index; /* in the call */
  const char *id, *from, *to, *reason;
  const void *body;
  gsize size;
  guint64 time, updated;
  guint8 priority;
  guint32 uid;
  MsgState state;              /* queued, acked, dead */
  GVariant *dict, *body_value; /* references */
} Entry;

typedef struct {
  MsgEngine *e;
  const MsgActor *actor;
  MsgSender *sender;
  const char *file;
  GVariantBuilder refused;
  guint64 imported, duplicates;
  guint n_refused, n_agents;
} Import;

static void entry_clear(gpointer data) {
  Entry *entry = data;

  g_clear_pointer(&entry->dict, g_variant_unref);
  g_clear_pointer(&entry->body_value, g_variant_unref);
}

static void entry_read(Entry *entry, guint32 uid) {
  GVariant *d = entry->dict;
  const char *state = "queued";

  entry->uid = uid;
  entry->priority = 4;
  g_variant_lookup(d, "id", "&s", &entry->id);
  g_variant_lookup(d, "from", "&s", &entry->from);
  g_variant_lookup(d, "to", "&s", &entry->to);
  g_variant_lookup(d, "reason", "&s", &entry->reason);
  g_variant_lookup(d, "state", "&s", &state);
  g_variant_lookup(d, "time", "t", &entry->time);
  g_variant_lookup(d, "updated", "t", &entry->updated);
  g_variant_lookup(d, "priority", "y", &entry->priority);
  g_variant_lookup(d, "uid", "u", &entry->uid);
  entry->body_value = g_variant_lookup_value(d, "body", G_VARIANT_TYPE_BYTESTRING);
  if (entry->body_value)
    entry->body = g_variant_get_fixed_array(entry->body_value, &entry->size, 1);
  entry->state = g_str_equal(state, "queued")    ? MSG_STATE_QUEUED
                 : g_str_equal(state, "history") ? MSG_STATE_ACKED
                 : g_str_equal(state, "dead")    ? MSG_STATE_DEAD
                                                 : MSG_STATE_NONE;
}

static gint by_time(gconstpointer a, gconstpointer b) {
  const Entry *x = a, *y = b;

  if (x->time != y->time)
    return x->time < y->time ? -1 : 1;
  return x->index < y->index ? -1 : x->index > y->index;
}

static const char *why_not(Import *im, const Entry *entry) {
  if (!entry->to || !*entry->to)
    return "it names no recipient";
  if (!msg_name_ok(entry->to))
    return "its recipient's name is no agent's name";
  if (entry->state == MSG_STATE_NONE)
    return "its state is none of queued, history and dead";
  if (entry->priority > 9)
    return "its priority is over 9";
  if (entry->size > im->e->settings.max_body)
    return "its body is larger than MaxBody= allows";
  if (entry->id && strlen(entry->id) > ID_MAX)
    return "its id is longer than 255 bytes";
  if ((entry->from && strlen(entry->from) > TEXT_MAX) ||
      (entry->reason && strlen(entry->reason) > TEXT_MAX))
    return "its sender or reason is longer than 1024 bytes";
  if (entry->time > G_MAXINT64 || entry->updated > G_MAXINT64)
    return "its time is out of range";
  return NULL;
}

static char *key_of(const Entry *entry) {
  if (entry->id && *entry->id)
    return g_strdup(entry->id);
  g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
  g_autofree char *head = g_strdup_printf("%s\n%s\n%" G_GUINT64_FORMAT "\n", entry->to,
                                          entry->from ? entry->from : "", entry->time);
  g_checksum_update(sum, (const guchar *)head, strlen(head));
  if (entry->size > 0)
    g_checksum_update(sum, entry->body, entry->size);
  return g_strconcat("sha256:", g_checksum_get_string(sum), NULL);
}

static gboolean is_known(MsgEngine *e, const char *key) {
  g_autoptr(sqlite3_stmt) stmt = msg_rare(e, "SELECT 1 FROM imported WHERE id = ?1");

  if (!stmt)
    return FALSE;
  sqlite3_bind_text(stmt, 1, key, -1, SQLITE_STATIC);
  return msg_rare_row(e, stmt);
}

static void make_known(MsgEngine *e, const char *key, guint64 seq) {
  g_autoptr(sqlite3_stmt) stmt = msg_rare(e, "INSERT INTO imported VALUES(?1, ?2)");

  if (!stmt)
    return;
  sqlite3_bind_text(stmt, 1, key, -1, SQLITE_STATIC);
  sqlite3_bind_int64(stmt, 2, seq);
  msg_rare_run(e, stmt);
}

static GVariant *head_of(const Entry *entry) {
  static const struct {
    const char *key, *type;
  } kept[] = {{"subject", "s"}, {"tags", "as"}, {"headers", "a{ss}"}, {"content-type", "s"}};
  g_auto(GVariantDict) head = G_VARIANT_DICT_INIT(NULL);

  for (guint i = 0; i < G_N_ELEMENTS(kept); i++) {
    g_autoptr(GVariant) v =
        g_variant_lookup_value(entry->dict, kept[i].key, G_VARIANT_TYPE(kept[i].type));
    if (v)
      g_variant_dict_insert_value(&head, kept[i].key, v);
  }
  return g_variant_ref_sink(g_variant_dict_end(&head));
}

static guint64 store_message(Import *im, const Entry *entry, MsgAgent *agent) {
  g_autoptr(GVariant) head = head_of(entry);
  guint32 row = agent->id;
  gboolean has_head = g_variant_n_children(head) > 0;
  MsgMessage m = {.seq = ++im->e->last_seq,
                  .sender = im->sender->id,
                  .actor = msg_actor_row(im->e, im->actor),
                  .time = entry->time ? (gint64)entry->time : im->e->now_real,
                  .size = entry->size,
                  .priority = entry->priority,
                  .flags = MSG_FLAG_IMPORTED,
                  .n_recipients = 1,
                  .recipients = &row,
                  .id = entry->id && *entry->id ? entry->id : NULL,
                  .claimed = entry->from && *entry->from ? entry->from : NULL,
                  .head = has_head ? g_variant_get_data(head) : NULL,
                  .head_size = has_head ? g_variant_get_size(head) : 0,
                  .body = entry->size ? entry->body : ""};

  return msg_message_store(im->e, &m) ? m.seq : 0;
}

static const char *cause_of(const Entry *entry) {
  if (entry->state == MSG_STATE_QUEUED)
    return NULL;
  if (entry->state == MSG_STATE_ACKED)
    return "imported: delivered in the older system";
  return entry->reason && *entry->reason ? entry->reason
                                         : "imported: it had failed in the older system";
}

static void store_delivery(Import *im, const Entry *entry, MsgAgent *agent, guint64 seq) {
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
  msg_history_add(live, MSG_EVENT_STORED, stored, actor, origin);
  msg_history_add(live, entry->state, then, actor, cause_of(entry));
  msg_event_happened(e, agent, live, MSG_EVENT_STORED, im->actor, origin);
  if (entry->state == MSG_STATE_QUEUED)
    msg_live_add(e, agent, live);
  else
    msg_live_add_final(e, agent, live);
}

static void refuse(Import *im, const Entry *entry, const char *why) {
  g_variant_builder_add(&im->refused, "(us)", (guint32)entry->index, why);
  im->n_refused++;
}

static void import_one(Import *im, const Entry *entry) {
  MsgEngine *e = im->e;
  g_autoptr(GError) error = NULL;
  const char *why = why_not(im, entry);

  if (why) {
    refuse(im, entry, why);
    return;
  }
  g_autofree char *key = key_of(entry);
  if (is_known(e, key)) {
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
  guint64 seq = e->failed ? 0 : store_message(im, entry, agent);
  if (seq == 0)
    return; /* the batch is rolled back */
  store_delivery(im, entry, agent, seq);
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

static GArray *entries_of(GVariant *list, guint32 uid) {
  gsize n = g_variant_n_children(list);
  GArray *entries = g_array_sized_new(FALSE, TRUE, sizeof(Entry), n);

  g_array_set_clear_func(entries, entry_clear);
  for (gsize i = 0; i < n; i++) {
    Entry entry = {.index = i, .dict = g_variant_get_child_value(list, i)};
    entry_read(&entry, uid);
    g_array_append_val(entries, entry);
  }
  g_array_sort(entries, by_time);
  return entries;
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
  g_autoptr(GArray) entries = entries_of(list, uid);
  for (guint i = 0; i < entries->len && !e->failed; i++)
    import_one(&im, &g_array_index(entries, Entry, i));
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
