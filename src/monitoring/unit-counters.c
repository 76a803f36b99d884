/* unit-counters.c: counters of units in the store, so that a restart of the monitor is none of
 * theirs. A part of them is stored with each collection, so that each is once a minute or so; a
 * crash makes a unit that was restarted meanwhile fall back by as much, and no more. */
#include "monitoring/unit-metrics-private.h"

#include <math.h>
#include <string.h>

#define PARTS 6
#define KEPT_USEC (30 * 86400 * (gint64)G_USEC_PER_SEC) /* after a unit was seen last */

/* Transient units never come back under their name. */
static gboolean is_lasting(const char *unit) {
  return !g_str_has_suffix(unit, ".scope") && !g_str_has_prefix(unit, "run-");
}

static guint64 boot_number(void) {
  g_autofree char *id = NULL;

  return g_file_get_contents("/proc/sys/kernel/random/boot_id", &id, NULL, NULL)
             ? wg_store_crc(0, id, strlen(id))
             : 0;
}

static guint32 crc_of(const char *unit, gconstpointer data, gsize size) {
  return wg_store_crc(wg_store_crc(0, unit, strlen(unit)), data, size);
}

void mon_unit_counters_load(MonUnitMetrics *units) {
  g_autoptr(WgStatement) stmt = wg_records_statement(
      units->store, "SELECT unit, data, crc FROM counter WHERE seen > ? AND unit NOT LIKE '%/%'");

  units->boot = boot_number();
  if (!stmt)
    return;
  sqlite3_bind_int64(stmt, 1, g_get_real_time() - KEPT_USEC);
  while (wg_records_row(units->store, stmt)) {
    const char *unit = (const char *)sqlite3_column_text(stmt, 0);
    gconstpointer data = sqlite3_column_blob(stmt, 1);
    gsize size = (gsize)sqlite3_column_bytes(stmt, 1);
    if (unit && crc_of(unit, data, size) == (guint32)sqlite3_column_int64(stmt, 2))
      g_hash_table_replace(units->stored, g_strdup(unit), g_bytes_new(data, size));
  }
}

void mon_unit_counters_recall(MonUnitMetrics *units, MonUnitEntry *entry) {
  GBytes *bytes = g_hash_table_lookup(units->stored, entry->unit);
  gsize size;

  if (!bytes)
    return;
  const guint8 *data = g_bytes_get_data(bytes, &size);
  gsize own = mon_counters_packed(data, size);
  if (mon_counters_unpack(&entry->counters, data, own, units->boot))
    mon_unit_parts_unpack(entry, data + own, size - own, units->boot);
  g_hash_table_remove(units->stored, entry->unit);
}

static double sum_of(const MonUnitEntry *entry) {
  double sum = mon_unit_parts_sum(entry);

  for (guint i = 0; i < entry->counters.n; i++) {
    double value = mon_counters_value(&entry->counters, i);
    sum += isnan(value) ? 0 : value;
  }
  return sum;
}

static GBytes *pack(const MonUnitMetrics *units, const MonUnitEntry *entry) {
  GBytes *own = mon_counters_pack(&entry->counters, units->boot);
  GByteArray *all = g_bytes_unref_to_array(own);

  mon_unit_parts_pack(entry, units->boot, all);
  return g_byte_array_free_to_bytes(all);
}

/* ---- to the store ---- */
typedef struct {
  char *unit;
  GBytes *bytes;
} Row;

static void row_free(gpointer data) {
  Row *row = data;

  g_free(row->unit);
  g_bytes_unref(row->bytes);
  g_free(row);
}

static gboolean write_rows(MonStore *store, gpointer data, GError **error) {
  GPtrArray *rows = data;
  g_autoptr(WgStatement) stmt = wg_records_statement(
      store, "INSERT OR REPLACE INTO counter (unit, seen, data, crc) VALUES (?, ?, ?, ?)");

  for (guint i = 0; stmt && i < rows->len; i++) {
    const Row *row = rows->pdata[i];
    gsize size;
    gconstpointer bytes = g_bytes_get_data(row->bytes, &size);
    sqlite3_bind_text(stmt, 1, row->unit, -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 2, g_get_real_time());
    sqlite3_bind_blob(stmt, 3, bytes, (int)size, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 4, crc_of(row->unit, bytes, size));
    wg_records_row(store, stmt);
    sqlite3_reset(stmt);
  }
  sqlite3_stmt *old = wg_records_statement(store, "DELETE FROM counter WHERE seen < ?");
  if (old) {
    sqlite3_bind_int64(old, 1, g_get_real_time() - KEPT_USEC);
    wg_records_run(store, old);
  }
  return TRUE;
}

static void rows_written(const GError *error, gpointer data) {
  g_ptr_array_unref(data); /* what was not stored is stored with the next part */
}

static void add_row(GPtrArray *rows, const char *unit, GBytes *bytes) {
  Row *row = g_new(Row, 1);

  *row = (Row){g_strdup(unit), bytes};
  g_ptr_array_add(rows, row);
}

static void submit(MonUnitMetrics *units, GPtrArray *rows) {
  if (rows->len > 0)
    mon_store_do(units->store, write_rows, rows_written, rows, TRUE);
  else
    g_ptr_array_unref(rows);
}

void mon_unit_counters_keep(MonUnitMetrics *units, MonUnitEntry *entry) {
  if (!is_lasting(entry->unit) || entry->counters.created == 0)
    return;
  GPtrArray *rows = g_ptr_array_new_with_free_func(row_free);
  GBytes *bytes = pack(units, entry);
  g_hash_table_replace(units->stored, g_strdup(entry->unit), g_bytes_ref(bytes));
  add_row(rows, entry->unit, bytes);
  submit(units, rows);
}

void mon_unit_counters_save(MonUnitMetrics *units, gboolean all) {
  GPtrArray *rows = g_ptr_array_new_with_free_func(row_free);
  GHashTableIter iter;
  gpointer value;

  units->turn++;
  g_hash_table_iter_init(&iter, units->entries);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    MonUnitEntry *entry = value;
    if (!is_lasting(entry->unit) || entry->counters.created == 0 ||
        (!all && (units->turn + g_str_hash(entry->unit)) % PARTS != 0))
      continue;
    double sum = sum_of(entry);
    if (sum == entry->saved)
      continue;
    entry->saved = sum;
    add_row(rows, entry->unit, pack(units, entry));
  }
  submit(units, rows);
}

void mon_unit_metrics_flush(MonUnitMetrics *units) {
  mon_unit_counters_save(units, TRUE);
}
