/* test-matcher-refused.c: matchers that are none, or that could never fail or never hold: each is
 * refused with its place and a reason. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "checks/matcher.h"

#include <string.h>

typedef struct {
  ChkKind kind;
  const char *matcher, *pointer, *text;
} Refused;

static void test_refused(void) {
  static const Refused list[] = {
      {CHK_INT, "{}", "/x", "an empty matcher asserts nothing"},
      {CHK_INT, "null", "/x", "null is equal to nothing"},
      {CHK_INT, "{\"lses\": 5}", "/x/lses", "did you mean less"},
      {CHK_INT, "{\"less\": \"five\"}", "/x/less", "no number"},
      {CHK_INT, "\"five\"", "/x", "no number"},
      {CHK_INT, "[5]", "/x", "never a list"},
      {CHK_BOOL, "\"yes\"", "/x", "true or false"},
      {CHK_BOOL, "{\"less\": 5}", "/x/less", "does not apply"},
      {CHK_TEXT, "[]", "/x", "asserts nothing"},
      {CHK_TEXT, "{\"lines\": []}", "/x/lines", "asserts nothing"},
      {CHK_TEXT, "{\"lines\": [\"a\", \"!\"]}", "/x/lines", "looks for nothing"},
      {CHK_TEXT, "{\"lines\": [\"/(/\"]}", "/x/lines", "no regular expression"},
      {CHK_TEXT, "{\"lines\": [\"/.*/\"]}", "/x/lines", "matches everything"},
      {CHK_TEXT, "{\"matches\": \"\"}", "/x/matches", "matches everything"},
      {CHK_TEXT, "{\"matches\": \"[\"}", "/x/matches", "no regular expression"},
      {CHK_TEXT, "{\"contains\": []}", "/x/contains", "asserts nothing"},
      {CHK_TEXT, "{\"contains\": \"\"}", "/x/contains", "not empty"},
      {CHK_TEXT, "{\"has\": [\"a\"]}", "/x/has", "does not apply"},
      {CHK_TEXT, "{\"semver\": \"new\"}", "/x/semver", "no version"},
      {CHK_TEXT, "{\"semver\": 1.10}", "/x/semver", "numbers lose digits"},
      {CHK_TEXTS, "\"a\"", "/x", "the value is a list"},
      {CHK_TEXTS, "{\"has\": []}", "/x/has", "asserts nothing"},
      {CHK_TEXTS, "{\"any\": {}}", "/x/any", "asserts nothing"},
      {CHK_TEXTS, "{\"length\": {\"at-least\": 0}}", "/x/length", "asserts nothing"},
      {CHK_INT, "{\"in\": []}", "/x/in", "never hold"},
      {CHK_INT, "{\"or\": []}", "/x/or", "never hold"},
      {CHK_INT, "{\"and\": []}", "/x/and", "asserts nothing"},
      {CHK_INT, "{\"and\": [{}]}", "/x/and/0", "asserts nothing"},
      {CHK_INT, "{\"between\": [3, 1]}", "/x/between", "never hold"},
      {CHK_INT, "{\"between\": 3}", "/x/between", "list of two"},
      {CHK_INT, "{\"exists\": 1}", "/x/exists", "true or false"},
      {CHK_USEC, "{\"less\": \"5 parsecs\"}", "/x/less", "parsecs"},
      {CHK_USEC, "{\"at-least\": 0}", "/x/at-least", "always holds"},
      {CHK_MODE, "\"0999\"", "/x", "no file mode"},
      {CHK_MODE, "{\"at-most\": \"7777\"}", "/x/at-most", "always holds"},
      {CHK_JSON, "{\"json\": {}}", "/x/json", "JSON pointers"},
      {CHK_JSON, "{\"json\": {\"a\": 1}}", "/x/json/a", "did you mean \"/a\""},
      {CHK_TEXTS, "{\"no-new\": false}", "/x/no-new", "left out"},
      {CHK_INT, "{\"at-most-baseline\": 0}", "/x/at-most-baseline", "above 0"},
      {CHK_TEXT, "{\"no-new\": true}", "/x/no-new", "does not apply"},
  };

  for (guint i = 0; i < G_N_ELEMENTS(list); i++) {
    g_autoptr(WgProblems) problems = wg_problems_new();
    g_autoptr(JsonNode) node = json_from_string(list[i].matcher, NULL);
    ChkMatcher *m = chk_matcher_new(NULL, node, "/x", list[i].kind, problems);
    g_autofree char *text = wg_problems_text(problems, "m");
    if (m || wg_problems_n(problems) != 1 || !strstr(text, list[i].text))
      g_error("row %u: %s: %s", i, list[i].matcher, text);
    g_assert_cmpstr(wg_problems_at(problems, 0)->pointer, ==, list[i].pointer);
  }
}

/* All problems of a deep matcher at once. */
static void test_all_at_once(void) {
  g_autoptr(WgProblems) problems = wg_problems_new();
  g_autoptr(JsonNode) node = json_from_string(
      "{\"and\": [{}, {\"less\": \"x\"}, {\"or\": []}, {\"lss\": 1}], \"in\": []}", NULL);

  g_assert_null(chk_matcher_new(NULL, node, "", CHK_INT, problems));
  g_assert_cmpuint(wg_problems_n(problems), ==, 5);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/matcher/refused", test_refused);
  g_test_add_func("/matcher/all-at-once", test_all_at_once);
  return g_test_run();
}
