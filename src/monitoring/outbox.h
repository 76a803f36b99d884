/* outbox.h: notifications on their way: what is stored is sent, tried again with a growing pause,
 * and given up after the integration's time for it.
 *
 * A lane an integration, so that one that is down holds nobody else up; of one group a lane sends
 * one at a time and in order, so that a resolved never overtakes its firing. A lane whose last
 * attempt failed tries one at a time, with a pause that doubles up to half a minute, so that no
 * more than this passes between the return of a receiver and what waits for it; what fails by
 * itself, in a lane that works, waits longer and lets others pass.
 *
 * A lane is bounded (mon_outbox_bound()): above it the oldest that waits is merged into the next of
 * its group, which says more than it; where no group has two, the oldest is given up. A lane whose
 * receiver has a rate_limit is bounded in time, too, and what is too much becomes a summary
 * (outbox-rate.c). Whatever was merged is stored before it is sent. Pure: time comes in, attempts
 * go out. */
#pragma once

#include "monitoring/notice.h"

#define MON_LANE_PARALLEL 4

typedef enum {
  MON_TOLD,       /* the receiver has it */
  MON_TELL_AGAIN, /* not now */
  MON_TELL_NEVER, /* the receiver will not take this one, ever */
} MonToldHow;

typedef struct MonOutbox MonOutbox;
typedef struct MonAttempt MonAttempt;

typedef struct {
  /* NULL: it is not configured any more. Borrowed for the call. */
  const MonIntegration *(*integration)(const char *key, gpointer user_data);
  /* Sends. `attempt` is ended exactly once by mon_attempt_end(), from inside or later. */
  void (*send)(const MonIntegration *integration, const MonNotice *notice, MonAttempt *attempt,
               gpointer user_data);
  /* It is over with this one: told (`error` NULL) or given up. Borrowed. */
  void (*ended)(const MonNotice *notice, guint attempts, const char *error, gpointer user_data);
  /* `older` is over, because (`why`) the lane is full: `into` says what it said. Borrowed. */
  void (*merged)(const MonNotice *older, const MonNotice *into, const char *why,
                 gpointer user_data);
  /* Right after: `into` (borrowed) is to be stored as it is now, in one transaction with the end of
   * what was merged into it, and then mon_outbox_stored(). It is not sent before. */
  void (*again)(const MonNotice *into, gpointer user_data);
  /* From now on something waits because of the integration's rate limit. */
  void (*limited)(const MonIntegration *integration, gpointer user_data);
  /* A lane fails (`error`) that worked, or works again (NULL). */
  void (*lane)(const char *integration, const char *error, gpointer user_data);
  /* An attempt has ended: mon_outbox_run() soon. */
  void (*wake)(gpointer user_data);
} MonOutboxFuncs;

MonOutbox *mon_outbox_new(const MonOutboxFuncs *funcs, gpointer user_data);
/* Whoever sends has to have forgotten its attempts before. */
void mon_outbox_free(MonOutbox *outbox);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MonOutbox, mon_outbox_free)
/* At most `max` in a lane; 0: no bound, the default. Counts from the next mon_outbox_add() on. */
void mon_outbox_bound(MonOutbox *outbox, guint max);
/* Stored, and in the order of ids; takes `notice`. Sent by the next mon_outbox_run(). */
void mon_outbox_add(MonOutbox *outbox, MonNotice *notice);
void mon_outbox_stored(MonOutbox *outbox, const char *integration, gint64 id);
/* At a start: that it was told then (lasting time), oldest first; rate limits count it. */
void mon_outbox_told(MonOutbox *outbox, const char *integration, gint64 time);
void mon_outbox_run(MonOutbox *outbox, gint64 now);
gint64 mon_outbox_due(MonOutbox *outbox); /* G_MAXINT64: nothing waits for time */
guint mon_outbox_n(MonOutbox *outbox);    /* waiting or being sent */
/* Something waits in the lane because of the integration's rate limit. */
gboolean mon_outbox_limited(MonOutbox *outbox, const char *integration);
/* What a lane failed with last, or NULL. */
const char *mon_outbox_error(MonOutbox *outbox, const char *integration, guint *ret_waiting);

void mon_attempt_end(MonAttempt *attempt, MonToldHow how, const char *text);
