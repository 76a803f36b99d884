/* test-gjson.c: paths of gjson: what they find, by the examples of its own manual, and which are
 * refused. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "checks/gjson.h"

#include <string.h>

static const char document[] =
    "{\"name\": {\"first\": \"Tom\", \"last\": \"Anderson\"}, \"age\": 37,"
    " \"children\": [\"Sara\", \"Alex\", \"Jack\"], \"fav.movie\": \"Deer Hunter\", \"none\": null,"
    " \"text\": \"{\\\"a\\\": 1}\", \"flag\": [{\"on\": true}, {\"on\": false}], \"deep\": [[1, "
    "2], [3], 4],"
    " \"meta\": {\"@type\": \"log\", \"list\": [1, [2, [3, 4]]],"
    "            \"parts\": [{\"a\": 1, \"b\": 2}, 5, {\"a\": 3}],"
    "            \"columns\": {\"id\": [\"x\", \"y\"], \"n\": [1], \"k\": 5}},"
    " \"ish\": [{\"n\": 1, \"v\": true}, {\"n\": 2, \"v\": 0}, {\"n\": 3, \"v\": null},"
    "           {\"n\": 4, \"v\": \"T\"}, {\"n\": 5, \"v\": \"false\"}, {\"n\": 6, \"v\": 0.5}, "
    "{\"n\": 7}],"
    " \"friends\": ["
    "{\"first\": \"Dale\", \"last\": \"Murphy\", \"age\": 44, \"nets\": [\"ig\", \"fb\", \"tw\"]},"
    "{\"first\": \"Roger\", \"last\": \"Craig\", \"age\": 68, \"nets\": [\"fb\", \"tw\"]},"
    "{\"first\": \"Jane\", \"last\": \"Murphy\", \"age\": 47, \"nets\": [\"ig\", \"tw\"]}]}";

static const struct {
  const char *path, *found; /* NULL: nothing */
} finds[] = {
    {"name.last", "\"Anderson\""},
    {"age", "37"},
    {"none", "null"},
    {"children.#", "3"},
    {"children.1", "\"Alex\""},
    {"children.9", NULL},
    {"children.x", NULL},
    {"child*.2", "\"Jack\""},
    {"c?ildren.0", "\"Sara\""},
    {"*.first", "\"Tom\""},
    {"fav\\.movie", "\"Deer Hunter\""},
    {"name.nothing.more", NULL},
    {"friends.#.first", "[\"Dale\",\"Roger\",\"Jane\"]"},
    {"friends.#.nothing", "[]"},
    {"friends.1.last", "\"Craig\""},
    {"friends.#(last==\"Murphy\").first", "\"Dale\""},
    {"friends.#(last==Murphy).first", "\"Dale\""},
    {"friends.#(last=\"Murphy\")#.first", "[\"Dale\",\"Jane\"]"},
    {"friends.#(last!=\"Murphy\").first", "\"Roger\""},
    {"friends.#(age>45)#.last", "[\"Craig\",\"Murphy\"]"},
    {"friends.#(age>=47)#|#", "2"},
    {"friends.#(age<=44).first", "\"Dale\""},
    {"friends.#(age<0).first", NULL},
    {"friends.#(first%\"D*\").last", "\"Murphy\""},
    {"friends.#(first!%\"D*\").last", "\"Craig\""},
    {"friends.#(nets.#(==\"fb\"))#.first", "[\"Dale\",\"Roger\"]"},
    {"friends.#(nets)#|#", "3"},
    {"friends.#(last==\"Murphy\")#|0.first", "\"Dale\""},
    {"friends.#.nets.#", "[3,2,2]"},
    {"friends|#", "3"},
    {"flag.#(on==true)#|#", "1"},
    {"flag.#(on==false).on", "false"},
    {"children|@reverse|0", "\"Jack\""},
    {"children.@reverse.0", "\"Jack\""},
    {"name.@keys", "[\"first\",\"last\"]"},
    {"name.@values", "[\"Tom\",\"Anderson\"]"},
    {"deep.@flatten", "[1,2,3,4]"},
    {"text.@fromstr.a", "1"},
    {"name.first.@tostr", "\"\\\"Tom\\\"\""},
    {"age.@this", "37"},
    {"age.#", NULL},
    {"{name.first,age,\"the_murphys\":friends.#(last=\"Murphy\")#.first}",
     "{\"first\":\"Tom\",\"age\":37,\"the_murphys\":[\"Dale\",\"Jane\"]}"},
    {"[name.first,nothing,children.#]", "[\"Tom\",3]"},
    {"{children.#,fav\\.movie,k:age}", "{\"_\":3,\"fav.movie\":\"Deer Hunter\",\"k\":37}"},
    {"friends.#.{first,age}|1", "{\"first\":\"Roger\",\"age\":68}"},
    {"friends.#.[first,nets.0]|@flatten|#", "6"},
    {"{name,children}.name.last", "\"Anderson\""},
    {"{\"a,b\":[age,{age}]}", "{\"a,b\":[37,{\"age\":37}]}"},
    {"{}", "{}"},
    {"{age,\"ok\":!true,\"n\":!1.5,\"t\":!\"x,y\",\"o\":!{\"a\":1}}",
     "{\"age\":37,\"ok\":true,\"n\":1.5,\"t\":\"x,y\",\"o\":{\"a\":1}}"},
    {"{age,\"p\":@pretty:{\"sortKeys\":true}|age}", "{\"age\":37,\"p\":37}"},
    {"@timestamp", NULL},
    {"meta.@type", "\"log\""},
    {"meta.list.@flatten:{\"deep\":true}", "[1,2,3,4]"},
    {"meta.list.@flatten", "[1,2,[3,4]]"},
    {"meta.parts.@join", "{\"a\":3,\"b\":2}"},
    {"meta.columns.@group", "[{\"id\":\"x\",\"n\":1},{\"id\":\"y\"}]"},
    {"@dig:first|#", "4"},
    {"friends.@dig:nets.0", "[\"ig\",\"fb\",\"ig\"]"},
    {"name.@reverse", "{\"last\":\"Anderson\",\"first\":\"Tom\"}"},
    {"children.@keys", "[null,null,null]"},
    {"children.@ugly|@valid|@pretty|0", "\"Sara\""},
    {"friends.#[last==\"Murphy\"].first", "\"Dale\""},
    {"ish.#(v==~true)#.n", "[1,4,6]"},
    {"ish.#(v==~false)#.n", "[2,3,5,7]"},
    {"ish.#(v==~null)#.n", "[3,7]"},
    {"ish.#(v==~*)#|#", "6"},
    {"ish.#(v!=~true)#.n", "[2,3,5,7]"},
    {"friends.#(last==\")\").first", NULL},
};

static void test_finds(void) {
  g_autoptr(JsonNode) root = json_from_string(document, NULL);

  g_assert_nonnull(root);
  for (guint i = 0; i < G_N_ELEMENTS(finds); i++) {
    g_autofree char *why = NULL;
    g_autoptr(ChkGjson) path = chk_gjson_new(finds[i].path, &why);
    if (!path)
      g_error("%s: %s", finds[i].path, why);
    g_autoptr(JsonNode) found = chk_gjson_get(path, root);
    g_autofree char *text = found ? json_to_string(found, FALSE) : NULL;
    g_test_message("%s", finds[i].path);
    g_assert_cmpstr(text, ==, finds[i].found);
    g_assert_null(chk_gjson_get(path, NULL));
  }
}

static void test_refused(void) {
  static const char *const wrong[] = {"",
                                      "a..b",
                                      "a.",
                                      ".a",
                                      "{a,b",
                                      "[a",
                                      "!",
                                      "!x",
                                      "#(a",
                                      "a.#(x==\"y)",
                                      "#(a==1)b",
                                      "#(a<~true)",
                                      "#(a%1)",
                                      "#(a==)",
                                      "a|",
                                      "#x",
                                      "{a,,b}",
                                      "{a}b",
                                      "@dig",
                                      "@dig:a.",
                                      "a.@flatten:{\"deep\":true",
                                      "{\"k\":}",
                                      "!{a}"};

  for (guint i = 0; i < G_N_ELEMENTS(wrong); i++) {
    g_autofree char *why = NULL;
    g_autoptr(ChkGjson) path = chk_gjson_new(wrong[i], &why);
    if (path)
      g_error("%s is taken", wrong[i]);
    g_assert_nonnull(why);
  }
}

/* Any bytes are refused or find something, and queries within queries end. */
static void test_any(void) {
  static const char letters[] = "ab.#()=|@*\\\"<!%1 ~{}[],:";
  g_autoptr(JsonNode) root = json_from_string(document, NULL);
  g_autoptr(GString) deep = g_string_new(NULL);
  guint n = 0;

  for (guint i = 0; i < 20000; i++) {
    char text[13] = "";
    g_autofree char *why = NULL;
    for (int k = g_test_rand_int_range(1, sizeof text); k > 0; k--)
      text[k - 1] = letters[g_test_rand_int_range(0, sizeof letters - 1)];
    g_autoptr(ChkGjson) path = chk_gjson_new(text, &why);
    g_assert_true((path == NULL) == (why != NULL));
    g_autoptr(JsonNode) found = path ? chk_gjson_get(path, root) : NULL;
    n += path ? 1 : 0;
  }
  g_assert_cmpuint(n, >, 100);
  for (guint i = 0; i < 1000; i++)
    g_string_append(deep, "#(");
  for (guint i = 0; i < 1000; i++)
    g_string_append_c(deep, ')');
  g_autofree char *why = NULL;
  g_assert_null(chk_gjson_new(deep->str, &why));
}

int main(int argc, char **argv) {
  g_test_init(&argc, &argv, NULL);
  g_test_add_func("/gjson/finds", test_finds);
  g_test_add_func("/gjson/refused", test_refused);
  g_test_add_func("/gjson/any", test_any);
  return g_test_run();
}
