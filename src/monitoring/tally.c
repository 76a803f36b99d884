/* tally.c: see tally.h. All entries are one row of the table `counter`, under a name that no unit
 * can have. */
#include "monitoring/tally.h"

#include "common/clock.h"

#include <math.h>
#include <string.h>

#define ROW "waggle/tally"
#define RECORD "(sasbddtxx)"
#define TYPE "a" RECORD
#define SAVE_USEC (60 * G_USEC_PER_SEC)
#define SAVE_ANYWAY_USEC                                                                           \
  (86400 * (gint64)G_USEC_PER_SEC) /* so that the row is not taken as old                          \
                                    */
#define KEPT_USEC (30 * 86400 * (gint64)G_USEC_PER_SEC)

typedef struct {
  MonMetricId metric;
  const MonLabels *labels;
  gboolean own;            /* we count: it stands even before the next count */
  double base, last;       /* counted by earlier starts of the source; by this one */
  guint64 source;          /* 0: its start is not known */
  gint64 created, touched; /* CLOCK_REALTIME us */
  gint64 fed;              /* CLOCK_BOOTTIME us; 0: not since the start */
  double rate;             /* a second; NAN: not known */
  MonSeries *series;       /* NULL: its source is absent */
} Entry;

struct MonTally {
  MonBoard *board;
  MonStore *store;
  GHashTable *entries; /* Entry -> itself */
  gboolean changed;
  gint64 saved; /* CLOCK_BOOTTIME us */
};

static guint entry_hash(gconstpointer key) {
  const Entry *entry = key;

  return (guint)mon_labels_hash(entry->labels) ^ ((guint)entry->metric * 2654435761U);
}

static gboolean entry_equal(gconstpointer a, gconstpointer b) {
  const Entry *x = a, *y = b;

  return x->metric == y->metric && mon_labels_equal(x->labels, y->labels);
}

static void entry_free(gpointer data) {
  Entry *entry = data;

  mon_labels_unref(entry->labels);
  g_free(entry);
}

static Entry *entry_of(MonTally *tally, MonMetricId metric, const MonLabels *labels) {
  const Entry key = {.metric = metric, .labels = labels};
  Entry *entry = g_hash_table_lookup(tally->entries, &key);

  if (entry)
    return entry;
  entry = g_new0(Entry, 1);
  entry->metric = metric;
  entry->labels = mon_labels_ref(labels);
  g_hash_table_add(tally->entries, entry);
  return entry;
}

static void publish(MonTally *tally, Entry *entry) {
  double value = entry->base + entry->last;

  if (entry->series)
    mon_series_set(entry->series, value);
  else
    entry->series = mon_board_set(tally->board, &mon_metrics[entry->metric], entry->labels, value,
                                  entry->created);
}

static void touch(MonTally *tally, Entry *entry, gint64 created) {
  entry->touched = wg_time_realtime();
  if (entry->created == 0)
    entry->created = created != 0 ? created : entry->touched;
  publish(tally, entry);
  tally->changed = TRUE;
}

void mon_tally_add(MonTally *tally, MonMetricId metric, const MonLabels *labels, guint64 n) {
  if (!tally) /* a test without one */
    return;
  Entry *entry = entry_of(tally, metric, labels);
  entry->own = TRUE;
  entry->base += (double)n;
  touch(tally, entry, 0);
}

static void take_rate(Entry *entry, double rise) {
  gint64 now = wg_time_boottime(), elapsed = now - entry->fed;

  entry->rate = entry->fed != 0 && elapsed > 0 ? rise * G_USEC_PER_SEC / (double)elapsed : NAN;
  entry->fed = now;
}

void mon_tally_feed(MonTally *tally, MonMetricId metric, const MonLabels *labels, double raw,
                    guint64 source) {
  Entry *entry = entry_of(tally, metric, labels);
  double before = entry->base + entry->last;

  if (entry->source != source)
    entry->base += entry->last;
  else if (raw < entry->last)
    entry->base += entry->last - raw;
  entry->last = raw;
  entry->source = source;
  take_rate(entry, entry->base + entry->last - before);
  touch(tally, entry, (gint64)source);
}

void mon_tally_each_rate(MonTally *tally, MonMetricId metric, MonTallyRateFunc func,
                         gpointer user_data) {
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init(&iter, tally->entries);
  while (g_hash_table_iter_next(&iter, &value, NULL)) {
    const Entry *entry = value;
    if (entry->metric == metric && entry->series && entry->fed != 0 && !isnan(entry->rate))
      func(entry->labels, entry->rate, user_data);
  }
}

void mon_tally_hide(MonTally *tally, MonMetricId metric) {
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init(&iter, tally->entries);
  while (g_hash_table_iter_next(&iter, &value, NULL)) {
    Entry *entry = value;
    if (entry->metric == metric)
      mon_board_drop(tally->board, g_steal_pointer(&entry->series));
  }
}

/* ---- to the store ---- */
/* The ones that were touched last are kept. */
static gint by_touch(gconstpointer a, gconstpointer b) {
  const Entry *x = *(Entry *const *)a, *y = *(Entry *const *)b;

  return x->touched < y->touched ? 1 : x->touched > y->touched ? -1 : 0;
}

static void add_record(GVariantBuilder *builder, const Entry *entry) {
  GVariantBuilder labels;

  g_variant_builder_init(&labels, G_VARIANT_TYPE_STRING_ARRAY);
  for (guint i = 0; i < mon_labels_n(entry->labels); i++) {
    const char *name, *value;
    mon_labels_nth(entry->labels, i, &name, &value);
    g_variant_builder_add(&labels, "s", name);
    g_variant_builder_add(&labels, "s", value);
  }
  g_variant_builder_add(builder, RECORD, mon_metrics[entry->metric].name, &labels, entry->own,
                        entry->base, entry->last, entry->source, entry->created, entry->touched);
}

static GVariant *pack(MonTally *tally) {
  g_autoptr(GPtrArray) all = g_ptr_array_new();
  GVariantBuilder builder;
  GHashTableIter iter;
  gpointer entry;

  g_hash_table_iter_init(&iter, tally->entries);
  while (g_hash_table_iter_next(&iter, &entry, NULL))
    g_ptr_array_add(all, entry);
  g_ptr_array_sort(all, by_touch);
  g_variant_builder_init(&builder, G_VARIANT_TYPE(TYPE));
  for (guint i = 0; i < MIN(all->len, MON_TALLY_MAX); i++)
    add_record(&builder, all->pdata[i]);
  return g_variant_ref_sink(g_variant_builder_end(&builder));
}

static guint32 crc_of(gconstpointer data, gsize size) {
  return wg_store_crc(wg_store_crc(0, ROW, strlen(ROW)), data, size);
}

static gboolean write_row(MonStore *store, gpointer data, GError **error) {
  GVariant *record = data;
  gconstpointer bytes = g_variant_get_data(record);
  gsize size = g_variant_get_size(record);
  sqlite3_stmt *stmt = wg_records_statement(
      store, "INSERT OR REPLACE INTO counter (unit, seen, data, crc) VALUES (?, ?, ?, ?)");

  if (!stmt)
    return TRUE;
  sqlite3_bind_text(stmt, 1, ROW, -1, SQLITE_STATIC);
  sqlite3_bind_int64(stmt, 2, wg_time_realtime());
  sqlite3_bind_blob(stmt, 3, bytes, (int)size, SQLITE_STATIC);
  sqlite3_bind_int64(stmt, 4, crc_of(bytes, size));
  wg_records_run(store, stmt);
  return TRUE;
}

static void row_written(const GError *error, gpointer data) {
  g_variant_unref(data); /* what was not stored is stored with the next minute */
}

void mon_tally_save(MonTally *tally, gboolean now) {
  gint64 time = wg_time_boottime(), since = time - tally->saved;

  if (!now && (since < SAVE_USEC || (!tally->changed && since < SAVE_ANYWAY_USEC)))
    return;
  if (g_hash_table_size(tally->entries) == 0)
    return;
  tally->changed = FALSE;
  tally->saved = time;
  mon_store_do(tally->store, write_row, row_written, pack(tally), TRUE);
}

/* ---- from it ---- */
static const MonMetric *counter_named(const char *name) {
  const MonMetric *metric = mon_metric(name);

  return metric && metric->type == MON_COUNTER ? metric : NULL;
}

static void take_record(MonTally *tally, GVariant *record, gint64 oldest) {
  g_autofree const char **pairs = NULL;
  Entry read = {0};
  const char *name;

  g_variant_get(record, "(&s^a&sbddtxx)", &name, &pairs, &read.own, &read.base, &read.last,
                &read.source, &read.created, &read.touched);
  const MonMetric *metric = counter_named(name);
  if (!metric || read.touched < oldest || g_strv_length((char **)pairs) % 2 != 0)
    return;
  g_autoptr(MonLabels) labels = mon_labels_from(pairs, g_strv_length((char **)pairs) / 2);
  Entry *entry = entry_of(tally, (MonMetricId)(metric - mon_metrics), labels);
  entry->own = read.own;
  entry->base = read.base;
  entry->last = read.last;
  entry->source = read.source;
  entry->created = read.created;
  entry->touched = read.touched;
  if (entry->own)
    publish(tally, entry);
}

static void load(MonTally *tally) {
  g_autoptr(WgStatement) stmt =
      wg_records_statement(tally->store, "SELECT data, crc FROM counter WHERE unit = '" ROW "'");

  if (!stmt || !wg_records_row(tally->store, stmt))
    return;
  gconstpointer data = sqlite3_column_blob(stmt, 0);
  gsize size = (gsize)sqlite3_column_bytes(stmt, 0);
  if (crc_of(data, size) != (guint32)sqlite3_column_int64(stmt, 1))
    return;
  g_autoptr(GBytes) bytes = g_bytes_new(data, size); /* aligned */
  g_autoptr(GVariant) all =
      g_variant_ref_sink(g_variant_new_from_bytes(G_VARIANT_TYPE(TYPE), bytes, FALSE));
  for (gsize i = 0; i < g_variant_n_children(all); i++) {
    g_autoptr(GVariant) record = g_variant_get_child_value(all, i);
    take_record(tally, record, wg_time_realtime() - KEPT_USEC);
  }
}

MonTally *mon_tally_new(MonBoard *board, MonStore *store) {
  MonTally *tally = g_new0(MonTally, 1);

  tally->board = board;
  tally->store = store;
  tally->entries = g_hash_table_new_full(entry_hash, entry_equal, entry_free, NULL);
  tally->saved = wg_time_boottime();
  load(tally);
  return tally;
}

void mon_tally_free(MonTally *tally) {
  if (!tally)
    return;
  g_hash_table_unref(tally->entries);
  g_free(tally);
}
