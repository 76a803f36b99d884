/* bench.h: what the parts of the benchmark share: options, and the report.
 *
 * A figure of one run says little on a machine that others use as well. So everything that is
 * compared runs in turns (A B A B), and what is reported is the median of the ratios. */
#pragma once

#include "load.h"

#define BENCH_MAX_ROUNDS 32

typedef struct {
  char *program, *dir, *courier;
  char *json, *part;
  gboolean quick, strict;
  double seconds; /* of one measurement */
  int rounds;
  /* --only */
  char *only, *address;
  int size, outstanding, connections;
  gboolean bus;
} BenchOptions;

/* What decides over a target is measured more often. */
static inline guint bench_goal_rounds(const BenchOptions *options) {
  return options->quick ? options->rounds : MIN(options->rounds * 2 + 1, BENCH_MAX_ROUNDS);
}

/* ---- report.c ---- */
typedef struct {
  FILE *json;       /* may be NULL */
  GPtrArray *goals; /* lines to print at the end */
  guint n_failed;
} Report;

void report_init(Report *report, const char *json_path);
void report_clear(Report *report);
/* One JSON line: {"case": NAME, KEY: VALUE...}; pairs of (const char *, double), ends with NULL. */
void report_json(Report *report, const char *name, ...) G_GNUC_NULL_TERMINATED;
/* A target of the project: PASS when `value` is at least (`at_least`) or at most `target`. */
void report_goal(Report *report, const char *what, double value, gboolean at_least, double target,
                 const char *unit);
/* A figure that has no target. */
void report_note(Report *report, const char *format, ...) G_GNUC_PRINTF(2, 3);
void report_goals(Report *report);
/* An error of a case: printed, and the run fails. */
void report_broken(Report *report, const char *what, const char *error);

double median(double *values, guint n); /* sorts them */

/* ---- the parts ---- */
void bench_machine(const BenchOptions *options, Report *report);
void bench_matrix(const BenchOptions *options, Report *report);
void bench_compare(const BenchOptions *options, Report *report); /* against redis */
void bench_stored(const BenchOptions *options, Report *report);  /* a million messages */
void bench_courier(const BenchOptions *options, Report *report); /* inbox, exec */
gboolean bench_is_road(const char *name);                        /* --only of that part */
void bench_only(const BenchOptions *options, Report *report);
