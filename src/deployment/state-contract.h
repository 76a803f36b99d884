/* state-contract.h: whether a release can have the application's data, and whether there is a way
 * back. Pure.
 *
 * A release says which versions of the data it reads, what it makes of them and what it writes. It
 * is deployed only when it can read what is there (or migrate it) and when a roll-back leaves data
 * that the release before can read: because it reads what the new one writes, because they are kept
 * as they were, or because there is a command that takes them back. */
#pragma once

#include "deployment/manifest.h"

typedef enum {
  DPL_WAY_BACK_NONE_NEEDED, /* no data, or no release to go back to */
  DPL_WAY_BACK_READS,       /* the release before reads what this one writes */
  DPL_WAY_BACK_SNAPSHOT,
  DPL_WAY_BACK_DOWN,
} DplWayBack;

typedef struct {
  gboolean migrate; /* "up" is to be run */
  DplWayBack back;
} DplStatePlan;

/* `before`: of the release that serves; NULL: none does. INVALID_STATE: a sentence that says what
 * would make it right. */
gboolean dpl_state_contract(const DplManifest *before, const DplManifest *now, DplStatePlan *ret,
                            GError **error);
const char *dpl_way_back_name(DplWayBack back);
