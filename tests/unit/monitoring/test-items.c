/* test-items.c: what files say as named things, and the difference of two of it: what is added,
 * removed and changed, each place of it, and no secret. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "monitoring/items.h"

#include <string.h>

static char *diff(const char *before, const char *after) {
  g_autoptr(MonItems) a = mon_items_new(), b = mon_items_new();

  if (before)
    mon_items_add(a, "service", "shop", "a.yaml:1", before);
  if (after)
    mon_items_add(b, "service", "shop", "b.yaml:2", after);
  return mon_items_diff(a, b);
}

static void assert_diff(const char *before, const char *after, const char *expected) {
  g_autofree char *told = diff(before, after);

  g_assert_cmpstr(told, ==, expected);
}

static void test_kinds(void) {
  assert_diff(NULL, NULL, "[]");
  assert_diff("{\"a\":1}", "{\"a\":1}", "[]"); /* where it stands is no difference */
  assert_diff(NULL, "{\"a\":1}",
              "[{\"what\":\"service\",\"name\":\"shop\",\"change\":\"added\",\"from\":\"b.yaml:2\","
              "\"details\":[{\"place\":\"/a\",\"after\":\"1\"}]}]");
  assert_diff(
      "{\"a\":\"x\"}", NULL,
      "[{\"what\":\"service\",\"name\":\"shop\",\"change\":\"removed\",\"from\":\"a.yaml:1\","
      "\"details\":[{\"place\":\"/a\",\"before\":\"\\\"x\\\"\"}]}]");
  assert_diff(
      "{\"a\":1,\"b\":[1,2],\"c/d\":{}}", "{\"a\":2,\"b\":[1],\"c/d\":{}}",
      "[{\"what\":\"service\",\"name\":\"shop\",\"change\":\"changed\",\"from\":\"b.yaml:2\","
      "\"details\":[{\"place\":\"/a\",\"before\":\"1\",\"after\":\"2\"},"
      "{\"place\":\"/b/1\",\"before\":\"2\"}]}]");
}

/* A list that becomes empty, a text that becomes a number. */
static void test_values(void) {
  g_autofree char *empty = diff("{\"a\":[1]}", "{\"a\":[]}");
  g_autofree char *text = diff("{\"a\":\"1\"}", "{\"a\":1}");
  g_autofree char *name = diff("{\"a/b~\":1}", "{}");

  g_assert_nonnull(strstr(empty, "{\"place\":\"/a\",\"after\":\"[]\"}"));
  g_assert_nonnull(strstr(empty, "{\"place\":\"/a/0\",\"before\":\"1\"}"));
  g_assert_nonnull(strstr(text, "\"before\":\"\\\"1\\\"\",\"after\":\"1\""));
  g_assert_nonnull(strstr(name, "/a~1b~0"));
}

static void test_secrets(void) {
  static const char *const pairs[][2] = {
      {"{\"http_config\":{\"basic_auth\":{\"password\":\"hunter2\"}}}",
       "{\"http_config\":{\"basic_auth\":{\"password\":\"hunter3\"}}}"},
      {"{\"h\":{\"credentials\":{\"a\":\"hunter2\"}}}", "{\"h\":{\"credentials\":\"hunter3\"}}"},
      {"{\"headers\":{\"Authorization\":\"hunter2\"}}",
       "{\"headers\":{\"Authorization\":\"hunter3\"}}"},
      {"{\"url\":\"https://a:hunter2@b/c\"}", "{\"url\":\"https://a:hunter3@b/c\"}"},
      {"{\"url\":\"https://b/c?k=hunter2\"}", "{\"url\":\"https://b/c?k=hunter3\"}"},
  };

  for (guint i = 0; i < G_N_ELEMENTS(pairs); i++) {
    g_autofree char *changed = diff(pairs[i][0], pairs[i][1]);
    g_autofree char *added = diff(NULL, pairs[i][0]);
    assert_diff(pairs[i][0], pairs[i][0], "[]");
    g_assert_nonnull(strstr(changed, "(secret "));
    g_assert_nonnull(strstr(changed, "\"before\""));
    g_assert_null(strstr(changed, "hunter"));
    g_assert_null(strstr(added, "hunter"));
  }
}

static void test_names(void) {
  g_autoptr(MonItems) a = mon_items_new(), b = mon_items_new();

  mon_items_add(a, "inhibition", "x > y", NULL, "{}");
  mon_items_add(b, "inhibition", "x > y", NULL, "{}");
  mon_items_add(b, "inhibition", "x > y", NULL, "{}");
  mon_items_add(b, "route", "x > y", NULL, "{}"); /* another thing */
  g_autofree char *told = mon_items_diff(a, b);
  g_assert_cmpstr(
      told, ==,
      "[{\"what\":\"inhibition\",\"name\":\"x > y#2\",\"change\":\"added\",\"details\":[]},"
      "{\"what\":\"route\",\"name\":\"x > y\",\"change\":\"added\",\"details\":[]}]");
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/monitor/items/kinds", test_kinds);
  g_test_add_func("/monitor/items/values", test_values);
  g_test_add_func("/monitor/items/secrets", test_secrets);
  g_test_add_func("/monitor/items/names", test_names);
  return g_test_run();
}
