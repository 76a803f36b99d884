/* runner.h: carries a plan out.
 *
 * Checks are looked at as soon as what they require has passed (or warned), at most plan->parallel
 * at a time; each has its time limit, attempts with pauses that grow, and a number of consecutive
 * successes; the run has a deadline. Only final results are told. The settle window is a check of
 * type "settle" (type-settle.c) with `after_all`. On the loop; never blocks; `done` comes exactly
 * once and never from inside chk_run_start(). */
#pragma once

#include "checks/bind.h"
#include "checks/plan.h"
#include "checks/result.h"

typedef struct ChkRun ChkRun;

typedef struct {
  JsonNode *baseline;    /* baseline.h; NULL: none */
  ChkBindFunc bind;      /* NULL: a check with `unit` is an error */
  gboolean observe_only; /* record: every value is observed, nothing is judged */
  /* May be NULL. Results are borrowed. */
  void (*began)(const ChkCheck *check, gpointer user_data);
  void (*result)(const ChkResult *result, gpointer user_data);
  void (*done)(ChkReport *report, gpointer user_data); /* takes the report */
  gpointer user_data;
} ChkRunOptions;

ChkRun *chk_run_start(ChkWorld *world, ChkPlan *plan, const ChkRunOptions *options);
/* What is not final by now becomes an error "cancelled"; done() follows at once, from the loop. */
void chk_run_cancel(ChkRun *run, const char *why);
