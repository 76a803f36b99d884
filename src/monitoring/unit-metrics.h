/* unit-metrics.h: the numbers of all units, from their control groups to the board.
 *
 * Units are told to it (by the inventory's signals, or found by walking the tree where there is no
 * manager to ask); reading is a worker thread's, over cells that outlive their unit; applying is
 * the loop's. Counters go on over restarts of units and of the monitor (counters.h, table
 * `counter`). */
#pragma once

#include "monitoring/cgroup.h"
#include "monitoring/metrics-list.h"
#include "monitoring/store.h"

typedef struct MonUnitMetrics MonUnitMetrics;

/* Reads the stored counters: before wg_records_begin(). Takes `root`, a descriptor. */
MonUnitMetrics *mon_unit_metrics_new(MonBoard *board, MonStore *store, int root);
/* Queues what counters stand at; before the store is freed. */
void mon_unit_metrics_flush(MonUnitMetrics *units);
void mon_unit_metrics_free(MonUnitMetrics *units);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MonUnitMetrics, mon_unit_metrics_free)

/* `labels`: {unit, type, maybe release}; others than before: the series go on under the new ones.
 * `path`: of its group; "": none now. */
void mon_unit_metrics_set(MonUnitMetrics *units, const char *unit, const MonLabels *labels,
                          const char *path);
/* What runs there now; NULL or "": not known. Both unknown: the series goes. */
void mon_unit_metrics_info(MonUnitMetrics *units, const char *unit, const char *invocation,
                           const char *slice);
void mon_unit_metrics_remove(MonUnitMetrics *units, const char *unit);
/* So many series a unit may have; from the next look on. The fixed ones go before those by device.
 */
void mon_unit_metrics_limit(MonUnitMetrics *units, guint series_max);
/* What systemd has counted for a unit with IPAccounting=yes: bytes in, bytes out, packets in,
 * packets out, in the run of that number. NULL: it counts nothing. Shown by the next look. */
void mon_unit_metrics_ip(MonUnitMetrics *units, const char *unit, guint64 run, const double *raw);
guint mon_unit_metrics_n(const MonUnitMetrics *units);

/* What the last look saw; absent values are NAN. `cpu_rate`: processors in use between the last two
 * looks. FALSE: no such unit, or it has no group now. */
gboolean mon_unit_metrics_get(const MonUnitMetrics *units, const char *unit, double *ret_values,
                              double *ret_cpu_rate);

/* One look at all of them. */
typedef struct MonUnitLook MonUnitLook;
MonUnitLook *mon_unit_look_new(MonUnitMetrics *units); /* loop; one at a time */
/* `walk`: finds units by their groups, for want of a manager. `disks`: of mon_host_disks(), taken;
 * NULL: input and output are not told by device. Worker thread. */
void mon_unit_look_read(MonUnitLook *look, gboolean walk, GHashTable *disks);
/* Loop; frees `look`. */
void mon_unit_look_apply(MonUnitLook *look, guint *ret_files, guint *ret_values);
