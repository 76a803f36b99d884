/* judge.h: what was observed, held against what a check expects.
 *
 * Patterns may take long on a text that somebody else wrote, so where there are any a worker thread
 * judges, under a time limit. `judged` is called once, on the loop; it may be from inside start
 * when no pattern is there. */
#pragma once

#include "checks/plan.h"

typedef struct ChkJudging ChkJudging;

/* `asserted` (element-type ChkAsserted; transfer full) NULL: the time was over. */
typedef void (*ChkJudgedFunc)(GPtrArray *asserted, JsonObject *values, gpointer user_data);

/* Takes `values`. `before`: the check's entry in the baseline, or NULL (judge.h keeps `baseline`
 * alive). NULL: judged() was called already. */
ChkJudging *chk_judging_start(ChkPlan *plan, const ChkCheck *check, JsonObject *values,
                              JsonNode *baseline, guint64 limit, ChkJudgedFunc judged,
                              gpointer user_data);
void chk_judging_forget(ChkJudging *judging);
