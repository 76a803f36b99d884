/* steps-private.h: inside of the real steps (steps-real.h): a chain of parts.
 *
 *     steps-check.c    the pre-flight               steps-stage.c   the release is made
 *     steps-chains.c   which parts a step has       steps-real.c    the chain, threads, hooks
 *     steps-files.c    staging, backup, clean-up    steps-units.c   units and their files
 *     steps-prepare.c  proof, baseline, intent      steps-verify.c  verification
 *     steps-undo.c     the way back                 undo-files.c    its part with files alone
 *     steps-sockets.c  units are started, restarted and stopped; sockets before what they start
 *     steps-gone.c     units of the old release that the new one does not have, or others have too
 */
#pragma once

#include "deployment/claims.h"
#include "deployment/hooks.h"
#include "deployment/intent.h"
#include "deployment/manifest.h"
#include "deployment/preflight.h"
#include "deployment/rehearse.h"
#include "deployment/retention.h"
#include "deployment/steps-real.h"
#include "deployment/verify-run.h"
#include "deployment/work.h"

typedef struct DplChain DplChain;
/* Ends with dpl_part_done(), from inside or later. */
typedef void (*DplPart)(DplChain *chain);
/* On a worker thread. The chain and its record belong to it meanwhile. */
typedef gboolean (*DplThreadFunc)(DplChain *chain, const DplWork *work, GError **error);

struct DplReal {
  DplRealOptions o;
  char **keys, **credentials;
};

/* One transaction, from its first step to its drop(). */
struct DplChain {
  DplReal *real;
  DplAct *act; /* what runs; NULL: nothing */
  const DplPart *parts;
  guint at;
  gulong canceled; /* handler */
  DplManifest *manifest;
  DplSite *site;
  DplRecord *old; /* the transaction that committed the release before; NULL: not known */
  DplManifest *old_manifest;
  DplIntent intent;
  DplRetention retention; /* dpl_chain_retention() */
  JsonNode *claims;       /* unit files of other targets; NULL: not known yet, or nobody can tell */
  GPtrArray *secrets;     /* values that are masked in all that is told (redact.h) */
  GString *evidence;      /* what units wrote before a failure */
  char *baseline;         /* JSON; NULL: none was asked for */
  GPtrArray *watched;     /* of WgUnitState: the new release's units as they were verified; NULL */
  guint told;             /* of those: whose journal was read */
  GError *verdict;        /* why the verification failed, while journals are read; NULL */
  char *problem;          /* what a thread met and the next part is to tell; NULL: nothing */
  gint64 since;           /* CLOCK_REALTIME us: the units were started after it */
  /* what the running part waits for */
  DplHooks *hooks;
  DplVerify *verify;
  DplUnitVerify *unit_verify;
  DplRehearsal *rehearsal;
  GPtrArray *unit_texts; /* of DplUnitText */
  struct {
    DplUnitsVerb verb;
    char **names, **sockets;
    char **behind; /* what the sockets start */
  } turn;          /* steps-sockets.c */
  struct {
    GPtrArray *seen;         /* names, of which those from `next` on are to be looked at */
    GPtrArray *up, *orphans; /* what is up; of what needs only units that go: `gone` */
    guint next;
    gboolean gone, must;
  } walk; /* steps-dependents.c */
  DplThreadFunc thread;
  guint timer;
  guint64 bytes_done, bytes_total; /* atomic: how far the thread is */
};

/* steps-chains.c: NULL-terminated. */
const DplPart *dpl_step_parts(DplStep step);

/* steps-units.c: FALSE where neither release has a unit: nothing changes for the manager, which may
 * not even be there, in a container without systemd. Needs dpl_part_find_old. */
gboolean dpl_chain_concerns_manager(const DplChain *chain);

/* steps-files.c: what is to be kept, for a thread. */
void dpl_chain_retention(DplChain *chain);
/* steps-real.c: the running part is over; takes `error`. */
void dpl_part_done(DplChain *chain, GError *error);
/* steps-sockets.c: begins `verb` for `names` (NULL: none), ends the part. */
void dpl_part_run_units(DplChain *chain, DplUnitsVerb verb, char **names);
void dpl_chain_clear_turn(DplChain *chain);
void dpl_chain_clear_walk(DplChain *chain); /* steps-dependents.c */
void dpl_part_thread(DplChain *chain, DplThreadFunc func);
/* `must`: a failure is the part's; else it is only told. */
void dpl_part_hooks(DplChain *chain, DplHookPhase phase, gboolean must);
void dpl_part_hook(DplChain *chain, DplHookPhase phase, const DplHook *hook);
/* The target's root; -1 sets error. Any thread. */
int dpl_chain_root(DplChain *chain, gboolean make, GError **error);
/* Absolute path of a release of the target. Free with g_free(). */
char *dpl_chain_release(DplChain *chain, const char *id);
/* us left for the step's commands; 0: no bound. */
guint64 dpl_chain_limit(DplChain *chain);
/* steps-verify.c: starts what `how` says with the program, bus and unit of the chain, which are
 * filled in; it is ended when the act is cancelled. */
void dpl_chain_verify(DplChain *chain, const DplVerifyOptions *how, DplVerifyFunc done);
/* `text` without the manifest's secrets; free with g_free(). */
char *dpl_chain_mask(DplChain *chain, const char *text);
/* Kept with the transaction when the step fails and there are no results to keep. */
void dpl_chain_evidence(DplChain *chain, const char *who, const char *text);
void dpl_chain_say(DplChain *chain, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* Loads the manifest of the release before out of `old`. */
void dpl_chain_set_old(DplChain *chain, const DplRecord *old);

/* parts */
void dpl_part_find_current(DplChain *chain);
void dpl_part_check(DplChain *chain);
void dpl_part_contract(DplChain *chain);
void dpl_part_rehearse(DplChain *chain);
void dpl_part_read_units(DplChain *chain);
void dpl_part_claims(DplChain *chain);
void dpl_part_judge_claims(DplChain *chain);
void dpl_part_exposure(DplChain *chain);
void dpl_part_stop_gone(DplChain *chain);
void dpl_part_disable_gone(DplChain *chain);
void dpl_part_remove_gone(DplChain *chain);
void dpl_part_reload_gone(DplChain *chain);
void dpl_part_judge_units(DplChain *chain);
void dpl_part_backup(DplChain *chain);
void dpl_part_stage(DplChain *chain);
void dpl_part_discard(DplChain *chain);
void dpl_part_clean(DplChain *chain);
void dpl_part_prove(DplChain *chain);
void dpl_part_find_old(DplChain *chain);
void dpl_part_baseline(DplChain *chain);
void dpl_part_intent(DplChain *chain);
void dpl_part_stop_all(DplChain *chain);
void dpl_part_snapshot(DplChain *chain);
void dpl_part_migrate(DplChain *chain);
void dpl_part_stop_first(DplChain *chain);
void dpl_part_switch(DplChain *chain);
void dpl_part_reload(DplChain *chain);
void dpl_part_enable(DplChain *chain);
void dpl_part_dependents(DplChain *chain);
void dpl_part_start(DplChain *chain);
void dpl_part_start_dependents(DplChain *chain);
void dpl_part_reload_units(DplChain *chain);
void dpl_part_verify(DplChain *chain);
void dpl_part_wait_manager(DplChain *chain);
void dpl_part_undo_stop(DplChain *chain);
void dpl_part_undo_migrate(DplChain *chain);
void dpl_part_undo_files(DplChain *chain);
void dpl_part_undo_disable(DplChain *chain);
void dpl_part_undo_start(DplChain *chain);
void dpl_part_undo_dependents(DplChain *chain);
void dpl_part_undo_look(DplChain *chain);
void dpl_part_undo_verify(DplChain *chain);
void dpl_part_undo_leave(DplChain *chain);
void dpl_part_undo_tell(DplChain *chain);

/* steps-evidence.c: the verification has failed with `error` (taken): what the units wrote is added
 * to the evidence, then the part ends with it. */
void dpl_chain_fail_verified(DplChain *chain, GError *error);
/* steps-verify.c: the context of checks: states are of WgUnitState, in any order. */
JsonNode *dpl_verify_context(DplChain *chain, const char *release, const GPtrArray *states);
