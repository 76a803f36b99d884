/* json-tools.c: RFC 6901 pointers into json-glib's nodes, and one canonical text of a node. */
#include "common/doc.h"

#include <string.h>

/* "a~1b~0c" -> "a/b~c"; NULL: "~" before something else. */
static char *unescaped(const char *token, gsize size) {
  g_autoptr(GString) text = g_string_sized_new(size);

  for (gsize i = 0; i < size; i++)
    if (token[i] != '~')
      g_string_append_c(text, token[i]);
    else if (i + 1 < size && (token[i + 1] == '0' || token[i + 1] == '1'))
      g_string_append_c(text, token[++i] == '0' ? '~' : '/');
    else
      return NULL;
  return g_string_free(g_steal_pointer(&text), FALSE);
}

static JsonNode *element(JsonArray *array, const char *token) {
  guint64 i;

  if ((*token == '0' && token[1]) ||
      !g_ascii_string_to_unsigned(token, 10, 0, G_MAXUINT32, &i, NULL))
    return NULL;
  return i < json_array_get_length(array) ? json_array_get_element(array, (guint)i) : NULL;
}

static JsonNode *step(JsonNode *node, const char *token) {
  if (JSON_NODE_HOLDS_OBJECT(node))
    return json_object_get_member(json_node_get_object(node), token);
  return JSON_NODE_HOLDS_ARRAY(node) ? element(json_node_get_array(node), token) : NULL;
}

JsonNode *wg_json_pointer(JsonNode *root, const char *pointer) {
  JsonNode *node = root;

  while (node && *pointer) {
    if (*pointer++ != '/')
      return NULL;
    gsize size = strcspn(pointer, "/");
    g_autofree char *token = unescaped(pointer, size);
    node = token ? step(node, token) : NULL;
    pointer += size;
  }
  return node;
}

static void append(GString *out, JsonNode *node);

static void append_text(GString *out, const char *text) {
  g_autoptr(JsonNode) node = json_node_init_string(json_node_alloc(), text);

  append(out, node);
}

static int compare_names(gconstpointer a, gconstpointer b) {
  return strcmp(a, b);
}

static void append_object(GString *out, JsonObject *object) {
  g_autoptr(GList) names = g_list_sort(json_object_get_members(object), compare_names);

  g_string_append_c(out, '{');
  for (GList *l = names; l; l = l->next) {
    append_text(out, l->data);
    g_string_append_c(out, ':');
    append(out, json_object_get_member(object, l->data));
    if (l->next)
      g_string_append_c(out, ',');
  }
  g_string_append_c(out, '}');
}

/* json-glib would write 1e+80.0, which is no number. */
static void append_double(GString *out, double value) {
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  g_ascii_dtostr(text, sizeof text, value);
  g_string_append(out, text);
  if (!strpbrk(text, ".e"))
    g_string_append(out, ".0");
}

static void append(GString *out, JsonNode *node) {
  if (JSON_NODE_HOLDS_OBJECT(node))
    append_object(out, json_node_get_object(node));
  else if (JSON_NODE_HOLDS_ARRAY(node)) {
    JsonArray *array = json_node_get_array(node);
    g_string_append_c(out, '[');
    for (guint i = 0; i < json_array_get_length(array); i++) {
      if (i)
        g_string_append_c(out, ',');
      append(out, json_array_get_element(array, i));
    }
    g_string_append_c(out, ']');
  } else if (JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_DOUBLE)
    append_double(out, json_node_get_double(node));
  else {
    g_autofree char *text = json_to_string(node, FALSE);
    g_string_append(out, text);
  }
}

char *wg_json_canonical(JsonNode *node) {
  GString *out = g_string_new(NULL);

  append(out, node);
  return g_string_free(out, FALSE);
}
