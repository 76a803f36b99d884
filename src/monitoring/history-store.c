/* history-store.c: chunks in the tables, on the writer's thread, see history-private.h. */
#include "monitoring/history-private.h"

#include "common/error.h"

#include <string.h>

/* Of a step of looking back. The loop takes as long for its samples as the store did. */
#define STEP_USEC 8000
#define STEP_SAMPLES 30000

guint32 mon_chunk_crc(gint64 series, gint64 start, gconstpointer data, gsize size) {
  gint64 key[] = {series, start};

  return wg_store_crc(wg_store_crc(0, key, sizeof key), data, size);
}

typedef struct {
  MonStore *store;
  sqlite3_stmt *find, *make, *insert;
} Writing;

static void writing_clear(Writing *w) {
  sqlite3_finalize(w->find);
  sqlite3_finalize(w->make);
  sqlite3_finalize(w->insert);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Writing, writing_clear)

static void bind_series(sqlite3_stmt *stmt, const MonRun *run) {
  gsize size;
  gconstpointer labels = g_bytes_get_data(run->labels, &size);

  sqlite3_bind_text(stmt, 1, run->name, -1, SQLITE_STATIC);
  sqlite3_bind_blob(stmt, 2, size ? labels : "", (int)size, SQLITE_STATIC);
}

/* The number of the series, which is made if need be; 0: the batch has failed. */
static gint64 series_id(const Writing *w, const MonRun *run) {
  sqlite3 *db = wg_records_db(w->store);

  bind_series(w->find, run);
  gint64 id = wg_records_row(w->store, w->find) ? sqlite3_column_int64(w->find, 0) : 0;
  sqlite3_reset(w->find);
  if (id != 0)
    return id;
  bind_series(w->make, run);
  sqlite3_bind_int(w->make, 3, run->is_counter);
  wg_records_row(w->store, w->make);
  return sqlite3_reset(w->make) == SQLITE_OK ? sqlite3_last_insert_rowid(db) : 0;
}

gboolean mon_history_write(MonStore *store, GPtrArray *runs, GError **error) {
  g_auto(Writing) w = {store, NULL, NULL, NULL};

  w.find =
      wg_records_statement(store, "SELECT id FROM history_series WHERE name = ? AND labels = ?");
  w.make = wg_records_statement(
      store, "INSERT INTO history_series (name, labels, is_counter) VALUES (?, ?, ?)");
  w.insert = wg_records_statement(
      store, "INSERT OR REPLACE INTO history_chunk (series, tier, start, stop, data, crc)"
             " VALUES (?, 0, ?, ?, ?, ?)");
  for (guint i = 0; w.find && w.make && w.insert && i < runs->len; i++) {
    const MonRun *run = runs->pdata[i];
    gint64 id = series_id(&w, run);
    if (id == 0)
      return TRUE; /* the batch is rolled back */
    sqlite3_bind_int64(w.insert, 1, id);
    sqlite3_bind_int64(w.insert, 2, run->start);
    sqlite3_bind_int64(w.insert, 3, run->stop);
    sqlite3_bind_blob(w.insert, 4, run->data->data, (int)run->data->len, SQLITE_STATIC);
    sqlite3_bind_int64(w.insert, 5, mon_chunk_crc(id, run->start, run->data->data, run->data->len));
    wg_records_row(store, w.insert);
    sqlite3_reset(w.insert);
  }
  return TRUE;
}

gboolean mon_history_take_chunk(MonStore *store, sqlite3_stmt *stmt, gint64 series, gint64 start,
                                int column, GArray *times, GArray *values) {
  gconstpointer data = sqlite3_column_blob(stmt, column);
  gsize size = (gsize)sqlite3_column_bytes(stmt, column);
  guint32 crc = (guint32)sqlite3_column_int64(stmt, column + 1);

  if (mon_chunk_crc(series, start, data, size) == crc &&
      mon_chunk_decode(data, size, times, values))
    return TRUE;
  wg_store_quarantine(wg_records_db(store), "history_chunk", series, "checksum", data, size, NULL);
  return FALSE;
}

/* ---- looking back ---- */
static void stored_free(gpointer data) {
  MonStoredSeries *one = data;

  g_free(one->name);
  g_clear_pointer(&one->labels, g_bytes_unref);
  g_array_unref(one->times);
  g_array_unref(one->values);
  g_free(one);
}

typedef struct {
  MonStore *store;
  gint64 id;
  MonStoredSeries *one;
} Loading;

/* Samples of one tier in (from, to]. */
static void load_tier(const Loading *loading, guint tier, gint64 from, gint64 to) {
  MonStoredSeries *one = loading->one;
  g_autoptr(WgStatement) stmt = wg_records_statement(
      loading->store, "SELECT start, data, crc FROM history_chunk"
                      " WHERE series = ? AND tier = ? AND start <= ? AND stop > ? ORDER BY start");
  guint kept = one->times->len, next;

  if (!stmt)
    return;
  sqlite3_bind_int64(stmt, 1, loading->id);
  sqlite3_bind_int(stmt, 2, (int)tier);
  sqlite3_bind_int64(stmt, 3, to);
  sqlite3_bind_int64(stmt, 4, from);
  while (wg_records_row(loading->store, stmt))
    mon_history_take_chunk(loading->store, stmt, loading->id, sqlite3_column_int64(stmt, 0), 1,
                           one->times, one->values);
  for (next = kept; next < one->times->len; next++) {
    gint64 time = g_array_index(one->times, gint64, next);
    if (time <= from || time > to)
      continue;
    g_array_index(one->times, gint64, kept) = time;
    g_array_index(one->values, double, kept++) = g_array_index(one->values, double, next);
  }
  g_array_set_size(one->times, kept);
  g_array_set_size(one->values, kept);
}

/* Where a tier begins in (from, to]; `to` where it has nothing there. */
static gint64 tier_begins(const Loading *loading, guint tier, gint64 from, gint64 to) {
  g_autoptr(WgStatement) stmt = wg_records_statement(
      loading->store, "SELECT MIN(start) FROM history_chunk WHERE series = ? AND tier = ?"
                      " AND stop > ? AND start <= ?");

  if (!stmt)
    return to;
  sqlite3_bind_int64(stmt, 1, loading->id);
  sqlite3_bind_int(stmt, 2, (int)tier);
  sqlite3_bind_int64(stmt, 3, from);
  sqlite3_bind_int64(stmt, 4, to);
  if (!wg_records_row(loading->store, stmt) || sqlite3_column_type(stmt, 0) == SQLITE_NULL)
    return to;
  return sqlite3_column_int64(stmt, 0) - 1;
}

/* The tier, before it coarser ones where it has nothing any more, after it finer ones where it has
 * nothing yet. */
static void load_before(const Loading *loading, guint tier, gint64 from, gint64 to) {
  gint64 begins = tier_begins(loading, tier, from, to);

  if (tier + 1 < MON_HISTORY_TIERS && begins > from)
    load_before(loading, tier + 1, from, begins);
  load_tier(loading, tier, MAX(begins, from), to);
}

static void load_series(const Loading *loading, const MonLookBack *look) {
  const GArray *times = loading->one->times;

  load_before(loading, look->tier, look->from, look->to);
  for (guint tier = look->tier; tier-- > 0;) {
    gint64 last = times->len > 0 ? g_array_index(times, gint64, times->len - 1) : look->from;
    load_tier(loading, tier, last, look->to);
  }
}

/* The label `unit` is that of the look. */
static gboolean is_wanted(const MonLookBack *look, const char *labels, gsize size) {
  g_autofree char *text = look->unit ? g_strconcat("unit", "#", look->unit, NULL) : NULL;

  if (!text)
    return TRUE;
  if (!labels) /* how sqlite has an empty blob: a series without labels */
    return FALSE;
  gsize n = strlen(text) + 1; /* with its end */
  text[4] = '\0';
  const char *found = size >= n ? memmem(labels, size, text, n) : NULL;
  return found && (found == labels || found[-1] == '\0');
}

/* The series of a name that come after the one where the step before ended. */
static sqlite3_stmt *find_series(MonStore *store, const MonLookBack *look, GBytes *after) {
  sqlite3_stmt *stmt =
      wg_records_statement(store, after ? "SELECT id, labels, is_counter FROM history_series"
                                          " WHERE name = ? AND labels > ? ORDER BY labels"
                                        : "SELECT id, labels, is_counter FROM history_series"
                                          " WHERE name = ? ORDER BY labels");
  gsize size = 0;
  gconstpointer labels = after ? g_bytes_get_data(after, &size) : NULL;

  if (stmt)
    sqlite3_bind_text(stmt, 1, look->names[look->next_name], -1, SQLITE_STATIC);
  if (stmt && after)
    sqlite3_bind_blob(stmt, 2, size ? labels : "", (int)size, SQLITE_STATIC);
  return stmt;
}

static void take_series(MonStore *store, MonLookBack *look, sqlite3_stmt *stmt) {
  MonStoredSeries *one = g_new0(MonStoredSeries, 1);

  one->name = g_strdup(look->names[look->next_name]);
  one->labels = g_bytes_ref(look->next_after);
  one->is_counter = sqlite3_column_int(stmt, 2) != 0;
  one->times = g_array_new(FALSE, FALSE, sizeof(gint64));
  one->values = g_array_new(FALSE, FALSE, sizeof(double));
  Loading loading = {store, sqlite3_column_int64(stmt, 0), one};
  load_series(&loading, look);
  if (one->times->len > 0)
    g_ptr_array_add(look->found, one);
  else
    stored_free(one);
}

typedef struct {
  gint64 until;
  guint64 n; /* samples of this step */
} Step;

static gboolean is_enough(const Step *step) {
  return step->n >= STEP_SAMPLES || g_get_monotonic_time() >= step->until;
}

/* FALSE: the step is over, or has failed. */
static gboolean look_for(MonStore *store, MonLookBack *look, Step *step, GError **error) {
  g_autoptr(GBytes) after = look->next_after ? g_bytes_ref(look->next_after) : NULL;
  g_autoptr(WgStatement) stmt = find_series(store, look, after);

  if (!stmt)
    return FALSE;
  while (wg_records_row(store, stmt)) {
    gconstpointer labels = sqlite3_column_blob(stmt, 1);
    gsize size = (gsize)sqlite3_column_bytes(stmt, 1);
    guint found = look->found->len;
    g_clear_pointer(&look->next_after, g_bytes_unref);
    look->next_after = g_bytes_new(labels, size);
    if (is_wanted(look, labels, size))
      take_series(store, look, stmt);
    if (look->found->len > found)
      step->n += ((MonStoredSeries *)look->found->pdata[found])->times->len;
    if (look->n + step->n > MON_PAST_SAMPLES_MAX) {
      g_set_error(error, WG_ERROR, WG_ERROR_LIMITS_EXCEEDED,
                  "the history of \"%s\" has more than %u samples there; ask for less time, or for "
                  "a longer step",
                  look->names[look->next_name], MON_PAST_SAMPLES_MAX);
      return FALSE;
    }
    if (is_enough(step))
      return FALSE;
  }
  g_clear_pointer(&look->next_after, g_bytes_unref);
  look->next_name++;
  return TRUE;
}

gboolean mon_history_look_back(MonStore *store, MonLookBack *look, GError **error) {
  Step step = {g_get_monotonic_time() + STEP_USEC, 0};

  g_clear_pointer(&look->found, g_ptr_array_unref);
  look->found = g_ptr_array_new_with_free_func(stored_free);
  g_clear_pointer(&look->next_after, g_bytes_unref);
  look->next_name = look->name;
  look->next_after = look->after ? g_bytes_ref(look->after) : NULL;
  while (look->names[look->next_name] && look_for(store, look, &step, error))
    ;
  return error == NULL || *error == NULL;
}
