/* test-reader.c: typed reading: what is right is read, and everything that is wrong is told at
 * once, each at its line and pointer. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "common/reader.h"

#include <string.h>

static const char *const colours[] = {"red", "green", NULL};

/* Reads what a program would: every kind once; the result as a text. */
static char *read_all(WgReader *r) {
  GString *out = g_string_new(NULL);

  g_string_append_printf(out, "%s", wg_reader_need(r, "name") ?: "-");
  g_string_append_printf(out, " %s", wg_reader_text(r, "text", "none"));
  g_string_append_printf(out, " %d", wg_reader_bool(r, "bool", TRUE));
  g_string_append_printf(out, " %d", (int)wg_reader_int(r, "int", -5, 5, 3));
  g_string_append_printf(out, " %g", wg_reader_number(r, "number", 1.5));
  g_string_append_printf(out, " %" G_GUINT64_FORMAT,
                         wg_reader_usec(r, "time", 1000, 60 * G_USEC_PER_SEC, 9));
  g_string_append_printf(out, " %" G_GUINT64_FORMAT, wg_reader_bytes(r, "size", 8));
  g_string_append_printf(out, " %d", wg_reader_word(r, "colour", colours, 7));
  g_auto(GStrv) texts = wg_reader_texts(r, "texts");
  g_autofree char *joined = g_strjoinv("+", texts);
  g_string_append_printf(out, " %s", joined);
  WgReader *inner = wg_reader_object(r, "inner");
  if (inner) {
    g_string_append_printf(out, " {%s}", wg_reader_text(inner, "a", "-"));
    wg_reader_end(inner);
  }
  guint n = wg_reader_length(r, "list");
  for (guint i = 0; i < n; i++) {
    WgReader *element = wg_reader_element(r, "list", i);
    g_string_append_printf(out, " [%s]", wg_reader_text(element, "b", "-"));
    wg_reader_end(element);
  }
  wg_reader_end(r);
  return g_string_free(out, FALSE);
}

static void check(const char *text, const char *read, const char *wrong) {
  g_autoptr(WgProblems) problems = wg_problems_new();
  g_autoptr(WgDoc) doc = wg_doc_parse(text, strlen(text), WG_DOC_AUTO, problems);

  g_assert_nonnull(doc);
  g_autofree char *got = read_all(wg_reader_new(doc, wg_doc_root(doc), "", problems));
  g_autofree char *told = wg_problems_text(problems, "f");
  g_assert_cmpstr(told, ==, wrong);
  g_assert_cmpstr(got, ==, read);
}

static void test_good(void) {
  check("{\"name\": \"n\"}", "n none 1 3 1.5 9 8 7 ", "");
  check("name: n\ntext: t\nbool: false\nint: -5\nnumber: 2\ntime: 1min\nsize: 16K\n"
        "colour: green\ntexts: [x, y]\ninner: {a: b, x-note: 1}\nlist: [{b: 1st}, {b: 2nd}]\n"
        "x-mine: [1]\n",
        "n t 0 -5 2 60000000 16384 1 x+y {b} [1st] [2nd]", "");
  check("name: n\ntime: 0.5\nsize: 7\ntexts: one\n", "n none 1 3 1.5 500000 7 7 one", "");
}

static void test_wrong(void) {
  check("text: 5\nbool: yes\nint: 6\nnumber: x\ntime: 1h\nsize: 5 apples\ncolour: gren\n"
        "texts: [a, 1]\ninner: [1]\nlist: {b: 1}\n",
        "- none 1 3 1.5 9 8 7 a {-}",
        "f:1: 'name' is missing\n"
        "f:1: /text: 'text' is a text; write it in quotes\n"
        "f:2: /bool: 'bool' is true or false\n"
        "f:3: /int: 'int' is between -5 and 5\n"
        "f:4: /number: 'number' is a number\n"
        "f:5: /time: 'time' is between 1ms and 1min\n"
        "f:6: /size: 'size' is a size: \"64K\", \"16M\", or a number of bytes\n"
        "f:7: /colour: 'colour' cannot be 'gren'; did you mean green?\n"
        "f:8: /texts: 'texts' is a text or a list of texts\n"
        "f:9: /inner: this is an object: keys and values\n"
        "f:10: /list: 'list' is a list\n");
  check("name: ''\nbool: 1\nint: 1.0\ntime: -1\nsize: -1\ncolour: blue\nlist: [1, {c: 2}]\n",
        "- none 1 3 1.5 9 8 7  [-] [-]",
        "f:1: /name: 'name' is empty\n"
        "f:2: /bool: 'bool' is true or false\n"
        "f:3: /int: 'int' is a whole number\n"
        "f:4: /time: 'time' is a time: \"500ms\", \"5s\", \"1min 30s\", or a number of seconds\n"
        "f:5: /size: 'size' is a size: \"64K\", \"16M\", or a number of bytes\n"
        "f:6: /colour: 'colour' cannot be 'blue'; there are: red, green\n"
        "f:7: /list/0: this is an object: keys and values\n"
        "f:7: /list/1/c: unknown key 'c'; there are: b\n");
}

static void test_unknown(void) {
  check("name: n\ntxet: t\ninner:\n  A/B: 1\nzebra: 1\n", "n none 1 3 1.5 9 8 7  {-}",
        "f:2: /txet: unknown key 'txet'; did you mean text?\n"
        "f:4: /inner/A~1B: unknown key 'A/B'; there are: a\n"
        "f:5: /zebra: unknown key 'zebra'; there are: name, text, bool, int, number, time, size, "
        "colour, texts, inner, list\n");
}

static void test_time_bounds(void) {
  g_autoptr(WgProblems) problems = wg_problems_new();
  static const char text[] = "{a: infinity, b: infinity, c: 2d, d: 1e300}";
  g_autoptr(WgDoc) doc = wg_doc_parse(text, strlen(text), WG_DOC_YAML, problems);
  WgReader *r = wg_reader_new(doc, wg_doc_root(doc), "", problems);

  g_assert_true(wg_reader_usec(r, "a", 0, G_MAXUINT64, 1) == G_MAXUINT64);
  g_assert_cmpuint(wg_reader_usec(r, "b", 0, 90 * G_USEC_PER_SEC, 1), ==, 1);
  g_assert_cmpuint(wg_reader_usec(r, "c", 1, 10, 2), ==, 2);
  g_assert_cmpuint(wg_reader_usec(r, "d", 0, G_MAXUINT64, 3), ==, 3);
  wg_reader_end(r);
  g_autofree char *told = wg_problems_text(problems, "f");
  g_assert_cmpstr(told, ==,
                  "f:1: /b: 'b' is at most 90s\nf:1: /c: 'c' is between 1us and 10us\n"
                  "f:1: /d: 'd' is a time: \"500ms\", \"5s\", \"1min 30s\", or a number of "
                  "seconds\n");
}

/* Objects with keys of the user's own, nodes, and no document behind them. */
static void test_own_keys(void) {
  g_autoptr(WgProblems) problems = wg_problems_new();
  g_autoptr(JsonNode) node = json_from_string("{\"v\": {\"p\": 1, \"q\": \"2\"}, \"w\": 3}", NULL);
  WgReader *r = wg_reader_new(NULL, node, "/here", problems);
  WgReader *v = wg_reader_object(r, "v");
  g_autofree const char **keys = wg_reader_keys(v);

  g_assert_cmpstr(wg_reader_pointer(v), ==, "/here/v");
  g_assert_cmpuint(g_strv_length((char **)keys), ==, 2);
  g_assert_cmpint(json_node_get_int(wg_reader_node(v, "p")), ==, 1);
  g_assert_null(wg_reader_node(v, "r"));
  g_assert_true(wg_reader_has(r, "w"));
  wg_reader_problem(v, "q", "no %s", "q");
  wg_reader_problem(v, NULL, "all");
  wg_reader_end(v);
  wg_reader_end(r);
  g_autofree char *told = wg_problems_text(problems, "f");
  g_assert_cmpstr(told, ==, "f: /here/v/q: no q\nf: /here/v: all\n");
}

/* A great many unknown keys cost little and are all counted. */
static void test_many(void) {
  g_autoptr(WgProblems) problems = wg_problems_new();
  g_autoptr(JsonNode) node = json_node_new(JSON_NODE_OBJECT);
  JsonObject *object = json_object_new();

  for (guint i = 0; i < 50000; i++) {
    g_autofree char *key = g_strdup_printf("key%u", i);
    json_object_set_int_member(object, key, 1);
  }
  json_node_take_object(node, object);
  WgReader *all = wg_reader_new(NULL, node, "", problems);
  g_autofree const char **keys = wg_reader_keys(all);
  g_assert_cmpuint(g_strv_length((char **)keys), ==, 50000);
  wg_reader_end(all); /* each is known */
  g_assert_cmpuint(wg_problems_n(problems), ==, 0);
  WgReader *none = wg_reader_new(NULL, node, "", problems);
  wg_reader_know(none, "name");
  wg_reader_end(none);
  g_autofree char *told = wg_problems_text(problems, "f");
  g_assert_cmpuint(wg_problems_n(problems), ==, WG_PROBLEMS_MAX);
  g_assert_true(g_str_has_suffix(told, "\nf: and 49000 problems more\n"));
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/reader/good", test_good);
  g_test_add_func("/reader/wrong", test_wrong);
  g_test_add_func("/reader/unknown", test_unknown);
  g_test_add_func("/reader/time-bounds", test_time_bounds);
  g_test_add_func("/reader/own-keys", test_own_keys);
  g_test_add_func("/reader/many", test_many);
  return g_test_run();
}
