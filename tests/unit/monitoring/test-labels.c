/* test-labels.c: labels are sorted, interned, immutable, and gone with their last reference. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "monitoring/labels.h"

static void assert_text(const MonLabels *labels, const char *expected) {
  g_autofree char *text = mon_labels_text(labels);

  g_assert_cmpstr(text, ==, expected);
}

static void test_interned(void) {
  g_autoptr(MonLabels) a = mon_labels_new("unit", "a.service", "type", "service", NULL);
  g_autoptr(MonLabels) b = mon_labels_new("type", "service", "unit", "a.service", NULL);
  g_autoptr(MonLabels) c = mon_labels_new("type", "service", "unit", "b.service", NULL);

  g_assert_true(a == b);
  g_assert_true(mon_labels_equal(a, b));
  g_assert_false(mon_labels_equal(a, c));
  g_assert_cmpuint(mon_labels_hash(a), !=, mon_labels_hash(c));
  g_assert_cmpuint(mon_labels_n_alive(), ==, 2);
  assert_text(a, "{type=\"service\",unit=\"a.service\"}");
}

static void test_gone(void) {
  g_assert_cmpuint(mon_labels_n_alive(), ==, 0);
  MonLabels *a = mon_labels_new("x", "1", NULL), *b = mon_labels_ref(a);
  mon_labels_unref(a);
  g_assert_cmpuint(mon_labels_n_alive(), ==, 1);
  g_assert_cmpstr(mon_labels_get(b, "x"), ==, "1");
  mon_labels_unref(b);
  g_assert_cmpuint(mon_labels_n_alive(), ==, 0);
}

static void test_absent(void) {
  g_autoptr(MonLabels) a = mon_labels_new("unit", "a", "release", NULL, "empty", "", NULL);
  g_autoptr(MonLabels) none = mon_labels_new(NULL, NULL);
  const char *name, *value;

  g_assert_cmpuint(mon_labels_n(a), ==, 1);
  g_assert_null(mon_labels_get(a, "release"));
  g_assert_null(mon_labels_get(a, "empty"));
  mon_labels_nth(a, 0, &name, &value);
  g_assert_cmpstr(name, ==, "unit");
  g_assert_cmpstr(value, ==, "a");
  assert_text(none, "{}");
}

static void test_last_counts(void) {
  const char *pairs[] = {"a", "1", "b", "2", "a", "3", "b", ""};
  g_autoptr(MonLabels) labels = mon_labels_from(pairs, 4);

  assert_text(labels, "{a=\"3\"}");
}

static void test_with(void) {
  g_autoptr(MonLabels) a = mon_labels_new("unit", "a", NULL);
  g_autoptr(MonLabels) b = mon_labels_with(a, "release", "12ab");
  g_autoptr(MonLabels) c = mon_labels_with(b, "release", NULL);
  g_autoptr(MonLabels) d = mon_labels_with(b, "release", "cd");

  assert_text(b, "{release=\"12ab\",unit=\"a\"}");
  g_assert_true(c == a);
  assert_text(d, "{release=\"cd\",unit=\"a\"}");
}

/* A text that slides over the border between name and value is another one. */
static void test_borders(void) {
  g_autoptr(MonLabels) a = mon_labels_new("ab", "c", NULL);
  g_autoptr(MonLabels) b = mon_labels_new("a", "bc", NULL);

  g_assert_cmpuint(mon_labels_hash(a), !=, mon_labels_hash(b));
  g_assert_false(mon_labels_equal(a, b));
}

static void test_escaped(void) {
  g_autoptr(MonLabels) a = mon_labels_new("t", "a\"b\\c\nd", NULL);

  assert_text(a, "{t=\"a\\\"b\\\\c\\nd\"}");
}

/* Stored keys depend on it: it may never change. */
static void test_stable(void) {
  g_autoptr(MonLabels) a = mon_labels_new("unit", "a.service", NULL);

  g_assert_cmphex(mon_labels_hash(a), ==, G_GUINT64_CONSTANT(0x7da2c70139f32562));
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/labels/gone", test_gone);
  g_test_add_func("/labels/interned", test_interned);
  g_test_add_func("/labels/absent", test_absent);
  g_test_add_func("/labels/last-counts", test_last_counts);
  g_test_add_func("/labels/with", test_with);
  g_test_add_func("/labels/borders", test_borders);
  g_test_add_func("/labels/escaped", test_escaped);
  g_test_add_func("/labels/stable", test_stable);
  return g_test_run();
}
