/* test-service-manual.c: waggle-deployd(8) has the table of states, and deployd.conf(5) the keys
 * with their defaults, as the program has them. The pages' paths are the arguments. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "deployment/settings.h"
#include "deployment/states.h"

#include <string.h>

static char *daemon_page, *config_page; /* with "-" for roff's "\-" */

static char *page_of(const char *path) {
  g_autofree char *roff = NULL;
  GString *text = NULL;

  g_assert_true(g_file_get_contents(path, &roff, NULL, NULL));
  text = g_string_new(roff);
  g_string_replace(text, "\\-", "-", 0);
  return g_string_free(text, FALSE);
}

static guint count(const char *in, const char *what) {
  guint n = 0;

  for (const char *p = in; (p = strstr(p, what)); p++)
    n++;
  return n;
}

static void test_states(void) {
  for (guint i = 0; i < _DPL_STATE_MAX; i++) {
    const DplStateInfo *s = &dpl_states[i];
    g_autofree char *said = g_strdup_printf(".TP\n\\fB%s\\fR\nIt does: %s.\n.br\nThen: %s.\n",
                                            s->name, s->action, s->after);
    if (!strstr(daemon_page, said))
      g_error("waggle-deployd(8) does not say:\n%s", said);
  }
  g_assert_cmpuint(count(daemon_page, "\nIt does: "), ==, _DPL_STATE_MAX);
}

static void test_keys(void) {
  guint n = 0;

  for (const WgConfigKey *key = dpl_config_keys; key->section; key++, n++) {
    g_autofree char *head = g_strdup_printf(".TP\n\\fB%s=\\fR\n", key->key);
    g_autofree char *normal =
        g_strdup_printf("Default: %s", *key->default_text ? key->default_text : "empty");
    const char *begin = strstr(config_page, head);
    if (!begin)
      g_error("deployd.conf(5) does not know %s=", key->key);
    const char *end = strstr(begin + 1, "\n.TP");
    g_autofree char *said = end ? g_strndup(begin, (gsize)(end - begin)) : g_strdup(begin);
    if (!strstr(said, normal))
      g_error("deployd.conf(5) does not say of %s=: %s", key->key, normal);
  }
  g_assert_cmpuint(count(config_page, "=\\fR\n"), ==, n);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_assert_cmpint(argc, ==, 3);
  daemon_page = page_of(argv[1]);
  config_page = page_of(argv[2]);
  g_test_add_func("/service-manual/states", test_states);
  g_test_add_func("/service-manual/keys", test_keys);
  int status = g_test_run();
  g_free(daemon_page);
  g_free(config_page);
  return status;
}
