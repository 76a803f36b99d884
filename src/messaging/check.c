/* check.c: Check: whether the store is what it should be, and mending it.
 *
 * It goes through the records in slices while the service works: each message and each delivery is
 * verified by its checksum, each delivery has a message, the counts are those of the rows. With
 * dry-run nothing is changed. Else a damaged record is kept in quarantine; a delivery whose record
 * is damaged is queued again (live.c), one whose message is gone becomes a dead letter; counts are
 * set right. The database file itself is checked when that is quick. */
#include "messaging/check.h"

#define SLICE_ROWS 2000
#define SLICE_BYTES (16 * 1024 * 1024)
#define FINDINGS_MAX 200
#define FILE_MAX (64 * 1024 * 1024) /* of the database that is checked at once */

static void find(MsgEngine *e, MsgCheck *c, const char *format, ...) G_GNUC_PRINTF(3, 4);
static void find(MsgEngine *e, MsgCheck *c, const char *format, ...) {
  va_list args;

  c->damaged++;
  if (c->n >= FINDINGS_MAX)
    return;
  g_ptr_array_set_size(c->findings, c->n); /* of a slice that was rolled back */
  va_start(args, format);
  g_ptr_array_add(c->findings, g_strdup_vprintf(format, args));
  va_end(args);
  c->n++;
}

static const char *done_with(const MsgCheck *c, const char *what) {
  return c->dry_run ? "nothing was changed" : what;
}

static void check_file(MsgEngine *e, MsgCheck *c) {
  g_autoptr(sqlite3_stmt) stmt =
      msg_rare(e, "SELECT (SELECT page_count FROM pragma_page_count('main')) *"
                  " (SELECT page_size FROM pragma_page_size('main'))");
  gint64 size = msg_rare_row(e, stmt) ? sqlite3_column_int64(stmt, 0) : 0;
  g_autoptr(GError) error = NULL;

  if (size > FILE_MAX) {
    if (c->n < FINDINGS_MAX) {
      g_ptr_array_add(c->findings,
                      g_strdup_printf("note: the database file has %" G_GINT64_FORMAT
                                      " bytes and was not checked as a whole while the service "
                                      "runs; stop it and run \"sqlite3 FILE 'PRAGMA "
                                      "integrity_check'\" on a copy",
                                      size));
      c->n++;
    }
    return;
  }
  g_auto(GStrv) found = wg_store_check(e->db, 20, &error);
  for (guint i = 0; found && found[i]; i++)
    find(e, c, "database file: %s; restart the service to have it salvaged", found[i]);
}

typedef struct {
  gint64 key;
  gboolean sound, orphan;
} Row;

static void mend_live(MsgEngine *e, MsgCheck *c, guint64 place, gboolean orphan) {
  if (c->dry_run)
    return;
  MsgLive *live = msg_live_get(e, place); /* queues a damaged one again */
  MsgAgent *agent = msg_agent_by_id(e, msg_place_agent(place));
  if (live && orphan && agent) {
    MsgLease *lease = live->state == MSG_STATE_LEASED ? msg_lease_of(e, live) : NULL;
    if (lease)
      msg_lease_drop(e, lease);
    msg_live_move(e, agent, live, MSG_STATE_DEAD, NULL, "corrupt: its message is not in the store");
  }
  c->repaired++;
}

static void mend_done(MsgEngine *e, MsgCheck *c, guint64 place, const void *data, gsize size) {
  g_autoptr(GError) error = NULL;
  sqlite3_stmt *stmt = msg_sql(e, FALSE, MSG_SQL_DONE_DELETE);

  if (c->dry_run)
    return;
  if (!wg_store_quarantine(e->db, "done", msg_place_row(place), "checksum differs", data, size,
                           &error)) {
    msg_fail(e, "keeping a damaged record");
    return;
  }
  e->stat.quarantined++;
  sqlite3_bind_int64(stmt, 1, msg_place_row(place));
  msg_sql_run(e, stmt);
  stmt = msg_sql(e, FALSE, MSG_SQL_DEAD_DELETE);
  sqlite3_bind_int64(stmt, 1, msg_place_row(place));
  msg_sql_run(e, stmt);
  c->repaired++;
}

/* TRUE: no rows are left. */
static gboolean check_messages(MsgEngine *e, MsgCheck *c) {
  g_autoptr(sqlite3_stmt) stmt = msg_rare(
      e, "SELECT seq, sender, time, meta, body FROM main.message WHERE seq > ?1 ORDER BY seq");
  g_autoptr(GArray) bad = g_array_new(FALSE, FALSE, sizeof(guint64));
  gsize bytes = 0;
  guint rows = 0;
  gboolean more = FALSE;

  if (!stmt)
    return TRUE;
  sqlite3_bind_int64(stmt, 1, c->after);
  while (rows < c->rows_max && bytes < c->bytes_max && (more = msg_rare_row(e, stmt))) {
    guint64 seq = sqlite3_column_int64(stmt, 0);
    g_autoptr(MsgMessage) m =
        msg_message_unpack(seq, sqlite3_column_int64(stmt, 1), sqlite3_column_int64(stmt, 2),
                           sqlite3_column_blob(stmt, 3), sqlite3_column_bytes(stmt, 3),
                           sqlite3_column_blob(stmt, 4), sqlite3_column_bytes(stmt, 4), FALSE);
    bytes += sqlite3_column_bytes(stmt, 4) + sqlite3_column_bytes(stmt, 3);
    rows++;
    c->after = seq;
    if (!m)
      g_array_append_val(bad, seq);
  }
  c->records += rows;
  g_clear_pointer(&stmt, sqlite3_finalize);
  for (guint i = 0; i < bad->len && !e->failed; i++) {
    guint64 seq = g_array_index(bad, guint64, i), before = e->stat.quarantined;
    if (!c->dry_run) {
      msg_message_forget(e, seq);
      g_autoptr(MsgMessage) none = msg_message_load(e, seq, FALSE, NULL); /* quarantines it */
      if (c->scrub && e->stat.quarantined == before)
        continue; /* it was told before */
      c->repaired++;
    }
    find(
        e, c, "message %" G_GUINT64_FORMAT " is damaged; %s", seq,
        done_with(c, "its bytes are in quarantine, who receives it next gets it as a dead letter"));
  }
  return !more;
}

static gboolean has_message(MsgEngine *e, guint64 seq) {
  g_autoptr(sqlite3_stmt) stmt = msg_rare(e, "SELECT 1 FROM main.message WHERE seq = ?1");

  if (!stmt)
    return TRUE;
  sqlite3_bind_int64(stmt, 1, seq);
  return msg_rare_row(e, stmt);
}

/* `bytes`: of a final delivery; NULL: it is not final. */
static void mend_row(MsgEngine *e, MsgCheck *c, const MsgAgent *agent, const Row *row,
                     GBytes *bytes) {
  guint64 place = (guint64)row->key, seq = msg_place_seq(place);
  const char *name = agent ? agent->name : "unknown";

  if (bytes) {
    gsize size;
    gconstpointer data = g_bytes_get_data(bytes, &size);
    find(e, c, "receipts of message %" G_GUINT64_FORMAT " at '%s' are damaged; %s", seq, name,
         done_with(c, "their bytes are in quarantine"));
    mend_done(e, c, place, data, size);
  } else if (row->orphan) {
    find(e, c, "a delivery of message %" G_GUINT64_FORMAT " to '%s' has no message; %s", seq, name,
         done_with(c, "it is a dead letter now"));
    mend_live(e, c, place, !has_message(e, seq));
  } else {
    find(e, c, "the delivery of message %" G_GUINT64_FORMAT " to '%s' is damaged; %s", seq, name,
         done_with(c, "it is queued again, its older receipts are in quarantine"));
    mend_live(e, c, place, FALSE);
  }
}

static gboolean same_counts(const MsgCounts *a, const MsgCounts *b) {
  return a->queued == b->queued && a->scheduled == b->scheduled && a->held == b->held &&
         a->in_flight == b->in_flight && a->dead == b->dead && a->bytes == b->bytes &&
         a->urgent == b->urgent;
}

static MsgCounts sum_of(const MsgCounts *a, const MsgCounts *b) {
  return (MsgCounts){.queued = a->queued + b->queued,
                     .scheduled = a->scheduled + b->scheduled,
                     .held = a->held + b->held,
                     .in_flight = a->in_flight + b->in_flight,
                     .dead = a->dead + b->dead,
                     .bytes = a->bytes + b->bytes,
                     .urgent = a->urgent + b->urgent};
}

/* Whether an agent's counts are not those of its rows; `mend`: they are set right. */
static gboolean counts_differ(MsgEngine *e, MsgAgent *agent, gboolean mend) {
  MsgCounts stored, in_memory;

  msg_count_rows(e, agent, FALSE, &stored);
  msg_count_rows(e, agent, TRUE, &in_memory);
  MsgCounts have = sum_of(&stored, &in_memory);
  if (e->failed || same_counts(&agent->counts, &have))
    return FALSE;
  if (!mend)
    return TRUE;
  have.last_seen = agent->counts.last_seen;
  agent->counts = have;
  agent->volatile_counts = in_memory;
  agent->volatile_dirty = TRUE;
  msg_agent_dirty(e, agent);
  return TRUE;
}

static gboolean check_deliveries(MsgEngine *e, MsgCheck *c, gboolean done) {
  g_autoptr(sqlite3_stmt) stmt =
      msg_rare(e, done ? "SELECT place, data, 1 FROM main.done WHERE place > ?1 ORDER BY place"
                       : "SELECT place, data, EXISTS(SELECT 1 FROM main.message WHERE seq = place "
                         "& 274877906943) FROM main.live WHERE place > ?1 ORDER BY place");
  g_autoptr(GArray) bad = g_array_new(FALSE, FALSE, sizeof(Row));
  g_autoptr(GPtrArray) bytes = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
  guint rows = 0;
  gboolean more = FALSE;

  if (!stmt)
    return TRUE;
  sqlite3_bind_int64(stmt, 1, c->after);
  while (rows < c->rows_max && (more = msg_rare_row(e, stmt))) {
    Row row = {.key = sqlite3_column_int64(stmt, 0), .orphan = !sqlite3_column_int(stmt, 2)};
    gconstpointer data = sqlite3_column_blob(stmt, 1);
    gsize size = sqlite3_column_bytes(stmt, 1);
    g_autoptr(MsgLive) live = msg_live_unpack(row.key, data, size);
    row.sound = live != NULL;
    rows++;
    c->after = row.key;
    if (row.sound && !row.orphan)
      continue;
    g_array_append_val(bad, row);
    g_ptr_array_add(bytes, g_bytes_new(data, size));
  }
  c->records += rows;
  g_clear_pointer(&stmt, sqlite3_finalize);
  for (guint i = 0; i < bad->len && !e->failed; i++) {
    Row row = g_array_index(bad, Row, i);
    guint id = msg_place_agent((guint64)row.key);
    MsgAgent *agent = msg_agent_by_id(e, id);
    gboolean last_of_agent =
        i + 1 == bad->len || msg_place_agent((guint64)g_array_index(bad, Row, i + 1).key) != id;
    mend_row(e, c, agent, &row, done ? bytes->pdata[i] : NULL);
    if (c->scrub && !c->dry_run && agent && last_of_agent && !e->failed)
      counts_differ(e, agent, TRUE); /* no later stage does it */
  }
  return !more;
}

/* One agent a slice: only within one batch do rows and counts belong together. */
static gboolean check_counts(MsgEngine *e, MsgCheck *c) {
  for (guint i = c->after + 1; i < e->agents->len; i++) {
    c->after = i;
    if (!e->agents->pdata[i])
      continue;
    const MsgAgent *agent = e->agents->pdata[i];
    if (counts_differ(e, e->agents->pdata[i], !c->dry_run)) {
      find(e, c, "the counts of agent '%s' are not those of its rows; %s", agent->name,
           done_with(c, "they were set right"));
      c->repaired += !c->dry_run;
    }
    return FALSE;
  }
  return TRUE;
}

gboolean msg_check_records(MsgEngine *e, MsgCheck *c) {
  return c->stage == MSG_CHECK_MESSAGES ? check_messages(e, c)
                                        : check_deliveries(e, c, c->stage == MSG_CHECK_DONE);
}

void msg_check_next(MsgCheck *c) {
  c->stage++;
  c->after = -1;
}

void msg_check_result(MsgCallJob *job, const MsgCheck *c, const char *next) {
  g_auto(GVariantDict) summary = G_VARIANT_DICT_INIT(NULL);
  GVariantBuilder list;

  g_variant_builder_init(&list, G_VARIANT_TYPE_STRING_ARRAY);
  for (guint i = 0; i < c->n && i < c->findings->len; i++)
    g_variant_builder_add(&list, "s", c->findings->pdata[i]);
  g_variant_dict_insert(&summary, "records", "t", c->records);
  g_variant_dict_insert(&summary, "damaged", "t", c->damaged);
  g_variant_dict_insert(&summary, "repaired", "t", c->repaired);
  if (next)
    g_variant_dict_insert(&summary, "next", "s", next);
  g_clear_pointer(&job->result, g_variant_unref);
  job->result =
      g_variant_ref_sink(g_variant_new("(as@a{sv})", &list, g_variant_dict_end(&summary)));
}

static void answer(MsgEngine *e, MsgCallJob *job, const MsgCheck *c) {
  msg_check_result(job, c, NULL);
  g_ptr_array_set_size(c->findings, 0);
  msg_log(e, c->damaged ? LOG_ERR : LOG_INFO, WG_MSG_STORE_CHECKED, NULL, 0,
          "Checked %" G_GUINT64_FORMAT " records: %" G_GUINT64_FORMAT
          " findings, %" G_GUINT64_FORMAT " mended",
          c->records, c->damaged, c->repaired);
  if (c->damaged == 0 && c->stage == MSG_CHECK_END)
    msg_note_add(e, MSG_NOTE_RECORDS);
}

static gboolean check_step(MsgEngine *e, MsgCallJob *job, gpointer state, gboolean last) {
  MsgCheck *c = state;
  gboolean next = TRUE;

  if (c->stage == MSG_CHECK_FILE)
    check_file(e, c);
  else if (c->stage == MSG_CHECK_COUNTS)
    next = check_counts(e, c);
  else if (c->stage < MSG_CHECK_COUNTS)
    next = msg_check_records(e, c);
  if (next)
    msg_check_next(c);
  if (c->stage < MSG_CHECK_END && !last)
    return FALSE;
  answer(e, job, c);
  return TRUE;
}

WgJobResult msg_call_check(MsgEngine *e, MsgCallJob *job) {
  GError **error = &job->base.job.error;
  g_autoptr(GVariant) options = g_variant_get_child_value(job->args, 0);
  MsgCheck c = {
      .after = -1, .rows_max = SLICE_ROWS, .bytes_max = SLICE_BYTES, .findings = e->findings};
  const char *from;

  if (!job->base.admin && job->base.actor->uid != 0) {
    g_set_error_literal(error, WG_ERROR, WG_ERROR_NOT_AUTHORIZED,
                        "Only an administrator may check the store");
    return WG_JOB_DONE;
  }
  g_variant_lookup(options, "dry-run", "b", &c.dry_run);
  if (g_variant_lookup(options, "from", "&s", &from))
    return msg_scrub(e, job, from, c.dry_run);
  if (e->slices->len > 0) {
    g_set_error_literal(error, WG_ERROR, WG_ERROR_INVALID_STATE,
                        "A check or a purge is running; repeat the call when it has ended");
    return WG_JOB_DONE;
  }
  return msg_slices_park(e, job, check_step, &c, sizeof c);
}
