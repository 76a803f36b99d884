/* states.h: the states of a transaction and what a restart finds and does in each.
 *
 * This table is the crash contract: the daemon, waggle-deployd(8) and the crash tests read the same
 * rows. A state is written down, durably, BEFORE its action begins. One transaction is one target;
 * a deployment over many targets is a job of many transactions. */
#pragma once

#include <glib.h>

typedef enum {
  DPL_STATE_VALIDATED,    /* the manifest is good, the target is ours, the pre-flight begins */
  DPL_STATE_BACKING_UP,   /* what the manifest names is copied aside */
  DPL_STATE_STAGING,      /* the tree is made below staging/ */
  DPL_STATE_STAGED,       /* the tree is proven and stands in releases/; baseline is captured */
  DPL_STATE_MIGRATING,    /* units stopped, the state directory's snapshot is kept, "up" runs */
  DPL_STATE_SWITCHING,    /* intent: `current` and unit files go from old to new */
  DPL_STATE_STARTING,     /* units are (re)started in order */
  DPL_STATE_VERIFYING,    /* checks and the settle window */
  DPL_STATE_VERIFIED,     /* waits for Confirm() where the strategy asks for it */
  DPL_STATE_COMMITTED,    /* the release is the last good one */
  DPL_STATE_CLEANING,     /* retention, staging and backups go */
  DPL_STATE_ROLLING_BACK, /* intent: undo; redone from its start */
  /* ends */
  DPL_STATE_DONE,
  DPL_STATE_ABORTED,         /* ended before the switch: nothing was changed */
  DPL_STATE_ROLLED_BACK,     /* the old release serves, verified */
  DPL_STATE_ROLLBACK_FAILED, /* after the third try: no more changes, an alert */
  _DPL_STATE_MAX,
} DplState;

/* What a daemon that finds the state at its start does. */
typedef enum {
  DPL_CRASH_DISCARD,        /* drop staging and backup, end as aborted */
  DPL_CRASH_CONTINUE,       /* go on from this state while the budget lasts, else discard */
  DPL_CRASH_FINISH_OR_UNDO, /* read the link: finish the switch or undo it, by the intent */
  DPL_CRASH_ROLL_BACK,
  DPL_CRASH_WAIT,    /* go on waiting for the rest of the confirm time, else roll back */
  DPL_CRASH_REDO,    /* from the start of this state; bounded tries */
  DPL_CRASH_NOTHING, /* an end */
} DplCrash;

typedef struct {
  const char *name; /* "rolling-back": in the store, on D-Bus, in the manual */
  DplCrash crash;
  const char *action;       /* the manual's words for it */
  const char *after;        /* what must hold afterwards */
  gboolean is_end, changed; /* `changed`: the target may differ from before */
} DplStateInfo;

extern const DplStateInfo dpl_states[_DPL_STATE_MAX];
gboolean dpl_state_parse(const char *name, DplState *ret);
/* Whether the engine may go from one to the other; everything else is a bug and aborts. */
gboolean dpl_state_may_follow(DplState from, DplState to);
/* Where a state's action leads when it goes well; not for an end. */
DplState dpl_state_after(DplState state, gboolean migrates);
/* The exit status that an end stands for (V.5): 0, 1 aborted, 5 rolled back, 6 the roll-back
 * failed. `is_rollback`: it was asked for, so its good end is a roll-back too and never 0. */
enum {
  DPL_EXIT_DONE = 0,
  DPL_EXIT_ABORTED = 1,
  DPL_EXIT_ROLLED_BACK = 5,
  DPL_EXIT_ROLLBACK_FAILED = 6,
};
int dpl_state_exit(DplState end, gboolean is_rollback);
const char *dpl_exit_name(int status); /* "done", "aborted", "rolled-back", "rollback-failed" */
