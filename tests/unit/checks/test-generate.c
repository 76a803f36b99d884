/* test-generate.c: checks made of what is there: the text is a verify file whatever the values are,
 * and it passes. The program itself is given as the first argument. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "manager-fixture.h"

#include "checks/generate.h"
#include "checks/plan.h"
#include "checks/types.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *program;
static char *top;

static ChkPlan *read_plan(const char *text) {
  g_autoptr(WgProblems) problems = wg_problems_new();
  g_autoptr(WgDoc) doc = wg_doc_parse(text, strlen(text), WG_DOC_YAML, problems);
  ChkPlan *plan = doc ? chk_plan_load(wg_doc_root(doc), doc, "", NULL, problems) : NULL;

  if (plan == NULL)
    g_error("%s\nof:\n%s", wg_problems_text(problems, "x"), text);
  return plan;
}

/* Names that a careless notation would break, or take for something else. */
static void test_quoting(void) {
  static const char *const subjects[] = {"/a b",         "/\"q\" 'q'",   "/x: y # z",
                                         "/${port}",     "/$${x}",       "/- a",
                                         "/line\nbreak", "/back\\slash", "/\303\244\342\202\254",
                                         "/tab\there",   "/{a: [b]}",    "/%d",
                                         "/yes",         "/&anchor *x"};

  for (guint i = 0; i < G_N_ELEMENTS(subjects); i++) {
    g_autoptr(JsonArray) checks = json_array_new();
    g_autoptr(JsonObject) values = json_object_new();
    ChkCandidate *candidate = chk_candidate_new(&chk_type_file, subjects[i]);
    json_object_set_boolean_member(values, "exists", TRUE);
    json_object_set_string_member(values, "owner", subjects[i]);
    json_array_add_object_element(checks, chk_generate_check(candidate, values));
    g_autofree char *text = chk_generate_yaml("a: b", checks);
    g_autoptr(ChkPlan) plan = read_plan(text);
    const ChkCheck *check = plan->checks->pdata[0];
    g_assert_cmpstr(check->subject, ==, subjects[i]);
    g_assert_cmpuint(check->expect->len, ==, 2);
    chk_candidate_free(candidate);
  }
}

/* What changes by itself is not written down. */
static void test_lasting(void) {
  g_autoptr(JsonNode) node = json_from_string(
      "{\"exists\": true, \"running\": true, \"enabled\": true, \"exposure\": 9.6, \"main-pid\": 7,"
      " \"memory\": 4096, \"age\": 5, \"memory-max\": 4096,"
      " \"memory-high\": \"infinity\", \"cpu-quota-per-sec-usec\": 500000, \"invocation-id\": "
      "\"ab\", \"result\": \"success\"}",
      NULL);
  ChkCandidate *candidate = chk_candidate_new(&chk_type_unit, "shop.service");
  g_autoptr(JsonArray) checks = json_array_new();

  json_array_add_object_element(checks, chk_generate_check(candidate, json_node_get_object(node)));
  g_autofree char *text = chk_generate_yaml("n", checks);
  g_assert_cmpstr(text, ==,
                  "name: \"n\"\nchecks:\n  - unit: \"shop.service\"\n    expect:\n"
                  "      exists: true\n      running: true\n      enabled: true\n"
                  "      result: \"success\"\n      exposure:\n        at-most: 9.6\n"
                  "      memory-max: 4096\n      cpu-quota-per-sec-usec: 500000\n");
  chk_candidate_free(candidate);
}

static GPtrArray *found; /* texts */

static void on_found(GPtrArray *candidates, const GError *error, gpointer user_data) {
  found = g_ptr_array_new_with_free_func(g_free);
  if (error)
    g_ptr_array_add(found, g_strdup(error->message));
  for (guint i = 0; candidates && i < candidates->len; i++) {
    const ChkCandidate *c = candidates->pdata[i];
    g_ptr_array_add(found, g_strdup_printf("%s %s", c->type->name, c->subject));
  }
}

static gboolean has(const char *text) {
  for (guint i = 0; i < found->len; i++)
    if (strcmp(found->pdata[i], text) == 0)
      return TRUE;
  return FALSE;
}

static void test_unit(void) {
  g_autofree char *fragment = g_build_filename(top, "shop.service", NULL);
  g_autofree char *text = g_strdup_printf(
      "{'FragmentPath': <'%s'>, 'MainPID': <uint32 1>, 'BusName': <'org.example.Shop'>,"
      " 'EnvironmentFiles': <[('%s', true)]>, 'DropInPaths': <['/no/such/file']>}",
      fragment, top);
  g_autofree char *file = g_strconcat("file ", fragment, NULL);
  g_autofree char *directory = g_strconcat("directory ", top, NULL);
  Manager manager;

  manager_up(&manager);
  g_assert_true(g_file_set_contents(fragment, "x", 1, NULL));
  manager_set(&manager, "shop.service", text);
  chk_generate_unit(manager.world, "shop", on_found, NULL);
  while (found == NULL)
    g_main_context_iteration(NULL, TRUE);
  g_assert_true(has("unit shop.service"));
  g_assert_true(has("process shop.service"));
  g_assert_true(has("dbus org.example.Shop"));
  g_assert_true(has(file));
  g_assert_true(has(directory));
  g_assert_false(has("file /no/such/file"));
  g_clear_pointer(&found, g_ptr_array_unref);
  g_unlink(fragment);
  manager_down(&manager);
}

static int run(const char *const *argv, const char *input, char **ret_out) {
  g_autoptr(GError) error = NULL;
  g_autoptr(GSubprocess) process =
      g_subprocess_newv(argv,
                        G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE |
                            G_SUBPROCESS_FLAGS_STDERR_SILENCE,
                        &error);

  g_assert_no_error(error);
  g_subprocess_communicate_utf8(process, input ? input : "", NULL, ret_out, NULL, &error);
  g_assert_no_error(error);
  g_assert_true(g_subprocess_get_if_exited(process));
  return g_subprocess_get_exit_status(process);
}

/* Printed, read again by the same program, and passed; after a change it does not. */
static void test_round_trip(void) {
  g_autofree char *path = g_build_filename(top, "odd ${name}: \"x\"", NULL), *made = NULL,
                  *seen = NULL;
  const char *const add[] = {program, "add", "file", path, "/no/such/file", NULL};
  const char *const verify[] = {program, "--format=json", "-", NULL};

  g_assert_true(g_file_set_contents(path, "x", 1, NULL));
  g_assert_cmpint(chmod(path, 0640), ==, 0);
  g_assert_cmpint(run(add, NULL, &made), ==, 0);
  g_assert_nonnull(strstr(made, "mode: \"0640\""));
  g_assert_cmpint(run(verify, made, &seen), ==, 0);
  g_assert_cmpint(chmod(path, 0644), ==, 0);
  g_free(g_steal_pointer(&seen));
  g_assert_cmpint(run(verify, made, &seen), ==, 1);
  g_unlink(path);
}

/* What does not pass is not printed. */
static void test_left_out(void) {
  const char *const argv[] = {program, "add", "command", "true", "false", NULL};
  const char *const nothing[] = {program, "add", "command", "false", NULL};
  const char *const wrong[] = {program, "add", "no-such-type", "x", NULL};
  g_autofree char *made = NULL, *none = NULL, *usage = NULL;

  g_assert_cmpint(run(argv, NULL, &made), ==, 0);
  g_assert_nonnull(strstr(made, "\"true\""));
  g_assert_null(strstr(made, "\"false\""));
  g_assert_cmpint(run(nothing, NULL, &none), ==, 4);
  g_assert_cmpstr(none, ==, "");
  g_assert_cmpint(run(wrong, NULL, &usage), ==, 64);
}

int main(int argc, char **argv) {
  program = argc > 1 ? argv[1] : NULL;
  g_test_init(&argc, &argv, NULL);
  g_assert_nonnull(program);
  top = g_dir_make_tmp("waggle-generate-XXXXXX", NULL);
  g_test_add_func("/generate/quoting", test_quoting);
  g_test_add_func("/generate/lasting", test_lasting);
  g_test_add_func("/generate/unit", test_unit);
  g_test_add_func("/generate/round-trip", test_round_trip);
  g_test_add_func("/generate/left-out", test_left_out);
  int status = g_test_run();
  g_rmdir(top);
  g_free(top);
  return status;
}
