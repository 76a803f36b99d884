/* reader.c: see reader.h. The object, its keys and what is below it; values of one kind are read in
 * reader-values.c. */
#include "common/reader.h"

#include "common/nearest.h"
#include "common/reader-private.h"

struct WgReader {
  WgDoc *doc;
  JsonObject *object; /* never NULL */
  char *pointer;
  WgProblems *problems;
  GPtrArray *known;     /* keys, in the order in which they were asked for */
  GHashTable *is_known; /* the same, borrowed */
};

static char *member_pointer(const char *pointer, const char *key) {
  GString *text = g_string_new(pointer);

  g_string_append_c(text, '/');
  for (const char *p = key; *p; p++)
    if (*p == '~' || *p == '/')
      g_string_append(text, *p == '~' ? "~0" : "~1");
    else
      g_string_append_c(text, *p);
  return g_string_free(text, FALSE);
}

static guint line_at(const WgReader *reader, const char *pointer) {
  return reader->doc ? wg_doc_line(reader->doc, pointer) : 0;
}

WgReader *wg_reader_new(WgDoc *doc, JsonNode *node, const char *pointer, WgProblems *problems) {
  WgReader *reader = g_new0(WgReader, 1);

  reader->doc = doc;
  reader->pointer = g_strdup(pointer);
  reader->problems = problems;
  reader->known = g_ptr_array_new_with_free_func(g_free);
  reader->is_known = g_hash_table_new(g_str_hash, g_str_equal);
  if (JSON_NODE_HOLDS_OBJECT(node))
    reader->object = json_object_ref(json_node_get_object(node));
  else {
    reader->object = json_object_new();
    wg_problems_add(problems, line_at(reader, pointer), pointer,
                    "this is an object: keys and values");
  }
  return reader;
}

void wg_reader_drop(WgReader *reader) {
  if (!reader)
    return;
  json_object_unref(reader->object);
  g_hash_table_unref(reader->is_known);
  g_ptr_array_unref(reader->known);
  g_free(reader->pointer);
  g_free(reader);
}

static void tell_unknown(WgReader *reader, const char *key) {
  const char *const *known = (const char *const *)reader->known->pdata;

  if (wg_problems_n(reader->problems) >= WG_PROBLEMS_MAX) { /* it is only counted */
    wg_reader_problem(reader, key, "unknown key");
    return;
  }
  g_autofree char *hint = wg_nearest_hint(key, known);
  g_autofree char *all = hint ? NULL : g_strjoinv(", ", (char **)reader->known->pdata);

  if (hint)
    wg_reader_problem(reader, key, "unknown key '%.80s'; %s", key, hint);
  else if (*all)
    wg_reader_problem(reader, key, "unknown key '%.80s'; there are: %s", key, all);
  else
    wg_reader_problem(reader, key, "unknown key '%.80s'", key);
}

void wg_reader_end(WgReader *reader) {
  JsonObjectIter iter;
  const char *key;

  if (!reader)
    return;
  g_ptr_array_add(reader->known, NULL);
  json_object_iter_init_ordered(&iter, reader->object);
  while (json_object_iter_next_ordered(&iter, &key, NULL))
    if (!g_str_has_prefix(key, "x-") && !g_hash_table_contains(reader->is_known, key))
      tell_unknown(reader, key);
  wg_reader_drop(reader);
}

void wg_reader_know(WgReader *reader, const char *key) {
  if (g_hash_table_contains(reader->is_known, key))
    return;
  g_ptr_array_add(reader->known, g_strdup(key));
  g_hash_table_add(reader->is_known, reader->known->pdata[reader->known->len - 1]);
}

JsonNode *wg_reader_member(WgReader *reader, const char *key) {
  wg_reader_know(reader, key);
  return json_object_get_member(reader->object, key);
}

gboolean wg_reader_has(WgReader *reader, const char *key) {
  return wg_reader_member(reader, key) != NULL;
}

JsonNode *wg_reader_node(WgReader *reader, const char *key) {
  return wg_reader_member(reader, key);
}

void wg_reader_problem(WgReader *reader, const char *key, const char *format, ...) {
  g_autofree char *pointer = key ? member_pointer(reader->pointer, key) : g_strdup(reader->pointer);
  const WgProblem place = {.line = line_at(reader, pointer), .pointer = pointer};
  va_list args;

  va_start(args, format);
  wg_problems_take(reader->problems, &place, g_strdup_vprintf(format, args));
  va_end(args);
}

const char *wg_reader_pointer(const WgReader *reader) {
  return reader->pointer;
}

WgReader *wg_reader_object(WgReader *reader, const char *key) {
  JsonNode *node = wg_reader_member(reader, key);
  g_autofree char *pointer = member_pointer(reader->pointer, key);

  return node ? wg_reader_new(reader->doc, node, pointer, reader->problems) : NULL;
}

static JsonArray *array_of(WgReader *reader, const char *key) {
  JsonNode *node = wg_reader_member(reader, key);

  return node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
}

guint wg_reader_length(WgReader *reader, const char *key) {
  JsonArray *array = array_of(reader, key);

  if (!array && wg_reader_member(reader, key))
    wg_reader_problem(reader, key, "'%s' is a list", key);
  return array ? json_array_get_length(array) : 0;
}

JsonNode *wg_reader_element_node(WgReader *reader, const char *key, guint i) {
  JsonArray *array = array_of(reader, key);

  return array && i < json_array_get_length(array) ? json_array_get_element(array, i) : NULL;
}

WgReader *wg_reader_element(WgReader *reader, const char *key, guint i) {
  JsonNode *node = wg_reader_element_node(reader, key, i);
  g_autofree char *list = member_pointer(reader->pointer, key);
  g_autofree char *pointer = g_strdup_printf("%s/%u", list, i);

  return node ? wg_reader_new(reader->doc, node, pointer, reader->problems) : NULL;
}

const char **wg_reader_keys(WgReader *reader) {
  const char **keys = g_new0(const char *, json_object_get_size(reader->object) + 1);
  JsonObjectIter iter;
  const char *key;
  guint n = 0;

  json_object_iter_init_ordered(&iter, reader->object);
  while (json_object_iter_next_ordered(&iter, &key, NULL)) {
    wg_reader_know(reader, key);
    keys[n++] = key;
  }
  return keys;
}
