/* verify-run.h: waggle-verify as the deployment uses it: a program of its own, run under limits.
 *
 * The plan goes in on its standard input; context and baseline lie in a directory of the run below
 * the daemon's runtime directory, which goes with it. Final results are told line by line as they
 * come. A run that crashes, hangs, is killed, says nothing or contradicts itself has the verdict
 * "error": nobody knows, so nobody may go on. On the loop; never blocks. */
#pragma once

#include "common/run.h"

#include <json-glib/json-glib.h>

typedef struct DplVerify DplVerify;

typedef struct {
  const char *program;   /* NULL: $WAGGLE_VERIFY, else the installed one */
  const char *directory; /* for its files; has to exist */
  const char *name;      /* of the unit's description: "shop 42" */
  gboolean user_scope;
  sd_bus *bus; /* of the manager; NULL: a process of ours */
  WgRunHow how;
  const char *bind_to;     /* our own unit; NULL: none */
  const char *plan;        /* verify file, JSON */
  JsonNode *context;       /* checks/world.h; NULL: none */
  const char *baseline;    /* JSON of an earlier record; NULL: none */
  const char *traceparent; /* for the checks' commands; NULL: none */
  gboolean record;         /* observe only: end->baseline */
  guint64 limit;           /* us; 0: the plan's own deadline */
  /* One final result, JSON, the `n`th of `all` checks (0: not known); on the loop, before done().
   * NULL: not told. */
  void (*result)(const char *json, guint n, guint all, gpointer user_data);
} DplVerifyOptions;

typedef enum {
  DPL_VERDICT_PASS,
  DPL_VERDICT_WARN,
  DPL_VERDICT_FAIL,
  DPL_VERDICT_DEADLINE,
  DPL_VERDICT_ERROR,
} DplVerdict;
const char *dpl_verdict_name(DplVerdict verdict); /* "pass" */
static inline gboolean dpl_verdict_is_good(DplVerdict verdict) {
  return verdict <= DPL_VERDICT_WARN;
}

typedef struct {
  DplVerdict verdict;
  const char *text;     /* one line: which checks did not hold, or why nothing is known */
  const char *results;  /* JSON (waggle-results-1); NULL: there are none */
  const char *baseline; /* of a record; NULL */
} DplVerifyEnd;

typedef void (*DplVerifyFunc)(const DplVerifyEnd *end, gpointer user_data);

/* Copies what it needs. `done` exactly once, never from inside. */
DplVerify *dpl_verify_start(const DplVerifyOptions *options, DplVerifyFunc done,
                            gpointer user_data);
/* Ends it; done() follows with the verdict deadline. */
void dpl_verify_cancel(DplVerify *verify);
