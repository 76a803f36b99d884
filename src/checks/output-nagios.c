/* output-nagios.c: one line with performance data and the failures after it, as the plugins'
 * guidelines want it. */
#include "checks/output.h"

#include <string.h>

/* Of a label or text no byte may end it: quotes, "|", "=", line ends. */
static char *plain(const char *text, const char *unwanted) {
  g_autofree char *valid = g_utf8_make_valid(text, -1);

  for (char *p = valid; *p; p++)
    if ((guchar)*p < ' ' || strchr(unwanted, *p))
      *p = ' ';
  return g_steal_pointer(&valid);
}

static void append_perfdata(GString *out, const ChkReport *report) {
  const ChkSummary *s = &report->summary;

  g_string_append_printf(out, " | 'time'=%.6fs;;;0;%.6f", (double)report->duration / G_USEC_PER_SEC,
                         (double)report->plan->deadline / G_USEC_PER_SEC);
  g_string_append_printf(out,
                         " 'pass'=%u;;;0;%u 'warn'=%u;;;0;%u 'fail'=%u;;;0;%u 'error'=%u;;;0;%u "
                         "'skip'=%u;;;0;%u",
                         s->pass, s->total, s->warn, s->total, s->fail, s->total, s->error,
                         s->total, s->skip, s->total);
  for (guint i = 0; i < report->results->len; i++) {
    const ChkResult *r = g_ptr_array_index(report->results, i);
    if (r->n_attempts == 0)
      continue;
    g_autofree char *label = plain(r->check->name, "'=|");
    g_string_append_printf(out, " 'time of %s'=%.6fs;;;0;%.6f", label,
                           (double)r->duration / G_USEC_PER_SEC,
                           (double)r->check->timeout / G_USEC_PER_SEC);
  }
}

char *chk_output_nagios(const ChkReport *report) {
  static const char *const states[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};
  GString *out = g_string_new("WAGGLE ");
  g_autofree char *summary = chk_summary_text(report);
  g_autofree char *name = plain(report->plan->name, "|");

  g_string_append_printf(out, "%s - %s: %s",
                         states[chk_output_exit(report, CHK_FORMAT_NAGIOS, FALSE)], name, summary);
  append_perfdata(out, report);
  g_string_append_c(out, '\n');
  for (guint i = 0; i < report->groups->len; i++) {
    const ChkGroupResult *g = g_ptr_array_index(report->groups, i);
    g_autofree char *text = chk_group_text(g);
    g_autofree char *group = plain(g->group->name, "|");
    if (g->verdict != CHK_PASS)
      g_string_append_printf(out, "group %s: %s\n", group, text);
  }
  for (guint i = 0; i < report->results->len; i++) {
    const ChkResult *r = g_ptr_array_index(report->results, i);
    static const char *const words[] = {
        [CHK_WARN] = "warning", [CHK_FAIL] = "failed", [CHK_ERROR] = "error"};
    if (r->verdict == CHK_PASS || r->verdict == CHK_SKIP)
      continue;
    g_autofree char *check = plain(r->check->name, "|"), *text = plain(r->text ? r->text : "", "|");
    g_string_append_printf(out, "%s: %s: %s\n", check, words[r->verdict], text);
  }
  return g_string_free(out, FALSE);
}
