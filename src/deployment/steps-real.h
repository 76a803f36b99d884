/* steps-real.h: the real steps: files, units, hooks and verification.
 *
 * Each step is a chain of parts (steps-chains.c), one after the other: work on files on a worker
 * thread, everything else on the loop. The chain stops at the first part that fails. What a step
 * keeps in memory may be gone at the next: it is made again from the record. */
#pragma once

#include "deployment/manifest.h"
#include "deployment/record-store.h"
#include "deployment/steps.h"
#include "deployment/targets.h"
#include "deployment/units.h"

#include "common/run.h"

typedef struct DplReal DplReal;

typedef struct {
  gboolean user_scope;
  DplUnits *units;                    /* borrowed */
  DplStore *store;                    /* borrowed: for the manifest of the release before */
  const char *unit_directory;         /* where unit files are installed */
  const char *rehearsal_directory;    /* where units that are rehearsed are written */
  const char *runtime_directory;      /* for the files of verifications */
  const char *verify_program;         /* NULL: the installed one */
  const char *own_unit;               /* hooks end with it; NULL: none */
  WgRunHow how;                       /* hooks and verifications */
  const char *const *key_directories; /* for signatures; NULL: none */
  gboolean seal;                      /* see stage.h */
  gboolean need_signature;
  const char *const *credential_directories; /* NULL: none */
  /* The target as its file says: a reference; NULL: there is none (any more). On the loop. */
  DplSite *(*site)(const char *target, gpointer user_data);
  /* What is kept where a manifest does not say it. On the loop; NULL: the manifest's defaults. */
  DplRetentionSpec (*retention)(gpointer user_data);
  gpointer user_data;
} DplRealOptions;

/* Copies the texts. */
DplReal *dpl_real_new(const DplRealOptions *options);
void dpl_real_free(DplReal *real);
extern const DplSteps dpl_real_steps; /* with a DplReal as self */
