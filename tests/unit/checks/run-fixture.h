/* run-fixture.h: one run of a plan on the default loop, for tests of the engine. */
#pragma once

#include "checks/runner.h"
#include "checks/world.h"

typedef struct {
  ChkRunOptions options; /* baseline, bind, observe_only are taken over */
  guint64 cancel_after;  /* us; 0: never */
} RunOptions;

/* Runs to the end; each result was told exactly once. `options` may be NULL. */
ChkReport *run_plan(ChkPlan *plan, const RunOptions *options);
ChkReport *run_json(const char *json); /* of fake_plan() */
const ChkResult *run_result(const ChkReport *report, const char *name);
