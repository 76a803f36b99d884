/* unit-metrics.c: see unit-metrics.h. A cell is what the worker has to do with a unit; it is
 * counted, so that a unit that goes while it is read costs nothing. */
#include "monitoring/unit-metrics-private.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/message-ids.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

/* The same order in both lists. */
G_STATIC_ASSERT(MON_M_UNIT_CPU + MON_CG_TASKS_MAX == MON_M_UNIT_TASKS_MAX);
G_STATIC_ASSERT(MON_M_UNIT_CPU + MON_CG_N - 1 == MON_M_UNIT_PRESSURE_IO_STALLED);

#define metric_of(i) (&mon_metrics[MON_M_UNIT_CPU + (i)])

static void cell_clear(gpointer data) {
  mon_cgroup_free(((MonCell *)data)->group);
}

static void cell_unref(gpointer cell) {
  g_atomic_rc_box_release_full(cell, cell_clear);
}

static MonCell *cell_new(int root, const char *path) {
  MonCell *cell = g_atomic_rc_box_new0(MonCell);

  cell->group = mon_cgroup_new(root, path);
  return cell;
}

static void drop_series(MonUnitMetrics *units, MonUnitEntry *entry) {
  for (guint i = 0; i < MON_CG_N; i++)
    mon_board_drop(units->board, g_steal_pointer(&entry->series[i]));
  mon_board_drop(units->board, g_steal_pointer(&entry->dropped));
  mon_unit_parts_drop(units, entry);
}

static void entry_free(gpointer data) {
  MonUnitEntry *entry = data;

  g_clear_pointer(&entry->cell, cell_unref);
  mon_counters_clear(&entry->counters);
  g_clear_pointer(&entry->parts, g_ptr_array_unref);
  mon_labels_unref(entry->labels);
  g_free(entry->unit);
  g_free(entry);
}

MonUnitMetrics *mon_unit_metrics_new(MonBoard *board, MonStore *store, int root) {
  MonUnitMetrics *units = g_new0(MonUnitMetrics, 1);

  units->board = board;
  units->store = store;
  units->root = root;
  units->series_max = G_MAXUINT;
  units->entries = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, entry_free);
  units->stored =
      g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_bytes_unref);
  for (guint i = 0; i < MON_CG_N; i++)
    if (metric_of(i)->type == MON_COUNTER)
      units->counter[units->n_counters++] = (guint8)i;
  mon_unit_counters_load(units);
  return units;
}

void mon_unit_metrics_free(MonUnitMetrics *units) {
  if (!units)
    return;
  g_hash_table_unref(units->entries);
  g_hash_table_unref(units->stored);
  close(units->root);
  g_free(units);
}

void mon_unit_metrics_limit(MonUnitMetrics *units, guint series_max) {
  units->series_max = series_max;
}

guint mon_unit_metrics_n(const MonUnitMetrics *units) {
  return g_hash_table_size(units->entries);
}

static MonUnitEntry *entry_of(MonUnitMetrics *units, const char *unit) {
  MonUnitEntry *entry = g_hash_table_lookup(units->entries, unit);

  if (entry)
    return entry;
  entry = g_new0(MonUnitEntry, 1);
  entry->unit = g_strdup(unit);
  mon_counters_init(&entry->counters, units->n_counters);
  mon_unit_counters_recall(units, entry);
  g_hash_table_insert(units->entries, entry->unit, entry);
  return entry;
}

void mon_unit_metrics_set(MonUnitMetrics *units, const char *unit, const MonLabels *labels,
                          const char *path) {
  MonUnitEntry *entry = entry_of(units, unit);

  if (entry->labels != labels) {
    drop_series(units, entry);
    mon_labels_unref(entry->labels);
    entry->labels = mon_labels_ref(labels);
  }
  while (*path == '/')
    path++;
  if (entry->cell && strcmp(mon_cgroup_path(entry->cell->group), path) == 0)
    return;
  g_clear_pointer(&entry->cell, cell_unref);
  if (*path)
    entry->cell = cell_new(units->root, path);
  else
    drop_series(units, entry); /* it does not run: what it used is nothing that it uses */
}

void mon_unit_metrics_info(MonUnitMetrics *units, const char *unit, const char *invocation,
                           const char *slice) {
  MonUnitEntry *entry = g_hash_table_lookup(units->entries, unit);

  if (!entry)
    return;
  g_autoptr(MonLabels) some = mon_labels_with(entry->labels, "invocation", invocation);
  g_autoptr(MonLabels) labels = mon_labels_with(some, "slice", slice);
  if (entry->info && mon_series_labels(entry->info) == labels)
    return;
  mon_board_drop(units->board, g_steal_pointer(&entry->info));
  if (labels != entry->labels)
    entry->info = mon_board_set(units->board, MON_METRIC(UNIT_INFO), labels, 1, 0);
}

void mon_unit_metrics_remove(MonUnitMetrics *units, const char *unit) {
  MonUnitEntry *entry = g_hash_table_lookup(units->entries, unit);

  if (!entry)
    return;
  mon_unit_counters_keep(units, entry);
  drop_series(units, entry);
  mon_board_drop(units->board, g_steal_pointer(&entry->info));
  g_hash_table_remove(units->entries, unit);
}

/* ---- one look ---- */
MonUnitLook *mon_unit_look_new(MonUnitMetrics *units) {
  MonUnitLook *look = g_new0(MonUnitLook, 1);
  GHashTableIter iter;
  gpointer value;

  look->units = units;
  look->root = units->root;
  look->cells = g_ptr_array_new_with_free_func(cell_unref);
  g_hash_table_iter_init(&iter, units->entries);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    MonUnitEntry *entry = value;
    if (entry->cell)
      g_ptr_array_add(look->cells, g_atomic_rc_box_acquire(entry->cell));
  }
  return look;
}

void mon_unit_look_read(MonUnitLook *look, gboolean walk, GHashTable *disks) {
  look->disks = disks;
  if (walk)
    look->found = mon_unit_walk(look->root);
  for (guint i = 0; i < look->cells->len; i++) {
    MonCell *cell = look->cells->pdata[i];
    cell->there = mon_cgroup_read(cell->group, &cell->sample);
  }
}

void mon_unit_put(MonUnitMetrics *units, MonSeries **at, const MonMetric *metric,
                  const MonLabels *labels, double value, gint64 created, MonUnitRoom *room) {
  gboolean is_there = !isnan(value), fits = room->left > 0;

  room->left -= is_there && fits ? 1 : 0;
  room->dropped += is_there && !fits ? 1 : 0;
  if (!is_there || !fits)
    mon_board_drop(units->board, g_steal_pointer(at));
  else if (*at)
    mon_series_set(*at, value);
  else
    *at = mon_board_set(units->board, metric, labels, value, created);
}

/* Looks may follow each other closely (scrapes): a rate is of a second at least. */
static void take_rate(MonUnitEntry *entry, double cpu) {
  gint64 now = wg_time_boottime(), elapsed = now - entry->cpu_time;

  if (entry->cpu_time != 0 && elapsed < G_USEC_PER_SEC && cpu >= entry->cpu_before)
    return;
  entry->cpu_rate = entry->cpu_time != 0 && cpu >= entry->cpu_before
                        ? (cpu - entry->cpu_before) * G_USEC_PER_SEC / (double)elapsed
                        : NAN;
  entry->cpu_before = cpu;
  entry->cpu_time = now;
}

gboolean mon_unit_metrics_get(const MonUnitMetrics *units, const char *unit, double *ret_values,
                              double *ret_cpu_rate) {
  const MonUnitEntry *entry = g_hash_table_lookup(units->entries, unit);

  if (!entry || !entry->cell || !entry->cell->was_read || !entry->cell->there)
    return FALSE;
  for (guint i = 0; i < MON_CG_N; i++)
    ret_values[i] = entry->series[i] ? mon_series_value(entry->series[i]) : NAN;
  *ret_cpu_rate = entry->cpu_time != 0 ? entry->cpu_rate : NAN;
  return TRUE;
}

/* What one look left out; who began to have too many is told in the log, once. */
typedef struct {
  const char *first;
  guint n, dropped; /* units, series of the first one */
} Excess;

static void note_dropped(MonUnitMetrics *units, MonUnitEntry *entry, guint n, Excess *excess) {
  if (n > 0 && !entry->told && excess->n++ == 0)
    *excess = (Excess){entry->unit, 1, n};
  entry->told = n > 0;
  if (n == 0)
    mon_board_drop(units->board, g_steal_pointer(&entry->dropped));
  else
    entry->dropped =
        mon_board_set(units->board, MON_METRIC(UNIT_SERIES_DROPPED), entry->labels, n, 0);
}

static void log_excess(const MonUnitMetrics *units, const Excess *excess) {
  if (excess->n == 1)
    wg_log(LOG_WARNING, WG_MSG_SERIES_DROPPED, WG_FIELDS(WG_FIELD_UNIT, excess->first),
           "%s has more series than SeriesPerUnit=%u: %u are left out", excess->first,
           units->series_max, excess->dropped);
  else if (excess->n > 1)
    wg_log(LOG_WARNING, WG_MSG_SERIES_DROPPED, WG_FIELDS(WG_FIELD_UNIT, excess->first),
           "%u units have more series than SeriesPerUnit=%u, as %s of which %u are left out",
           excess->n, units->series_max, excess->first, excess->dropped);
}

static void apply(MonUnitMetrics *units, MonUnitEntry *entry, gint64 now, GHashTable *disks,
                  Excess *excess) {
  const MonCell *cell = entry->cell;
  MonUnitRoom room = {.left = units->series_max};
  double raw[MON_CG_N];

  if (!cell->there) {
    drop_series(units, entry);
    entry->cpu_time = 0;
    return;
  }
  take_rate(entry, cell->sample.value[MON_CG_CPU]);
  for (guint c = 0; c < units->n_counters; c++)
    raw[c] = cell->sample.value[units->counter[c]];
  mon_counters_feed(&entry->counters, mon_cgroup_id(cell->group), raw, now);
  for (guint i = 0, c = 0; i < MON_CG_N; i++) {
    gboolean is_counter = c < units->n_counters && units->counter[c] == i;
    double value = cell->sample.value[i];
    if (is_counter && !isnan(value))
      value = mon_counters_value(&entry->counters, c);
    c += is_counter ? 1 : 0;
    mon_unit_put(units, &entry->series[i], metric_of(i), entry->labels, value,
                 is_counter ? entry->counters.created : 0, &room);
  }
  mon_unit_parts_devices(entry, disks, now);
  mon_unit_parts_show(units, entry, &room);
  note_dropped(units, entry, room.dropped, excess);
}

/* Units whose groups were found are as if they had been told; those not found are gone. */
static void take_found(MonUnitMetrics *units, GHashTable *found) {
  GHashTableIter iter;
  gpointer name, path;

  g_autoptr(GPtrArray) gone = g_ptr_array_new();
  g_hash_table_iter_init(&iter, units->entries);
  while (g_hash_table_iter_next(&iter, &name, NULL))
    if (!g_hash_table_contains(found, name))
      g_ptr_array_add(gone, name);
  for (guint i = 0; i < gone->len; i++)
    mon_unit_metrics_remove(units, gone->pdata[i]);
  g_hash_table_iter_init(&iter, found);
  while (g_hash_table_iter_next(&iter, &name, &path)) {
    const char *type = strrchr(name, '.');
    g_autoptr(MonLabels) labels =
        mon_labels_new("unit", name, "type", type ? type + 1 : NULL, NULL);
    mon_unit_metrics_set(units, name, labels, path);
  }
}

void mon_unit_look_apply(MonUnitLook *look, guint *ret_files, guint *ret_values) {
  MonUnitMetrics *units = look->units;
  gint64 now = g_get_real_time();
  GHashTableIter iter;
  gpointer value;
  Excess excess = {0};

  *ret_files = *ret_values = 0;
  for (guint i = 0; i < look->cells->len; i++) {
    MonCell *cell = look->cells->pdata[i];
    cell->was_read = TRUE;
    *ret_files += cell->there ? cell->sample.files : 0;
    *ret_values += cell->there ? cell->sample.values : 0;
  }
  g_hash_table_iter_init(&iter, units->entries);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    MonUnitEntry *entry = value;
    if (entry->cell && entry->cell->was_read)
      apply(units, entry, now, look->disks, &excess);
  }
  log_excess(units, &excess);
  if (look->found)
    take_found(units, look->found);
  g_clear_pointer(&look->found, g_hash_table_unref);
  g_clear_pointer(&look->disks, g_hash_table_unref);
  g_ptr_array_unref(look->cells);
  g_free(look);
  mon_unit_counters_save(units, FALSE);
}
