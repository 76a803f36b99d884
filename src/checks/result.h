/* result.h: what came of a run. One place computes verdicts: of a check from its attempts, level
 * and waiver, of a group from its share, of the run from both, and the exit status from that. */
#pragma once

#include "checks/plan.h"

#define CHK_SCHEMA_RESULTS "waggle-results-1"

/* The exit contract. ROLLED_BACK and ROLLBACK_FAILED are the deployment's. */
typedef enum {
  CHK_EXIT_PASS = 0,
  CHK_EXIT_FAIL = 1,
  CHK_EXIT_WARN = 2, /* only warnings, and strict */
  CHK_EXIT_DEADLINE = 3,
  CHK_EXIT_ERROR = 4,
  CHK_EXIT_ROLLED_BACK = 5,
  CHK_EXIT_ROLLBACK_FAILED = 6,
  CHK_EXIT_USAGE = 64,
  CHK_EXIT_FILE = 78,
} ChkExit;

typedef struct {
  const char *key; /* borrowed from the plan */
  gboolean warn;   /* of "warn", not of "expect" */
  ChkMatch match;
} ChkAsserted;

typedef struct {
  ChkVerdict verdict;
  guint64 duration; /* us */
  char *text;       /* the cause, or NULL */
} ChkAttempt;

typedef struct {
  const ChkCheck *check;   /* of the report's plan */
  ChkVerdict found;        /* by the last attempt */
  ChkVerdict verdict;      /* after level and waiver */
  gboolean waived;         /* found fail or error, and the waiver turned it into a warning */
  gboolean not_applicable; /* a skip that is no one's fault */
  guint64 duration;        /* us, from its first look to its end */
  guint n_attempts;
  GPtrArray *attempts;   /* (element-type ChkAttempt), the last 100 */
  GPtrArray *assertions; /* (element-type ChkAsserted), of the last attempt */
  char *text;            /* cause or remark, or NULL */
  JsonObject *values;    /* observed by the last attempt, or NULL */
  JsonObject *unit;      /* who answered (bind.h), or NULL */
} ChkResult;

typedef struct {
  const ChkGroup *group;
  guint passed, total;
  ChkVerdict verdict;
} ChkGroupResult;

typedef struct {
  guint total, pass, warn, fail, error, skip, waived;
} ChkSummary;

typedef struct {
  ChkPlan *plan;
  gint64 started, finished; /* CLOCK_REALTIME us */
  guint64 duration;         /* us */
  gboolean deadline;        /* it passed before all was known */
  GPtrArray *results;       /* (element-type ChkResult), in the plan's order */
  GPtrArray *groups;        /* (element-type ChkGroupResult) */
  ChkSummary summary;
  ChkVerdict verdict;
  JsonObject *context; /* of the world, or NULL */
} ChkReport;

ChkResult *chk_result_new(const ChkCheck *check);
void chk_result_free(ChkResult *result);
/* Sets verdict and waived from `found`, the check's level and waiver. */
void chk_result_finish(ChkResult *result);
void chk_report_free(ChkReport *report);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ChkReport, chk_report_free)
/* Groups, summary and verdict from the results. */
void chk_report_finish(ChkReport *report);
ChkExit chk_report_exit(const ChkReport *report, gboolean strict);
