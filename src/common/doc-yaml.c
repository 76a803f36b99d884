/* doc-yaml.c: YAML 1.1 through libyaml's events, told to a WgBuild in order.
 *
 * Plain scalars are what JSON would make of them, else text. An alias is told again node by node,
 * so that it counts and has a place in the bounds; one that stands within what it names is a
 * problem. No tags, one document, keys are texts. */
#include "common/doc-private.h"

#include <string.h>
#include <yaml.h>

typedef struct {
  WgBuild *build;
  yaml_parser_t parser;
  GHashTable *anchors; /* name -> JsonNode (whole) or NULL (still open) */
  GPtrArray *open;     /* anchor of each open container, or NULL */
} Yaml;

static guint line_of(const yaml_event_t *event) {
  return (guint)event->start_mark.line + 1;
}

static gboolean refuse(Yaml *y, const yaml_event_t *event, const char *text) {
  return wg_build_problem(y->build, line_of(event), (guint)event->start_mark.column + 1, "%s",
                          text);
}

static void node_clear(gpointer data) {
  if (data)
    json_node_unref(data);
}

/* An anchor whose node is not whole yet stands for nothing: an alias to it would be a loop. */
static void name_anchor(Yaml *y, const char *anchor, JsonNode *node) {
  if (anchor)
    g_hash_table_replace(y->anchors, g_strdup(anchor), node ? json_node_ref(node) : NULL);
}

/* ---- scalars ---- */
static JsonNode *text_node(const char *text) {
  return json_node_init_string(json_node_alloc(), text);
}

static JsonNode *scalar_node(Yaml *y, const yaml_event_t *event) {
  const char *text = (const char *)event->data.scalar.value, *bad, *expected;

  if (strlen(text) != event->data.scalar.length) { /* "\0": as in JSON, which has no such text */
    wg_build_problem(y->build, line_of(event), (guint)event->start_mark.column + 1,
                     "a text has no character of the code 0");
    return NULL;
  }
  if (event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
    return text_node(text);
  if (!*text || strcmp(text, "null") == 0)
    return json_node_new(JSON_NODE_NULL);
  if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
    return json_node_init_boolean(json_node_alloc(), *text == 't');
  gsize size = wg_json_number_length(text, &bad, &expected);
  if (size > 0 && !text[size])
    return wg_build_number(y->build, text, size, line_of(event));
  return text_node(text);
}

/* ---- places: does a key come here? ---- */
static gboolean expects_key(const Yaml *y, gboolean within) {
  JsonNode *top = wg_build_top(y->build);

  return top && JSON_NODE_HOLDS_OBJECT(top) && !within;
}

static gboolean read_key(Yaml *y, const yaml_event_t *event) {
  const char *text = (const char *)event->data.scalar.value;
  g_autoptr(JsonNode) node = scalar_node(y, event);

  if (!node)
    return FALSE;
  if (!JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_STRING)
    wg_build_problem(y->build, line_of(event), (guint)event->start_mark.column + 1,
                     "a key is a text; write it in quotes: \"%.80s\"", text);
  return wg_build_key(y->build, text, line_of(event));
}

static void enter_value(Yaml *y, const yaml_event_t *event) {
  JsonNode *top = wg_build_top(y->build);

  if (top && JSON_NODE_HOLDS_ARRAY(top))
    wg_build_item(y->build, line_of(event));
}

/* ---- what was there before ---- */
static gboolean repeat(WgBuild *build, JsonNode *node, guint line);

static gboolean repeat_members(WgBuild *build, JsonObject *object, guint line) {
  JsonObjectIter iter;
  const char *key;
  JsonNode *value;

  json_object_iter_init_ordered(&iter, object);
  while (json_object_iter_next_ordered(&iter, &key, &value))
    if (!wg_build_key(build, key, line) || !repeat(build, value, line))
      return FALSE;
  return TRUE;
}

static gboolean repeat_elements(WgBuild *build, JsonArray *array, guint line) {
  for (guint i = 0; i < json_array_get_length(array); i++) {
    wg_build_item(build, line);
    if (!repeat(build, json_array_get_element(array, i), line))
      return FALSE;
  }
  return TRUE;
}

static gboolean repeat(WgBuild *build, JsonNode *node, guint line) {
  gboolean object = JSON_NODE_HOLDS_OBJECT(node);

  if (!object && !JSON_NODE_HOLDS_ARRAY(node))
    return wg_build_value(build, json_node_copy(node), line);
  if (!wg_build_open(build, object, line) ||
      !(object ? repeat_members(build, json_node_get_object(node), line)
               : repeat_elements(build, json_node_get_array(node), line)))
    return FALSE;
  wg_build_close(build);
  return TRUE;
}

static gboolean read_alias(Yaml *y, const yaml_event_t *event) {
  const char *name = (const char *)event->data.alias.anchor;
  gpointer node;

  enter_value(y, event);
  if (!g_hash_table_lookup_extended(y->anchors, name, NULL, &node))
    return refuse(y, event, "an alias of an anchor that is not there before it");
  if (!node)
    return refuse(y, event, "an alias within what it stands for");
  return repeat(y->build, node, line_of(event));
}

/* "<<": the members of another mapping that this one does not have itself. */
static gboolean merge_one(Yaml *y, const yaml_event_t *event, JsonNode *from) {
  JsonObject *object = json_node_get_object(wg_build_top(y->build));
  JsonObjectIter iter;
  const char *key;
  JsonNode *value;

  if (!JSON_NODE_HOLDS_OBJECT(from))
    return refuse(y, event, "'<<' stands for mappings only");
  json_object_iter_init_ordered(&iter, json_node_get_object(from));
  while (json_object_iter_next_ordered(&iter, &key, &value))
    if (!json_object_has_member(object, key) &&
        (!wg_build_key(y->build, key, line_of(event)) || !repeat(y->build, value, line_of(event))))
      return FALSE;
  return TRUE;
}

static gboolean merge(Yaml *y, const yaml_event_t *event) {
  JsonObject *object = json_node_get_object(wg_build_top(y->build));
  JsonNode *member = json_object_get_member(object, "<<");

  if (!member)
    return TRUE;
  g_autoptr(JsonNode) from = json_node_ref(member);
  json_object_remove_member(object, "<<");
  if (!JSON_NODE_HOLDS_ARRAY(from))
    return merge_one(y, event, from);
  for (guint i = 0; i < json_array_get_length(json_node_get_array(from)); i++)
    if (!merge_one(y, event, json_array_get_element(json_node_get_array(from), i)))
      return FALSE;
  return TRUE;
}

/* ---- events ---- */
static gboolean open_container(Yaml *y, const yaml_event_t *event, const yaml_char_t *anchor,
                               gboolean tagged, gboolean object) {
  if (tagged)
    return refuse(y, event, "tags (!) are not understood");
  enter_value(y, event);
  name_anchor(y, (const char *)anchor, NULL);
  g_ptr_array_add(y->open, g_strdup((const char *)anchor));
  return wg_build_open(y->build, object, line_of(event));
}

static gboolean close_container(Yaml *y, const yaml_event_t *event) {
  if (event->type == YAML_MAPPING_END_EVENT && !merge(y, event))
    return FALSE;
  g_autofree char *anchor = g_ptr_array_steal_index(y->open, y->open->len - 1);
  name_anchor(y, anchor, wg_build_close(y->build));
  return TRUE;
}

static gboolean read_scalar(Yaml *y, const yaml_event_t *event) {
  if (event->data.scalar.tag)
    return refuse(y, event, "tags (!) are not understood");
  enter_value(y, event);
  JsonNode *node = scalar_node(y, event);
  if (!node)
    return FALSE;
  name_anchor(y, (const char *)event->data.scalar.anchor, node);
  return wg_build_value(y->build, node, line_of(event));
}

static gboolean read_content(Yaml *y, const yaml_event_t *event) {
  switch (event->type) {
  case YAML_ALIAS_EVENT:
    return read_alias(y, event);
  case YAML_SCALAR_EVENT:
    return read_scalar(y, event);
  case YAML_SEQUENCE_START_EVENT:
    return open_container(y, event, event->data.sequence_start.anchor,
                          event->data.sequence_start.tag != NULL, FALSE);
  case YAML_MAPPING_START_EVENT:
    return open_container(y, event, event->data.mapping_start.anchor,
                          event->data.mapping_start.tag != NULL, TRUE);
  case YAML_SEQUENCE_END_EVENT:
  case YAML_MAPPING_END_EVENT:
    return close_container(y, event);
  case YAML_DOCUMENT_START_EVENT:
    return !y->build->root || refuse(y, event, "a second document; there is one in a file");
  default:
    return TRUE;
  }
}

static gboolean is_end(const yaml_event_t *event) {
  return event->type == YAML_SEQUENCE_END_EVENT || event->type == YAML_MAPPING_END_EVENT;
}

/* `*within`: a key was read and its value is due. */
static gboolean read_event(Yaml *y, const yaml_event_t *event, gboolean *within) {
  if (!is_end(event) && expects_key(y, *within)) {
    *within = TRUE;
    if (event->type != YAML_SCALAR_EVENT)
      return refuse(y, event, "a key is a text");
    if (event->data.scalar.tag)
      return refuse(y, event, "tags (!) are not understood");
    return read_key(y, event);
  }
  *within = FALSE;
  return read_content(y, event);
}

static gboolean read_all(Yaml *y) {
  gboolean within = FALSE;

  for (;;) {
    yaml_event_t event;
    if (!yaml_parser_parse(&y->parser, &event))
      return wg_build_problem(y->build, (guint)y->parser.problem_mark.line + 1,
                              (guint)y->parser.problem_mark.column + 1, "no YAML: %s%s%s",
                              y->parser.problem ?: "the parser stopped",
                              y->parser.context ? ", " : "", y->parser.context ?: "");
    gboolean end = event.type == YAML_STREAM_END_EVENT;
    gboolean good = read_event(y, &event, &within);
    yaml_event_delete(&event);
    if (!good || end)
      return good;
  }
}

gboolean wg_yaml_scan(WgBuild *build, const char *text, gsize size) {
  Yaml y = {.build = build};

  if (!yaml_parser_initialize(&y.parser))
    g_error("Out of memory for a YAML parser");
  yaml_parser_set_encoding(&y.parser, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string(&y.parser, (const guchar *)text, size);
  y.anchors = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, node_clear);
  y.open = g_ptr_array_new_with_free_func(g_free);
  gboolean good = read_all(&y);
  g_ptr_array_unref(y.open);
  g_hash_table_unref(y.anchors);
  yaml_parser_delete(&y.parser);
  if (good && !build->root)
    good = wg_build_problem(build, 0, 0, "empty: there is nothing in it");
  return good;
}
