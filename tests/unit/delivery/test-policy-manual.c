/* test-policy-manual.c: waggle-policy(5) says what the tables say: every key in its place, what is
 * required, bounds and defaults of the common ones, a section for each back-end of the program; and
 * its examples are policies. The page's path is the argument. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "delivery/policy.h"

#include "delivery/courier.h"

#include "common/amounts.h"

#include <string.h>

static char *page; /* with "-" for roff's "\-" */

static char *replaced(const char *in, const char *what, const char *with) {
  GString *text = g_string_new(in);

  g_string_replace(text, what, with, 0);
  return g_string_free(text, FALSE);
}

/* The list of keys after "keys: NAME", up to the next heading; NULL: there is none. */
static char *list_of(const char *name) {
  g_autofree char *mark = g_strdup_printf(".\\\" keys:%s%s\n", *name ? " " : "", name);
  const char *begin = strstr(page, mark);

  if (!begin)
    return NULL;
  begin += strlen(mark);
  const char *end = strstr(begin, "\n.S");
  return g_strndup(begin, end ? (gsize)(end + 1 - begin) : strlen(begin));
}

/* What is said of `key` in a list; NULL: nothing. */
static char *said_of(const char *list, const char *key) {
  g_autofree char *head = g_strdup_printf(".TP\n\\fB%s\\fR\n", key);
  const char *begin = strstr(list, head);

  if (!begin)
    return NULL;
  begin += strlen(head);
  const char *end = strstr(begin, ".TP\n");
  return g_strndup(begin, end ? (gsize)(end - begin) : strlen(begin));
}

static guint count_keys(const char *list) {
  guint n = 0;

  for (const char *p = list; (p = strstr(p, ".TP\n")); p++)
    n++;
  return n;
}

static void expect_line(const char *key, const char *said, const char *line) {
  g_autofree char *whole = g_strdup_printf("\n%s", said), *wanted = g_strdup_printf("\n%s\n", line);

  if (!strstr(whole, wanted))
    g_error("waggle-policy(5) does not say of '%s': %s", key, line);
}

static char *bound(DlvOptionType type, guint64 value) {
  return type == DLV_TIME ? wg_span_text(value) : g_strdup_printf("%" G_GUINT64_FORMAT, value);
}

static char *key_in(const char *section, const char *name) {
  g_autofree char *list = list_of(section);
  if (!list)
    g_error("waggle-policy(5) has no list \"keys: %s\"", section);
  char *said = said_of(list, name);
  if (!said)
    g_error("waggle-policy(5) does not know '%s' in \"keys: %s\"", name, section);
  return said;
}

static void test_common_keys(void) {
  g_autoptr(GHashTable) counts = g_hash_table_new(g_str_hash, g_str_equal);
  GHashTableIter iter;
  gpointer section, count;

  for (const DlvKey *key = dlv_policy_keys; key->section; key++) {
    const DlvOption *o = &key->option;
    g_autofree char *said = key_in(key->section, o->name);
    g_autofree char *min = bound(o->type, o->min), *max = bound(o->type, o->max);
    g_autofree char *bounds = g_strdup_printf("Between %s and %s.", min, max);
    g_autofree char *normal = g_strdup_printf("Default: %s.", key->default_text);
    if (o->required)
      expect_line(o->name, said, "Required.");
    if (o->max && o->type != DLV_OBJECT)
      expect_line(o->name, said, bounds);
    if (key->default_text)
      expect_line(o->name, said, normal);
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

static void test_back_ends(void) {
  for (guint i = 0; dlv_backend_classes[i]; i++) {
    const DlvBackendClass *class = dlv_backend_classes[i];
    g_autofree char *section = g_strdup_printf("use %s", class->name);
    g_autofree char *list = list_of(section);
    guint n = 0;
    if (!list)
      g_error("waggle-policy(5) has no list \"keys: %s\"", section);
    for (const DlvOption *o = class->options; o->name; o++, n++) {
      g_autofree char *said = key_in(section, o->name);
      if (o->required)
        expect_line(o->name, said, "Required.");
    }
    g_assert_cmpuint(count_keys(list), ==, n);
  }
}

/* The core's keys go before a back-end's own. */
static void test_no_key_twice(void) {
  for (guint i = 0; dlv_backend_classes[i]; i++)
    for (const DlvOption *o = dlv_backend_classes[i]->options; o->name; o++)
      for (const DlvKey *key = dlv_policy_keys; key->section; key++)
        g_assert_false(strcmp(key->section, "backends") == 0 &&
                       strcmp(key->option.name, o->name) == 0);
}

static void check_example(const char *json) {
  g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func((GDestroyNotify)dlv_problem_free);
  g_autoptr(DlvPolicy) policy = dlv_policy_parse(json, dlv_backend_classes, problems);
  g_autofree char *text = dlv_problems_text(problems);

  if (!policy)
    g_error("An example of waggle-policy(5) is refused: %s", text);
  for (guint i = 0; i < policy->n_entries; i++) {
    const DlvEntry *entry = &policy->entries[i];
    g_autoptr(GError) error = NULL;
    gpointer state = entry->class->configure(NULL, "agent-1", entry->options, &error);
    if (!state)
      g_error("An example of waggle-policy(5) is refused by '%s': %s", entry->name, error->message);
    entry->class->free(state);
  }
}

static void test_examples(void) {
  static const char mark[] = ".\\\" example\n";
  guint n = 0;

  for (const char *p = page; (p = strstr(p, mark)); n++) {
    p += strlen(mark);
    g_autofree char *roff = g_strndup(p, (gsize)(strstr(p, ".fi") - p));
    g_autofree char *json = replaced(roff, "\\e", "\\");
    check_example(json);
  }
  g_assert_cmpuint(n, >=, 5);
}

int main(int argc, char **argv) {
  g_autofree char *roff = NULL;

  g_test_init(&argc, &argv, NULL);
  g_assert_cmpint(argc, ==, 2);
  g_assert_true(g_file_get_contents(argv[1], &roff, NULL, NULL));
  g_autofree char *text = replaced(roff, "\\-", "-");
  page = text;
  g_test_add_func("/policy-manual/common-keys", test_common_keys);
  g_test_add_func("/policy-manual/back-ends", test_back_ends);
  g_test_add_func("/policy-manual/no-key-twice", test_no_key_twice);
  g_test_add_func("/policy-manual/examples", test_examples);
  return g_test_run();
}
