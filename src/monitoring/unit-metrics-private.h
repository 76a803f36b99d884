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

typedef struct {
  char *unit;
  const MonLabels *labels;
  MonCell *cell; /* NULL: it has no group now */
  MonCounters counters;
  MonSeries *series[MON_CG_N]; /* NULL: absent */
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
  guint n_counters, turn;
  guint64 boot;
};

struct MonUnitLook {
  MonUnitMetrics *units;
  int root;
  GPtrArray *cells;
  GHashTable *found; /* unit -> path; NULL: not walked */
};

/* unit-walk.c: units by their groups. Worker thread. (transfer full) */
GHashTable *mon_unit_walk(int root);

/* unit-counters.c */
void mon_unit_counters_load(MonUnitMetrics *units);
/* What is known of a unit that was here before goes on. */
void mon_unit_counters_recall(MonUnitMetrics *units, MonUnitEntry *entry);
/* The unit goes: what it counted is kept. */
void mon_unit_counters_keep(MonUnitMetrics *units, MonUnitEntry *entry);
/* Stores a part of them, or all. */
void mon_unit_counters_save(MonUnitMetrics *units, gboolean all);
