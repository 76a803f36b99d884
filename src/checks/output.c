/* output.c: see output.h: the choice of a format, and the sentences that several of them use. */
#include "checks/output.h"

#include "checks/text.h"

const char *const chk_format_names[] = {"human",  "json",        "junit", "tap",
                                        "nagios", "openmetrics", NULL};
const char *const chk_priority_names[] = {"critical", "high", "normal"};

static char *output_json(const ChkReport *report, gboolean strict) {
  g_autoptr(JsonNode) node = chk_report_json(report, strict);
  g_autofree char *text = json_to_string(node, TRUE);

  return g_strconcat(text, "\n", NULL);
}

char *chk_output(const ChkReport *report, ChkFormat format, const ChkOutputOptions *options) {
  switch (format) {
  case CHK_FORMAT_HUMAN:
    return chk_output_human(report, options);
  case CHK_FORMAT_JSON:
    return output_json(report, options->strict);
  case CHK_FORMAT_JUNIT:
    return chk_output_junit(report);
  case CHK_FORMAT_TAP:
    return chk_output_tap(report);
  case CHK_FORMAT_NAGIOS:
    return chk_output_nagios(report);
  case CHK_FORMAT_OPENMETRICS:
    return chk_output_openmetrics(report, options->strict);
  }
  g_assert_not_reached();
}

int chk_output_exit(const ChkReport *report, ChkFormat format, gboolean strict) {
  static const int plugin[] = {
      [CHK_PASS] = 0, [CHK_WARN] = 1, [CHK_FAIL] = 2, [CHK_ERROR] = 3, [CHK_SKIP] = 3};

  if (format == CHK_FORMAT_NAGIOS)
    return report->deadline && report->verdict != CHK_FAIL ? 3 : plugin[report->verdict];
  return (int)chk_report_exit(report, strict);
}

char *chk_summary_text(const ChkReport *report) {
  const ChkSummary *s = &report->summary;
  const struct {
    guint n;
    const char *words;
  } parts[] = {{s->pass, "passed"},
               {s->warn, "with a warning"},
               {s->fail, "failed"},
               {s->error, "could not be determined"},
               {s->skip, "skipped"}};
  g_autofree char *span = chk_usec_text(report->duration);
  GString *text = g_string_new(NULL);
  const char *join = ": ";

  g_string_append_printf(text, "%u check%s in %s", s->total, s->total == 1 ? "" : "s", span);
  for (guint i = 0; i < G_N_ELEMENTS(parts); i++)
    if (parts[i].n > 0) {
      g_string_append_printf(text, "%s%u %s", join, parts[i].n, parts[i].words);
      join = ", ";
    }
  if (s->waived > 0)
    g_string_append_printf(text, " (%u waived)", s->waived);
  return g_string_free(text, FALSE);
}

char *chk_group_text(const ChkGroupResult *g) {
  if (g->total == 0)
    return g_strdup("none of its checks applies here");
  if (g->group->at_least > 0)
    return g_strdup_printf("%u of %u passed, at least %u are needed", g->passed, g->total,
                           g->group->at_least);
  return g_strdup_printf("%u of %u passed, at least %.4g%% are needed", g->passed, g->total,
                         g->group->share * 100);
}

const ChkGroup *chk_result_group(const ChkReport *report, const ChkResult *result) {
  if (!result->check->grouped)
    return NULL;
  for (guint i = 0; i < report->groups->len; i++) {
    const ChkGroupResult *g = g_ptr_array_index(report->groups, i);
    for (guint k = 0; k < g->group->members->len; k++)
      if (g_ptr_array_index(report->results, g_array_index(g->group->members, guint, k)) == result)
        return g->group;
  }
  return NULL;
}
