/* states.c: the crash contract as a table; see states.h. */
#include "deployment/states.h"

#define NOTHING_CHANGED "`current` and all units are as before; the deployment is aborted"

const DplStateInfo dpl_states[_DPL_STATE_MAX] = {
    [DPL_STATE_VALIDATED] = {"validated", DPL_CRASH_DISCARD, "drop what was begun", NOTHING_CHANGED,
                             FALSE, FALSE},
    [DPL_STATE_BACKING_UP] = {"backing-up", DPL_CRASH_DISCARD, "drop the backup", NOTHING_CHANGED,
                              FALSE, FALSE},
    [DPL_STATE_STAGING] = {"staging", DPL_CRASH_DISCARD,
                           "drop the staged tree, also when it has its name in releases/ already",
                           NOTHING_CHANGED, FALSE, FALSE},
    [DPL_STATE_STAGED] = {"staged", DPL_CRASH_CONTINUE,
                          "prove the tree again and go on while the budget lasts, else drop it",
                          "as if there had been no crash", FALSE, FALSE},
    [DPL_STATE_MIGRATING] = {"migrating", DPL_CRASH_ROLL_BACK,
                             "roll back: the state directory as it was, the old release started",
                             "the old release serves the old state", FALSE, TRUE},
    [DPL_STATE_SWITCHING] = {"switching", DPL_CRASH_FINISH_OR_UNDO,
                             "read the link and undo by the intent that was stored: the link "
                             "where it names the new release, and the unit files",
                             "exactly one release is current: the old one", FALSE, TRUE},
    [DPL_STATE_STARTING] = {"starting", DPL_CRASH_ROLL_BACK, "roll back: no verdict was reached",
                            "the old release serves", FALSE, TRUE},
    [DPL_STATE_VERIFYING] = {"verifying", DPL_CRASH_ROLL_BACK, "roll back: no verdict was reached",
                             "the old release serves", FALSE, TRUE},
    [DPL_STATE_VERIFIED] = {"verified", DPL_CRASH_WAIT,
                            "wait for the rest of the time to confirm (commit where none is "
                            "asked for), else roll back",
                            "the new release serves until the deadline, which counts over reboots",
                            FALSE, TRUE},
    [DPL_STATE_COMMITTED] = {"committed", DPL_CRASH_REDO, "clean up", "the new release serves",
                             FALSE, TRUE},
    [DPL_STATE_CLEANING] = {"cleaning", DPL_CRASH_REDO, "clean up again", "the new release serves",
                            FALSE, TRUE},
    [DPL_STATE_ROLLING_BACK] = {"rolling-back", DPL_CRASH_REDO,
                                "undo again from the start, three times at most",
                                "the old release serves", FALSE, TRUE},
    [DPL_STATE_DONE] = {"done", DPL_CRASH_NOTHING, "nothing", "the new release serves", TRUE, TRUE},
    [DPL_STATE_ABORTED] = {"aborted", DPL_CRASH_NOTHING, "nothing", NOTHING_CHANGED, TRUE, FALSE},
    [DPL_STATE_ROLLED_BACK] = {"rolled-back", DPL_CRASH_NOTHING, "nothing",
                               "the old release serves", TRUE, FALSE},
    [DPL_STATE_ROLLBACK_FAILED] = {"rollback-failed", DPL_CRASH_NOTHING,
                                   "nothing: a person has to look",
                                   "nothing more is changed at this target", TRUE, TRUE},
};

gboolean dpl_state_parse(const char *name, DplState *ret) {
  for (guint i = 0; i < _DPL_STATE_MAX; i++)
    if (g_strcmp0(dpl_states[i].name, name) == 0) {
      *ret = (DplState)i;
      return TRUE;
    }
  return FALSE;
}

gboolean dpl_state_may_follow(DplState from, DplState to) {
  if (dpl_states[from].is_end)
    return FALSE;
  if (from == to) /* written again: a crash that is gone on from, a further try */
    return TRUE;
  if (to == DPL_STATE_ABORTED)
    return !dpl_states[from].changed;
  if (to == DPL_STATE_ROLLING_BACK)
    return from < DPL_STATE_COMMITTED && dpl_states[from].changed;
  if (from == DPL_STATE_ROLLING_BACK)
    return to == DPL_STATE_ROLLED_BACK || to == DPL_STATE_ROLLBACK_FAILED;
  /* written too often (a loop): nothing more is tried at a target that may be changed */
  if (to == DPL_STATE_ROLLBACK_FAILED)
    return from < DPL_STATE_COMMITTED && dpl_states[from].changed;
  if (from == DPL_STATE_CLEANING)
    return to == DPL_STATE_DONE;
  /* a step forward; a deployment without migration passes it over */
  return (to == from + 1 && to <= DPL_STATE_CLEANING) ||
         (from == DPL_STATE_STAGED && to == DPL_STATE_SWITCHING);
}

DplState dpl_state_after(DplState state, gboolean migrates) {
  switch (state) {
  case DPL_STATE_STAGED:
    return migrates ? DPL_STATE_MIGRATING : DPL_STATE_SWITCHING;
  case DPL_STATE_CLEANING:
    return DPL_STATE_DONE;
  case DPL_STATE_ROLLING_BACK:
    return DPL_STATE_ROLLED_BACK;
  default:
    g_assert(!dpl_states[state].is_end);
    return state + 1;
  }
}

int dpl_state_exit(DplState end, gboolean is_rollback) {
  switch (end) {
  case DPL_STATE_DONE:
    return is_rollback ? DPL_EXIT_ROLLED_BACK : DPL_EXIT_DONE;
  case DPL_STATE_ROLLED_BACK:
    return DPL_EXIT_ROLLED_BACK;
  case DPL_STATE_ROLLBACK_FAILED:
    return DPL_EXIT_ROLLBACK_FAILED;
  default:
    return DPL_EXIT_ABORTED;
  }
}

const char *dpl_exit_name(int status) {
  DplState end = status == DPL_EXIT_DONE              ? DPL_STATE_DONE
                 : status == DPL_EXIT_ROLLED_BACK     ? DPL_STATE_ROLLED_BACK
                 : status == DPL_EXIT_ROLLBACK_FAILED ? DPL_STATE_ROLLBACK_FAILED
                                                      : DPL_STATE_ABORTED;
  return dpl_states[end].name;
}
