/* fuzz-rules.c: any bytes as a rule file, as an expression and as a text with templates. Each is
 * refused with a reason of one line, or is what it promises: it can be evaluated over some series
 * without an end in doubt, and run over time. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "monitoring/rules-replay.h"
#include "monitoring/samples.h"
#include "monitoring/template.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STEP ((gint64)10 * G_USEC_PER_SEC)

static MonSamples *series(void) {
  MonSamples *samples = mon_samples_new();

  mon_samples_read(samples, "x{a=\"b\",le=\"1\"}", "0+1x20", STEP, STEP, NULL);
  mon_samples_read(samples, "x{a=\"c\",le=\"+Inf\"}", "5 4 _ stale 1 2x9", STEP, STEP, NULL);
  mon_samples_read(samples, "y{a=\"b\"}", "1x20", STEP, STEP, NULL);
  return samples;
}

static void check_error(const GError *error) {
  g_assert_nonnull(error);
  g_assert_true(*error->message && g_utf8_validate(error->message, -1, NULL));
}

static void check_expression(const char *text, MonSamples *samples) {
  g_autoptr(GError) error = NULL;
  g_autoptr(MonExpr) expr = mon_expr_parse(text, &error);

  if (expr == NULL) {
    check_error(error);
    return;
  }
  g_assert_cmpint(mon_expr_window(expr), >=, 0);
  for (guint flags = MON_EVAL_PLAIN; flags <= MON_EVAL_UNFILTERED; flags++) {
    g_autoptr(GError) failure = NULL;
    g_auto(MonValue) value = {0};
    if (!mon_expr_eval(expr, &mon_samples_source, samples, 15 * STEP, (MonEvalFlags)flags, &value,
                       &failure))
      check_error(failure);
    else
      g_assert_true((value.type == MON_VALUE_VECTOR) == (value.elements != NULL));
  }
}

static void check_template(const char *text) {
  g_autoptr(MonLabels) labels = mon_labels_new("a", "b", NULL);
  g_autoptr(GError) error = NULL;
  g_autofree char *made = mon_template_expand(text, labels, 1234.5, &error);

  if (made == NULL)
    check_error(error);
  else
    g_assert_true(g_utf8_validate(made, -1, NULL) && strlen(made) < 4 * MON_TEMPLATE_MAX);
}

static void check_rules(const char *text, size_t size, MonSamples *samples) {
  g_autoptr(MonRules) rules = mon_rules_new();
  g_autoptr(WgProblems) problems = wg_problems_new();
  gboolean good = mon_rules_read(rules, text, size, "f", STEP, problems);

  g_assert_true(good != wg_problems_refuse(problems));
  g_assert_true(good || rules->rules->len == 0);
  for (guint i = 0; i < rules->rules->len; i++) {
    const MonRule *rule = rules->rules->pdata[i];
    g_assert_nonnull(rule->expr);
    g_assert_true(rule->interval >= G_USEC_PER_SEC);
    g_assert_true(rule->records || (rule->x >= 1 && rule->x <= rule->y && rule->y <= 64));
  }
  if (rules->rules->len > 50)
    return;
  g_autoptr(MonReplay) replay = mon_replay_new(rules, &mon_samples_source, samples, NULL, NULL);
  for (guint i = 0; i < 30; i++)
    mon_replay_at(replay, i * STEP);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  g_autoptr(MonSamples) samples = series();
  g_autofree char *text = g_strndup((const char *)data, size);
  g_autofree char *valid = g_utf8_make_valid(text, -1);

  check_expression(text, samples);
  check_template(valid);
  check_rules((const char *)data, size, samples);
  return 0;
}
