/* output-junit.c: JUnit's XML, of the shape that both the Ant schema and Jenkins' take: one suite
 * with all its counts, a case a check or group, one child a case. A member of a group does not fail
 * the run by itself, so it is a skipped case and the group is a case of its own. */
#include "checks/output.h"

#include "checks/text.h"

/* XML 1.0 has no way to write most control characters. */
static char *escaped(const char *text) {
  g_autofree char *valid = g_utf8_make_valid(text, -1);
  g_autoptr(GString) s = g_string_new(NULL);

  for (const char *p = valid; *p; p = g_utf8_next_char(p)) {
    gunichar c = g_utf8_get_char(p);
    gboolean bad = (c < 0x20 && c != '\n' && c != '\t') || c == 0xfffe || c == 0xffff ||
                   (c >= 0x7f && c < 0xa0);
    g_string_append_unichar(s, bad ? 0xfffd : c);
  }
  return g_markup_escape_text(s->str, -1);
}

static void property(GString *out, const char *name, const char *value) {
  g_autofree char *n = escaped(name), *v = escaped(value);

  g_string_append_printf(out, "      <property name=\"%s\" value=\"%s\"/>\n", n, v);
}

static void properties(GString *out, const ChkReport *report) {
  g_string_append(out, "    <properties>\n");
  property(out, "verdict", chk_verdict_name(report->verdict));
  for (guint i = 0; i < report->results->len; i++) {
    const ChkResult *r = g_ptr_array_index(report->results, i);
    if (r->n_attempts <= 1)
      continue;
    g_autofree char *name = g_strdup_printf("attempts: %s", r->check->name);
    g_autofree char *n = g_strdup_printf("%u", r->n_attempts);
    property(out, name, n);
  }
  g_string_append(out, "    </properties>\n");
}

static void testcase(GString *out, const char *class, const char *name, guint64 duration,
                     ChkVerdict verdict, const char *text, gboolean counted_elsewhere) {
  static const char *const children[] = {[CHK_FAIL] = "failure", [CHK_ERROR] = "error"};
  g_autofree char *c = escaped(class), *n = escaped(name), *t = escaped(text ? text : "");

  g_string_append_printf(out, "    <testcase classname=\"%s\" name=\"%s\" time=\"%.6f\"", c, n,
                         (double)duration / G_USEC_PER_SEC);
  if (verdict == CHK_PASS || verdict == CHK_WARN)
    g_string_append(out, "/>\n");
  else if (verdict == CHK_SKIP || counted_elsewhere)
    g_string_append_printf(out, "><skipped message=\"%s\"/></testcase>\n", t);
  else
    g_string_append_printf(out, "><%s message=\"%s\" type=\"%s\">%s</%s></testcase>\n",
                           children[verdict], t, class, t, children[verdict]);
}

static void cases(GString *out, const ChkReport *report) {
  for (guint i = 0; i < report->results->len; i++) {
    const ChkResult *r = g_ptr_array_index(report->results, i);
    testcase(out, r->check->type->name, r->check->name, r->duration, r->verdict, r->text,
             chk_result_group(report, r) != NULL);
  }
  for (guint i = 0; i < report->groups->len; i++) {
    const ChkGroupResult *g = g_ptr_array_index(report->groups, i);
    g_autofree char *text = chk_group_text(g);
    testcase(out, "group", g->group->name, 0, g->verdict, text, FALSE);
  }
}

typedef struct {
  guint tests, failures, errors, skipped;
} Counts;

static void count(Counts *n, ChkVerdict verdict, gboolean counted_elsewhere) {
  gboolean bad = verdict == CHK_FAIL || verdict == CHK_ERROR;

  n->tests++;
  n->skipped += verdict == CHK_SKIP || (bad && counted_elsewhere);
  n->failures += verdict == CHK_FAIL && !counted_elsewhere;
  n->errors += verdict == CHK_ERROR && !counted_elsewhere;
}

static Counts counts(const ChkReport *report) {
  Counts n = {0};

  for (guint i = 0; i < report->results->len; i++) {
    const ChkResult *r = g_ptr_array_index(report->results, i);
    count(&n, r->verdict, chk_result_group(report, r) != NULL);
  }
  for (guint i = 0; i < report->groups->len; i++)
    count(&n, ((ChkGroupResult *)g_ptr_array_index(report->groups, i))->verdict, FALSE);
  return n;
}

/* Warnings have no element of their own: they are the suite's output. */
static void warnings(GString *out, const ChkReport *report) {
  g_string_append(out, "    <system-out>");
  for (guint i = 0; i < report->results->len; i++) {
    const ChkResult *r = g_ptr_array_index(report->results, i);
    if (r->verdict != CHK_WARN)
      continue;
    g_autofree char *name = escaped(r->check->name), *text = escaped(r->text ? r->text : "");
    g_string_append_printf(out, "warning: %s: %s%s\n", name, text, r->waived ? " (waived)" : "");
  }
  g_string_append(out, "</system-out>\n    <system-err></system-err>\n");
}

char *chk_output_junit(const ChkReport *report) {
  GString *out = g_string_new("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
  g_autofree char *name = escaped(report->plan->name);
  g_autofree char *host = escaped(g_get_host_name());
  g_autofree char *time = chk_time_text(report->started);
  Counts n = counts(report);

  time[19] = '\0'; /* the schema's time has neither fractions nor a zone */
  g_string_append_printf(
      out,
      "<testsuites>\n  <testsuite package=\"waggle\" id=\"0\" name=\"%s\" timestamp=\"%s\" "
      "hostname=\"%s\" tests=\"%u\" failures=\"%u\" errors=\"%u\" skipped=\"%u\" time=\"%.6f\">\n",
      name, time, host, n.tests, n.failures, n.errors, n.skipped,
      (double)report->duration / G_USEC_PER_SEC);
  properties(out, report);
  cases(out, report);
  warnings(out, report);
  g_string_append(out, "  </testsuite>\n</testsuites>\n");
  return g_string_free(out, FALSE);
}
