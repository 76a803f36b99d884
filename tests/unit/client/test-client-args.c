/* test-client-args.c: parsing of options, and the table of verbs. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "client/args.h"
#include "client/cli.h"
#include "client/verbs.h"

static const CliOption options[] = {
    {"flag", 'f', CLI_VALUE_NONE, NULL, ""},
    {"value", 'v', CLI_VALUE_REQUIRED, "V", ""},
    {"maybe", 'm', CLI_VALUE_OPTIONAL, "M", ""},
    {"pair", 0, CLI_VALUE_REQUIRED, "K=V", ""},
    {NULL},
};
static const CliOption *const tables[] = {options, NULL};

#define PARSE(error, ...) cli_args_parse(tables, (char *[]){__VA_ARGS__, NULL}, FALSE, error)

static void test_forms(void) {
  guint n;
  g_autoptr(CliArgs) a =
      PARSE(NULL, "one", "--value=x", "-fv", "y", "--maybe", "two", "--maybe", "5s", "--", "-z");

  g_assert_nonnull(a);
  cli_args_words(a, &n);
  g_assert_cmpuint(n, ==, 3);
  g_assert_cmpstr(cli_args_word(a, 1), ==, "two");
  g_assert_cmpstr(cli_args_word(a, 2), ==, "-z");
  g_assert_null(cli_args_word(a, 3));
  g_assert_cmpstr(cli_args_get(a, "value"), ==, "y");
  g_assert_cmpstr(cli_args_all(a, "value")[0], ==, "x");
  g_assert_true(cli_args_has(a, "flag"));
  g_assert_cmpstr(cli_args_get(a, "maybe"), ==, "5s"); /* a number may follow */
  g_assert_cmpstr(cli_args_all(a, "maybe")[0], ==, "");
  g_assert_false(cli_args_has(a, "pair"));
}

static void test_dash_and_empty(void) {
  g_autoptr(CliArgs) a = PARSE(NULL, "-", "", "-vx");

  g_assert_cmpstr(cli_args_word(a, 0), ==, "-");
  g_assert_cmpstr(cli_args_word(a, 1), ==, "");
  g_assert_cmpstr(cli_args_get(a, "value"), ==, "x");
}

static void test_stop(void) {
  g_autoptr(CliArgs) a =
      cli_args_parse(tables, (char *[]){"-f", "verb", "--unknown", NULL}, TRUE, NULL);

  g_assert_cmpstr(cli_args_word(a, 0), ==, "verb");
  g_assert_cmpstr(cli_args_word(a, 1), ==, "--unknown");
}

static void test_refused(void) {
  static char *const bad[][2] = {
      {"--valu=x", NULL}, {"--value", NULL}, {"--flag=x", NULL}, {"-z", NULL}, {"-v", NULL}};

  for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
    g_autoptr(GError) error = NULL;
    g_assert_null(cli_args_parse(tables, (char **)bad[i], FALSE, &error));
    g_assert_error(error, CLI_ERROR, CLI_EXIT_USAGE);
  }
  g_autoptr(GError) error = NULL;
  g_assert_null(PARSE(&error, "--valeu=x"));
  g_assert_nonnull(strstr(error->message, "did you mean value?"));
}

static void test_values(void) {
  g_autoptr(CliArgs) a = PARSE(NULL, "--value=12", "--pair=a=b=c", "--pair=d=");
  g_autoptr(CliArgs) bad = PARSE(NULL, "--value=12x", "--pair=novalue");
  g_autoptr(CliArgs) twice = PARSE(NULL, "--pair=a=1", "--pair=a=2");
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) pairs = NULL;
  guint64 n = 99;

  g_assert_true(cli_args_u64(a, "value", 0, 12, &n, &error));
  g_assert_cmpuint(n, ==, 12);
  g_assert_false(cli_args_u64(a, "value", 0, 11, &n, &error));
  g_assert_error(error, CLI_ERROR, CLI_EXIT_USAGE);
  g_clear_error(&error);
  g_assert_false(cli_args_u64(bad, "value", 0, 99, &n, &error));
  g_clear_error(&error);
  g_assert_true(cli_args_pairs(a, "pair", &pairs, &error));
  g_autofree char *text = g_variant_print(pairs, FALSE);
  g_assert_cmpstr(text, ==, "{'a': 'b=c', 'd': ''}");
  g_assert_false(cli_args_pairs(bad, "pair", &pairs, NULL));
  g_assert_false(cli_args_pairs(twice, "pair", &pairs, NULL));
}

static void test_verbs(void) {
  static const struct {
    char *words[3];
    const char *name; /* NULL: unknown */
    guint taken;
  } rows[] = {{{"send", "x", NULL}, "send", 1},
              {{"agent", NULL}, "agent list", 1},
              {{"agent", "show", NULL}, "agent show", 2},
              {{"dead", "purge", NULL}, "dead purge", 2},
              {{"agent", "shwo", NULL}, NULL, 0},
              {{"sned", NULL}, NULL, 0},
              {{"list", NULL}, "list", 1}};

  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(GError) error = NULL;
    guint taken;
    const CliVerb *verb = cli_verb_find((char **)rows[i].words, &taken, &error);
    g_assert_cmpstr(verb ? verb->name : NULL, ==, rows[i].name);
    if (verb)
      g_assert_cmpuint(taken, ==, rows[i].taken);
    else
      g_assert_error(error, CLI_ERROR, CLI_EXIT_USAGE);
  }
}

/* Options of a verb must not hide a global one or each other, in either form. */
static void test_no_clash(void) {
  for (const CliVerb *v = cli_verbs; v->name; v++) {
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    const CliOption *all[4] = {cli_global_options};
    for (guint i = 0; v->options && v->options[i]; i++)
      all[i + 1] = v->options[i];
    for (guint t = 0; all[t]; t++)
      for (const CliOption *o = all[t]; o->name; o++) {
        g_assert_true(g_hash_table_add(seen, g_strdup(o->name)));
        if (o->letter)
          g_assert_true(g_hash_table_add(seen, g_strdup_printf("-%c", o->letter)));
        g_assert_cmpint(o->value != NULL, ==, o->kind != CLI_VALUE_NONE);
      }
  }
}

static void test_exit_statuses(void) {
  static const struct {
    const char *name;
    CliExit exit;
  } rows[] = {{"org.waggle.Error.UnknownAgent", CLI_EXIT_NOT_FOUND},
              {"org.waggle.Error.LeaseExpired", CLI_EXIT_CONFLICT},
              {"org.waggle.Error.QuotaExceeded", CLI_EXIT_RETRY},
              {"org.waggle.Error.NotAuthorized", CLI_EXIT_REFUSED},
              {"org.waggle.Error.UnknownOption", CLI_EXIT_USAGE},
              {SD_BUS_ERROR_SERVICE_UNKNOWN, CLI_EXIT_UNREACHABLE},
              {SD_BUS_ERROR_ACCESS_DENIED, CLI_EXIT_REFUSED},
              {"com.example.Whatever", CLI_EXIT_FAILURE}};

  for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
    g_assert_cmpint(cli_exit_from_bus_error(rows[i].name), ==, rows[i].exit);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/client/args/forms", test_forms);
  g_test_add_func("/client/args/dash-and-empty", test_dash_and_empty);
  g_test_add_func("/client/args/stop", test_stop);
  g_test_add_func("/client/args/refused", test_refused);
  g_test_add_func("/client/args/values", test_values);
  g_test_add_func("/client/verbs/find", test_verbs);
  g_test_add_func("/client/verbs/no-clash", test_no_clash);
  g_test_add_func("/client/exit-statuses", test_exit_statuses);
  return g_test_run();
}
