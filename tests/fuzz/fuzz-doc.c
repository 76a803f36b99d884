/* fuzz-doc.c: any bytes as a document in either notation. It is refused with a problem of one line
 * and a pointer that can be; or it stays within its bounds, every node has a line within the text,
 * and its canonical text is JSON that reads back as the same. JSON that is taken is taken by
 * json-glib, too. */
#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "common/reader.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
  guint nodes, lines;
} Sum;

static void walk(WgDoc *doc, JsonNode *node, GString *pointer, guint depth, Sum *sum);

static void walk_object(WgDoc *doc, JsonObject *object, GString *pointer, guint depth, Sum *sum) {
  gsize before = pointer->len;
  JsonObjectIter iter;
  const char *key;
  JsonNode *value;

  json_object_iter_init(&iter, object);
  while (json_object_iter_next(&iter, &key, &value)) {
    g_autoptr(GString) token = g_string_new(key);
    g_string_replace(token, "~", "~0", 0);
    g_string_replace(token, "/", "~1", 0);
    g_string_append_printf(pointer, "/%s", token->str);
    walk(doc, value, pointer, depth + 1, sum);
    g_string_truncate(pointer, before);
  }
}

static void walk(WgDoc *doc, JsonNode *node, GString *pointer, guint depth, Sum *sum) {
  gsize before = pointer->len;

  g_assert_cmpuint(depth, <=, WG_DOC_DEPTH_MAX);
  g_assert_cmpuint(++sum->nodes, <=, WG_DOC_NODES_MAX);
  if (sum->nodes < 500) { /* a pointer is walked from the root */
    guint line = wg_doc_line(doc, pointer->str);
    g_assert_true(wg_json_pointer(wg_doc_root(doc), pointer->str) == node);
    g_assert_cmpuint(line, >=, 1);
    g_assert_cmpuint(line, <=, sum->lines);
  }
  if (JSON_NODE_HOLDS_OBJECT(node))
    walk_object(doc, json_node_get_object(node), pointer, depth, sum);
  for (guint i = 0;
       JSON_NODE_HOLDS_ARRAY(node) && i < json_array_get_length(json_node_get_array(node)); i++) {
    g_string_append_printf(pointer, "/%u", i);
    walk(doc, json_array_get_element(json_node_get_array(node), i), pointer, depth + 1, sum);
    g_string_truncate(pointer, before);
  }
}

static void check_problems(const WgProblems *problems) {
  for (guint i = 0; i < wg_problems_n(problems); i++) {
    const WgProblem *problem = wg_problems_at(problems, i);
    g_assert_true(*problem->pointer == '\0' || *problem->pointer == '/');
    g_assert_true(*problem->text && g_utf8_validate(problem->text, -1, NULL));
    g_assert_null(strpbrk(problem->text, "\n\r\033"));
    g_assert_null(strpbrk(problem->pointer, "\n\r\033"));
  }
}

/* A reader that asks for nothing tells every member. */
static void check_reader(WgDoc *doc, WgProblems *problems) {
  WgReader *reader = wg_reader_new(doc, wg_doc_root(doc), "", problems);
  g_autofree const char **keys = wg_reader_keys(reader);

  for (guint i = 0; keys[i] && i < 20; i++) {
    g_auto(GStrv) texts = wg_reader_texts(reader, keys[i]);
    wg_reader_usec(reader, keys[i], 1, 2, 3);
    wg_reader_bytes(reader, keys[i], 1);
    wg_reader_int(reader, keys[i], 1, 2, 3);
    wg_reader_drop(wg_reader_object(reader, keys[i]));
  }
  wg_reader_end(reader);
}

static void check_doc(WgDoc *doc, const char *text, gsize size, WgDocFormat format) {
  g_autofree char *canonical = wg_json_canonical(wg_doc_root(doc));
  g_autoptr(GString) pointer = g_string_new(NULL);
  g_autoptr(WgProblems) none = wg_problems_new();
  Sum sum = {.lines = 2};

  for (gsize i = 0; i < size; i++) /* YAML knows more ends of a line than one */
    sum.lines += text[i] == '\n' || text[i] == '\r' || (guchar)text[i] >= 0x80;
  walk(doc, wg_doc_root(doc), pointer, 0, &sum);
  g_autoptr(WgDoc) again = wg_doc_parse(canonical, strlen(canonical), WG_DOC_JSON, none);
  if (again) { /* escaped, it may be longer than a document can be */
    g_autofree char *same = wg_json_canonical(wg_doc_root(again));
    g_assert_cmpstr(same, ==, canonical);
  } else
    g_assert_cmpuint(strlen(canonical), >, WG_DOC_BYTES_MAX);
  if (format == WG_DOC_JSON) {
    g_autoptr(JsonParser) parser = json_parser_new();
    g_assert_true(json_parser_load_from_data(parser, text, (gssize)size, NULL));
  }
}

static void try(const char *text, gsize size, WgDocFormat format) {
  g_autoptr(WgProblems) problems = wg_problems_new();
  g_autoptr(WgDoc) doc = wg_doc_parse(text, size, format, problems);

  g_assert_true(doc || wg_problems_refuse(problems));
  if (doc && !wg_problems_refuse(problems))
    check_doc(doc, text, size, format);
  if (doc)
    check_reader(doc, problems);
  check_problems(problems);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  try((const char *)data, size, WG_DOC_JSON);
  try((const char *)data, size, WG_DOC_YAML);
  try((const char *)data, size, WG_DOC_AUTO);
  return 0;
}
