/* bus-targets.h: the targets that are known, each with its object
 * /org/waggle/Deployment1/target/NAME.
 *
 * Known is what a file of targets.d describes, what a manifest described itself, and what was ever
 * deployed to. What the disk says of them is read on worker threads (site-look.h): at the start, at
 * a reload, when somebody asks for the list, and of one target when a deployment has changed its
 * link. What happened to a target the engine remembers. */
#pragma once

#include "deployment/bus.h"
#include "deployment/drift.h"
#include "deployment/site-look.h"

typedef struct {
  char *name, *root;
  DplSite *site; /* NULL: no file describes it (any more) */
  char *current; /* the release the link leads to; NULL: none */
  char *trouble; /* why the link cannot be read; NULL */
  guint64 look;  /* number of the look that `current` is from */
  /* whether it was edited, when that was looked at last: true of drift_release alone */
  char *drift_release, *drift_text; /* NULL */
  DplDriftState drift;
  gint64 drift_time; /* CLOCK_REALTIME us; 0: never */
} DplTargetView;

void dpl_targets_init(DplDaemon *daemon);
void dpl_targets_clear(DplDaemon *daemon);
/* After the store and the targets' files were read: the objects, at first without their links. */
void dpl_targets_start(DplDaemon *daemon);
/* Reads all anew; `done` (may be NULL) is called on the loop when it is known, not after
 * dpl_targets_clear(). */
typedef void (*DplTargetsFunc)(gpointer data);
void dpl_targets_refresh(DplDaemon *daemon, DplTargetsFunc done, gpointer data);
/* A state of a deployment is on the disk. */
void dpl_targets_state(DplDaemon *daemon, const DplRecord *record);
/* What a look for edited files has found; tells the object's properties. */
void dpl_targets_drifted(DplDaemon *daemon, const char *name, const char *release,
                         DplDriftState state, const char *text, gint64 time);
/* Whether it was ever looked at with the release that serves now. */
gboolean dpl_target_drift_known(const DplTargetView *view);
/* DplTargetView, borrowed, sorted by name. Free the array. */
GPtrArray *dpl_targets_sorted(DplDaemon *daemon);

/* For the vtable. */
int dpl_target_get(sd_bus *bus, const char *path, const char *interface, const char *property,
                   sd_bus_message *reply, void *userdata, sd_bus_error *error);
int dpl_target_find(sd_bus *bus, const char *path, const char *interface, void *userdata,
                    void **ret_found, sd_bus_error *error);
int dpl_target_enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret_nodes,
                         sd_bus_error *error);
