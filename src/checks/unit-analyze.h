/* unit-analyze.h: what systemd-analyze(1) says of a unit. It runs as a process of ours; the loop's
 * thread, never blocks. */
#pragma once

#include "checks/check.h"

typedef struct ChkAnalyze ChkAnalyze;

typedef struct {
  double exposure;
  char **problems; /* never NULL */
  GError *error;   /* borrowed, as all of it */
} ChkAnalyzed;

typedef void (*ChkAnalyzedFunc)(ChkAnalyzed *got, gpointer user_data);

/* `func` is called once, later; the handle is gone then. `timeout`: us. */
ChkAnalyze *chk_analyze_exposure(ChkWorld *world, const char *unit, guint64 timeout,
                                 ChkAnalyzedFunc func, gpointer user_data);
/* Of the unit's file. */
ChkAnalyze *chk_analyze_problems(ChkWorld *world, const char *file, guint64 timeout,
                                 ChkAnalyzedFunc func, gpointer user_data);
void chk_analyze_drop(ChkAnalyze *analyze);

/* The number of the line "Overall exposure level for UNIT: 9.6 UNSAFE", or a negative one. Pure. */
double chk_analyze_overall(const char *text);
