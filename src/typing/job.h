/* job.h: one Type call, from its arguments to its result.
 *
 * job-new.c reads it, queue.c gives it its turn, job-run.c does the steps (hold, display, screen
 * lock, windows, typing), job-result.c answers and writes the journal's line. A job ends exactly
 * once, with a result or with an error. */
#pragma once

#include "typing/bus.h"
#include "typing/display.h"
#include "typing/profiles.h"

typedef struct {
  TypDaemon *daemon;
  TypCall *call;
  GVariant *target;
  char *text; /* as it was given */
  gboolean submit, restore;
  int terminal;          /* 0, 1 or -1: as the profile says */
  guint64 idle_usec;     /* 0: not looked at */
  const char *draft;     /* static */
  gint64 deadline;       /* monotonic us */
  TypProfiles *profiles; /* those of its start, whatever is reloaded */
  const TypProfile *profile;
  guint removed;  /* code points that may not be typed */
  guint32 window; /* 0: none found yet */
  char *title;    /* of the window */
} TypJob;

/* Takes the call over; NULL when it was answered with an error. */
TypJob *typ_job_new(TypCall *call);
void typ_job_free(TypJob *job);
/* us until its deadline, 0 when that is over. */
guint64 typ_job_left(const TypJob *job);

/* Begins; typ_job_end_*() follows at once or later. */
void typ_job_run(TypJob *job);

/* The result as the hand gave it (its reply to "type"). */
void typ_job_end_reply(TypJob *job, GVariant *reply);
/* A result of our own: "held", "failed" or "partial". `code` as in hand-protocol.h. */
void typ_job_end_result(TypJob *job, const char *result, const char *code, const char *cause,
                        guint64 retry_usec, char **candidates);
void typ_job_end_error(TypJob *job, const GError *error);

/* queue.c: called by the ends above, after the answer went out; the next one is begun. */
void typ_queue_job_ended(TypDaemon *daemon, TypJob *job);
