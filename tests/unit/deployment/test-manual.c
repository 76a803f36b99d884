/* test-manual.c: waggle-manifest(5) and waggle-target(5) say what the tables say: every key in its
 * place and no other, what is required, bounds and defaults; and each example is a manifest. The
 * pages' paths are the arguments. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "deployment/manifest.h"

#include <string.h>

static char *manifest_page, *target_page; /* with "-" for roff's "\-" */

static char *replaced(const char *in, const char *what, const char *with) {
  GString *text = g_string_new(in);

  g_string_replace(text, what, with, 0);
  return g_string_free(text, FALSE);
}

/* The list of keys after "keys: SECTION", up to the next heading or paragraph. */
static char *list_of(const char *section) {
  g_autofree char *mark = g_strdup_printf(".\\\" keys:%s%s\n", *section ? " " : "", section);
  const char *begin = strstr(manifest_page, mark);

  if (!begin)
    g_error("waggle-manifest(5) has no list \"keys: %s\"", section);
  begin += strlen(mark);
  const char *end = strstr(begin, "\n.S"), *paragraph = strstr(begin, "\n.PP");
  if (paragraph && paragraph < end)
    end = paragraph;
  return g_strndup(begin, (gsize)(end + 1 - begin));
}

/* What is said of `key` in a list. */
static char *said_of(const char *list, const char *key, const char *of) {
  g_autofree char *head = g_strdup_printf(".TP\n\\fB%s\\fR\n", key);
  const char *begin = strstr(list, head);

  if (!begin)
    g_error("the manual does not know '%s' of '%s'", key, of);
  begin += strlen(head);
  const char *end = strstr(begin, ".TP\n");
  return end ? g_strndup(begin, (gsize)(end - begin)) : g_strdup(begin);
}

static guint count_keys(const char *list) {
  guint n = 0;

  for (const char *p = list; (p = strstr(p, ".TP\n")); p++)
    n++;
  return n;
}

static void expect_line(const DplKey *key, const char *said, gboolean there, const char *line) {
  g_autofree char *whole = g_strdup_printf("\n%s", said), *wanted = g_strdup_printf("\n%s\n", line);

  if ((strstr(whole, wanted) != NULL) != there)
    g_error("waggle-manifest(5) %s of '%s' in '%s': %s", there ? "does not say" : "says", key->name,
            key->section, line);
}

static char *bound(const DplKey *key, guint64 value) {
  static const struct {
    const char *name;
    guint64 usec;
  } units[] = {{"d", 86400000000}, {"h", 3600000000}, {"min", 60000000},
               {"s", 1000000},     {"ms", 1000},      {"us", 1}};

  for (guint i = 0; key->type == DPL_KEY_TIME && value && i < G_N_ELEMENTS(units); i++)
    if (value % units[i].usec == 0)
      return g_strdup_printf("%" G_GUINT64_FORMAT "%s", value / units[i].usec, units[i].name);
  return g_strdup_printf("%" G_GUINT64_FORMAT "%s", value, key->type == DPL_KEY_TIME ? "s" : "");
}

static void check_key(const DplKey *key) {
  g_autofree char *list = list_of(key->section);
  g_autofree char *said = said_of(list, key->name, key->section);
  g_autofree char *min = bound(key, key->min), *max = bound(key, key->max);
  g_autofree char *bounds = g_strdup_printf("Between %s and %s.", min, max);
  g_autofree char *normal = g_strdup_printf("Default: %s.", key->normal);

  expect_line(key, said, key->required, "Required.");
  if (key->max && key->max < G_MAXINT64)
    expect_line(key, said, TRUE, bounds);
  if (key->normal)
    expect_line(key, said, TRUE, normal);
  for (guint i = 0; key->words && key->words[i]; i++)
    g_assert_nonnull(strstr(said, key->words[i]));
}

static void test_keys(void) {
  g_autoptr(GHashTable) counts = g_hash_table_new(g_str_hash, g_str_equal);
  GHashTableIter iter;
  gpointer section, count;

  for (const DplKey *key = dpl_manifest_keys; key->section; key++) {
    check_key(key);
    g_hash_table_insert(
        counts, (gpointer)key->section,
        GUINT_TO_POINTER(GPOINTER_TO_UINT(g_hash_table_lookup(counts, key->section)) + 1));
  }
  g_hash_table_iter_init(&iter, counts);
  while (g_hash_table_iter_next(&iter, &section, &count)) { /* and no others */
    g_autofree char *list = list_of(section);
    g_assert_cmpuint(count_keys(list), ==, GPOINTER_TO_UINT(count));
  }
}

/* Each example is good, for a target, with its checks. */
static void check_example(const char *text) {
  g_autoptr(WgProblems) problems = wg_problems_new();
  g_autoptr(DplSite) site = dpl_site_new("a", "/srv/a", NULL);
  g_autoptr(DplManifest) m = dpl_manifest_load(text, strlen(text), problems);

  g_free(site->instance);
  site->instance = g_strdup("7");
  g_autoptr(DplManifest) made = m ? dpl_manifest_for(m, site, problems) : NULL;
  g_autofree char *wrong = wg_problems_text(problems, "example");
  if (*wrong || !made)
    g_error("an example of waggle-manifest(5) is refused: %s\n%s", wrong, text);
}

static void test_examples(void) {
  static const char mark[] = ".\\\" example\n";
  guint n = 0;

  for (const char *p = manifest_page; (p = strstr(p, mark)); n++) {
    p += strlen(mark);
    g_autofree char *roff = g_strndup(p, (gsize)(strstr(p, "\n.fi") + 1 - p));
    g_autofree char *text = replaced(roff, "\\e", "\\");
    check_example(text);
  }
  g_assert_cmpuint(n, >=, 3);
}

/* Every variable that there is. */
static void test_variables(void) {
  static const char *const names[] = {"name",        "version",         "target.name",
                                      "target.root", "target.domain",   "target.instance",
                                      "vars.X",      "target.labels.X", "release"};

  for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autofree char *word = g_strdup_printf("\\fB${%s}\\fR", names[i]);
    g_assert_nonnull(strstr(manifest_page, word));
  }
}

static void test_target(void) {
  guint n = 0;

  for (const WgConfigKey *key = dpl_target_keys; key->section; key++, n++) {
    g_autofree char *name = g_strdup_printf("%s=", key->key);
    g_autofree char *said = said_of(target_page, name, key->section);
    g_autofree char *help = g_strdup(key->help);
    *help = g_ascii_toupper(*help);
    g_autofree char *plain = replaced(said, "\\(aq", "'");
    g_assert_true(g_str_has_prefix(plain, help));
  }
  g_assert_cmpuint(count_keys(target_page), ==, n);
}

static char *page_of(const char *path) {
  g_autofree char *roff = NULL;

  g_assert_true(g_file_get_contents(path, &roff, NULL, NULL));
  return replaced(roff, "\\-", "-");
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_assert_cmpint(argc, ==, 3);
  manifest_page = page_of(argv[1]);
  target_page = page_of(argv[2]);
  g_test_add_func("/manual/keys", test_keys);
  g_test_add_func("/manual/examples", test_examples);
  g_test_add_func("/manual/variables", test_variables);
  g_test_add_func("/manual/target", test_target);
  int status = g_test_run();
  g_free(manifest_page);
  g_free(target_page);
  return status;
}
