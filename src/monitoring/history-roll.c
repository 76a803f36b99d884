/* history-roll.c: the upkeep of the history, on the writer's thread, a small step a tick.
 *
 * Each series is rolled up hour by hour once the hour is over for ten minutes: its chunks become
 * one, and a chunk of five-minute values in tier 1; when a day is over its tier 1 becomes a chunk
 * of hours in tier 2. How far a series is stands in its own row, so a crash repeats at most one
 * step. What is too old goes, and while the file is too large the oldest goes first, raw samples
 * before rolled-up ones. */
#include "monitoring/history-private.h"

#include <math.h>

#define HOUR (60 * 60 * (gint64)G_USEC_PER_SEC)
#define DAY (24 * HOUR)
#define SETTLED (10 * 60 * (gint64)G_USEC_PER_SEC) /* runs of the hour are stored by then */
#define REMOVE_MAX 500                             /* chunks a step */
#define MARK_USEC 1000                             /* times are kept to the millisecond */

typedef struct {
  GArray *times, *values;
} Samples;

static void samples_init(Samples *samples) {
  samples->times = g_array_new(FALSE, FALSE, sizeof(gint64));
  samples->values = g_array_new(FALSE, FALSE, sizeof(double));
}

static void samples_clear(Samples *samples) {
  g_clear_pointer(&samples->times, g_array_unref);
  g_clear_pointer(&samples->values, g_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Samples, samples_clear)

static GByteArray *encode(const Samples *samples, guint from, guint n) {
  return mon_chunk_encode(&g_array_index(samples->times, gint64, from),
                          &g_array_index(samples->values, double, from), n);
}

/* ---- writing a chunk of any tier ---- */
static void bind_bytes(sqlite3_stmt *stmt, int at, const GByteArray *bytes) {
  if (bytes)
    sqlite3_bind_blob(stmt, at, bytes->data, (int)bytes->len, SQLITE_STATIC);
}

static void insert(MonStore *store, gint64 series, guint tier, gint64 start, gint64 stop,
                   const GByteArray *data, const GByteArray *low, const GByteArray *high) {
  sqlite3_stmt *stmt = wg_records_statement(
      store,
      "INSERT OR REPLACE INTO history_chunk (series, tier, start, stop, data, low, high, crc)"
      " VALUES (?, ?, ?, ?, ?, ?, ?, ?)");

  if (!stmt)
    return;
  sqlite3_bind_int64(stmt, 1, series);
  sqlite3_bind_int(stmt, 2, (int)tier);
  sqlite3_bind_int64(stmt, 3, start);
  sqlite3_bind_int64(stmt, 4, stop);
  bind_bytes(stmt, 5, data);
  bind_bytes(stmt, 6, low);
  bind_bytes(stmt, 7, high);
  sqlite3_bind_int64(stmt, 8, mon_chunk_crc(series, start, data->data, data->len));
  wg_records_run(store, stmt);
}

/* ---- rolling up ---- */
typedef struct {
  gint64 step, from, to;
  gboolean is_counter;
  Samples mean, low, high;
} Roll;

static void add(Roll *roll, gint64 time, double mean, double low, double high) {
  g_array_append_val(roll->mean.times, time);
  g_array_append_val(roll->mean.values, mean);
  g_array_append_val(roll->low.values, low);
  g_array_append_val(roll->high.values, high);
}

static void add_mark(Roll *roll, gint64 time) {
  add(roll, time, mon_stale(), mon_stale(), mon_stale());
}

/* (at * step, (at + 1) * step], told at its end. */
typedef struct {
  gint64 at;
  double sum, low, high, last;
  guint n;
  gboolean ended; /* after the last of them */
} Bucket;

/* Of a series that ended inside it the mark has the end, and the value stands just before. */
static void bucket_end(Roll *roll, Bucket *bucket) {
  gint64 time = (bucket->at + 1) * roll->step;
  double mean = roll->is_counter ? bucket->last : bucket->sum / bucket->n;

  if (bucket->n > 0)
    add(roll, bucket->ended ? time - MARK_USEC : time, mean, bucket->low, bucket->high);
  if (bucket->n > 0 && bucket->ended)
    add_mark(roll, time);
  *bucket = (Bucket){.at = bucket->at};
}

static void bucket_add(Bucket *bucket, double value) {
  gboolean is_first = bucket->n == 0;

  bucket->sum = is_first ? value : bucket->sum + value;
  bucket->low = is_first ? value : MIN(bucket->low, value);
  bucket->high = is_first ? value : MAX(bucket->high, value);
  bucket->last = value;
  bucket->ended = FALSE;
  bucket->n++;
}

/* NaN is left out, but for marks of an end. */
static void roll_up(Roll *roll, const Samples *in) {
  Bucket bucket = {.at = -1};

  for (guint i = 0; i < in->times->len; i++) {
    gint64 time = g_array_index(in->times, gint64, i);
    double value = g_array_index(in->values, double, i);
    gboolean is_mark = mon_is_stale(value);
    if (time <= roll->from || time > roll->to || (isnan(value) && !is_mark))
      continue;
    gint64 here = (time - 1) / roll->step;
    if (here != bucket.at)
      bucket_end(roll, &bucket);
    bucket.at = here;
    if (!is_mark)
      bucket_add(&bucket, value);
    else if (bucket.n > 0)
      bucket.ended = TRUE;
    else
      add_mark(roll, time); /* its last value stands in an earlier one */
  }
  bucket_end(roll, &bucket);
}

static void store_roll(MonStore *store, gint64 series, guint tier, Roll *roll) {
  for (guint at = 0; at < roll->mean.times->len; at += MON_CHUNK_MAX) {
    guint n = MIN(roll->mean.times->len - at, MON_CHUNK_MAX);
    const gint64 *times = &g_array_index(roll->mean.times, gint64, at);
    g_autoptr(GByteArray) data = encode(&roll->mean, at, n);
    g_autoptr(GByteArray) low = NULL, high = NULL;
    if (!roll->is_counter) {
      low = mon_chunk_encode(times, &g_array_index(roll->low.values, double, at), n);
      high = mon_chunk_encode(times, &g_array_index(roll->high.values, double, at), n);
    }
    insert(store, series, tier, times[0], times[n - 1], data, low, high);
  }
}

/* The chunks of a tier that touch (from, to]; `ret_whole`: how many, all inside it. */
static gboolean read_tier(MonStore *store, gint64 series, guint tier, gint64 from, gint64 to,
                          Samples *ret, guint *ret_whole) {
  g_autoptr(WgStatement) stmt = wg_records_statement(
      store, "SELECT start, stop, data, crc FROM history_chunk"
             " WHERE series = ? AND tier = ? AND start <= ? AND stop > ? ORDER BY start");

  if (!stmt)
    return FALSE;
  sqlite3_bind_int64(stmt, 1, series);
  sqlite3_bind_int(stmt, 2, (int)tier);
  sqlite3_bind_int64(stmt, 3, to);
  sqlite3_bind_int64(stmt, 4, from);
  *ret_whole = 0;
  gboolean whole = TRUE;
  while (wg_records_row(store, stmt)) {
    gint64 start = sqlite3_column_int64(stmt, 0);
    whole = mon_history_take_chunk(store, stmt, series, start, 2, ret->times, ret->values) &&
            start > from && sqlite3_column_int64(stmt, 1) <= to && whole;
    ++*ret_whole;
  }
  if (!whole)
    *ret_whole = 0;
  return TRUE;
}

/* An hour's chunks that lie in it become one. */
static void join(MonStore *store, gint64 series, gint64 from, gint64 to, const Samples *all) {
  sqlite3_stmt *stmt = wg_records_statement(
      store, "DELETE FROM history_chunk WHERE series = ? AND tier = 0 AND start > ? AND stop <= ?");

  if (!stmt)
    return;
  sqlite3_bind_int64(stmt, 1, series);
  sqlite3_bind_int64(stmt, 2, from);
  sqlite3_bind_int64(stmt, 3, to);
  if (!wg_records_run(store, stmt))
    return;
  g_autoptr(GByteArray) data = encode(all, 0, all->times->len);
  insert(store, series, 0, g_array_index(all->times, gint64, 0),
         g_array_index(all->times, gint64, all->times->len - 1), data, NULL, NULL);
}

static void roll_span(MonStore *store, gint64 series, gboolean is_counter, guint tier, gint64 from,
                      gint64 to) {
  g_auto(Samples) in = {0};
  guint whole;

  samples_init(&in);
  if (!read_tier(store, series, tier - 1, from, to, &in, &whole) || in.times->len == 0)
    return;
  Roll roll = {tier == 1 ? MON_TIER1_STEP : MON_TIER2_STEP, from, to, is_counter, {0}, {0}, {0}};
  samples_init(&roll.mean);
  samples_init(&roll.low);
  samples_init(&roll.high);
  roll_up(&roll, &in);
  store_roll(store, series, tier, &roll);
  if (tier == 1 && whole > 1 && in.times->len <= MON_CHUNK_MAX)
    join(store, series, from, to, &in);
  samples_clear(&roll.mean);
  samples_clear(&roll.low);
  samples_clear(&roll.high);
}

/* When the tier below begins after `from`; 0: it has nothing there. */
static gint64 first_after(MonStore *store, gint64 series, guint tier, gint64 from) {
  g_autoptr(WgStatement) stmt = wg_records_statement(
      store, "SELECT MIN(start) FROM history_chunk WHERE series = ? AND tier = ? AND stop > ?");

  if (!stmt)
    return 0;
  sqlite3_bind_int64(stmt, 1, series);
  sqlite3_bind_int(stmt, 2, (int)tier);
  sqlite3_bind_int64(stmt, 3, from);
  return wg_records_row(store, stmt) ? sqlite3_column_int64(stmt, 0) : 0;
}

static void set_rolled(MonStore *store, gint64 series, guint tier, gint64 to) {
  sqlite3_stmt *stmt =
      wg_records_statement(store, tier == 1 ? "UPDATE history_series SET rolled1 = ? WHERE id = ?"
                                            : "UPDATE history_series SET rolled2 = ? WHERE id = ?");

  if (!stmt)
    return;
  sqlite3_bind_int64(stmt, 1, to);
  sqlite3_bind_int64(stmt, 2, series);
  wg_records_run(store, stmt);
}

/* FALSE: nothing is left of the series, and its row is gone. A live one has a row again with its
 * next chunk. */
static gboolean still_there(MonStore *store, gint64 series) {
  sqlite3_stmt *stmt =
      wg_records_statement(store, "DELETE FROM history_series WHERE id = ?1 AND NOT EXISTS"
                                  " (SELECT 1 FROM history_chunk WHERE series = ?1)");

  if (!stmt)
    return TRUE;
  sqlite3_bind_int64(stmt, 1, series);
  return !wg_records_run(store, stmt) || sqlite3_changes(wg_records_db(store)) == 0;
}

/* One series as far as `until`, at most a day's worth of pieces at a time. */
static void roll_series(MonStore *store, gint64 series, gboolean is_counter, guint tier,
                        gint64 rolled, gint64 until) {
  gint64 piece = tier == 1 ? HOUR : DAY;
  gint64 first = first_after(store, series, tier - 1, rolled);
  if (first == 0 && tier == 1 && !still_there(store, series))
    return;
  gint64 from = first == 0 ? until : MAX(rolled, (first - 1) / piece * piece);

  for (guint i = 0; i < 24 && from < until; i++, from += piece)
    roll_span(store, series, is_counter, tier, from, from + piece);
  set_rolled(store, series, tier, MIN(from, until));
}

/* The series that are furthest behind, a part of them, so that all are through in good time. */
static void roll_some(MonStore *store, const MonUpkeep *upkeep, guint tier) {
  gint64 piece = tier == 1 ? HOUR : DAY;
  gint64 until = (upkeep->now - SETTLED) / piece * piece;
  g_autoptr(WgStatement) stmt = wg_records_statement(
      store, tier == 1 ? "SELECT id, is_counter, rolled1 FROM history_series WHERE rolled1 < ?"
                         " ORDER BY rolled1 LIMIT ?"
                       : "SELECT id, is_counter, rolled2 FROM history_series WHERE rolled2 < ?"
                         " ORDER BY rolled2 LIMIT ?");
  g_autoptr(GArray) rows = g_array_new(FALSE, FALSE, 3 * sizeof(gint64));

  if (!stmt)
    return;
  sqlite3_bind_int64(stmt, 1, until);
  sqlite3_bind_int64(stmt, 2, (tier == 1 ? 20 : 2) + upkeep->n_series / (tier == 1 ? 200 : 2000));
  while (wg_records_row(store, stmt)) {
    gint64 row[] = {sqlite3_column_int64(stmt, 0), sqlite3_column_int64(stmt, 1),
                    sqlite3_column_int64(stmt, 2)};
    g_array_append_val(rows, row);
  }
  g_clear_pointer(&stmt, sqlite3_finalize);
  for (guint i = 0; i < rows->len; i++) {
    const gint64 *row = (const gint64 *)(gpointer)(rows->data + i * 3 * sizeof(gint64));
    roll_series(store, row[0], row[1] != 0, tier, row[2], until);
  }
}

/* ---- removing ---- */
static void remove_chunks(MonStore *store, guint tier, gint64 before) {
  sqlite3_stmt *stmt = wg_records_statement(
      store, "DELETE FROM history_chunk WHERE (series, tier, start) IN (SELECT series, tier, start"
             " FROM history_chunk WHERE tier = ? AND stop < ? ORDER BY stop LIMIT ?)");

  if (!stmt)
    return;
  sqlite3_bind_int(stmt, 1, (int)tier);
  sqlite3_bind_int64(stmt, 2, before);
  sqlite3_bind_int(stmt, 3, REMOVE_MAX);
  wg_records_run(store, stmt);
}

static guint64 pragma(MonStore *store, const char *sql) {
  g_autoptr(WgStatement) stmt = wg_records_statement(store, sql);

  return stmt && wg_records_row(store, stmt) ? (guint64)sqlite3_column_int64(stmt, 0) : 0;
}

static guint64 used_bytes(MonStore *store) {
  return (pragma(store, "PRAGMA page_count") - pragma(store, "PRAGMA freelist_count")) *
         pragma(store, "PRAGMA page_size");
}

static void shrink(MonStore *store, MonUpkeep *upkeep) {
  upkeep->bytes = used_bytes(store);
  for (guint tier = 0; tier < MON_HISTORY_TIERS && upkeep->bytes > upkeep->limits.bytes; tier++) {
    remove_chunks(store, tier, G_MAXINT64);
    upkeep->bytes = used_bytes(store);
  }
}

gboolean mon_history_upkeep(MonStore *store, MonUpkeep *upkeep) {
  const guint64 keep[MON_HISTORY_TIERS] = {upkeep->limits.raw, upkeep->limits.month,
                                           upkeep->limits.year};

  roll_some(store, upkeep, 1);
  roll_some(store, upkeep, 2);
  for (guint tier = 0; tier < MON_HISTORY_TIERS; tier++)
    remove_chunks(store, tier, upkeep->now - (gint64)keep[tier]);
  shrink(store, upkeep);
  return TRUE;
}
