/* test-template.c: texts of rules: what they become, and what is refused. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "monitoring/template.h"

#include "common/error.h"

#include <math.h>

static void test_expand(void) {
  static const char *const table[][2] = {
      {"plain } {", "plain } {"},
      {"{{ $labels.unit }} at {{ $value }}", "a.service at 1234.5"},
      {"{{.Labels.unit}}/{{ .Value | humanize }}", "a.service/1.234k"},
      {"{{ humanize $value }}B {{ $value | humanize1024 }}B", "1.234kB 1.206KiB"},
      {"{{ $value | humanizeDuration }}", "20m 34s"},
      {"{{ 0.25 | humanizePercentage }}", "25%"},
      {"{{ printf \"%.1f%% of %s %d\" $value $labels.unit 7 }}", "1234.5% of a.service 7"},
      {"{{ $value | printf \"%06.1f\" }}", "1234.5"},
      {"{{ $labels.nothing }}|", "|"},
      {"{{ $labels.unit | toUpper }}", "A.SERVICE"},
      {"{{- $labels.unit -}}", "a.service"},
      {"{{ \"{{\" }}", "{{"},
      {"{{ printf \"%9999999f\" 1.0 }}", "1"},
      {"{{ printf \"%s\" }}", "%!s"},
  };
  g_autoptr(MonLabels) labels = mon_labels_new("unit", "a.service", NULL);

  for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
    g_autoptr(GError) error = NULL;
    g_autofree char *is = mon_template_expand(table[i][0], labels, 1234.5, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(is, ==, table[i][1]);
  }
}

static void test_refused(void) {
  static const char *const table[][2] = {
      {"{{ $labels.unit", "\"}}\" is expected"},
      {"{{ $label.unit }}", "a template knows $labels.NAME and $value"},
      {"{{ humanise $value }}", "templates have no humanise; did you mean humanize?"},
      {"{{ query \"up\" }}", "templates have no query"},
      {"{{ $value | }}", "after | comes a function"},
      {"{{ humanize }}", "humanize has too few or too many arguments"},
      {"{{ \"a }}", "a text in a template has no end"},
      {"{{ }}", "nothing to write"},
  };

  for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
    g_autoptr(GError) error = NULL;
    g_assert_false(mon_template_check(table[i][0], &error));
    g_assert_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT);
    if (!g_str_has_prefix(error->message, table[i][1]))
      g_test_message("%s: %s", table[i][0], error->message);
    g_assert_true(g_str_has_prefix(error->message, table[i][1]));
  }
}

static void test_humanize(void) {
  g_autofree char *small = mon_humanize(0.0005), *none = mon_humanize(NAN);
  g_autofree char *days = mon_humanize_span(90061), *back = mon_humanize_span(-61);

  g_assert_cmpstr(small, ==, "500u");
  g_assert_cmpstr(none, ==, "NaN");
  g_assert_cmpstr(days, ==, "1d 1h 1m 1s");
  g_assert_cmpstr(back, ==, "-1m 1s");
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/monitor/template/expand", test_expand);
  g_test_add_func("/monitor/template/refused", test_refused);
  g_test_add_func("/monitor/template/humanize", test_humanize);
  return g_test_run();
}
