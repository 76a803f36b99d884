/* budget.h: how long each phase of a transaction may take. Pure: time comes in as an argument.
 *
 * A transaction has a budget for deploying (everything up to the started units), one for verifying
 * and one for rolling back. Each is at most DPL_*_MAX, whatever a manifest says. Out of the first
 * two the time that a roll-back needs is reserved: a phase ends when only the reserve is left, so
 * that with its roll-back it stays within its budget. Deadlines are lasting times: they count over
 * suspend and reboots. */
#pragma once

#include "deployment/record.h"

#define DPL_DEPLOY_MAX ((gint64)5 * 60 * G_USEC_PER_SEC)
#define DPL_VERIFY_MAX ((gint64)10 * 60 * G_USEC_PER_SEC)
#define DPL_ROLLBACK_MAX ((gint64)2 * 60 * G_USEC_PER_SEC)
#define DPL_CONFIRM_MAX ((gint64)7 * 24 * 3600 * G_USEC_PER_SEC)
#define DPL_ROLLBACK_TRIES 3
/* States that one transaction may write: its way is 12 long, a redone roll-back adds 2, and each
 * crash at most one. More is a loop. */
#define DPL_WRITES_MAX 28

/* Bounds the record's budgets (0: the maximum; confirm 0: none) and sets the reserve. `measured`:
 * the 95th percentile of this target's roll-backs in us, 0: nothing was measured. */
void dpl_budget_begin(DplRecord *record, gint64 measured);
/* The state is entered at `now`: sets the deadlines that begin with it. */
void dpl_budget_enter(DplRecord *record, gint64 now);
/* When the action of the record's state has to end; G_MAXINT64: no deadline. */
gint64 dpl_budget_deadline(const DplRecord *record);
/* Whether the budget allows the state's action to begin (again) at `now`. */
gboolean dpl_budget_left(const DplRecord *record, gint64 now);
/* "the deploy budget of 5min": whose deadline the state has; for messages. */
char *dpl_budget_words(const DplRecord *record);
/* The 95th percentile of durations in us, which it sorts; 0 for none. */
gint64 dpl_budget_p95(gint64 *durations, guint n);
