/* test-perfdata.c: the output of monitoring plugins, well-formed and not. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "checks/perfdata.h"

#include <glib.h>
#include <math.h>
#include <string.h>

static const ChkPerf *nth(const ChkPlugin *plugin, guint i) {
  g_assert_cmpuint(plugin->perf->len, >, i);
  return plugin->perf->pdata[i];
}

/* The examples of the guidelines: range, and values that alert or not. */
static void test_ranges(void) {
  static const struct {
    const char *text;
    double value;
    gboolean alerts;
  } cases[] = {
      {"10", -1, TRUE},     {"10", 0, FALSE},     {"10", 10, FALSE},     {"10", 10.1, TRUE},
      {"10:", 9, TRUE},     {"10:", 10, FALSE},   {"10:", 1e300, FALSE}, {"~:10", -1e300, FALSE},
      {"~:10", 11, TRUE},   {"10:20", 15, FALSE}, {"10:20", 9, TRUE},    {"10:20", 21, TRUE},
      {"@10:20", 10, TRUE}, {"@10:20", 20, TRUE}, {"@10:20", 9, FALSE},  {"@~:0", -5, TRUE},
      {"-5:-1", -3, FALSE}, {"-5:-1", 0, TRUE},   {"1.5:2.5", 2, FALSE}, {":5", -1, TRUE},
      {"1e3:", 999, TRUE},
  };
  static const char *const bad[] = {"",     "@",   ":",   "a",   "5:1",   "10:b", "~",    "~~:1",
                                    "0x10", "inf", "1,5", "@@1", "1:2:3", "nan",  "~:nan"};

  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    ChkRange range;
    if (!chk_range_parse(cases[i].text, &range) ||
        chk_range_alerts(&range, cases[i].value) != cases[i].alerts)
      g_error("%s of %g", cases[i].text, cases[i].value);
  }
  for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
    ChkRange range;
    if (chk_range_parse(bad[i], &range))
      g_error("'%s' is taken for a range", bad[i]);
  }
}

static void test_line(void) {
  g_autoptr(ChkPlugin) p = chk_plugin_parse(
      "DISK OK - free | /=2643MB;5948;5958;0;5968 'my ''own'' disk'=-1.5e-3%;@1:2;;;"
      "100 u=U;;;; c=7c x=3;~:9");

  g_assert_cmpstr(p->text, ==, "DISK OK - free");
  g_assert_cmpstr(p->long_text, ==, "");
  g_assert_cmpuint(p->bad, ==, 0);
  g_assert_cmpuint(p->perf->len, ==, 5);
  g_assert_cmpstr(nth(p, 0)->label, ==, "/");
  g_assert_cmpstr(nth(p, 0)->uom, ==, "MB");
  g_assert_cmpfloat(nth(p, 0)->value, ==, 2643);
  g_assert_cmpfloat(nth(p, 0)->warn.end, ==, 5948);
  g_assert_cmpfloat(nth(p, 0)->max, ==, 5968);
  g_assert_cmpstr(nth(p, 1)->label, ==, "my 'own' disk");
  g_assert_cmpfloat(nth(p, 1)->value, ==, -0.0015);
  g_assert_true(nth(p, 1)->warn.inside);
  g_assert_false(nth(p, 1)->critical.set);
  g_assert_false(nth(p, 1)->has_min);
  g_assert_true(nth(p, 1)->has_max);
  g_assert_true(nth(p, 2)->unknown);
  g_assert_cmpstr(nth(p, 3)->uom, ==, "c");
  g_assert_cmpfloat(nth(p, 4)->warn.start, ==, -INFINITY);
}

static void test_long(void) {
  g_autoptr(ChkPlugin) p =
      chk_plugin_parse("DISK OK | a=1\n/ 15272 MB\n/boot 68 MB\n/home | b=2\nc=3 "
                       "d=4\n");

  g_assert_cmpstr(p->text, ==, "DISK OK");
  g_assert_cmpstr(p->long_text, ==, "/ 15272 MB\n/boot 68 MB\n/home");
  g_assert_cmpuint(p->perf->len, ==, 4);
  g_assert_cmpstr(nth(p, 3)->label, ==, "d");
}

static void test_bad_parts(void) {
  static const struct {
    const char *data;
    guint good, bad;
  } cases[] = {
      {"a=1 b c=2", 2, 1},   {"a= b=1", 1, 1},    {"=1", 0, 1},     {"'open=1", 0, 1},
      {"a=1;b", 0, 1},       {"a=1;;;;;;", 0, 1}, {"a=1,5s", 0, 1}, {"a=0x10", 0, 1},
      {"a=1s5", 0, 1},       {"", 0, 0},          {"   ", 0, 0},    {"a=1.2.3", 0, 1},
      {"a=nan b=inf", 0, 2}, {"a=-", 0, 1},       {"a=5err", 1, 0}, {"a b=1", 1, 1},
      {"''=1", 0, 1},
  };

  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    g_autofree char *text = g_strconcat("x|", cases[i].data, NULL);
    g_autoptr(ChkPlugin) p = chk_plugin_parse(text);
    if (p->perf->len != cases[i].good || p->bad != cases[i].bad)
      g_error("'%s': %u good, %u bad", cases[i].data, p->perf->len, p->bad);
    g_assert_true((p->first_bad != NULL) == (p->bad > 0));
  }
}

static void test_many(void) {
  g_autoptr(GString) text = g_string_new("x|");

  for (guint i = 0; i < 20000; i++)
    g_string_append_printf(text, "l%u=%u;", i, i);
  g_string_append(text, " ");
  for (guint i = 0; i < 20000; i++)
    g_string_append_printf(text, "l%u=%u ", i, i);
  g_autoptr(ChkPlugin) p = chk_plugin_parse(text->str);
  g_assert_cmpuint(p->perf->len, ==, 4096); /* bounded */
  g_assert_cmpuint(p->bad, >, 0);           /* and said */
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/perfdata/ranges", test_ranges);
  g_test_add_func("/perfdata/line", test_line);
  g_test_add_func("/perfdata/long", test_long);
  g_test_add_func("/perfdata/bad-parts", test_bad_parts);
  g_test_add_func("/perfdata/many", test_many);
  return g_test_run();
}
