/* test-matchers.c: Alertmanager's matchers, in both notations. The texts and what they mean are
 * those of its own documentation and of its parsers' tests. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "monitoring/matchers.h"

#include "common/error.h"

#include <string.h>

static void test_reads(void) {
  static const char *const pairs[][2] = {
      {"", "{}"},
      {"{}", "{}"},
      {" { } ", "{}"},
      {"foo=bar", "{foo=\"bar\"}"},
      {"{foo=bar,}", "{foo=\"bar\"}"},
      {"{foo=\"bar\", bar!=baz}", "{foo=\"bar\",bar!=\"baz\"}"},
      {"foo =~ \"b.*\", x!~y", "{foo=~\"b.*\",x!~\"y\"}"},
      {"{\"foo\"=\"\"}", "{foo=\"\"}"},
      {"\"foo 1\"=\"\\u00e9\\n\"", "{\"foo 1\"=\"é\\n\"}"},
      {"foo🙂=bar", "{\"foo🙂\"=\"bar\"}"},
      {"foo=\"a \\\"b\\\" \\\\c\"", "{foo=\"a \\\"b\\\" \\\\c\"}"},
      /* classic only */
      {"foo=a b", "{foo=\"a b\"}"},
      {"foo=~a{2}", "{foo=~\"a{2}\"}"},
      {"{foo=~a{2}}", "{foo=~\"a{2}\"}"},
      {"{foo=a=b, x=y}", "{foo=\"a=b\",x=\"y\"}"},
      {"foo=", "{foo=\"\"}"},
      {"foo=~[a-z]+|\\d", "{foo=~\"[a-z]+|\\\\d\"}"},
  };

  for (guint i = 0; i < G_N_ELEMENTS(pairs); i++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) matchers = mon_matchers_parse(pairs[i][0], &error);
    g_assert_no_error(error);
    g_autofree char *text = mon_matchers_text(matchers);
    g_assert_cmpstr(text, ==, pairs[i][1]);
    g_autoptr(GPtrArray) again = mon_matchers_parse(text, &error);
    g_assert_no_error(error);
    g_autofree char *same = mon_matchers_text(again);
    g_assert_cmpstr(same, ==, text);
  }
}

static void test_refuses(void) {
  static const char *const texts[] = {
      "foo",           "{foo=bar",   "foo=bar}",       "=bar",        "foo=\"bar",
      "{foo=\"\\q\"}", "foo=~\"(\"", "foo=~\"a)|(b\"", "foo==bar,,x", ",",
      "{,}",           "\"\"=\"x\"", "foo=\"a\" b",    "{a=\"b\"}{",  "a=\"\\x00\"",
      "a=\"\\ud800\"", "a=b\"c",
  };

  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
    g_autoptr(GError) error = NULL;
    g_test_message("%s", texts[i]);
    g_assert_null(mon_matchers_parse(texts[i], &error));
    g_assert_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT);
  }
}

static gboolean holds(const char *text, const MonLabels *labels) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) matchers = mon_matchers_parse(text, &error);

  g_assert_no_error(error);
  return mon_matchers_all_hold(matchers, labels);
}

static void test_holds(void) {
  g_autoptr(MonLabels) labels = mon_labels_new("team", "web", "severity", "critical", NULL);

  g_assert_true(holds("", labels));
  g_assert_true(holds("team=web", labels));
  g_assert_false(holds("team=web,severity=info", labels));
  g_assert_true(holds("severity=~\"crit.*|warning\"", labels));
  g_assert_false(holds("severity=~crit", labels)); /* anchored */
  g_assert_false(holds("team=~\"we|x\"", labels)); /* both ends of each branch */
  g_assert_true(holds("absent=\"\"", labels));
  g_assert_true(holds("absent!=x", labels));
  g_assert_true(holds("absent=~\".*\"", labels));
  g_assert_false(holds("absent=~\".+\"", labels));
  g_assert_true(holds("absent!~\".+\"", labels));
}

/* A pattern that would take ages takes a bounded number of steps, and does not match. */
static void test_bounded(void) {
  g_autofree char *many = g_strnfill(40, 'a');
  g_autoptr(MonLabels) labels = mon_labels_new("a", many, NULL);
  gint64 begin = g_get_monotonic_time();

  g_assert_false(holds("a=~\"(a+)+b\"", labels));
  g_assert_cmpint(g_get_monotonic_time() - begin, <, 30 * G_USEC_PER_SEC);
}

static void test_limits(void) {
  g_autoptr(GString) many = g_string_new("a=b");
  g_autofree char *filler = g_strnfill(MON_PATTERN_MAX + 1, 'a');
  g_autofree char *longest = g_strconcat("a=~", filler, NULL);

  for (guint i = 0; i < MON_MATCHERS_MAX; i++)
    g_string_append(many, ",a=b");
  g_assert_null(mon_matchers_parse(many->str, NULL));
  g_assert_null(mon_matchers_parse(longest, NULL));
  g_assert_null(mon_matchers_parse("a=\xff", NULL));
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/monitor/matchers/reads", test_reads);
  g_test_add_func("/monitor/matchers/refuses", test_refuses);
  g_test_add_func("/monitor/matchers/holds", test_holds);
  g_test_add_func("/monitor/matchers/bounded", test_bounded);
  g_test_add_func("/monitor/matchers/limits", test_limits);
  return g_test_run();
}
