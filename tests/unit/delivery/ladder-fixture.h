/* ladder-fixture.h: an agent on a ladder at a time that the test sets: decide, and say what came of
 * it. */
#pragma once

#include "policy-fixture.h"

#include "delivery/ladder.h"

#define SEC ((gint64)G_USEC_PER_SEC)
#define MIN_ (60 * SEC)
#define HOUR (60 * MIN_)
#define NOON G_GINT64_CONSTANT(1795435200000000) /* Mon 2026-11-23 12:00 UTC */

typedef struct {
  DlvPolicy *policy;
  DlvRung *rungs;
  DlvAgentState agent;
  DlvNow now;
  GPtrArray *mail; /* of DlvMail, owned */
  DlvRun run;
  DlvReport report; /* the last one */
} World;

void world_init(World *w, const char *policy); /* at NOON, in UTC */
void world_clear(World *w);
void world_pass(World *w, gint64 usec); /* both clocks go on */
DlvMail *world_mail(World *w, guint8 priority);

/* Decides, and checks that it says so: "bell: 0 1" (rung and messages by their place), or "-"; then
 * for each message that is not part of it " | 2 hold 5s: WHY". Also begins the job. */
void world_expect(World *w, const char *expected);
char *world_decide(World *w); /* free with g_free() */
/* What came of message `i` of the job; checks "failed step 1 continue", "announced step 1 retry
 * 5min", "nack retry 5s", "ack", ... and " done". A message that is done is dropped by the caller
 * with world_drop(). */
void world_result(World *w, guint i, DlvResult result, guint64 retry, const char *expected);
void world_drop(World *w, guint i);
