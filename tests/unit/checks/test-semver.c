/* test-semver.c: the order of versions, and what each kind of range takes. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "checks/semver.h"

#include "common/error.h"

/* Ascending; the first ones are semver.org's own. */
static const char *const order[] = {"1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta",
                                    "1.0.0-beta",  "1.0.0-beta.2",  "1.0.0-beta.11",
                                    "1.0.0-rc.1",  "1.0.0",         "1.0.1",
                                    "1.2",         "1.2.1+build5",  "1.10",
                                    "v2",          "10.0.0"};

static void test_order(void) {
  int r;

  for (guint i = 0; i < G_N_ELEMENTS(order); i++)
    for (guint k = 0; k < G_N_ELEMENTS(order); k++) {
      g_assert_true(chk_version_compare(order[i], order[k], &r));
      g_assert_cmpint((r > 0) - (r < 0), ==, (i > k) - (i < k));
    }
  g_assert_true(chk_version_compare("1.2.0+a", "1.2+b", &r));
  g_assert_cmpint(r, ==, 0);
}

typedef struct {
  const char *range, *version;
  gboolean holds;
} Row;

static const Row rows[] = {
    {"1.2.3", "1.2.3", TRUE},
    {"1.2.3", "1.2.4", FALSE},
    {"1.2", "1.2.9", TRUE},
    {"1.2", "1.3.0", FALSE},
    {"1", "1.9", TRUE},
    {"1.x", "1.9.9", TRUE},
    {"1.x", "2.0.0-rc.1", FALSE},
    {"1.2.*", "1.3.0", FALSE},
    {"*", "0.0.1", TRUE},
    {">=1.2 <2", "1.2.0", TRUE},
    {">=1.2 <2", "2.0.0", FALSE},
    {">= 1.2, < 2", "1.9.9", TRUE},
    {">1.2", "1.2.9", FALSE},
    {">1.2", "1.3.0", TRUE},
    {">1.2.3", "1.2.4", TRUE},
    {"<=1.2", "1.2.9", TRUE},
    {"<=1.2", "1.3.0", FALSE},
    {"<1.2", "1.2.0-rc.1", TRUE},
    {"!=1.2.3", "1.2.3", FALSE},
    {"!=1.2.3", "1.2.4", TRUE},
    {"^1.2.3", "1.9.0", TRUE},
    {"^1.2.3", "1.2.2", FALSE},
    {"^1.2.3", "2.0.0", FALSE},
    {"^0.2.3", "0.2.9", TRUE},
    {"^0.2.3", "0.3.0", FALSE},
    {"^0.0.3", "0.0.3", TRUE},
    {"^0.0.3", "0.0.4", FALSE},
    {"^0.0", "0.0.9", TRUE},
    {"^0.0", "0.1.0", FALSE},
    {"~1.2.3", "1.2.9", TRUE},
    {"~1.2.3", "1.3.0", FALSE},
    {"~1", "1.9.9", TRUE},
    {"~1", "2.0.0", FALSE},
    {"1.0 - 2.0", "1.5.0", TRUE},
    {"1.0 - 2.0", "2.0.5", TRUE},
    {"1.0 - 2.0", "2.1.0", FALSE},
    {"1.0.0 - 2.0.0", "2.0.5", FALSE},
    {"<1 || >=2", "0.9.0", TRUE},
    {"<1 || >=2", "1.5.0", FALSE},
    {"<1 || >=2", "2.0.0", TRUE},
    {">=7.88.1", "7.88.1-10+deb12u5", FALSE},
    {">=7.88", "7.88.1-10+deb12u5", TRUE},
};

static void test_ranges(void) {
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(GError) error = NULL;
    ChkRange *range = chk_range_new(rows[i].range, &error);
    gboolean holds = FALSE;
    g_assert_no_error(error);
    g_assert_true(chk_range_holds(range, rows[i].version, &holds, &error));
    if (holds != rows[i].holds)
      g_error("%s in %s: %d", rows[i].version, rows[i].range, holds);
    chk_range_free(range);
  }
}

static void test_refused(void) {
  static const char *const bad[] = {
      "",   " ",       "new", "1.2.3.4", "1..2",   ">=",    ">=1.2 x!", "1 - ",
      "||", "1.2 || ", "-1",  "1.2.3-",  "1.2.3+", "1,2,a", "^",        "9999999999999999999999"};
  static const char *const versions[] = {"", "x", "1.x", "*", "1.2.3.4", "1.2.3-\u00e4", "a1"};
  g_autoptr(GError) none = NULL;
  ChkRange *any = chk_range_new("*", &none);
  gboolean holds;
  int r;

  for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
    g_autoptr(GError) error = NULL;
    if (chk_range_new(bad[i], &error))
      g_error("\"%s\" is taken for a range", bad[i]);
    g_assert_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT);
  }
  for (guint i = 0; i < G_N_ELEMENTS(versions); i++) {
    g_autoptr(GError) error = NULL;
    g_assert_false(chk_range_holds(any, versions[i], &holds, &error));
    g_assert_false(chk_version_compare(versions[i], "1.0.0", &r));
  }
  chk_range_free(any);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/semver/order", test_order);
  g_test_add_func("/semver/ranges", test_ranges);
  g_test_add_func("/semver/refused", test_refused);
  return g_test_run();
}
