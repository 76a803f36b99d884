/* event-count.c: see event-count.h. A series begins with 0 and then counts, so that a rate sees the
 * first event, too. Events of one turn of the loop are one transaction, and a disk that is slow is
 * given what has piled up meanwhile as the next one. */
#include "monitoring/event-count.h"

#include "monitoring/metrics-list.h"

#include "common/clock.h"

#include <string.h>

#define KEPT_USEC (30 * 86400 * (gint64)G_USEC_PER_SEC)

typedef struct {
  const MonLabels *labels; /* event, unit */
  guint64 n;
  gint64 created, touched; /* CLOCK_REALTIME us */
  MonSeries *series;       /* NULL: nothing is stored yet */
  gboolean dirty;
  GList link; /* in `by_touch` */
} Entry;

struct MonEventCount {
  MonDaemon *daemon;
  guint listener, idle;
  GHashTable *entries; /* labels -> Entry */
  GQueue by_touch;     /* the last one first */
  GPtrArray *dirty;    /* labels of the ones to store; the one of a forgotten entry removes it */
  gint64 oldest;       /* touched before: to be removed from the store; 0: it was */
  guint n_storing;
};

/* ---- writer's thread ---- */
typedef struct {
  const MonLabels *labels;
  char *event, *unit;
  guint64 n; /* 0: forget it */
  gint64 created, touched;
} Row;

typedef struct {
  MonEventCount *count;
  GArray *rows;
  gint64 oldest; /* what was touched before goes; 0: nothing */
  MonStoreRun run;
  gpointer data;
  GDestroyNotify free_data;
} Job;

static guint32 crc_of(const char *event, const char *unit, guint64 n, gint64 created,
                      gint64 touched) {
  const guint64 numbers[] = {n, (guint64)created, (guint64)touched};
  guint32 crc = wg_store_crc(0, event, strlen(event) + 1);

  crc = wg_store_crc(crc, unit, strlen(unit) + 1);
  return wg_store_crc(crc, numbers, sizeof numbers);
}

static gboolean write_one(MonStore *store, const Row *row) {
  sqlite3_stmt *stmt = wg_records_statement(
      store, row->n != 0 ? "INSERT OR REPLACE INTO event_count VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
                         : "DELETE FROM event_count WHERE event = ?1 AND unit = ?2");

  if (stmt == NULL)
    return FALSE;
  sqlite3_bind_text(stmt, 1, row->event, -1, SQLITE_STATIC);
  sqlite3_bind_text(stmt, 2, row->unit, -1, SQLITE_STATIC);
  if (row->n != 0) {
    sqlite3_bind_int64(stmt, 3, (gint64)row->n);
    sqlite3_bind_int64(stmt, 4, row->created);
    sqlite3_bind_int64(stmt, 5, row->touched);
    sqlite3_bind_int64(stmt, 6, crc_of(row->event, row->unit, row->n, row->created, row->touched));
  }
  return wg_records_run(store, stmt);
}

static gboolean remove_old(MonStore *store, gint64 oldest) {
  sqlite3_stmt *stmt = wg_records_statement(store, "DELETE FROM event_count WHERE touched < ?1");

  if (stmt == NULL)
    return FALSE;
  sqlite3_bind_int64(stmt, 1, oldest);
  return wg_records_run(store, stmt);
}

static gboolean write_rows(MonStore *store, gpointer data, GError **error) {
  Job *job = data;

  if (job->oldest != 0 && !remove_old(store, job->oldest))
    return TRUE;
  for (guint i = 0; i < job->rows->len; i++)
    if (!write_one(store, &g_array_index(job->rows, Row, i)))
      return TRUE;
  return job->run == NULL || job->run(store, job->data, error);
}

/* ---- the loop's side ---- */
/* Never less than it was: while the store took nothing, more was told than it is given now. */
static void publish(MonEventCount *count, Entry *entry, guint64 n) {
  if (entry->series == NULL)
    entry->series = mon_board_set(count->daemon->board, &mon_metrics[MON_M_EVENTS], entry->labels,
                                  0, entry->created);
  if ((double)n > mon_series_value(entry->series))
    mon_series_set(entry->series, (double)n);
}

static void entry_free(gpointer data) {
  Entry *entry = data;

  mon_labels_unref(entry->labels);
  g_free(entry);
}

static void mark(MonEventCount *count, Entry *entry) {
  if (entry->dirty)
    return;
  entry->dirty = TRUE;
  g_ptr_array_add(count->dirty, (gpointer)mon_labels_ref(entry->labels));
}

static Entry *entry_new(MonEventCount *count, const MonLabels *labels) {
  Entry *entry = g_new0(Entry, 1);

  entry->labels = mon_labels_ref(labels);
  entry->link.data = entry;
  g_hash_table_insert(count->entries, (gpointer)entry->labels, entry);
  g_queue_push_head_link(&count->by_touch, &entry->link);
  return entry;
}

static void forget_oldest(MonEventCount *count) {
  Entry *entry = g_queue_peek_tail(&count->by_touch);

  mark(count, entry);
  mon_board_drop(count->daemon->board, entry->series);
  g_queue_unlink(&count->by_touch, &entry->link);
  g_hash_table_remove(count->entries, entry->labels);
}

static void take_row(MonEventCount *count, const MonLabels *labels, GArray *rows) {
  Entry *entry = g_hash_table_lookup(count->entries, labels);
  const char *unit = mon_labels_get(labels, "unit");
  Row row = {.labels = mon_labels_ref(labels),
             .event = g_strdup(mon_labels_get(labels, "event")),
             .unit = g_strdup(unit != NULL ? unit : "")};

  if (entry != NULL) {
    row.n = entry->n;
    row.created = entry->created;
    row.touched = entry->touched;
    entry->dirty = FALSE;
  }
  g_array_append_val(rows, row);
}

static void row_clear(gpointer data) {
  Row *row = data;

  mon_labels_unref(row->labels);
  g_free(row->event);
  g_free(row->unit);
}

static gboolean on_idle(gpointer data) {
  MonEventCount *count = data;

  count->idle = 0;
  if (count->dirty->len > 0)
    mon_event_count_store(count, NULL, NULL, NULL);
  return G_SOURCE_REMOVE;
}

void mon_event_count_soon(MonEventCount *count) {
  if (count->idle == 0 && count->n_storing == 0 && count->dirty->len > 0)
    count->idle = g_idle_add_full(G_PRIORITY_DEFAULT, on_idle, count, NULL);
}

/* Also what could not be stored happened: it is told, and stored with the next one. */
static void rows_written(const GError *error, gpointer data) {
  Job *job = data;
  MonEventCount *count = job->count;

  count->n_storing--;
  for (guint i = 0; i < job->rows->len; i++) {
    const Row *row = &g_array_index(job->rows, Row, i);
    Entry *entry = g_hash_table_lookup(count->entries, row->labels);
    if (entry != NULL && entry->created == row->created)
      publish(count, entry, row->n);
    if (entry != NULL && error != NULL)
      mark(count, entry);
  }
  if (error == NULL)
    count->oldest = 0;
  if (error == NULL)
    mon_event_count_soon(count);
  if (job->free_data != NULL)
    job->free_data(job->data);
  g_array_unref(job->rows);
  g_free(job);
}

void mon_event_count_store(MonEventCount *count, MonStoreRun run, gpointer data,
                           GDestroyNotify free_data) {
  Job *job = g_new0(Job, 1);

  *job = (Job){count, g_array_new(FALSE, FALSE, sizeof(Row)), count->oldest, run, data, free_data};
  g_array_set_clear_func(job->rows, row_clear);
  for (guint i = 0; i < count->dirty->len; i++)
    take_row(count, count->dirty->pdata[i], job->rows);
  g_ptr_array_set_size(count->dirty, 0);
  count->n_storing++;
  mon_store_do(count->daemon->store, write_rows, rows_written, job, FALSE);
}

static gboolean may_write(MonEventCount *count) {
  WgWriter *writer = wg_records_writer(count->daemon->store);

  return writer == NULL || wg_writer_state(writer) < WG_STORE_FULL; /* NULL: soon */
}

static void on_event(const MonEvent *event, gpointer data) {
  MonEventCount *count = data;

  if (count->daemon->store == NULL) /* the service leaves */
    return;
  g_autoptr(MonLabels) labels =
      mon_labels_new("event", mon_event_name(event->kind), "unit", event->subject, NULL);
  Entry *entry = g_hash_table_lookup(count->entries, labels);

  if (entry == NULL) {
    if (g_hash_table_size(count->entries) >= MON_EVENT_COUNT_MAX)
      forget_oldest(count);
    entry = entry_new(count, labels);
  }
  entry->n++;
  entry->touched = wg_time_realtime();
  if (entry->created == 0)
    entry->created = entry->touched;
  g_queue_unlink(&count->by_touch, &entry->link);
  g_queue_push_head_link(&count->by_touch, &entry->link);
  mark(count, entry);
  if (!may_write(count)) /* a full disk must not hide it */
    publish(count, entry, entry->n);
  mon_event_count_soon(count);
}

/* ---- life ---- */
static void load_row(MonEventCount *count, sqlite3_stmt *stmt) {
  const char *event = (const char *)sqlite3_column_text(stmt, 0);
  const char *unit = (const char *)sqlite3_column_text(stmt, 1);
  gint64 n = sqlite3_column_int64(stmt, 2), created = sqlite3_column_int64(stmt, 3);
  gint64 touched = sqlite3_column_int64(stmt, 4);

  if (event == NULL || unit == NULL || n <= 0 ||
      crc_of(event, unit, (guint64)n, created, touched) != (guint32)sqlite3_column_int64(stmt, 5))
    return; /* it begins anew */
  g_autoptr(MonLabels) labels =
      mon_labels_new("event", event, "unit", *unit != '\0' ? unit : NULL, NULL);
  Entry *entry = entry_new(count, labels);
  entry->n = (guint64)n;
  entry->created = created;
  entry->touched = touched;
  entry->series =
      mon_board_set(count->daemon->board, &mon_metrics[MON_M_EVENTS], labels, (double)n, created);
}

static void load(MonEventCount *count) {
  MonStore *store = count->daemon->store;
  g_autoptr(WgStatement) stmt = wg_records_statement(
      store, "SELECT event, unit, n, created, touched, crc FROM (SELECT * FROM event_count"
             " WHERE touched >= ?1 ORDER BY touched DESC LIMIT ?2) ORDER BY touched");

  count->oldest = wg_time_realtime() - KEPT_USEC;
  if (stmt == NULL)
    return;
  sqlite3_bind_int64(stmt, 1, count->oldest);
  sqlite3_bind_int64(stmt, 2, MON_EVENT_COUNT_MAX);
  while (wg_records_row(store, stmt))
    load_row(count, stmt);
}

MonEventCount *mon_event_count_new(MonDaemon *daemon) {
  MonEventCount *count = g_new0(MonEventCount, 1);

  count->daemon = daemon;
  count->entries = g_hash_table_new_full(mon_labels_hash_func, g_direct_equal, NULL, entry_free);
  count->dirty = g_ptr_array_new_with_free_func((GDestroyNotify)mon_labels_unref);
  g_queue_init(&count->by_touch);
  load(count);
  count->listener = mon_events_listen(daemon->events, on_event, count);
  return count;
}

void mon_event_count_free(MonEventCount *count) {
  if (count == NULL)
    return;
  mon_events_unlisten(count->daemon->events, count->listener);
  if (count->idle != 0)
    g_source_remove(count->idle);
  g_hash_table_unref(count->entries);
  g_ptr_array_unref(count->dirty);
  g_free(count);
}
