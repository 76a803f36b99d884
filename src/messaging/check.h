/* check.h: what check.c (Check) and scrub.c (Check in the background) share: going through the
 * records of the store, some at a time, and mending what is damaged. The writer's thread only. */
#pragma once

#include "messaging/engine-private.h"

typedef enum {
  MSG_CHECK_FILE,
  MSG_CHECK_MESSAGES,
  MSG_CHECK_LIVE,
  MSG_CHECK_DONE,
  MSG_CHECK_COUNTS,
  MSG_CHECK_END
} MsgCheckStage;

/* What a slice hands to the next; plain memory. */
typedef struct {
  MsgCheckStage stage;
  gboolean dry_run;
  gboolean scrub; /* what is in quarantine already is no finding; counts are set right at once */
  guint rows_max; /* of one slice */
  gsize bytes_max;
  gint64 after; /* the key that was looked at last; -1: none */
  guint64 records, damaged, repaired;
  guint n;             /* of `findings` */
  GPtrArray *findings; /* of char *; borrowed; cut back to `n` when a slice was rolled back */
} MsgCheck;

/* A slice of MSG_CHECK_MESSAGES, _LIVE or _DONE. TRUE: the stage has no rows left. */
gboolean msg_check_records(MsgEngine *e, MsgCheck *c);
/* Goes on to the next stage. */
void msg_check_next(MsgCheck *c);
/* (as findings, a{sv} summary) for the job, with `next` s unless it is NULL. */
void msg_check_result(MsgCallJob *job, const MsgCheck *c, const char *next);

/* scrub.c: one slice, from the place that `from` tells. */
WgJobResult msg_scrub(MsgEngine *e, MsgCallJob *job, const char *from, gboolean dry_run);
