/* rehearse-private.h: inside of rehearse.h: rehearse.c owns it and its steps, rehearse-look.c has
 * what needs files alone, rehearse-run.c the services. */
#pragma once

#include "deployment/preflight.h"
#include "deployment/rehearse.h"

#include "common/unit-watch.h"

typedef struct {
  char *unit;       /* "shop.service" */
  GPtrArray *names; /* "waggle-rehearsal-0a1b2c3d.service", then its sockets, then NULL */
  GPtrArray *paths; /* of the files that were written, which go with it */
  char *why_not;    /* why it is not started; NULL */
  GPtrArray *left;  /* settings that were left out */
} DplPlayer;

struct DplRehearsal {
  DplRehearsalOptions o; /* texts are own */
  DplManifest *manifest;
  DplRehearsalFunc done;
  gpointer user_data;
  gint64 begin; /* monotonic us */
  GCancellable *cancel;
  JsonObject *result;
  JsonArray *steps;
  GPtrArray *secrets;
  GString *wrong; /* what did not hold */
  DplRehearsed verdict;
  gboolean whole;     /* the tree holds and its unit files were read */
  GPtrArray *texts;   /* DplUnitText */
  GPtrArray *players; /* DplPlayer */
  guint at;           /* the one that plays */
  DplUnitVerify *verify;
  WgUnitWatch *watch;
  guint timer;
  char *invocation;
  char *trouble; /* of the one that plays; NULL: none yet */
  gboolean is_error;
  gboolean ended; /* by itself, and that is right for one of its kind */
};

/* rehearse.c. `verdict` is "pass", "fail", "error" or "skip"; the object is the list's. */
JsonObject *dpl_rehearsal_note(DplRehearsal *r, const char *step, const char *verdict,
                               const char *text);
guint64 dpl_rehearsal_left(const DplRehearsal *r); /* us, at least 1 */
void dpl_rehearsal_end(DplRehearsal *r);

/* rehearse-look.c: on a worker thread. FALSE: it was cancelled. */
gboolean dpl_rehearsal_look(DplRehearsal *r, GError **error);

/* rehearse-run.c: one service after the other, then dpl_rehearsal_end(). */
void dpl_rehearsal_play(DplRehearsal *r);
/* It was cancelled: what is watched is stopped now. */
void dpl_rehearsal_stop_watching(DplRehearsal *r);
