/* test-client-tables.c: the man page and the completions say what the tables of the program say:
 * every verb with every one of its options, and no other. Arguments: man page, bash, zsh. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "client/verbs.h"

#include <string.h>

static char *man, *bash, *zsh;

/* Every "--word" in `text`, sorted and once. */
static GPtrArray *options_in(const char *text, const char *pattern) {
  g_autoptr(GRegex) regex = g_regex_new(pattern, 0, 0, NULL);
  g_autoptr(GMatchInfo) match = NULL;
  g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
  GPtrArray *found = g_ptr_array_new_with_free_func(g_free);

  g_assert_nonnull(regex);
  for (g_regex_match(regex, text, 0, &match); g_match_info_matches(match);
       g_match_info_next(match, NULL)) {
    char *word = g_match_info_fetch(match, 1);
    if (g_hash_table_add(seen, word))
      g_ptr_array_add(found, word);
    else
      g_free(word);
  }
  return found;
}

static void assert_same(const char *verb, const CliOption *const *tables, const GPtrArray *found) {
  guint n = 0;

  for (guint t = 0; tables && tables[t]; t++)
    for (const CliOption *o = tables[t]; o->name; o++, n++)
      if (!g_ptr_array_find_with_equal_func((GPtrArray *)found, o->name, g_str_equal, NULL))
        g_error("%s: --%s is missing", verb, o->name);
  if (n != found->len)
    g_error("%s: %u options in the program, %u in the file", verb, n, found->len);
}

/* From the line that `start` begins to the line that `end` begins; (transfer full), NULL. */
static char *section(const char *text, const char *start, const char *end) {
  const char *from = strstr(text, start);

  if (!from)
    return NULL;
  from += strlen(start);
  const char *to = strstr(from, end);
  return to ? g_strndup(from, (gsize)(to - from)) : g_strdup(from);
}

static const CliOption *const global[] = {cli_global_options, NULL};

static void test_bash(void) {
  for (const CliVerb *v = cli_verbs; v->name; v++) {
    g_autofree char *start = g_strdup_printf("\n    ['%s']='", v->name);
    g_autofree char *row = section(bash, start, "\n");
    if (!row)
      g_error("bash completion lacks %s", v->name);
    g_autoptr(GPtrArray) found = options_in(row, "--([a-z-]+)");
    assert_same(v->name, v->options, found);
  }
  g_autofree char *row = section(bash, "\n    ['*']='", "\n");
  g_autoptr(GPtrArray) found = options_in(row, "--([a-z-]+)");
  assert_same("global", global, found);
}

static void test_zsh(void) {
  for (const CliVerb *v = cli_verbs; v->name; v++) {
    g_autofree char *start = g_strdup_printf("\n  '%s')\n", v->name);
    g_autofree char *part = section(zsh, start, ";;");
    if (!part)
      g_error("zsh completion lacks %s", v->name);
    g_autoptr(GPtrArray) found = options_in(part, "'\\*?--([a-z-]+)(?:=-?)?\\[");
    assert_same(v->name, v->options, found);
  }
  g_autofree char *part = section(zsh, "local -a common=(", "\n  )");
  g_autoptr(GPtrArray) found = options_in(part, "'--([a-z-]+)=?\\[");
  assert_same("global", global, found);
}

/* The options of `verb` that stand in another verb's section ("takes the options of"). */
static const CliOption *const *own_options(const CliVerb *v) {
  static const CliOption *const none[] = {NULL}, *const update[] = {cli_agent_update_options, NULL};

  if (g_str_equal(v->name, "reply") || g_str_equal(v->name, "dead list"))
    return none;
  return g_str_equal(v->name, "agent update") ? update : v->options;
}

static void test_man(void) {
  static const char tag[] = "\n\\.TP\n(?:\\\\fB-.\\\\fR, )?\\\\fB--([a-z-]+)";

  for (const CliVerb *v = cli_verbs; v->name; v++) {
    g_autofree char *start =
        g_strdup_printf("\n.SS \"%s%s%s\"\n", v->name, *v->words ? " " : "", v->words);
    g_autofree char *part = section(man, start, "\n.S");
    if (!part)
      g_error("the man page lacks %s", v->name);
    g_autoptr(GPtrArray) found = options_in(part, tag);
    assert_same(v->name, own_options(v), found);
  }
  g_autofree char *part = section(man, "\n.SH OPTIONS", "\n.SH");
  g_autoptr(GPtrArray) found = options_in(part, tag);
  assert_same("global", global, found);
}

/* Every exit status is in the man page. */
static void test_man_statuses(void) {
  g_autofree char *part = section(man, "\n.SH EXIT STATUS", "\n.SH");

  for (int i = CLI_EXIT_OK; i <= CLI_EXIT_CONFLICT; i++) {
    g_autofree char *row = g_strdup_printf("\n.B %d\n", i);
    g_assert_nonnull(strstr(part, row));
  }
}

static char *load(const char *path) {
  char *text;

  g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
  return text;
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_assert_cmpint(argc, ==, 4);
  g_auto(GStrv) parts = NULL;
  g_autofree char *roff = load(argv[1]);
  parts = g_strsplit(roff, "\\-", -1); /* roff's way to write a dash */
  man = g_strjoinv("-", parts);
  bash = load(argv[2]);
  zsh = load(argv[3]);
  g_test_add_func("/client/tables/bash", test_bash);
  g_test_add_func("/client/tables/zsh", test_zsh);
  g_test_add_func("/client/tables/man", test_man);
  g_test_add_func("/client/tables/man-statuses", test_man_statuses);
  int status = g_test_run();
  g_free(man);
  g_free(bash);
  g_free(zsh);
  return status;
}
