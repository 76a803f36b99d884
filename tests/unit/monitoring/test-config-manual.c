/* test-config-manual.c: monitord.conf(5) has the keys with their defaults, as the program has them.
 * The page's path is the argument. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "monitoring/settings.h"

#include <string.h>

static char *page; /* with "-" for roff's "\-" */

static void load(const char *path) {
  g_autofree char *roff = NULL;
  GString *text;

  g_assert_true(g_file_get_contents(path, &roff, NULL, NULL));
  text = g_string_new(roff);
  g_string_replace(text, "\\-", "-", 0);
  page = g_string_free(text, FALSE);
}

static guint count(const char *what) {
  guint n = 0;

  for (const char *p = page; (p = strstr(p, what)); p++)
    n++;
  return n;
}

static void test_keys(void) {
  guint n = 0;

  for (const WgConfigKey *key = mon_config_keys; key->section; key++, n++) {
    g_autofree char *head = g_strdup_printf(".TP\n\\fB%s=\\fR\n", key->key);
    g_autofree char *normal =
        g_strdup_printf("Default: %s", *key->default_text ? key->default_text : "empty");
    g_autofree char *section = g_strdup_printf(".SH \"SECTION [%s]\"", key->section);
    const char *part = strstr(page, section), *begin = part ? strstr(part, head) : NULL;
    if (!begin)
      g_error("monitord.conf(5) does not know %s= of [%s]", key->key, key->section);
    const char *end = strstr(begin + 1, "\n.TP");
    g_autofree char *said = end ? g_strndup(begin, (gsize)(end - begin)) : g_strdup(begin);
    if (!strstr(said, normal))
      g_error("monitord.conf(5) does not say of %s=: %s", key->key, normal);
  }
  g_assert_cmpuint(count("=\\fR\n"), ==, n);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_assert_cmpint(argc, ==, 2);
  load(argv[1]);
  g_test_add_func("/monitor-config-manual/keys", test_keys);
  int status = g_test_run();
  g_free(page);
  return status;
}
