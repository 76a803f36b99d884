/* prober-private.h: what prober.c (looks) and prober-process.c (the process) share. */
#pragma once

#include "monitoring/prober.h"

#include "common/lines.h"
#include "common/run.h"

typedef struct {
  guint64 id, timeout;
  char *line;
  gint64 began, deadline; /* CLOCK_MONOTONIC us */
  gboolean is_sent;
  guint n_begun;
  MonProbeLookFunc func;
  gpointer user_data;
} Look;

struct MonProber {
  MonDaemon *daemon;
  GHashTable *looks; /* &id -> Look */
  guint64 next_id;
  guint tick;
  WgRun *run;     /* NULL: it does not run */
  WgLines *lines; /* NULL: it cannot be talked to */
  gint64 started, answered;
  gint64 n_hung;
  guint again;   /* timer of the next start */
  guint64 pause; /* us before it */
  guint n_starts;
};

/* prober.c: it is gone. `by_us`: looks under way are innocent, and are begun once more. */
void mon_prober_lost(MonProber *prober, const char *why, gboolean by_us);
void mon_prober_send(MonProber *prober);
/* FALSE: no answer. */
gboolean mon_prober_answered(MonProber *prober, JsonObject *answer);

/* How often it had to be started again. */
void mon_prober_count(MonProber *prober, guint n);

/* prober-process.c */
void mon_prober_start(MonProber *prober); /* unless it runs or is about to */
void mon_prober_replace(MonProber *prober, const char *why);
void mon_prober_stop(MonProber *prober);
