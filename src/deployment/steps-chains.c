/* steps-chains.c: what each step consists of, in order. The whole of a deployment on one page. */
#include "deployment/steps-private.h"

#define HOOK(name_, phase_, must_)                                                                 \
  static void name_(DplChain *chain) {                                                             \
    dpl_part_hooks(chain, phase_, must_);                                                          \
  }

HOOK(pre_flight, DPL_HOOK_PRE_FLIGHT, TRUE)
HOOK(pre_stage, DPL_HOOK_PRE_STAGE, TRUE)
HOOK(post_stage, DPL_HOOK_POST_STAGE, TRUE)
HOOK(pre_switch, DPL_HOOK_PRE_SWITCH, TRUE)
HOOK(post_switch, DPL_HOOK_POST_SWITCH, TRUE)
HOOK(post_start, DPL_HOOK_POST_START, TRUE)
HOOK(post_verify, DPL_HOOK_POST_VERIFY, TRUE)
/* the way back does not depend on them */
HOOK(pre_rollback, DPL_HOOK_PRE_ROLLBACK, FALSE)
HOOK(post_rollback, DPL_HOOK_POST_ROLLBACK, FALSE)
HOOK(post_commit, DPL_HOOK_POST_COMMIT, TRUE)

static const DplPart check[] = {dpl_part_find_current,
                                dpl_part_find_old,
                                dpl_part_check,
                                dpl_part_contract,
                                dpl_part_rehearse,
                                pre_flight,
                                NULL};
static const DplPart back_up[] = {dpl_part_backup, NULL};
static const DplPart stage[] = {pre_stage, dpl_part_stage, post_stage, NULL};
static const DplPart prepare[] = {dpl_part_prove,
                                  dpl_part_read_units,
                                  dpl_part_judge_units,
                                  dpl_part_find_old,
                                  dpl_part_claims,
                                  dpl_part_judge_claims,
                                  dpl_part_exposure,
                                  dpl_part_baseline,
                                  dpl_part_intent,
                                  dpl_part_dependents,
                                  NULL};
static const DplPart migrate[] = {dpl_part_stop_all, dpl_part_snapshot, dpl_part_migrate, NULL};
static const DplPart change[] = {
    pre_switch,      dpl_part_stop_gone, dpl_part_stop_first, dpl_part_switch,
    dpl_part_reload, dpl_part_enable,    post_switch,         NULL};
static const DplPart start[] = {dpl_part_start, dpl_part_reload_units, dpl_part_start_dependents,
                                post_start, NULL};
static const DplPart verify[] = {dpl_part_verify, post_verify, NULL};
static const DplPart commit[] = {dpl_part_disable_gone, dpl_part_remove_gone, dpl_part_reload_gone,
                                 post_commit, NULL};
static const DplPart clean[] = {dpl_part_clean, NULL};
static const DplPart undo[] = {dpl_part_find_old,
                               dpl_part_wait_manager,
                               pre_rollback,
                               dpl_part_undo_stop,
                               dpl_part_undo_migrate,
                               dpl_part_claims,
                               dpl_part_undo_files,
                               dpl_part_undo_disable,
                               dpl_part_reload,
                               dpl_part_undo_start,
                               dpl_part_undo_dependents,
                               dpl_part_undo_look,
                               dpl_part_undo_verify,
                               post_rollback,
                               dpl_part_undo_leave,
                               dpl_part_undo_tell,
                               NULL};
static const DplPart discard[] = {dpl_part_discard, NULL};

const DplPart *dpl_step_parts(DplStep step) {
  static const DplPart *const parts[_DPL_STEP_MAX] = {
      [DPL_STEP_CHECK] = check,     [DPL_STEP_BACK_UP] = back_up, [DPL_STEP_STAGE] = stage,
      [DPL_STEP_PREPARE] = prepare, [DPL_STEP_MIGRATE] = migrate, [DPL_STEP_SWITCH] = change,
      [DPL_STEP_START] = start,     [DPL_STEP_VERIFY] = verify,   [DPL_STEP_COMMIT] = commit,
      [DPL_STEP_CLEAN] = clean,     [DPL_STEP_UNDO] = undo,       [DPL_STEP_DISCARD] = discard,
  };

  return parts[step];
}
