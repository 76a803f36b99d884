/* output-tap.c: TAP version 14: a point a check, then a point a group. What does not fail the run
 * by itself is "not ok" with the directive of a failure that is foreseen; what went into the
 * verdict stands in the YAML block after it. */
#include "checks/output.h"
#include "checks/text.h"

#define FORESEEN                                                                                   \
  "TO"                                                                                             \
  "DO"

/* "#" begins a directive, a line's end the next line. */
static char *description(const char *text) {
  g_autofree char *valid = g_utf8_make_valid(text, -1);
  GString *s = g_string_new(NULL);

  for (const char *p = valid; *p; p = g_utf8_next_char(p)) {
    gunichar c = g_utf8_get_char(p);
    if (c == '#' || c == '\\')
      g_string_append_c(s, '\\');
    g_string_append_unichar(s, g_unichar_iscntrl(c) ? ' ' : c);
  }
  return g_string_free(s, FALSE);
}

/* JSON's quoting is YAML's, too. */
static void yaml(GString *out, const char *indent, const char *key, const char *text) {
  if (!text)
    return;
  g_autofree char *valid = g_utf8_make_valid(text, -1);
  g_autoptr(JsonNode) node = json_node_init_string(json_node_alloc(), valid);
  g_autofree char *quoted = json_to_string(node, FALSE);
  g_string_append_printf(out, "%s%s: %s\n", indent, key, quoted);
}

static void diagnostics(GString *out, const ChkResult *r) {
  g_string_append(out, "  ---\n");
  yaml(out, "  ", "severity", chk_verdict_name(r->verdict));
  yaml(out, "  ", "message", r->text);
  g_string_append_printf(out, "  duration_ms: %.3f\n  attempts: %u\n", (double)r->duration / 1000,
                         r->n_attempts);
  gboolean began = FALSE;
  for (guint i = 0; i < r->assertions->len; i++) {
    const ChkAsserted *a = g_ptr_array_index(r->assertions, i);
    if (a->match.holds == CHK_HOLDS)
      continue;
    if (!began)
      g_string_append(out, "  assertions:\n");
    began = TRUE;
    yaml(out, "    - ", "key", a->key);
    yaml(out, "      ", "expected", a->match.expected);
    yaml(out, "      ", "observed", a->match.observed);
    yaml(out, "      ", "conversion", a->match.chain);
  }
  if (r->waived)
    yaml(out, "  ", "waived", r->check->waiver->reason);
  g_string_append(out, "  ...\n");
}

static void point(GString *out, guint n, ChkVerdict verdict, const char *name, const char *text,
                  const ChkGroup *group) {
  g_autofree char *clean = description(name);
  gboolean bad = verdict == CHK_FAIL || verdict == CHK_ERROR;

  g_string_append_printf(out, "%sok %u - %s", bad ? "not " : "", n, clean);
  if (verdict == CHK_SKIP) {
    g_autofree char *reason = description(text ? text : "");
    g_string_append_printf(out, " # SKIP %s", reason);
  } else if (bad && group) {
    g_autofree char *where = description(group->name);
    g_string_append_printf(out, " # " FORESEEN " counted by the group %s", where);
  }
  g_string_append_c(out, '\n');
}

char *chk_output_tap(const ChkReport *report) {
  GString *out = g_string_new("TAP version 14\n");
  guint n = 0;

  g_string_append_printf(out, "1..%u\n", report->results->len + report->groups->len);
  for (guint i = 0; i < report->results->len; i++) {
    const ChkResult *r = g_ptr_array_index(report->results, i);
    point(out, ++n, r->verdict, r->check->name, r->text, chk_result_group(report, r));
    if (r->verdict != CHK_PASS && r->verdict != CHK_SKIP)
      diagnostics(out, r);
  }
  for (guint i = 0; i < report->groups->len; i++) {
    const ChkGroupResult *g = g_ptr_array_index(report->groups, i);
    g_autofree char *name = g_strdup_printf("group %s", g->group->name);
    g_autofree char *text = chk_group_text(g);
    point(out, ++n, g->verdict, name, text, NULL);
    g_string_append(out, "  ---\n");
    yaml(out, "  ", "message", text);
    g_string_append(out, "  ...\n");
  }
  return g_string_free(out, FALSE);
}
