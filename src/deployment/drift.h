/* drift.h: is what serves at each target still what was released? Every byte of the release that
 * is current is held against its tree file, on a thread of its own that gives way to everything
 * else on the machine; nothing is changed. */
#pragma once

#include "deployment/work.h"

#define DPL_DRIFT_TOLD 20

typedef enum {
  DPL_DRIFT_NONE,     /* no release serves there */
  DPL_DRIFT_INTACT,   /* it is as it was released */
  DPL_DRIFT_EDITED,   /* it is not */
  DPL_DRIFT_UNPROVEN, /* it could not be read: nothing is known */
  DPL_DRIFT_BUSY,     /* another release serves since, or a deployment is under way */
} DplDriftState;
const char *dpl_drift_name(DplDriftState state); /* "edited"; static storage */
/* -1: no such state. */
int dpl_drift_parse(const char *name);

typedef struct {
  char *target, *root;
  /* of the look */
  DplDriftState state;
  char *release; /* NULL: none */
  char *text;    /* what differs first and how much more, or why nothing is known; or NULL */
  GPtrArray *differences; /* char *: the first DPL_DRIFT_TOLD, "PATH: what" */
  guint n;                /* all of them */
  gint64 time;            /* CLOCK_REALTIME us: its end */
} DplDrift;

DplDrift *dpl_drift_new(const char *target, const char *root);
void dpl_drift_free(DplDrift *drift);

/* One, on the caller's thread. Cancelled: UNPROVEN. */
void dpl_drift_look(DplDrift *drift, GCancellable *cancel);

/* All of `drifts` (DplDrift; a reference is taken), one after the other. `done` is called on the
 * loop; `error` is set when the thread could not be had or was cancelled, and then some may not
 * have been looked at. */
typedef void (*DplDriftFunc)(GPtrArray *drifts, const GError *error, gpointer user_data);
void dpl_drift_run(GPtrArray *drifts, GCancellable *cancel, DplDriftFunc done, gpointer user_data);
