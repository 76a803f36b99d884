/* reading.h: what a source saw, carried from the worker thread that read it to the loop's board.
 *
 * A worker fills a list of readings, which know no board and no interned labels; on the loop the
 * list becomes series. What the list before had and this one has not is dropped: a value whose
 * source is absent is absent. */
#pragma once

#include "monitoring/metrics-list.h"

typedef struct {
  MonMetricId metric;
  char *label[3]; /* values of the metric's labels, in the order of its row; NULL: none */
  double value;
} MonReading;

typedef struct MonReadings {
  GArray *all; /* of MonReading */
  guint files; /* that were read for it */
} MonReadings;

MonReadings *mon_readings_new(void);
void mon_readings_free(MonReadings *readings);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MonReadings, mon_readings_free)
/* Labels are copied. A value that is NAN is left out. */
void mon_readings_add(MonReadings *readings, MonMetricId metric, double value, const char *label0,
                      const char *label1, const char *label2);

/* The series of one source. Loop's thread. */
typedef struct MonSource MonSource;
MonSource *mon_source_new(MonBoard *board);
void mon_source_free(MonSource *source); /* its series are dropped */
/* `created`: since when counters count (0: unknown). */
void mon_source_apply(MonSource *source, const MonReadings *readings, gint64 created);
