/* test-policy-json.c: the text of a policy is JSON as RFC 8259 has it, once and within bounds; and
 * what the strict scanner lets through json-glib reads as the same. */
#include "policy-fixture.h"

#include <string.h>

static char *refused(const char *json) {
  g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func((GDestroyNotify)dlv_problem_free);

  g_assert_null(dlv_policy_parse(json, fixture_classes, problems));
  return dlv_problems_text(problems);
}

#define BOX "{\"backends\":[{\"use\":\"box\"}]"
static const struct {
  const char *json, *problem;
} bad[] = {
    {BOX "} x", "the policy: line 1, column 30: expected nothing after the policy, found 'x'"},
    {BOX "}{}", "the policy: line 1, column 29: expected nothing after the policy, found '{'"},
    {BOX, "the policy: line 1, column 28: expected ',' or '}', found the end"},
    {BOX ",}", "the policy: line 1, column 29: expected a key in quotes, found '}'"},
    {"{\"backends\":[{\"use\":\"box\"},]}",
     "/backends/1: line 1, column 28: expected a value, found ']'"},
    {"// note\n" BOX "}", "the policy: line 1, column 1: expected a value, found '/'"},
    {BOX ",\n \"x-é\": 'a'}", "/x-é: line 2, column 9: expected a value, found '''"},
    {BOX ", rate: 1}", "the policy: line 1, column 30: expected a key in quotes, found 'r'"},
    {BOX ", \"rate\" 1}", "/rate: line 1, column 37: expected ':', found '1'"},
    {BOX ", \"x-a\": 01}", "/x-a: line 1, column 37: expected a number without a zero before it, "
                           "found '0'"},
    {BOX ", \"x-a\": 1.}", "/x-a: line 1, column 39: expected a digit, found '}'"},
    {BOX ", \"x-a\": 1e}", "/x-a: line 1, column 39: expected a digit, found '}'"},
    {BOX ", \"x-a\": -}", "/x-a: line 1, column 38: expected a digit, found '}'"},
    {BOX ", \"x-a\": .5}", "/x-a: line 1, column 37: expected a value, found '.'"},
    {BOX ", \"x-a\": NaN}", "/x-a: line 1, column 37: expected a value, found 'N'"},
    {BOX ", \"x-a\": nullx}", "/x-a: line 1, column 37: expected a value, found 'n'"},
    {BOX ", \"x-a\": 12345678901234567890}", "/x-a: a number with more than 18 digits"},
    {BOX ", \"x-a\": \"\n\"}",
     "/x-a: line 1, column 38: expected no control character in a string (write \\n, \\t, "
     "\\u00XX), found ' '"},
    {BOX ", \"x-a\": \"a", "/x-a: line 1, column 39: expected the quote that ends the string, "
                           "found the end"},
    {BOX ", \"x-a\": \"\\q\"}",
     "/x-a: line 1, column 39: expected one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX, found "
     "'q'"},
    {BOX ", \"x-a\": \"\\u0000\"}",
     "/x-a: line 1, column 40: expected four hexadecimal digits of a character (not 0000, no half "
     "of a pair), found '0'"},
    {BOX ", \"x-a\": \"\\ud800x\"}",
     "/x-a: line 1, column 40: expected four hexadecimal digits of a character (not 0000, no half "
     "of a pair), found 'd'"},
    {BOX ", \"x-a\": \"\\udc00\"}",
     "/x-a: line 1, column 40: expected four hexadecimal digits of a character (not 0000, no half "
     "of a pair), found 'd'"},
    {BOX ", \"x-a\": \"\\u12\"}",
     "/x-a: line 1, column 40: expected four hexadecimal digits of a character (not 0000, no half "
     "of a pair), found '1'"},
    {BOX ", \"x-a\": \"\xff\"}", "the policy: byte 37 is not UTF-8"},
    {BOX ", \"x-a\": 1, \"x-\\u0061\": 2}", "/x-a: 'x-a' is here twice; which one counts?"},
    {"{\"backends\":[{\"use\":\"box\",\"use\":\"bell\"},{\"name\":1,\"name\":1}]}",
     "/backends/0/use: 'use' is here twice; which one counts?\n"
     "/backends/1/name: 'name' is here twice; which one counts?"},
    {"7", "the policy: a policy is an object: {\"backends\": [...]}"},
    {"null", "the policy: a policy is an object: {\"backends\": [...]}"},
};

static void test_bad(void) {
  for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
    g_autofree char *problem = refused(bad[i].json);
    g_assert_cmpstr(problem, ==, bad[i].problem);
  }
}

static void test_good(void) {
  g_autoptr(DlvPolicy) p = fixture_policy(
      " \t\r\n{'backends' : [ {'use':'bell','place':'\\u0061\\ud83d\\ude00\\n\\/\\\\','x-1':[],"
      "'x-2':{},'x-3':[1,-0,0.5,1e3,-2E-2,true,false,null,'',[[[]]]]} ] }\n ");

  g_assert_cmpstr(dlv_option_text(p->entries[0].options, "place", NULL), ==, "a😀\n/\\");
}

static char *nested(guint depth) {
  GString *json = g_string_new(BOX ", \"x-a\": ");

  for (guint i = 0; i < depth; i++)
    g_string_append_c(json, '[');
  for (guint i = 0; i < depth; i++)
    g_string_append_c(json, ']');
  g_string_append_c(json, '}');
  return g_string_free(json, FALSE);
}

static void test_depth(void) {
  g_autofree char *fits = nested(DLV_POLICY_DEPTH_MAX - 1), *deep = nested(DLV_POLICY_DEPTH_MAX),
                  *abyss = nested(20000);
  g_autoptr(DlvPolicy) policy = fixture_policy(fits);
  g_autofree char *problem = refused(deep), *same = refused(abyss);

  g_assert_true(g_str_has_suffix(problem, "nested deeper than 16 levels"));
  g_assert_true(g_str_has_suffix(same, "nested deeper than 16 levels"));
}

static void test_size(void) {
  g_autofree char *blanks = g_strnfill(DLV_POLICY_BYTES_MAX, ' ');
  g_autofree char *long_one = g_strconcat(blanks, BOX "}", NULL);
  g_autofree char *problem = refused(long_one);
  g_autofree char *fits = g_strconcat(BOX "}", blanks + strlen(BOX "}"), NULL);
  g_autoptr(DlvPolicy) policy = fixture_policy(fits);

  g_assert_cmpstr(problem, ==, "the policy: longer than 65536 bytes");
}

/* Many entries and many problems stay within bounds. */
static void test_many(void) {
  g_autoptr(GString) json = g_string_new("{\"backends\":[");

  for (guint i = 0; i < 500; i++)
    g_string_append_printf(json, "%s{\"use\":\"box\",\"name\":\"n%u\",\"bad\":%u}", i ? "," : "", i,
                           i);
  g_string_append(json, "]}");
  g_autofree char *problem = refused(json->str);
  g_auto(GStrv) lines = g_strsplit(problem, "\n", -1);
  g_assert_cmpstr(lines[0], ==, "/backends: 'backends' has more than 16 members");
  g_assert_cmpuint(g_strv_length(lines), ==, 17);

  g_string_assign(json, "{\"backends\":[{\"use\":\"box\"");
  for (guint i = 0; i < 500; i++)
    g_string_append_printf(json, ",\"k%u\":0", i);
  g_string_append(json, "}]}");
  g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func((GDestroyNotify)dlv_problem_free);
  g_assert_null(dlv_policy_parse(json->str, fixture_classes, problems));
  g_assert_cmpuint(problems->len, ==, DLV_PROBLEMS_MAX);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/policy-json/bad", test_bad);
  g_test_add_func("/policy-json/good", test_good);
  g_test_add_func("/policy-json/depth", test_depth);
  g_test_add_func("/policy-json/size", test_size);
  g_test_add_func("/policy-json/many", test_many);
  return g_test_run();
}
