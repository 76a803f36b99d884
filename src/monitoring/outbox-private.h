/* outbox-private.h: what the files of the outbox share. */
#pragma once

#include "monitoring/outbox.h"

typedef struct MonLane MonLane;

/* One notification; in the lane's queue until it is over with it. */
struct MonAttempt {
  MonLane *lane;
  MonNotice *notice;
  guint attempts;
  guint own;   /* of them those that failed while the lane worked */
  guint held;  /* what it says now is asked to be stored so often, and is not yet */
  gint64 next; /* lasting time; not before, while the lane works */
  gboolean in_flight;
};

struct MonLane {
  MonOutbox *outbox;
  char *integration;
  GQueue entries; /* of MonAttempt, by id */
  guint n_in_flight, n_held;
  guint failures; /* in a row */
  gint64 pause;   /* not before */
  char *error;
  gboolean is_dirty;   /* something ended since the last run */
  GArray *told;        /* of gint64, lasting time: when it was told of late, oldest first */
  gboolean is_limited; /* something waits because of the bound on how often it is told */
  gint64 opens;        /* because of that not before; 0: now */
};

struct MonOutbox {
  const MonOutboxFuncs *funcs;
  gpointer user_data;
  GHashTable *lanes; /* integration -> MonLane */
  gint64 now;        /* of the last run */
  guint max;         /* in a lane; 0: no bound */
};

MonLane *mon_lane_get(MonOutbox *outbox, const char *integration);
void mon_entry_free(gpointer data);
/* `older` is over: `into` says what it said. Frees it. */
void mon_entry_merge(MonAttempt *older, MonAttempt *into, const char *why);
void mon_entry_hold(MonAttempt *into);

/* outbox-rate.c */
void mon_lane_told(MonLane *lane, gint64 now);
/* One more may be sent; FALSE: `opens` says when. */
gboolean mon_lane_admits(MonLane *lane, const MonIntegration *it, gint64 now);
/* Whatever waits and was not tried becomes one. FALSE: no two do. */
gboolean mon_lane_summarise(MonLane *lane);
