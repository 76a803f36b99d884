/* rehearse.h: would a roll-back work? A release is looked at as if it were to serve again, and
 * nothing that serves is touched.
 *
 * Its tree is proven byte by byte, space is looked for, its unit files are read and judged by
 * systemd; and, if that is asked for, each of its services is started in isolation
 * (rehearse-unit.h), watched for a time, and stopped. All looks are made, whatever the ones before
 * found, but nothing is started of a tree that does not hold. Of what is written a unit file a
 * service, which goes with the rehearsal; what a crash leaves ends with us (BindsTo=, a limit) and
 * is swept at the next start. */
#pragma once

#include "deployment/manifest.h"
#include "deployment/units.h"

#include <json-glib/json-glib.h>

typedef struct DplRehearsal DplRehearsal;

typedef struct {
  DplUnits *units; /* borrowed; outlives it */
  gboolean user_scope;
  const char *directory; /* where the manager finds unit files: its run-time one */
  const char *own_unit;  /* NULL */
  const char *target, *root, *release;
  const char *digest;          /* NULL: by the release's own tree file */
  const DplManifest *manifest; /* of that release, made for the target */
  gboolean isolate;            /* start its services, too */
  guint64 observe;             /* us; 0: 3 s */
  guint64 limit;               /* us for all of it; 0: 2 min */
} DplRehearsalOptions;

typedef enum {
  DPL_REHEARSED_PASS,
  DPL_REHEARSED_FAIL,  /* a roll-back to it would fail */
  DPL_REHEARSED_ERROR, /* nobody can tell */
} DplRehearsed;

/* `result`: {target, release, version, isolated, verdict, duration (us), steps: [{name, verdict
 * (pass, fail, error, skip), text, journal, left-out}]}; secrets are masked. `text`: one line, what
 * did not hold. Borrowed. */
typedef void (*DplRehearsalFunc)(DplRehearsed verdict, JsonNode *result, const char *text,
                                 gpointer user_data);
/* Copies what it needs. `done` exactly once, never from inside. */
DplRehearsal *dpl_rehearsal_start(const DplRehearsalOptions *options, DplRehearsalFunc done,
                                  gpointer user_data);
/* Ends it as soon as nothing runs any more; done() follows with ERROR. */
void dpl_rehearsal_cancel(DplRehearsal *rehearsal);

const char *dpl_rehearsed_name(DplRehearsed verdict); /* "pass" */
/* Unit files that an earlier life left there. Blocks for a moment: for a start. */
void dpl_rehearsal_sweep(const char *directory);
