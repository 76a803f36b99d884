/* test-vars.c: ${NAME} in texts and in documents. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "deployment/vars.h"

#include "common/doc.h"
#include "common/error.h"

#include <string.h>

static DplVars *some(void) {
  DplVars *vars = dpl_vars_new();

  dpl_vars_set(vars, "port", "8080");
  dpl_vars_set(vars, "target.name", "a");
  dpl_vars_set(vars, "sly", "${port}");
  dpl_vars_set(vars, "empty", "");
  return vars;
}

static void test_texts(void) {
  static const char *const pairs[][2] = {
      {"", ""},
      {"a $ b $x {y}", "a $ b $x {y}"},
      {"${port}", "8080"},
      {"x${port}y${target.name}${empty}z", "x8080yaz"},
      {"$${port} $$${port}", "${port} $${port}"},
      {"$$ $", "$$ $"},
      {"${sly}", "${port}"}, /* not looked at again */
  };
  g_autoptr(DplVars) vars = some();

  for (guint i = 0; i < G_N_ELEMENTS(pairs); i++) {
    g_autoptr(GError) error = NULL;
    g_autofree char *text = dpl_vars_expand(vars, pairs[i][0], &error);
    g_assert_no_error(error);
    g_assert_cmpstr(text, ==, pairs[i][1]);
  }
}

static void test_wrong(void) {
  static const char *const pairs[][2] = {
      {"${prot}", "unknown variable ${prot}; did you mean port? (a literal ${ is $${)"},
      {"a ${zzzzzzzz}", "unknown variable ${zzzzzzzz}; there are: empty, port, sly, target.name (a "
                        "literal ${ is $${)"},
      {"${port", "'${' without '}' (a literal ${ is $${)"},
      {"${}", "unknown variable ${}; there are: empty, port, sly, target.name (a literal ${ is "
              "$${)"},
  };
  g_autoptr(DplVars) vars = some();

  for (guint i = 0; i < G_N_ELEMENTS(pairs); i++) {
    g_autoptr(GError) error = NULL;
    g_assert_null(dpl_vars_expand(vars, pairs[i][0], &error));
    g_assert_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT);
    g_assert_cmpstr(error->message, ==, pairs[i][1]);
  }
}

static void test_bound(void) {
  g_autoptr(DplVars) vars = dpl_vars_new();
  g_autofree char *big = g_strnfill(300000, 'x');
  g_autoptr(GError) error = NULL;

  dpl_vars_set(vars, "b", big);
  g_autofree char *fits = dpl_vars_expand(vars, "${b}${b}${b}", NULL);
  g_assert_cmpuint(strlen(fits), ==, 900000);
  g_assert_null(dpl_vars_expand(vars, "${b}${b}${b}${b}", &error));
  g_assert_error(error, WG_ERROR, WG_ERROR_LIMITS_EXCEEDED);
}

static void test_nodes(void) {
  g_autoptr(DplVars) vars = some();
  g_autoptr(WgProblems) problems = wg_problems_new();
  g_autoptr(JsonNode) node = json_from_string(
      "{\"a/${port}\": [\"${port}\", 1, null, {\"b\": \"${no}\"}], \"c\": true}", NULL);
  g_autoptr(JsonNode) copy = dpl_vars_expand_node(vars, node, "", problems);
  g_autofree char *text = wg_json_canonical(copy), *told = wg_problems_text(problems, "f");

  g_assert_cmpstr(text, ==, "{\"a/${port}\":[\"8080\",1,null,{\"b\":\"${no}\"}],\"c\":true}");
  g_assert_true(g_str_has_prefix(told, "f: /a~1${port}/3/b: unknown variable ${no}; "));
  g_assert_cmpuint(wg_problems_n(problems), ==, 1);
  JsonObject *object = dpl_vars_object(vars);
  g_assert_cmpuint(json_object_get_size(object), ==, 4);
  g_assert_cmpstr(json_object_get_string_member(object, "sly"), ==, "${port}");
  json_object_unref(object);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/vars/texts", test_texts);
  g_test_add_func("/vars/wrong", test_wrong);
  g_test_add_func("/vars/bound", test_bound);
  g_test_add_func("/vars/nodes", test_nodes);
  return g_test_run();
}
