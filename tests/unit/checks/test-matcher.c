/* test-matcher.c: every operator on every kind it applies to: what holds, what does not, what
 * cannot be judged; and what is told with it. A row is one judgement. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "checks/matcher.h"
#include "checks/text.h"

#include <string.h>

typedef struct {
  ChkKind kind;
  const char *matcher, *value; /* JSON; value NULL: absent */
  ChkHolds holds;
} Row;

#define H CHK_HOLDS
#define N CHK_HOLDS_NOT
#define U CHK_HOLDS_UNKNOWN
#define C CHK_HOLDS_NO_CASE

static const Row rows[] = {
    /* equality */
    {CHK_BOOL, "true", "true", H},
    {CHK_BOOL, "true", "false", N},
    {CHK_BOOL, "true", "\"true\"", H},
    {CHK_BOOL, "true", "\"yes\"", N},
    {CHK_BOOL, "true", NULL, N},
    {CHK_INT, "5", "5", H},
    {CHK_INT, "5", "6", N},
    {CHK_INT, "\"5\"", "5", H},
    {CHK_INT, "5", "\"5\"", H},
    {CHK_INT, "5", "5.0", H},
    {CHK_INT, "5", "\"five\"", N},
    {CHK_INT, "9007199254740993", "9007199254740992", N},
    {CHK_NUMBER, "0.5", "0.5", H},
    {CHK_NUMBER, "0.5", "0.25", N},
    {CHK_TEXT, "\"a\"", "\"a\"", H},
    {CHK_TEXT, "\"a\"", "\"A\"", N},
    {CHK_TEXT, "\"a\"", "\"a\\n\"", H},
    {CHK_TEXT, "\"a\"", "\"a\\n\\n\"", N},
    {CHK_TEXT, "\"a\\n\"", "\"a\\n\"", H},
    {CHK_TEXT, "\"a\\n\"", "\"a\"", N},
    {CHK_TEXT, "5", "\"5\"", H},
    {CHK_TEXT, "5", "\"5x\"", N},
    {CHK_TEXT, "\"\"", "\"\"", H},
    {CHK_TEXT, "\"\"", NULL, N},
    {CHK_TEXTS, "[\"a\", \"b\"]", "[\"a\", \"b\"]", H},
    {CHK_TEXTS, "[\"a\", \"b\"]", "[\"b\", \"a\"]", N},
    {CHK_TEXTS, "[]", "[]", H},
    {CHK_TEXTS, "[]", "[\"a\"]", N},
    {CHK_USEC, "\"500ms\"", "500000", H},
    {CHK_USEC, "0.5", "500000", H},
    {CHK_USEC, "\"500ms\"", "500001", N},
    {CHK_BYTES, "\"16M\"", "16777216", H},
    {CHK_BYTES, "16", "16", H},
    {CHK_MODE, "\"0644\"", "\"0644\"", H},
    {CHK_MODE, "\"644\"", "\"0644\"", H},
    {CHK_MODE, "644", "\"0644\"", H},
    {CHK_MODE, "\"0600\"", "\"0644\"", N},
    {CHK_JSON, "{\"equals\": {\"a\": [1, null]}}", "{\"a\": [1, null]}", H},
    {CHK_JSON, "{\"equals\": {\"a\": [1]}}", "{\"a\": [1], \"b\": 2}", N},
    {CHK_JSON, "[1, 2]", "[1, 2]", H},
    {CHK_JSON, "[1, 2]", "[1]", N},
    {CHK_JSON, "\"x\"", "{\"x\": 1}", N},
    {CHK_JSON, "\"x\"", "null", N},
    /* order */
    {CHK_INT, "{\"less\": 5}", "4", H},
    {CHK_INT, "{\"less\": 5}", "5", N},
    {CHK_INT, "{\"at-most\": 5}", "5", H},
    {CHK_INT, "{\"at-most\": 5}", "6", N},
    {CHK_INT, "{\"more\": 5}", "6", H},
    {CHK_INT, "{\"more\": 5}", "5", N},
    {CHK_INT, "{\"at-least\": 5}", "5", H},
    {CHK_INT, "{\"at-least\": 5}", "4", N},
    {CHK_INT, "{\"at-least\": 0}", NULL, N},
    {CHK_INT, "{\"between\": [1, 3]}", "1", H},
    {CHK_INT, "{\"between\": [1, 3]}", "3", H},
    {CHK_INT, "{\"between\": [1, 3]}", "4", N},
    {CHK_INT, "{\"more\": 1, \"less\": 3}", "2", H},
    {CHK_INT, "{\"more\": 1, \"less\": 3}", "3", N},
    {CHK_USEC, "{\"less\": \"500ms\"}", "499999", H},
    {CHK_USEC, "{\"less\": \"500ms\"}", "500000", N},
    {CHK_USEC, "{\"less\": 1}", "999999", H},
    {CHK_USEC, "{\"between\": [\"1ms\", \"1s\"]}", "2000", H},
    {CHK_BYTES, "{\"at-least\": \"1G\"}", "1073741824", H},
    {CHK_BYTES, "{\"at-least\": \"1G\"}", "1073741823", N},
    {CHK_TEXT, "{\"less\": 5}", "\"4\"", H},
    {CHK_TEXT, "{\"less\": 5}", "\"4\\n\"", H},
    {CHK_TEXT, "{\"less\": 5}", "\"four\"", N},
    {CHK_TEXT, "{\"less\": 5}", "\"\"", N},
    {CHK_MODE, "{\"at-most\": \"0644\"}", "\"0600\"", H},
    {CHK_MODE, "{\"at-most\": \"0644\"}", "\"0421\"", N},
    {CHK_MODE, "{\"at-least\": \"0400\"}", "\"0644\"", H},
    {CHK_MODE, "{\"at-least\": \"0440\"}", "\"0604\"", N},
    {CHK_JSON, "{\"less\": 5}", "4.5", H},
    {CHK_JSON, "{\"less\": 5}", "\"4\"", H},
    {CHK_JSON, "{\"less\": 5}", "true", N},
    {CHK_JSON, "{\"less\": 5}", "[4]", N},
    /* texts */
    {CHK_TEXT, "{\"matches\": \"^a+$\"}", "\"aaa\"", H},
    {CHK_TEXT, "{\"matches\": \"^a+$\"}", "\"aab\"", N},
    {CHK_TEXT, "{\"matches\": \"b\"}", "\"abc\"", H},
    {CHK_TEXT, "{\"matches\": \"(?m)^b$\"}", "\"a\\nb\\nc\"", H},
    {CHK_TEXT, "{\"matches\": \"^(a+)+$\"}",
     "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\"", U},
    {CHK_TEXT, "{\"contains\": \"b\"}", "\"abc\"", H},
    {CHK_TEXT, "{\"contains\": [\"a\", \"c\"]}", "\"abc\"", H},
    {CHK_TEXT, "{\"contains\": [\"a\", \"d\"]}", "\"abc\"", N},
    {CHK_TEXT, "{\"starts\": \"ab\"}", "\"abc\"", H},
    {CHK_TEXT, "{\"starts\": \"b\"}", "\"abc\"", N},
    {CHK_TEXT, "{\"ends\": \"bc\"}", "\"abc\\n\"", H},
    {CHK_TEXT, "{\"ends\": \"b\"}", "\"abc\"", N},
    {CHK_TEXT, "{\"length\": 3}", "\"a\\u00e4b\"", H},
    {CHK_TEXT, "{\"length\": {\"less\": 3}}", "\"abc\"", N},
    {CHK_JSON, "{\"contains\": \"b\"}", "\"abc\"", H},
    {CHK_JSON, "{\"contains\": \"b\"}", "[\"b\"]", N},
    {CHK_JSON, "{\"starts\": \"5\"}", "55", H},
    /* lines */
    {CHK_TEXT, "[\"b\", \"a\"]", "\"xa\\nxb\"", H},
    {CHK_TEXT, "[\"b\", \"c\"]", "\"xa\\nxb\"", N},
    {CHK_TEXT, "[\"!c\"]", "\"xa\\nxb\"", H},
    {CHK_TEXT, "[\"!b\"]", "\"xa\\nxb\"", N},
    {CHK_TEXT, "[\"/^xb$/\", \"!/^b/\"]", "\"xa\\nxb\"", H},
    {CHK_TEXT, "[\"/^b/\"]", "\"xa\\nxb\"", N},
    {CHK_TEXT, "[\"!/^x/\"]", "\"xa\\nxb\"", N},
    {CHK_TEXT, "[\"\\\\!no\", \"\\\\/x/\"]", "\"!no\\n/x/\"", H},
    {CHK_TEXT, "{\"lines\": \"a\"}", "\"xa\"", H},
    {CHK_TEXT, "[\"!a\"]", NULL, N},
    {CHK_TEXTS, "{\"lines\": [\"a\", \"!c\"]}", "[\"xa\", \"b\"]", H},
    {CHK_TEXTS, "{\"lines\": [\"c\"]}", "[\"xa\", \"b\"]", N},
    /* lists */
    {CHK_TEXTS, "{\"any\": {\"starts\": \"b\"}}", "[\"a\", \"bc\"]", H},
    {CHK_TEXTS, "{\"any\": \"b\"}", "[\"a\", \"bc\"]", N},
    {CHK_TEXTS, "{\"any\": \"b\"}", "[]", N},
    {CHK_TEXTS, "{\"all\": {\"length\": 1}}", "[\"a\", \"b\"]", H},
    {CHK_TEXTS, "{\"all\": {\"length\": 1}}", "[\"a\", \"bb\"]", N},
    {CHK_TEXTS, "{\"all\": \"a\"}", "[]", N},
    {CHK_TEXTS, "{\"none\": \"c\"}", "[\"a\", \"b\"]", H},
    {CHK_TEXTS, "{\"none\": \"b\"}", "[\"a\", \"b\"]", N},
    {CHK_TEXTS, "{\"none\": \"b\"}", "[]", H},
    {CHK_TEXTS, "{\"none\": \"b\"}", NULL, N},
    {CHK_TEXTS, "{\"has\": [\"b\", \"a\"]}", "[\"a\", \"b\", \"c\"]", H},
    {CHK_TEXTS, "{\"has\": \"b\"}", "[\"a\", \"b\", \"c\"]", H},
    {CHK_TEXTS, "{\"has\": [\"d\"]}", "[\"a\", \"b\", \"c\"]", N},
    {CHK_TEXTS, "{\"has\": [\"a\", \"a\"]}", "[\"a\", \"b\"]", N},
    {CHK_TEXTS, "{\"only\": [\"b\", \"a\"]}", "[\"a\", \"b\"]", H},
    {CHK_TEXTS, "{\"only\": [\"b\", \"a\"]}", "[\"a\", \"b\", \"c\"]", N},
    {CHK_TEXTS, "{\"only\": [{\"starts\": \"a\"}, \"a\"]}", "[\"a\", \"ab\"]", H},
    {CHK_TEXTS, "{\"only\": []}", "[]", H},
    {CHK_TEXTS, "{\"only\": []}", "[\"a\"]", N},
    {CHK_TEXTS, "{\"length\": 2}", "[\"a\", \"b\"]", H},
    {CHK_TEXTS, "{\"length\": {\"at-least\": 3}}", "[\"a\", \"b\"]", N},
    {CHK_JSON, "{\"any\": {\"/n\": 2}}", "[{\"n\": 1}, {\"n\": 2}]", H},
    {CHK_JSON, "{\"all\": {\"/n\": 2}}", "[{\"n\": 1}, {\"n\": 2}]", N},
    {CHK_JSON, "{\"any\": 1}", "{\"a\": 1}", N},
    /* objects and documents */
    {CHK_JSON, "{\"has-key\": \"a\"}", "{\"a\": 1}", H},
    {CHK_JSON, "{\"has-key\": [\"a\", \"b\"]}", "{\"a\": 1}", N},
    {CHK_JSON, "{\"has-key\": \"a\"}", "[\"a\"]", N},
    {CHK_JSON, "{\"keys\": {\"only\": [\"b\", \"a\"]}}", "{\"a\": 1, \"b\": 2}", H},
    {CHK_JSON, "{\"keys\": {\"none\": \"b\"}}", "{\"a\": 1, \"b\": 2}", N},
    {CHK_JSON, "{\"length\": 2}", "{\"a\": 1, \"b\": 2}", H},
    {CHK_JSON, "{\"/a/b\": 1}", "{\"a\": {\"b\": 1}}", H},
    {CHK_JSON, "{\"/a/b\": 1, \"/c\": {\"absent\": true}}", "{\"a\": {\"b\": 1}}", H},
    {CHK_JSON, "{\"/a/b\": 1}", "{\"a\": {\"b\": 2}}", N},
    {CHK_JSON, "{\"/a/c\": 1}", "{\"a\": {\"b\": 2}}", N},
    {CHK_JSON, "{\"json\": {\"/a\": {\"in\": [1, 2]}}, \"has-key\": \"b\"}", "{\"a\": 2, \"b\": 0}",
     H},
    {CHK_TEXT, "{\"json\": {\"/a\": 1}}", "\"{\\\"a\\\": 1}\"", H},
    {CHK_TEXT, "{\"json\": {\"/a\": 1}}", "\"a: 1\\n\"", H},
    {CHK_TEXT, "{\"json\": {\"/a\": 1}}", "\"{\\\"a\\\": \"", N},
    /* versions */
    {CHK_TEXT, "{\"semver\": \">=1.2 <2\"}", "\"1.10.0\"", H},
    {CHK_TEXT, "{\"semver\": \">=1.2 <2\"}", "\"1.10.0\\n\"", H},
    {CHK_TEXT, "{\"semver\": \">=1.2 <2\"}", "\"2.0.0\"", N},
    {CHK_TEXT, "{\"semver\": \"^1.2\"}", "\"v1.9.9\"", H},
    {CHK_TEXT, "{\"semver\": \"^1.2\"}", "\"new\"", N},
    /* joining */
    {CHK_INT, "{\"not\": 5}", "6", H},
    {CHK_INT, "{\"not\": 5}", "5", N},
    {CHK_INT, "{\"not\": 5}", NULL, N},
    {CHK_INT, "{\"not\": {\"exists\": true}}", NULL, H},
    {CHK_INT, "{\"in\": [1, 2]}", "2", H},
    {CHK_INT, "{\"in\": [1, {\"more\": 5}]}", "6", H},
    {CHK_INT, "{\"in\": [1, 2]}", "3", N},
    {CHK_INT, "{\"and\": [{\"more\": 1}, {\"less\": 3}]}", "2", H},
    {CHK_INT, "{\"and\": [{\"more\": 1}, {\"less\": 3}]}", "3", N},
    {CHK_INT, "{\"or\": [{\"less\": 1}, {\"more\": 3}]}", "4", H},
    {CHK_INT, "{\"or\": [{\"less\": 1}, {\"more\": 3}]}", "2", N},
    {CHK_INT, "{\"or\": [{\"absent\": true}, 2]}", NULL, H},
    {CHK_INT, "{\"or\": [{\"absent\": true}, 2]}", "3", N},
    {CHK_INT, "{\"exists\": true}", "0", H},
    {CHK_INT, "{\"exists\": true}", NULL, N},
    {CHK_INT, "{\"exists\": false}", NULL, H},
    {CHK_INT, "{\"absent\": true}", NULL, H},
    {CHK_INT, "{\"absent\": true}", "null", H},
    {CHK_INT, "{\"absent\": true}", "0", N},
    {CHK_TEXT, "{\"not\": {\"matches\": \"^(a+)+$\"}}",
     "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\"", U},
};

static ChkMatcher *matcher(const char *json, ChkKind kind) {
  g_autoptr(WgProblems) problems = wg_problems_new();
  g_autoptr(JsonNode) node = json_from_string(json, NULL);

  g_assert_nonnull(node);
  ChkMatcher *m = chk_matcher_new(NULL, node, "/x", kind, problems);
  g_autofree char *text = wg_problems_text(problems, "matcher");
  if (!m)
    g_error("%s as %s is refused: %s", json, chk_kind_name(kind), text);
  g_assert_cmpuint(wg_problems_n(problems), ==, 0);
  return m;
}

static void test_rows(void) {
  for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
    const Row *row = &rows[i];
    g_autoptr(ChkMatcher) m = matcher(row->matcher, row->kind);
    g_autoptr(JsonNode) value = row->value ? json_from_string(row->value, NULL) : NULL;
    ChkMatch match;
    chk_matcher_judge(m, value, NULL, &match);
    if (match.holds != row->holds)
      g_error("row %u: %s on %s: %d instead of %d (%s)", i, row->matcher,
              row->value ? row->value : "nothing", match.holds, row->holds,
              match.text ? match.text : "");
    g_assert_true(*match.expected && *match.observed);
    g_assert_true(g_utf8_validate(match.expected, -1, NULL));
    chk_match_clear(&match);
  }
}

typedef struct {
  ChkKind kind;
  const char *matcher, *now, *then;
  gboolean known;
  ChkHolds holds;
} Before;

static void test_baseline(void) {
  static const Before list[] = {
      {CHK_TEXTS, "{\"no-new\": true}", "[\"a\"]", "[\"a\", \"b\"]", TRUE, H},
      {CHK_TEXTS, "{\"no-new\": true}", "[\"a\", \"c\"]", "[\"a\", \"b\"]", TRUE, N},
      {CHK_TEXTS, "{\"no-new\": true}", "[\"a\"]", NULL, TRUE, C},
      {CHK_TEXTS, "{\"no-new\": true}", "[\"a\"]", NULL, FALSE, U},
      {CHK_JSON, "{\"no-new\": true}", "[{\"a\": 1}]", "[{\"a\": 1}]", TRUE, H},
      {CHK_USEC, "{\"at-most-baseline\": 1.5}", "150", "100", TRUE, H},
      {CHK_USEC, "{\"at-most-baseline\": 1.5}", "151", "100", TRUE, N},
      {CHK_USEC, "{\"at-most-baseline\": 1.5}", "151", NULL, FALSE, U},
      {CHK_TEXTS, "{\"keeps\": true}", "[\"b\", \"a\"]", "[\"a\"]", TRUE, H},
      {CHK_TEXTS, "{\"keeps\": true}", "[\"b\"]", "[\"a\"]", TRUE, N},
      {CHK_JSON, "{\"keeps\": true}", "{\"b\": 1}", "{\"a\": 1}", TRUE, N},
      {CHK_JSON, "{\"/a\": {\"keeps\": true}}", "{\"b\": 1}", "{\"a\": 1}", TRUE, N},
      {CHK_JSON, "{\"/a\": {\"keeps\": true}}", "{\"b\": 1}", "{\"b\": 1}", TRUE, C},
      {CHK_TEXT, "{\"keeps\": true}", "\"x\"", "\"y\"", TRUE, H},
      {CHK_NUMBER, "{\"not-higher\": true}", "5.5", "5.5", TRUE, H},
      {CHK_NUMBER, "{\"not-higher\": true}", "5.6", "5.5", TRUE, N},
      {CHK_NUMBER, "{\"not-higher\": true, \"less\": 9}", "5", NULL, TRUE, H},
      {CHK_NUMBER, "{\"not-higher\": true, \"less\": 5}", "5", NULL, TRUE, N},
      {CHK_MODE, "{\"not-higher\": true}", "\"0600\"", "\"0644\"", TRUE, H},
      {CHK_MODE, "{\"not-higher\": true}", "\"4600\"", "\"0644\"", TRUE, N},
      {CHK_JSON, "{\"/p95\": {\"at-most-baseline\": 2}}", "{\"p95\": 3}", "{\"p95\": 2}", TRUE, H},
      {CHK_JSON, "{\"/p95\": {\"at-most-baseline\": 2}}", "{\"p95\": 5}", "{\"p95\": 2}", TRUE, N},
  };

  for (guint i = 0; i < G_N_ELEMENTS(list); i++) {
    const Before *b = &list[i];
    g_autoptr(ChkMatcher) m = matcher(b->matcher, b->kind);
    g_autoptr(JsonNode) now = json_from_string(b->now, NULL);
    g_autoptr(JsonNode) then = b->then ? json_from_string(b->then, NULL) : NULL;
    ChkBefore before = {b->known, then};
    ChkMatch match;
    g_assert_true(chk_matcher_needs_baseline(m));
    chk_matcher_judge(m, now, &before, &match);
    if (match.holds != b->holds)
      g_error("row %u: %s: %d instead of %d", i, b->matcher, match.holds, b->holds);
    chk_match_clear(&match);
  }
}

typedef struct {
  ChkKind kind;
  const char *matcher, *value, *expected, *observed, *chain, *text;
} Told;

static void test_told(void) {
  static const Told told[] = {
      {CHK_INT, "5", "6", "5", "6", NULL, NULL},
      {CHK_INT, "5", "\"6\"", "5", "\"6\"", "text \"6\" taken as number 6", NULL},
      {CHK_INT, "\"5\"", "5", "\"5\"", "5", "wanted text \"5\" taken as number 5", NULL},
      {CHK_USEC, "{\"less\": \"500ms\"}", "612000", "less than \"500ms\"", "612ms", NULL, NULL},
      {CHK_BYTES, "{\"at-least\": \"1G\"}", "1048576", "at least \"1G\"", "1M", NULL, NULL},
      {CHK_TEXTS, "{\"only\": [\"a\"]}", "[\"b\"]", "only \"a\"", "[\"b\"]", NULL,
       "missing: \"a\"; unexpected \"b\""},
      {CHK_JSON, "{\"/s\": {\"in\": [\"ok\", \"fine\"]}}", "{\"s\": \"bad\"}",
       "at /s: one of \"ok\", \"fine\"", "at /s: \"bad\"", NULL, NULL},
      {CHK_TEXT, "[\"a\", \"!b\"]", "\"b\"", "lines [\"a\",\"!b\"]", "\"b\"", NULL,
       "\"a\" is missing, \"!b\" is there"},
      {CHK_TEXT, "\"x\"", NULL, "\"x\"", "(absent)", NULL, "it is not there"},
      {CHK_BOOL, "true", "\"true\"", "true", "\"true\"", "text \"true\" taken as truth", NULL},
      {CHK_INT, "{\"not\": {\"less\": 5}}", "4", "not less than 5", "4", NULL, NULL},
  };

  for (guint i = 0; i < G_N_ELEMENTS(told); i++) {
    g_autoptr(ChkMatcher) m = matcher(told[i].matcher, told[i].kind);
    g_autoptr(JsonNode) value = told[i].value ? json_from_string(told[i].value, NULL) : NULL;
    ChkMatch match;
    chk_matcher_judge(m, value, NULL, &match);
    g_assert_cmpstr(match.expected, ==, told[i].expected);
    g_assert_cmpstr(match.observed, ==, told[i].observed);
    g_assert_cmpstr(match.chain, ==, told[i].chain);
    g_assert_cmpstr(match.text, ==, told[i].text);
    chk_match_clear(&match);
  }
}

/* Of several parts the one that fails is told, not one that had nothing to compare with. */
static void test_worst_is_told(void) {
  g_autoptr(ChkMatcher) m =
      matcher("{\"/a\": {\"keeps\": true}, \"/b\": {\"keeps\": true}}", CHK_JSON);
  g_autoptr(JsonNode) now = json_from_string("{}", NULL);
  g_autoptr(JsonNode) then = json_from_string("{\"b\": 1}", NULL);
  ChkBefore before = {TRUE, then};
  ChkMatch match;

  chk_matcher_judge(m, now, &before, &match);
  g_assert_cmpint(match.holds, ==, CHK_HOLDS_NOT);
  g_assert_cmpstr(match.observed, ==, "at /b: (absent)");
  g_assert_cmpstr(match.text, ==, "it is not there any more");
  chk_match_clear(&match);
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/matcher/rows", test_rows);
  g_test_add_func("/matcher/baseline", test_baseline);
  g_test_add_func("/matcher/told", test_told);
  g_test_add_func("/matcher/worst-is-told", test_worst_is_told);
  return g_test_run();
}
