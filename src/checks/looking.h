/* looking.h: one look of one type, under a time limit.
 *
 * Whatever the type does, `seen` is called exactly once, on the loop, never from inside
 * chk_looking_start(), and at the latest when the time is over: a worker thread that hangs, or a
 * type that never answers, is left behind (it keeps what it was lent alive by `keep`). */
#pragma once

#include "checks/world.h"

typedef struct ChkLooking ChkLooking;

typedef struct {
  const ChkType *type;
  const char *subject;
  JsonObject *options, *wanted; /* may be NULL */
  guint64 limit;                /* us from now */
  /* Holds the four above alive; its reference is dropped from any thread. NULL: they live for
   * ever. */
  gpointer keep;
  void (*keep_ref)(gpointer keep);
  void (*keep_unref)(gpointer keep);
} ChkLookingOptions;

/* The handle is valid until seen() was called or chk_looking_forget(). */
ChkLooking *chk_looking_start(ChkWorld *world, const ChkLookingOptions *options, ChkSeenFunc seen,
                              gpointer user_data);
/* Ends it without seen(). */
void chk_looking_forget(ChkLooking *looking);
/* Looks that were left behind in worker threads and still hang there. */
guint chk_looking_n_hung(void);

/* Frees what a sight holds. */
void chk_sight_clear(ChkSight *sight);
