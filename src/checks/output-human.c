/* output-human.c: for people: failures in full, passes in one line, then what to do. Lines are
 * wrapped at the terminal's width; colours only where the caller says so. */
#include "checks/output.h"
#include "checks/text.h"

#include <string.h>

typedef struct {
  GString *out;
  guint width;
  gboolean colours;
} Page;

static const char *const labels[] = {[CHK_PASS] = "PASS",
                                     [CHK_WARN] = "WARN",
                                     [CHK_FAIL] = "FAIL",
                                     [CHK_ERROR] = "ERROR",
                                     [CHK_SKIP] = "SKIP"};
static const char *const colours[] = {[CHK_PASS] = "\033[32m",
                                      [CHK_WARN] = "\033[33m",
                                      [CHK_FAIL] = "\033[1;31m",
                                      [CHK_ERROR] = "\033[1;35m",
                                      [CHK_SKIP] = "\033[2m"};

/* No byte of a text that somebody else wrote may steer the terminal. */
static char *harmless(const char *text) {
  g_autofree char *valid = g_utf8_make_valid(text, -1);
  GString *s = g_string_new(NULL);

  for (const char *p = valid; *p; p = g_utf8_next_char(p)) {
    gunichar c = g_utf8_get_char(p);
    g_string_append_unichar(s, c == '\n' || c == '\t' ? ' ' : g_unichar_iscntrl(c) ? 0xfffd : c);
  }
  return g_string_free(s, FALSE);
}

/* `text` from column `indent` on, broken at blanks; the caller has written up to there. */
static void wrapped(Page *page, const char *text, guint indent) {
  g_autofree char *clean = harmless(text);
  g_auto(GStrv) words = g_strsplit(clean, " ", -1);
  guint column = indent;

  for (char **word = words; *word; word++) {
    guint n = (guint)g_utf8_strlen(*word, -1);
    if (n == 0)
      continue;
    if (column > indent && column + 1 + n > page->width) {
      g_string_append_printf(page->out, "\n%*s", (int)indent, "");
      column = indent;
    }
    g_string_append_printf(page->out, "%s%s", column > indent ? " " : "", *word);
    column += n + (column > indent);
  }
  g_string_append_c(page->out, '\n');
}

static void paint(Page *page, ChkVerdict verdict, const char *text) {
  g_string_append_printf(page->out, "%s%s%s", page->colours ? colours[verdict] : "", text,
                         page->colours ? "\033[0m" : "");
}

static void detail(Page *page, const char *text) {
  g_string_append(page->out, "       ");
  wrapped(page, text, 7);
}

static void label(Page *page, ChkVerdict verdict) {
  paint(page, verdict, labels[verdict]);
  g_string_append_printf(page->out, "%*s", (int)(7 - strlen(labels[verdict])), "");
}

/* The name, and at the right end how long it took. */
static void title(Page *page, const char *name, guint64 duration) {
  g_autofree char *span = chk_usec_text(duration);
  g_autofree char *clean = harmless(name);
  guint used = 7 + (guint)g_utf8_strlen(clean, -1) + (guint)strlen(span) + 1;

  if (duration == 0 || used > page->width) {
    wrapped(page, clean, 7);
    return;
  }
  g_string_append_printf(page->out, "%s%*s%s\n", clean, (int)(page->width - used + 1), "", span);
}

static void asserted(Page *page, const ChkAsserted *a, gboolean all) {
  if (a->match.holds == CHK_HOLDS && !all)
    return;
  g_autofree char *text =
      g_strdup_printf("%s%s: expected %s, observed %s%s%s%s", a->key, a->warn ? " (warn)" : "",
                      a->match.expected, a->match.observed, a->match.text ? " (" : "",
                      a->match.text ? a->match.text : "", a->match.text ? ")" : "");
  detail(page, text);
  if (a->match.chain) {
    g_autofree char *chain = g_strdup_printf("conversion: %s", a->match.chain);
    detail(page, chain);
  }
}

/* What the cause says beyond its assertion: "KEY: expected X, observed Y: REASON". */
static const char *beyond(const ChkResult *r, const ChkAsserted *a) {
  g_autofree char *text = g_strdup_printf("%s: expected %s, observed %s: ", a->key,
                                          a->match.expected, a->match.observed);

  return r->text && g_str_has_prefix(r->text, text) ? r->text + strlen(text) : NULL;
}

static void why(Page *page, const ChkResult *r) {
  JsonNode *error = r->values ? json_object_get_member(r->values, "error") : NULL;
  const char *text = error && json_node_get_value_type(error) == G_TYPE_STRING
                         ? json_node_get_string(error)
                         : NULL;

  for (guint i = 0; i < r->assertions->len && !text; i++)
    text = beyond(r, g_ptr_array_index(r->assertions, i));
  if (text)
    detail(page, text);
}

static void result(Page *page, const ChkReport *report, const ChkResult *r) {
  const ChkGroup *group = chk_result_group(report, r);

  label(page, r->verdict);
  title(page, r->check->name, r->duration);
  if (r->verdict == CHK_PASS)
    return;
  guint told = 0;
  for (guint i = 0; i < r->assertions->len; i++) {
    const ChkAsserted *a = g_ptr_array_index(r->assertions, i);
    told += a->match.holds != CHK_HOLDS;
    asserted(page, a, FALSE);
  }
  if (told == 0 && r->text)
    detail(page, r->text);
  why(page, r);
  if (r->n_attempts > 1) {
    g_autofree char *n = g_strdup_printf("after %u attempts", r->n_attempts);
    detail(page, n);
  }
  if (r->waived) {
    const ChkWaiver *w = r->check->waiver;
    g_autofree char *text =
        g_strdup_printf("waived until %s by %s: %s", w->expires, w->owner, w->reason);
    detail(page, text);
  } else if (r->found != r->verdict) {
    detail(page, "wanted, not required: it does not fail the run");
  } else if (group && r->verdict != CHK_SKIP && r->verdict != CHK_WARN) {
    g_autofree char *text = g_strdup_printf("counted by the group \"%s\"", group->name);
    detail(page, text);
  }
}

static void group_lines(Page *page, const ChkReport *report) {
  for (guint i = 0; i < report->groups->len; i++) {
    const ChkGroupResult *g = g_ptr_array_index(report->groups, i);
    g_autofree char *text = chk_group_text(g);
    g_autofree char *line = g_strdup_printf("group %s: %s", g->group->name, text);
    label(page, g->verdict);
    wrapped(page, line, 7);
  }
}

static void recommendation_lines(Page *page, const ChkReport *report) {
  g_autoptr(GPtrArray) all = chk_recommendations(report);

  if (all->len > 0)
    g_string_append(page->out, "\nRecommendations:\n");
  for (guint i = 0; i < all->len; i++) {
    const ChkRecommendation *r = g_ptr_array_index(all, i);
    g_autofree char *text = g_strdup_printf("%s: %s", r->name, r->text);
    g_string_append_printf(page->out, "  %-9s ", chk_priority_names[r->priority]);
    wrapped(page, text, 12);
  }
}

char *chk_output_human(const ChkReport *report, const ChkOutputOptions *options) {
  Page page = {g_string_new(NULL), options->width ? options->width : 80, options->colours};
  g_autofree char *summary = chk_summary_text(report);

  for (guint i = 0; i < report->results->len; i++)
    result(&page, report, g_ptr_array_index(report->results, i));
  group_lines(&page, report);
  recommendation_lines(&page, report);
  g_string_append_c(page.out, '\n');
  label(&page, report->verdict);
  g_autofree char *line = g_strdup_printf("%s: %s%s", report->plan->name, summary,
                                          report->deadline ? "; the deadline passed" : "");
  wrapped(&page, line, 7);
  return g_string_free(page.out, FALSE);
}

static void explain_attempts(Page *page, const ChkResult *r) {
  for (guint i = 0; i < r->attempts->len; i++) {
    const ChkAttempt *attempt = g_ptr_array_index(r->attempts, i);
    g_autofree char *span = chk_usec_text(attempt->duration);
    g_autofree char *text =
        g_strdup_printf("attempt %u: %s in %s%s%s", r->n_attempts - r->attempts->len + i + 1,
                        chk_verdict_name(attempt->verdict), span, attempt->text ? ": " : "",
                        attempt->text ? attempt->text : "");
    detail(page, text);
  }
}

static ChkKind kind_of(const ChkKey *keys, const char *name) {
  for (; keys && keys->name; keys++)
    if (strcmp(keys->name, name) == 0)
      return keys->kind;
  return CHK_JSON;
}

/* `keys`: what is in it, as a type observes it; NULL: as it was written. */
static void explain_object(Page *page, const char *what, JsonObject *object, const ChkKey *keys) {
  JsonObjectIter iter;
  const char *name;
  JsonNode *node;

  if (!object || json_object_get_size(object) == 0)
    return;
  g_string_append_printf(page->out, "  %s:\n", what);
  json_object_iter_init_ordered(&iter, object);
  while (json_object_iter_next_ordered(&iter, &name, &node)) {
    g_autofree char *value = chk_value_text(node, kind_of(keys, name), 400);
    g_autofree char *text = g_strdup_printf("%s: %s", name, value);
    detail(page, text);
  }
}

char *chk_output_explain(const ChkReport *report, const char *name,
                         const ChkOutputOptions *options) {
  Page page = {g_string_new(NULL), options->width ? options->width : 80, options->colours};

  for (guint i = 0; i < report->results->len; i++) {
    const ChkResult *r = g_ptr_array_index(report->results, i);
    if (g_strcmp0(r->check->name, name) != 0)
      continue;
    result(&page, report, r);
    g_string_append(page.out, "  assertions:\n");
    for (guint k = 0; k < r->assertions->len; k++)
      asserted(&page, g_ptr_array_index(r->assertions, k), TRUE);
    if (!r->check->secret)
      explain_object(&page, "options", r->check->options, NULL);
    explain_object(&page, "observed", r->values, r->check->type->values);
    explain_object(&page, "answered by", r->unit, NULL);
    g_string_append(page.out, "  attempts:\n");
    explain_attempts(&page, r);
    if (options->journal)
      g_string_append(page.out, "  its unit wrote last:\n");
    for (guint k = 0; options->journal && options->journal[k]; k++)
      detail(&page, options->journal[k]);
    if (r->check->hint) {
      g_autofree char *hint = g_strdup_printf("hint: %s", r->check->hint);
      detail(&page, hint);
    }
  }
  return g_string_free(page.out, FALSE);
}
