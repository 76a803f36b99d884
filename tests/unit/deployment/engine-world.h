/* engine-world.h: a world in memory for tests of the engine: a disk that takes what it is given
 * when the test says so, targets with a current release, steps that end when and how the test says,
 * and a clock that the test turns.
 *
 * What the engine promises at every instant is checked in here, not in the tests: no action before
 * its state is on the disk, one action a transaction, one transaction a target, permitted
 * transitions only, at most three roll-backs begun, no action past its deadline. */
#pragma once

#undef G_DISABLE_ASSERT
#undef NDEBUG

#include "deployment/txn.h"

#include "common/error.h"

#define WORLD_TARGETS 4

typedef struct {
  WgClockFake fake;
  WgClock clock;
  GHashTable *disk, *jobs; /* &id -> text, as it is durable */
  GHashTable *undos;       /* id -> how often UNDO was begun */
  GHashTable *before;      /* id -> what was current when it was created */
  GPtrArray *puts, *acts;  /* on their way; of WorldPut and DplAct */
  GPtrArray *ended;        /* of DplRecord: every end that was told */
  char *current[WORLD_TARGETS];
  gboolean half[WORLD_TARGETS]; /* the units are neither old nor new */
  DplLoaded remembered;         /* targets and poison as the disk has them */
  DplEngine *engine;
  guint64 next_id, next_job;
  guint n_created, n_refused, n_answers, n_jobs_ended;
  int last_exit;
  GError *last_error;
  gint64 wake;
  gboolean shut; /* the disk refuses everything */
  guint doubts;  /* so many of the next writes are stored, and nobody is told so */
} World;

World *world_new(void);
void world_free(World *w);
void world_kill(World *w, GRand *rand); /* SIGKILL: what is on its way may or may not get there */
void world_boot(World *w);              /* a daemon is started and recovers */
/* One deployment over `n` targets, from the `first`; the release of each is named by its id. */
void world_deploy(World *w, guint first, guint n, const DplRequest *options, gint64 confirm);
/* Lets the engine's own deferred work happen. */
void world_turn(World *w);
/* Everything that waits for the disk gets there (or is refused while it is shut). */
void world_write(World *w);
DplAct *world_act(World *w); /* the oldest that runs; NULL: none */
void world_end_act(World *w, DplAct *act, gboolean well);
/* Writes and lets all actions go well until nothing moves any more, or `until` is acting. */
DplAct *world_run(World *w, int until);
void world_pass(World *w, gint64 usec);        /* time goes by */
DplRecord *world_record(World *w, guint64 id); /* (transfer full) as it is on the disk */
DplState world_state(World *w, guint64 id);
guint world_target(const DplRecord *record);
/* engine-world-load.c: what a start finds on the disk. */
void world_load(World *w, DplLoaded *loaded);
