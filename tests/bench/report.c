/* report.c: see bench.h. */
#include "bench.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void report_init(Report *report, const char *json_path) {
  *report = (Report){.goals = g_ptr_array_new_with_free_func(g_free)};
  if (json_path == NULL)
    return;
  report->json = fopen(json_path, "we");
  if (report->json == NULL) {
    fprintf(stderr, "%s: %s\n", json_path, g_strerror(errno));
    exit(2);
  }
}

void report_clear(Report *report) {
  g_ptr_array_unref(report->goals);
  if (report->json)
    fclose(report->json);
}

void report_json(Report *report, const char *name, ...) {
  const char *key;
  va_list args;

  if (report->json == NULL)
    return;
  fprintf(report->json, "{\"case\": \"%s\"", name);
  va_start(args, name);
  while ((key = va_arg(args, const char *)) != NULL) {
    char number[G_ASCII_DTOSTR_BUF_SIZE];
    g_ascii_formatd(number, sizeof number, "%.6g", va_arg(args, double));
    fprintf(report->json, ", \"%s\": %s", key, number);
  }
  va_end(args);
  fputs("}\n", report->json);
  fflush(report->json);
}

void report_goal(Report *report, const char *what, double value, gboolean at_least, double target,
                 const char *unit) {
  gboolean reached = isfinite(value) && (at_least ? value >= target : value <= target);

  report->n_failed += !reached;
  g_ptr_array_add(report->goals,
                  g_strdup_printf("%s  %-58s %8.3g%s  (target %s %g%s)", reached ? "PASS" : "FAIL",
                                  what, value, unit, at_least ? ">=" : "<=", target, unit));
  report_json(report, what, "value", value, "target", target, "reached", (double)reached, NULL);
}

void report_note(Report *report, const char *format, ...) {
  va_list args;

  va_start(args, format);
  g_autofree char *text = g_strdup_vprintf(format, args);
  va_end(args);
  g_ptr_array_add(report->goals, g_strdup_printf("      %s", text));
}

void report_goals(Report *report) {
  puts("");
  for (guint i = 0; i < report->goals->len; i++)
    puts(g_ptr_array_index(report->goals, i));
  printf("\n%u target%s missed\n", report->n_failed, report->n_failed == 1 ? "" : "s");
}

void report_broken(Report *report, const char *what, const char *error) {
  report->n_failed++;
  printf("FAIL  %s: %s\n", what, error);
  fflush(stdout);
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;

  return x < y ? -1 : x > y;
}

double median(double *values, guint n) {
  if (n == 0)
    return NAN;
  qsort(values, n, sizeof *values, compare);
  return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}
