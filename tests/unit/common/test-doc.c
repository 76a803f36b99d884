/* test-doc.c: documents from outside: what is refused and where, what lines nodes have, that JSON
 * and YAML give the same canonical bytes, and that no document costs more than its bounds. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "common/doc.h"

#include <string.h>

static char *problems_of(const char *text, gssize size, WgDocFormat format) {
  g_autoptr(WgProblems) problems = wg_problems_new();
  g_autoptr(WgDoc) doc =
      wg_doc_parse(text, size < 0 ? strlen(text) : (gsize)size, format, problems);

  g_assert_true(doc || wg_problems_refuse(problems));
  return wg_problems_text(problems, "f");
}

static WgDoc *parsed(const char *text) {
  g_autoptr(WgProblems) problems = wg_problems_new();
  WgDoc *doc = wg_doc_parse(text, strlen(text), WG_DOC_AUTO, problems);
  g_autofree char *wrong = wg_problems_text(problems, "f");

  g_assert_cmpstr(wrong, ==, "");
  return doc;
}

static char *canonical(const char *text) {
  g_autoptr(WgDoc) doc = parsed(text);

  return wg_json_canonical(wg_doc_root(doc));
}

static const struct {
  const char *text, *problems;
} bad_json[] = {
    {"", "f:1:1: expected a value, found the end\n"},
    {"{} x", "f:1:4: expected nothing after the document, found 'x'\n"},
    {"{\"a\": [1,\n 2,]}", "f:2:4: /a/2: expected a value, found ']'\n"},
    {"// note\n{}", "f:1:1: expected a value, found '/'\n"},
    {"{\"a\":\n 'b'}", "f:2:2: /a: expected a value, found '''\n"},
    {"{a: 1}", "f:1:2: expected a key in quotes, found 'a'\n"},
    {"{\"a\": 01}", "f:1:7: /a: expected a number without a zero before it, found '0'\n"},
    {"{\"a\": 1.}", "f:1:9: /a: expected a digit, found '}'\n"},
    {"{\"a\": 1e999}", "f:1: /a: a number that is too large or too long\n"},
    {"{\"a\": 1234567890123456789}", "f:1: /a: a number with more than 18 digits\n"},
    {"{\"a\": \"\\u0000\"}", "f:1:10: /a: expected four hexadecimal digits of a character (not "
                             "0000, no half of a pair), found '0'\n"},
    {"{\"a\": \"\n\"}", "f:1:8: /a: expected no control character in a string (write \\n, \\t, "
                        "\\u00XX), found ' '\n"},
    {"{\"a\": 1\n \"b\": 2}", "f:2:2: expected ',' or '}', found '\"'\n"},
    {"{\"a/b~\": 1,\n\"a\\u002fb~\": {\"c\": x}}",
     "f:2: /a~1b~0: 'a/b~' is here twice; which one counts?\n"
     "f:2:20: /a~1b~0/c: expected a value, found 'x'\n"},
    {"{\"a\": 1,\n\"b\": {\"c\": 1, \"c\": 2},\n\"a\": 2}",
     "f:2: /b/c: 'c' is here twice; which one counts?\n"
     "f:3: /a: 'a' is here twice; which one counts?\n"},
    {"{\"a\":\n\"\xff\"}", "f:2: byte 7 is not UTF-8\n"},
};

static const struct {
  const char *text, *problems;
} bad_yaml[] = {
    {"", "f: empty: there is nothing in it\n"},
    {"# only a remark\n", "f: empty: there is nothing in it\n"},
    {"a: 1\nb: 2\na: 3\nc: {d: 1, d: 2}\n", "f:3: /a: 'a' is here twice; which one counts?\n"
                                            "f:4: /c/d: 'd' is here twice; which one counts?\n"},
    {"a: 1\n1: b\ntrue: c\n~: d\n", "f:2:1: a key is a text; write it in quotes: \"1\"\n"
                                    "f:3:1: a key is a text; write it in quotes: \"true\"\n"},
    {"a: \"b\\0c\"\n", "f:1:4: /a: a text has no character of the code 0\n"},
    {"? \"b\\x00\"\n: 1\n", "f:1:3: a text has no character of the code 0\n"},
    {"a:\n  - !!str 5\n", "f:2:5: /a: tags (!) are not understood\n"},
    {"a: !x {b: 1}\n", "f:1:4: /a: tags (!) are not understood\n"},
    {"!x a: 1\n", "f:1:1: tags (!) are not understood\n"},
    {"a: *b\n", "f:1:4: /a: an alias of an anchor that is not there before it\n"},
    {"a: &b\n  c: [1, *b]\n", "f:2:10: /a/c/1: an alias within what it stands for\n"},
    {"? [a]\n: 1\n", "f:1:3: a key is a text\n"},
    {"a: 1\n---\nb: 2\n", "f:2:1: a second document; there is one in a file\n"},
    {"a: 1\n b: 2\n", "f:2:3: no YAML: mapping values are not allowed in this context\n"},
    {"a:\n\t- b\n", "f:2:1: /a: no YAML: found character that cannot start any token, while "
                    "scanning for the next token\n"},
    {"a: 9999999999999999999\n", "f:1: /a: a number with more than 18 digits\n"},
    {"a: &x 1\n<<: *x\n", "f:3:1: '<<' stands for mappings only\n"},
};

static void test_bad_json(void) {
  for (guint i = 0; i < G_N_ELEMENTS(bad_json); i++) {
    g_autofree char *problems = problems_of(bad_json[i].text, -1, WG_DOC_JSON);
    g_assert_cmpstr(problems, ==, bad_json[i].problems);
  }
  g_autofree char *nul = problems_of("{}\0{}", 5, WG_DOC_JSON);
  g_assert_cmpstr(nul, ==, "f:1: byte 2 is not UTF-8\n");
}

static void test_bad_yaml(void) {
  for (guint i = 0; i < G_N_ELEMENTS(bad_yaml); i++) {
    g_autofree char *problems = problems_of(bad_yaml[i].text, -1, WG_DOC_AUTO);
    g_assert_cmpstr(problems, ==, bad_yaml[i].problems);
  }
}

/* The same document in both notations: the same bytes; each is canonical itself. */
static const struct {
  const char *json, *yaml, *canonical;
} pairs[] = {
    {"{\"b\": 1, \"a\": [true, null, -0.5, \"x\"]}", "b: 1\na: [true, null, -0.5, x]\n",
     "{\"a\":[true,null,-0.5,\"x\"],\"b\":1}"},
    {"{\"a\": \"yes\", \"b\": \"0644\", \"c\": \"~\", \"d\": \"1:30\", \"e\": \"0x1f\", \"f\": "
     "\"+1\", \"g\": \".5\", \"h\": \"True\"}",
     "a: yes\nb: 0644\nc: ~\nd: 1:30\ne: 0x1f\nf: +1\ng: .5\nh: True\n",
     "{\"a\":\"yes\",\"b\":\"0644\",\"c\":\"~\",\"d\":\"1:30\",\"e\":\"0x1f\",\"f\":\"+1\","
     "\"g\":\".5\",\"h\":\"True\"}"},
    {"{\"a\": null, \"b\": \"\", \"c\": \"5\", \"d\": \"l1\\nl2\\n\"}",
     "a:\nb: ''\nc: \"5\"\nd: |\n  l1\n  l2\n",
     "{\"a\":null,\"b\":\"\",\"c\":\"5\",\"d\":\"l1\\nl2\\n\"}"},
    {"{\"x\": {\"k\": [1, 2]}, \"y\": {\"k\": [1, 2]}}", "x: &a {k: [1, 2]}\ny: *a\n",
     "{\"x\":{\"k\":[1,2]},\"y\":{\"k\":[1,2]}}"},
    {"{\"x\": {\"k\": 1, \"l\": 2}, \"y\": {\"k\": 3, \"l\": 2}}",
     "x: &a\n  k: 1\n  l: 2\ny:\n  <<: *a\n  k: 3\n",
     "{\"x\":{\"k\":1,\"l\":2},\"y\":{\"k\":3,\"l\":2}}"},
    {"{\"\\u00e9\": \"\\ud83d\\ude00\", \"z\": 1e3, \"Z\": 1E80}", "é: 😀\nz: 1e3\nZ: 1E80\n",
     "{\"Z\":1e+80,\"z\":1000.0,\"é\":\"😀\"}"},
    {"[{}, [], 0, -0, 999999999999999999]", "- {}\n- []\n- 0\n- -0\n- 999999999999999999\n",
     "[{},[],0,0,999999999999999999]"},
};

static void test_same(void) {
  for (guint i = 0; i < G_N_ELEMENTS(pairs); i++) {
    g_autofree char *json = canonical(pairs[i].json), *yaml = canonical(pairs[i].yaml);
    g_autofree char *again = canonical(json);
    g_assert_cmpstr(json, ==, pairs[i].canonical);
    g_assert_cmpstr(yaml, ==, pairs[i].canonical);
    g_assert_cmpstr(again, ==, json);
  }
}

static void check_lines(const char *text) {
  g_autoptr(WgDoc) doc = parsed(text);

  g_assert_cmpuint(wg_doc_line(doc, ""), ==, 1);
  g_assert_cmpuint(wg_doc_line(doc, "/a"), ==, 1);
  g_assert_cmpuint(wg_doc_line(doc, "/b"), ==, 2); /* the key's, not the value's */
  g_assert_cmpuint(wg_doc_line(doc, "/b/0"), ==, 3);
  g_assert_cmpuint(wg_doc_line(doc, "/b/1"), ==, 4);
  g_assert_cmpuint(wg_doc_line(doc, "/b/1/c"), ==, 4);
  g_assert_cmpuint(wg_doc_line(doc, "/b/1/d~1e"), ==, 5);
  g_assert_cmpuint(wg_doc_line(doc, "/b/1/none/at/all"), ==, 4);
  g_assert_cmpuint(wg_doc_line(doc, "/none"), ==, 1);
}

static void test_lines(void) {
  check_lines("a: 1\nb:\n- x\n- c: 2\n  d/e: 3\n");
  check_lines("{\"a\": 1,\n \"b\":\n [ \"x\",\n {\"c\": 2,\n  \"d/e\": 3}]}");
}

static void test_pointer(void) {
  g_autoptr(WgDoc) doc = parsed("{\"a\": {\"b/c\": [10, {\"\": 7}]}, \"~\": 1}");
  JsonNode *root = wg_doc_root(doc);

  g_assert_true(wg_json_pointer(root, "") == root);
  g_assert_cmpint(json_node_get_int(wg_json_pointer(root, "/a/b~1c/0")), ==, 10);
  g_assert_cmpint(json_node_get_int(wg_json_pointer(root, "/a/b~1c/1/")), ==, 7);
  g_assert_cmpint(json_node_get_int(wg_json_pointer(root, "/~0")), ==, 1);
  static const char *const none[] = {"a",          "/b",         "/a/b~1c/2",  "/a/b~1c/00",
                                     "/a/b~1c/-1", "/a/b~1c/+0", "/a/b~1c/0/", "/~",
                                     "/~2",        "/a/b~1c/-"};
  for (guint i = 0; i < G_N_ELEMENTS(none); i++)
    g_assert_null(wg_json_pointer(root, none[i]));
}

/* ---- bounds ---- */
static void expect_suffix(const char *text, const char *suffix) {
  g_autofree char *problems = problems_of(text, -1, WG_DOC_AUTO);

  if (!g_str_has_suffix(problems, suffix))
    g_error("expected \"…%s\", got \"%.200s\"", suffix, problems);
}

static char *nested(guint depth, const char *before) {
  GString *text = g_string_new(before);

  for (guint i = 0; i < depth; i++)
    g_string_append_c(text, '[');
  for (guint i = 0; i < depth; i++)
    g_string_append_c(text, ']');
  return g_string_free(text, FALSE);
}

static void test_depth(void) {
  static const char *const before[] = {"", "a: "};

  for (guint i = 0; i < 2; i++) {
    g_autofree char *fits = nested(WG_DOC_DEPTH_MAX - i, before[i]);
    g_autofree char *deep = nested(WG_DOC_DEPTH_MAX - i + 1, before[i]);
    g_autofree char *abyss = nested(100000, before[i]);
    g_autoptr(WgDoc) doc = parsed(fits);
    expect_suffix(deep, ": nested deeper than 64 levels\n");
    expect_suffix(abyss, ": nested deeper than 64 levels\n");
  }
}

/* Ten levels of ten aliases each would be ten thousand million nodes. */
static void test_laughter(void) {
  g_autoptr(GString) text = g_string_new("l0: &l0 [x,x,x,x,x,x,x,x,x,x]\n");
  g_autoptr(GString) wide = g_string_new("a: &a ");
  g_autofree char *big = g_strnfill(1024 * 1024, 'x');

  for (guint i = 1; i < 10; i++) {
    g_string_append_printf(text, "l%u: &l%u [", i, i);
    for (guint k = 0; k < 10; k++)
      g_string_append_printf(text, "%s*l%u", k ? "," : "", i - 1);
    g_string_append(text, "]\n");
  }
  expect_suffix(text->str, "more than 200000 values (what an alias stands for counts)\n");
  g_string_append_printf(wide, "%s\nb: [*a,*a,*a,*a,*a]\n", big);
  expect_suffix(wide->str, "texts of more than 4194304 bytes together\n");
}

static void test_size(void) {
  g_autofree char *blanks = g_strnfill(WG_DOC_BYTES_MAX, ' ');
  g_autofree char *long_one = g_strconcat(blanks, "{}", NULL);

  expect_suffix(long_one, "f: longer than 4194304 bytes\n");
  g_autofree char *key = g_strnfill(WG_DOC_KEY_MAX + 1, 'k');
  g_autofree char *json = g_strdup_printf("{\"%s\": 1}", key),
                  *yaml = g_strdup_printf("? %s\n: 1\n", key);
  expect_suffix(json, "f:1: a key longer than 1024 bytes\n");
  expect_suffix(yaml, "f:1: a key longer than 1024 bytes\n");
  memcpy(blanks, "{}", 2);
  g_autoptr(WgDoc) doc = parsed(blanks);
}

static void test_problems(void) {
  g_autoptr(WgProblems) problems = wg_problems_new();

  wg_problems_warn(problems, 7, "/b", "later\nline");
  g_assert_false(wg_problems_refuse(problems));
  wg_problems_add(problems, 7, "/a", "second");
  wg_problems_add(problems, 3, "", "first %d", 1);
  g_assert_true(wg_problems_refuse(problems));
  g_assert_cmpuint(wg_problems_n(problems), ==, 3);
  g_assert_cmpstr(wg_problems_at(problems, 0)->text, ==, "first 1");
  g_assert_null(wg_problems_at(problems, 3));
  g_autofree char *text = wg_problems_text(problems, "x.yaml");
  g_assert_cmpstr(text, ==,
                  "x.yaml:3: first 1\nx.yaml:7: warning: /b: later line\nx.yaml:7: /a: second\n");
  for (guint i = 0; i < WG_PROBLEMS_MAX; i++)
    wg_problems_add(problems, 9, "", "more");
  g_assert_cmpuint(wg_problems_n(problems), ==, WG_PROBLEMS_MAX);
  g_autofree char *many = wg_problems_text(problems, "y");
  g_assert_true(g_str_has_suffix(many, "\ny: and 3 problems more\n"));
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/doc/bad-json", test_bad_json);
  g_test_add_func("/doc/bad-yaml", test_bad_yaml);
  g_test_add_func("/doc/same", test_same);
  g_test_add_func("/doc/lines", test_lines);
  g_test_add_func("/doc/pointer", test_pointer);
  g_test_add_func("/doc/depth", test_depth);
  g_test_add_func("/doc/laughter", test_laughter);
  g_test_add_func("/doc/size", test_size);
  g_test_add_func("/doc/problems", test_problems);
  return g_test_run();
}
