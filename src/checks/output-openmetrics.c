/* output-openmetrics.c: OpenMetrics 1.0, for a textfile collector: base units, one family at a
 * time,
 * "# EOF" at the end. */
#include "checks/output.h"

#include "checks/text.h"

static char *label(const char *text) {
  g_autofree char *valid = g_utf8_make_valid(text, -1);
  GString *s = g_string_new(NULL);

  for (const char *p = valid; *p; p++) {
    if (*p == '\\' || *p == '"')
      g_string_append_c(s, '\\');
    if (*p == '\n')
      g_string_append(s, "\\n");
    else
      g_string_append_c(s, *p);
  }
  return g_string_free(s, FALSE);
}

static void family(GString *out, const char *name, const char *unit, const char *help) {
  g_string_append_printf(out, "# TYPE %s gauge\n", name);
  if (unit)
    g_string_append_printf(out, "# UNIT %s %s\n", name, unit);
  g_string_append_printf(out, "# HELP %s %s\n", name, help);
}

static void verdicts(GString *out, const ChkReport *report, const char *plan) {
  const ChkSummary *s = &report->summary;
  const guint counts[] = {[CHK_PASS] = s->pass,
                          [CHK_WARN] = s->warn,
                          [CHK_FAIL] = s->fail,
                          [CHK_ERROR] = s->error,
                          [CHK_SKIP] = s->skip};

  family(out, "waggle_verify_checks", NULL, "Checks by verdict.");
  for (ChkVerdict v = CHK_PASS; v <= CHK_SKIP; v++)
    g_string_append_printf(out, "waggle_verify_checks{plan=\"%s\",verdict=\"%s\"} %u\n", plan,
                           chk_verdict_name(v), counts[v]);
  family(out, "waggle_verify_waived_checks", NULL, "Checks whose failure is waived.");
  g_string_append_printf(out, "waggle_verify_waived_checks{plan=\"%s\"} %u\n", plan, s->waived);
}

typedef void (*PerCheck)(GString *out, const ChkResult *r, const char *labels);

static void check_passed(GString *out, const ChkResult *r, const char *labels) {
  if (r->verdict != CHK_SKIP)
    g_string_append_printf(out, "waggle_verify_check_passed{%s,verdict=\"%s\"} %d\n", labels,
                           chk_verdict_name(r->verdict),
                           r->verdict == CHK_PASS || r->verdict == CHK_WARN);
}

static void check_duration(GString *out, const ChkResult *r, const char *labels) {
  if (r->n_attempts > 0)
    g_string_append_printf(out, "waggle_verify_check_duration_seconds{%s} %.6f\n", labels,
                           (double)r->duration / G_USEC_PER_SEC);
}

static void check_attempts(GString *out, const ChkResult *r, const char *labels) {
  g_string_append_printf(out, "waggle_verify_check_attempts{%s} %u\n", labels, r->n_attempts);
}

static void each(GString *out, const ChkReport *report, const char *plan, PerCheck func) {
  for (guint i = 0; i < report->results->len; i++) {
    const ChkResult *r = g_ptr_array_index(report->results, i);
    g_autofree char *name = label(r->check->name);
    g_autofree char *labels =
        g_strdup_printf("plan=\"%s\",check=\"%s\",type=\"%s\"", plan, name, r->check->type->name);
    func(out, r, labels);
  }
}

static void groups(GString *out, const ChkReport *report, const char *plan) {
  if (report->groups->len == 0)
    return;
  family(out, "waggle_verify_group_passed_ratio", "ratio",
         "Share of a group's checks that passed.");
  for (guint i = 0; i < report->groups->len; i++) {
    const ChkGroupResult *g = g_ptr_array_index(report->groups, i);
    g_autofree char *name = label(g->group->name);
    if (g->total > 0)
      g_string_append_printf(out,
                             "waggle_verify_group_passed_ratio{plan=\"%s\",group=\"%s\"} %.6f\n",
                             plan, name, (double)g->passed / g->total);
  }
}

static void one(GString *out, const char *name, const char *unit, const char *help,
                const char *plan, double value) {
  family(out, name, unit, help);
  g_string_append_printf(out, "%s{plan=\"%s\"} %.6f\n", name, plan, value);
}

char *chk_output_openmetrics(const ChkReport *report, gboolean strict) {
  GString *out = g_string_new(NULL);
  g_autofree char *plan = label(report->plan->name);

  verdicts(out, report, plan);
  family(out, "waggle_verify_check_passed", NULL, "1: the check passed, perhaps with a warning.");
  each(out, report, plan, check_passed);
  family(out, "waggle_verify_check_duration_seconds", "seconds",
         "Time from a check's first look to its verdict.");
  each(out, report, plan, check_duration);
  family(out, "waggle_verify_check_attempts", NULL, "Looks that a check's verdict took.");
  each(out, report, plan, check_attempts);
  groups(out, report, plan);
  one(out, "waggle_verify_duration_seconds", "seconds", "Time of the whole run.", plan,
      (double)report->duration / G_USEC_PER_SEC);
  one(out, "waggle_verify_finished_timestamp_seconds", "seconds", "When the run ended.", plan,
      (double)report->finished / G_USEC_PER_SEC);
  one(out, "waggle_verify_exit_status", NULL, "Status of the run's process.", plan,
      chk_report_exit(report, strict));
  g_string_append(out, "# EOF\n");
  return g_string_free(out, FALSE);
}
