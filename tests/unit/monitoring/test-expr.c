/* test-expr.c: expressions against series written by hand: what they mean, and what is refused. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "monitoring/samples.h"

#include "common/error.h"

#include <math.h>
#include <string.h>

#define MINUTE ((gint64)60 * G_USEC_PER_SEC)
#define T0 (1000000 * (gint64)G_USEC_PER_SEC)

static MonSamples *world(void) {
  static const char *const series[][2] = {
      {"state{unit=\"a\",state=\"failed\"}", "0 0 0 0 0 0 0 0 0 0 1"},
      {"state{unit=\"b\",state=\"failed\"}", "0x10"},
      {"requests_total{unit=\"a\"}", "0+60x10"},
      {"requests_total{unit=\"b\"}", "0+60x5 0+60x4"},
      {"memory{unit=\"a\"}", "100x10"},
      {"memory{unit=\"b\"}", "300x10"},
      {"limit{unit=\"a\"}", "200x10"},
      {"limit{unit=\"b\"}", "300x10"},
      {"info{unit=\"a\",release=\"R1\"}", "1x10"},
      {"gone{unit=\"a\"}", "1x8 stale"},
      {"free", "1000-100x10"},
      {"lat_bucket{le=\"0.1\"}", "10x10"},
      {"lat_bucket{le=\"1\"}", "90x10"},
      {"lat_bucket{le=\"+Inf\"}", "100x10"},
  };
  MonSamples *samples = mon_samples_new();

  for (guint i = 0; i < G_N_ELEMENTS(series); i++) {
    GError *error = NULL;
    gboolean ok = mon_samples_read(samples, series[i][0], series[i][1], T0, MINUTE, &error);
    g_assert_no_error(error);
    g_assert_true(ok);
  }
  return samples;
}

static int by_text(gconstpointer a, gconstpointer b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "labels value" of each element, sorted, with "; " between; a scalar is its number. */
static char *text_of(const MonValue *value) {
  g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);

  if (value->type == MON_VALUE_SCALAR)
    return g_strdup_printf("%g", value->scalar);
  for (guint i = 0; i < value->elements->len; i++) {
    const MonElement *e = &g_array_index(value->elements, MonElement, i);
    g_autofree char *labels = mon_labels_text(e->labels);
    g_ptr_array_add(texts, g_strdup_printf("%s%s %g", e->name ? e->name : "", labels, e->value));
  }
  g_ptr_array_sort(texts, by_text);
  g_ptr_array_add(texts, NULL);
  return g_strjoinv("; ", (char **)texts->pdata);
}

static char *eval(MonSamples *samples, const char *text, MonEvalFlags flags) {
  g_autoptr(GError) error = NULL;
  g_auto(MonValue) value = {0};
  g_autoptr(MonExpr) expr = mon_expr_parse(text, &error);

  g_assert_no_error(error);
  if (!mon_expr_eval(expr, &mon_samples_source, samples, T0 + 10 * MINUTE, flags, &value, &error))
    return g_strdup_printf("error: %s", error->message);
  return text_of(&value);
}

static void test_values(void) {
  static const char *const table[][2] = {
      {"1 + 2 * 3 ^ 2 ^ 0.5 > bool 4", "1"},
      {"-2 ^ 2", "-4"},
      {"7 % 4", "3"},
      {"1e3 + 0x10", "1016"},
      {"5m", "300"},
      {"state == 1", "state{state=\"failed\",unit=\"a\"} 1"},
      {"state{unit=~\"b|c\"}", "state{state=\"failed\",unit=\"b\"} 0"},
      {"state{unit!~\"b.*\", nothing=\"\"}", "state{state=\"failed\",unit=\"a\"} 1"},
      {"{__name__=\"free\"}", "free{} 0"},
      {"1 < bool memory", "{unit=\"a\"} 1; {unit=\"b\"} 1"},
      {"memory / limit", "{unit=\"a\"} 0.5; {unit=\"b\"} 1"},
      {"memory / limit > 0.9", "{unit=\"b\"} 1"},
      {"memory >= limit", "memory{unit=\"b\"} 300"},
      {"memory * on (unit) group_left (release) info", "{release=\"R1\",unit=\"a\"} 100"},
      {"memory and on (unit) info", "memory{unit=\"a\"} 100"},
      {"memory unless on (unit) info", "memory{unit=\"b\"} 300"},
      {"info or memory", "info{release=\"R1\",unit=\"a\"} 1; memory{unit=\"a\"} 100; "
                         "memory{unit=\"b\"} 300"},
      {"sum(memory)", "{} 400"},
      {"sum by (unit) (state)", "{unit=\"a\"} 1; {unit=\"b\"} 0"},
      {"max without (unit, state) (state)", "{} 1"},
      {"topk(1, memory)", "memory{unit=\"b\"} 300"},
      {"bottomk(1, memory)", "memory{unit=\"a\"} 100"},
      {"quantile(0.5, memory)", "{} 200"},
      {"count(memory > 100)", "{} 1"},
      {"rate(requests_total[5m])", "{unit=\"a\"} 1; {unit=\"b\"} 0.8"},
      {"increase(requests_total[5m])", "{unit=\"a\"} 300; {unit=\"b\"} 240"},
      {"resets(requests_total[10m])", "{unit=\"a\"} 0; {unit=\"b\"} 1"},
      {"changes(state[10m])", "{state=\"failed\",unit=\"a\"} 1; {state=\"failed\",unit=\"b\"} 0"},
      {"delta(free[5m])", "{} -500"},
      {"deriv(free[5m]) * 60", "{} -100"},
      {"predict_linear(free[5m], 60)", "{} -100"},
      {"predict_linear(free[5m] offset 2m, 60)", "{} -100"}, /* a minute from now, too */
      {"avg_over_time(free[2m])", "{} 50"},
      {"last_over_time(free[2m] offset 1m)", "free{} 100"},
      {"quantile_over_time(1, free[3m])", "{} 200"},
      {"free offset 5m", "free{} 500"},
      {"gone", ""},
      {"count_over_time(gone[5m])", "{unit=\"a\"} 3"},
      {"absent(gone{unit=\"a\"})", "{unit=\"a\"} 1"},
      {"absent(gone{unit=\"a\",x=\"1\",x=\"2\",y=\"1\",y!=\"2\"})", "{unit=\"a\"} 1"},
      {"absent(free)", ""},
      {"absent_over_time(never[5m])", "{} 1"},
      {"histogram_quantile(0.5, lat_bucket)", "{} 0.55"},
      {"histogram_quantile(0.99, lat_bucket)", "{} 1"},
      {"clamp(memory, 150, 250)", "{unit=\"a\"} 150; {unit=\"b\"} 250"},
      {"round(memory / 7, 0.5)", "{unit=\"a\"} 14.5; {unit=\"b\"} 43"},
      {"round(vector(0.35), 0.1) == 0.4", "{} 0.4"}, /* and not 0.30000000000000004 */
      {"round(vector(0.3), 0.1) == 0.3", "{} 0.3"},
      {"scalar(free) + 1", "1"},
      {"vector(3)", "{} 3"},
      {"time()", "1.0006e+06"},
      {"hour(vector(7200))", "{} 2"},
      {"day_of_week(vector(0))", "{} 4"},
      {"label_replace(info, \"u\", \"x-$1\", \"unit\", \"(.*)\")",
       "info{release=\"R1\",u=\"x-a\",unit=\"a\"} 1"},
      {"label_join(info, \"u\", \"-\", \"unit\", \"release\")",
       "info{release=\"R1\",u=\"a-R1\",unit=\"a\"} 1"},
      {"memory + on (nothing) memory", "error: column 8: more than one series on the right matches "
                                       "{}; use on(...), ignoring(...) or group_left/group_right"},
      {"label_replace(memory, \"unit\", \"x\", \"\", \"\")",
       "error: column 1: two results have the same labels {unit=\"x\"}"},
  };
  g_autoptr(MonSamples) samples = world();

  for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
    g_autofree char *is = eval(samples, table[i][0], MON_EVAL_PLAIN);
    if (strcmp(is, table[i][1]) != 0)
      g_test_message("%s", table[i][0]);
    g_assert_cmpstr(is, ==, table[i][1]);
  }
}

static void test_unfiltered(void) {
  g_autoptr(MonSamples) samples = world();
  g_autofree char *is = eval(samples, "memory / limit > 0.9", MON_EVAL_UNFILTERED);

  g_assert_cmpstr(is, ==, "{unit=\"a\"} 0.5; {unit=\"b\"} 1");
}

/* The first out-of-memory kill of a unit is an increase. */
static void test_born(void) {
  g_autoptr(MonSamples) samples = mon_samples_new();
  g_autoptr(MonLabels) labels = mon_labels_new("unit", "a", NULL);

  mon_samples_add(samples, "oom", labels, T0 + 9 * MINUTE, T0 + 9 * MINUTE + 1, 1);
  g_autofree char *is = eval(samples, "increase(oom[5m])", MON_EVAL_PLAIN);
  g_assert_cmpstr(is, ==, "{unit=\"a\"} 1");
  mon_samples_add(samples, "oom", labels, 0, T0 + 10 * MINUTE, 3);
  g_autofree char *later = eval(samples, "increase(oom[5m])", MON_EVAL_PLAIN);
  g_assert_cmpstr(later, ==, "{unit=\"a\"} 3");
}

/* The clock was set forward by an hour: windows are what they were. */
static void test_shifted(void) {
  static const char text[] = "increase(requests_total[5m])";
  g_autoptr(MonSamples) samples = world();
  g_autofree char *before = eval(samples, text, MON_EVAL_PLAIN);

  mon_samples_shift(samples, -60 * MINUTE);
  g_autofree char *lost = eval(samples, text, MON_EVAL_PLAIN);
  g_assert_cmpstr(lost, ==, "");
  mon_samples_shift(samples, 60 * MINUTE);
  g_autofree char *after = eval(samples, text, MON_EVAL_PLAIN);
  g_assert_cmpstr(after, ==, before);
  g_assert_cmpstr(after, !=, "");
}

static void test_refused(void) {
  static const char *const table[][2] = {
      {"", "column 1: the expression ends where something has to follow"},
      {"memory >", "column 9: the expression ends"},
      {"rte(memory[5m])", "column 1: there is no function rte; did you mean rate?"},
      {"rate(memory)", "column 6: rate takes a range like metric[5m] here, not a vector"},
      {"memory[5m]", "column 1: an expression is a number or a vector"},
      {"rate(memory[5m]) by", "column 18: nothing that belongs here: \"by\""},
      {"sum(rate(memory[5m:1m]))", "column 19: subqueries are not supported"},
      {"memory @ 5", "column 8: the @ modifier is not supported"},
      {"{unit=\"a\"}", "column 1: a selector needs the name of a metric"},
      {"memory{unit=~\"(\"}", "column 14: the pattern is none"},
      {"memory{__name__=~\"m.*\"}", "column 1: memory has the name of its metric already"},
      {"1 > 2", "column 3: two numbers are compared with \"bool\""},
      {"memory and 1", "column 8: and, or, unless join two vectors"},
      {"1 + on (a) 2", "column 3: on and ignoring match two vectors"},
      {"memory{unit=a}", "column 13: the value of a label stands in quotation marks"},
      {"\"text\"", "column 1: an expression is a number or a vector, not a text"},
      {"memory{unit=\"a", "column 13: the text that begins here has no end"},
      {"5q", "column 1: this is no number and no duration"},
      {"clamp(memory, 1)", "column 16: clamp takes a number more here"},
      {"abs(memory, 1)", "column 13: abs takes no further argument"},
  };

  for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
    g_autoptr(GError) error = NULL;
    g_autoptr(MonExpr) expr = mon_expr_parse(table[i][0], &error);
    g_assert_null(expr);
    g_assert_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT);
    if (!g_str_has_prefix(error->message, table[i][1]))
      g_test_message("%s -> %s", table[i][0], error->message);
    g_assert_true(g_str_has_prefix(error->message, table[i][1]));
  }
  g_autofree char *deep = g_strnfill(5000, '(');
  g_autoptr(GError) error = NULL;
  g_assert_null(mon_expr_parse(deep, &error));
  g_assert_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT);
}

static void test_names(void) {
  g_autoptr(MonExpr) expr = mon_expr_parse("a + b > rate(a[5m] offset 1h)", NULL);

  g_assert_cmpuint(g_strv_length((char **)mon_expr_names(expr)), ==, 2);
  g_assert_cmpint(mon_expr_window(expr), ==, 65 * MINUTE);
}

/* What ended is marked once, and is forgotten with its window. */
static void test_ends(void) {
  g_autoptr(MonSamples) samples = mon_samples_new();
  g_autoptr(MonLabels) labels = mon_labels_new("unit", "a", NULL);

  mon_samples_add(samples, "up", labels, 0, T0, 1);
  for (guint i = 1; i <= 5; i++)
    mon_samples_end_rest(samples, "up", T0 + i * MINUTE);
  g_assert_cmpuint(mon_samples_n(samples), ==, 2);
  mon_samples_trim(samples, "up", T0 + MINUTE);
  g_assert_cmpuint(mon_samples_n(samples), ==, 0);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/monitor/expr/values", test_values);
  g_test_add_func("/monitor/expr/unfiltered", test_unfiltered);
  g_test_add_func("/monitor/expr/born", test_born);
  g_test_add_func("/monitor/expr/shifted", test_shifted);
  g_test_add_func("/monitor/expr/ends", test_ends);
  g_test_add_func("/monitor/expr/refused", test_refused);
  g_test_add_func("/monitor/expr/names", test_names);
  return g_test_run();
}
