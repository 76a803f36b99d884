/* test-target.c: which targets are refused, and how one is told to people. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "typing/target.h"

#include "common/error.h"

#include <string.h>

static GVariant *parse(const char *text) {
  g_autoptr(GError) error = NULL;
  GVariant *value = g_variant_parse(G_VARIANT_TYPE_VARDICT, text, NULL, NULL, &error);

  g_assert_no_error(error);
  return value;
}

static void assert_refused(const char *text, const char *word) {
  g_autoptr(GVariant) target = parse(text);
  g_autoptr(GError) error = NULL;

  g_assert_false(typ_target_check(target, FALSE, &error));
  g_assert_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT);
  g_assert_nonnull(strstr(error->message, word));
}

static void assert_taken(const char *text, gboolean filter) {
  g_autoptr(GVariant) target = parse(text);
  g_autoptr(GError) error = NULL;

  g_assert_true(typ_target_check(target, filter, &error));
  g_assert_no_error(error);
}

static void test_taken(void) {
  assert_taken("{'class': <'XTerm'>}", FALSE);
  assert_taken("{'title-regex': <'^agent-[0-9]+$'>, 'pid': <uint32 1>}", FALSE);
  assert_taken("{'x': <0>, 'y': <-5>}", FALSE); /* a monitor on the left */
  assert_taken("{}", TRUE);
}

static void test_refused(void) {
  g_autofree char *many = g_strnfill(2000, 'x');
  g_autofree char *longer = g_strdup_printf("{'title': <'%s'>}", many);

  assert_refused("{}", "which window");
  assert_refused("{'x': <1>}", "together");
  assert_refused("{'y': <1>, 'class': <'a'>}", "together");
  assert_refused("{'x': <1>, 'y': <40000>}", "no place");
  assert_refused("{'x': <-2147483648>, 'y': <0>}", "no place");
  assert_refused("{'title': <''>}", "empty");
  assert_refused("{'window': <uint32 0>}", "0");
  assert_refused("{'title-regex': <'[a'>}", "regular expression");
  assert_refused(longer, "at most 1024");
}

static void test_told(void) {
  g_autoptr(GVariant) target = parse("{'class': <'XTerm'>, 'pid': <uint32 7>}");
  g_autofree char *text = typ_target_describe(target);
  g_auto(GVariantDict) dict = G_VARIANT_DICT_INIT(NULL);
  guint32 pid = 0, window = 0;

  g_assert_cmpstr(text, ==, "class=XTerm, pid=7");
  typ_target_insert(target, 9, &dict);
  g_assert_true(g_variant_dict_lookup(&dict, "pid", "u", &pid));
  g_assert_true(g_variant_dict_lookup(&dict, "window", "u", &window));
  g_assert_cmpuint(pid, ==, 7);
  g_assert_cmpuint(window, ==, 9);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/target/taken", test_taken);
  g_test_add_func("/target/refused", test_refused);
  g_test_add_func("/target/told", test_told);
  return g_test_run();
}
