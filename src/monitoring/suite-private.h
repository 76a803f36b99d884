/* suite-private.h: what suite.c (who is asked) and suite-figures.c (what was answered) share. */
#pragma once

#include "monitoring/reading.h"
#include "monitoring/suite.h"

/* How the figures of a service become series. */
typedef struct MonSuitePeer MonSuitePeer;
struct MonSuitePeer {
  MonMetricId up;
  const struct MonSuiteRow *rows; /* ends with a NULL key */
  const MonMetricId *counters;    /* ends with MON_M_N */
  /* what is no single number */
  void (*more)(MonDaemon *daemon, GVariant *figures, MonReadings *readings);
  void (*forget)(MonDaemon *daemon); /* NULL */
};

extern const MonSuitePeer mon_suite_messaging, mon_suite_deployment;

/* `figures`: a{sv}. Gauges go to `readings`, counters and histograms to the board. */
void mon_suite_take(MonDaemon *daemon, const MonSuitePeer *peer, GVariant *figures,
                    MonReadings *readings);
/* It does not answer: its counters and histograms are absent. */
void mon_suite_forget(MonDaemon *daemon, const MonSuitePeer *peer);
