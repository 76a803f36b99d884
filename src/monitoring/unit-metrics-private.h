/* unit-metrics-private.h: what the files of unit-metrics share. */
#pragma once

#include "monitoring/counters.h"
#include "monitoring/unit-metrics.h"

/* The worker's part of a unit; counted. The loop looks at it between two looks only. */
typedef struct {
  MonCgroup *group;
  MonCgroupSample sample;
  gboolean there;    /* of the last look */
  gboolean was_read; /* at least once: `there` means something */
} MonCell;

/* Four counters of a unit under one name (unit-parts.c). */
#define MON_UNIT_PART_N 4
typedef struct {
  char *device;            /* "sda"; "": IP */
  const MonLabels *labels; /* NULL: not shown since they last changed */
  gboolean there;          /* told by the last look; of IP, by the last answer */
  MonCounters counters;
  MonSeries *series[MON_UNIT_PART_N];
} MonUnitPart;

/* So many series a unit may have in one look. */
typedef struct {
  guint left, dropped;
} MonUnitRoom;

typedef struct {
  char *unit;
  const MonLabels *labels;
  MonCell *cell; /* NULL: it has no group now */
  MonCounters counters;
  MonSeries *series[MON_CG_N]; /* NULL: absent */
  GPtrArray *parts;            /* of MonUnitPart; NULL: none yet */
  MonSeries *dropped;          /* NULL: it has room for all */
  gboolean told;               /* in the log, that it has not */
  MonSeries *info;             /* NULL: nothing is known of it */
  double cpu_before, cpu_rate; /* seconds; processors in use since the look before */
  gint64 cpu_time;             /* BOOTTIME us of cpu_before; 0: none */
  double saved;                /* sum of the counters when they were stored last */
} MonUnitEntry;

struct MonUnitMetrics {
  MonBoard *board;
  MonStore *store;
  int root;
  GHashTable *entries;      /* unit -> MonUnitEntry */
  GHashTable *stored;       /* unit -> GBytes: counters of units that are not here (yet) */
  guint8 counter[MON_CG_N]; /* which of the values are counters */
  guint n_counters, turn, series_max;
  guint64 boot;
};

struct MonUnitLook {
  MonUnitMetrics *units;
  int root;
  GPtrArray *cells;
  GHashTable *found; /* unit -> path; NULL: not walked */
  GHashTable *disks; /* gint64 -> name, mon_host_disks(); NULL: devices are not told */
};

/* unit-walk.c: units by their groups. Worker thread. (transfer full) */
GHashTable *mon_unit_walk(int root);

/* unit-metrics.c: one value on the board; NAN: none. `at`: the handle that is kept. */
void mon_unit_put(MonUnitMetrics *units, MonSeries **at, const MonMetric *metric,
                  const MonLabels *labels, double value, gint64 created, MonUnitRoom *room);

/* unit-parts.c */
/* What the last look saw by device; `disks` NULL: none is told. */
void mon_unit_parts_devices(MonUnitEntry *entry, GHashTable *disks, gint64 now);
void mon_unit_parts_show(MonUnitMetrics *units, MonUnitEntry *entry, MonUnitRoom *room);
void mon_unit_parts_drop(MonUnitMetrics *units, MonUnitEntry *entry);
void mon_unit_parts_pack(const MonUnitEntry *entry, guint64 boot, GByteArray *to);
void mon_unit_parts_unpack(MonUnitEntry *entry, const guint8 *data, gsize size, guint64 boot);
double mon_unit_parts_sum(const MonUnitEntry *entry);

/* unit-counters.c */
void mon_unit_counters_load(MonUnitMetrics *units);
/* What is known of a unit that was here before goes on. */
void mon_unit_counters_recall(MonUnitMetrics *units, MonUnitEntry *entry);
/* The unit goes: what it counted is kept. */
void mon_unit_counters_keep(MonUnitMetrics *units, MonUnitEntry *entry);
/* Stores a part of them, or all. */
void mon_unit_counters_save(MonUnitMetrics *units, gboolean all);
