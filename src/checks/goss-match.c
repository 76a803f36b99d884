/* goss-match.c: matchers of goss (gomega's, in YAML) as those of matcher.h. Pure.
 *
 * A plain list is a subset of what is there, for a text the patterns that its lines must have; an
 * empty list asserts nothing in goss, and the caller is told so. */
#include "checks/goss.h"

#include <string.h>

typedef struct {
  WgProblems *problems;
  gboolean *empty;
} Match;

static JsonNode *convert(const Match *m, JsonNode *node, ChkGossShape shape, const char *pointer);

static JsonNode *refuse(const Match *m, const char *pointer, const char *text) {
  wg_problems_add(m->problems, 0, pointer, "%s", text);
  return NULL;
}

/* {key: value}; takes the value; NULL stays NULL. */
static JsonNode *wrap(const char *key, JsonNode *value) {
  JsonNode *node = value ? json_node_alloc() : NULL;
  JsonObject *object;

  if (!value)
    return NULL;
  object = json_object_new();
  json_object_set_member(object, key, value);
  json_node_take_object(node, object);
  return node;
}

static JsonNode *wrap_array(const char *key, JsonArray *array) {
  JsonNode *node = json_node_alloc();

  json_node_init_array(node, array);
  json_array_unref(array);
  return wrap(key, node);
}

static JsonNode *text_node(const char *text) {
  return json_node_init_string(json_node_alloc(), text);
}

static JsonNode *truth(const char *key) {
  return wrap(key, json_node_init_boolean(json_node_alloc(), TRUE));
}

static gboolean is_text(JsonNode *node) {
  return JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING;
}

/* A pattern that anything matches still says that there is something. */
static gboolean is_anything(const char *pattern) {
  static const char *const anything[] = {"", ".*", "^.*$", "^.*", ".*$", "^", "$", NULL};

  return g_strv_contains(anything, pattern);
}

static JsonNode *regex(const Match *m, JsonNode *node, const char *pointer) {
  if (!is_text(node))
    return refuse(m, pointer, "a regular expression is a text");
  if (is_anything(json_node_get_string(node)))
    return truth("exists");
  return wrap("matches", json_node_copy(node));
}

/* ---- lists ---- */
/* {outer: [each of them converted]} */
static JsonNode *each(const Match *m, JsonArray *array, ChkGossShape shape, const char *outer,
                      const char *pointer) {
  JsonArray *all = json_array_new();
  gboolean good = TRUE;

  for (guint i = 0; good && i < json_array_get_length(array); i++) {
    g_autofree char *at = g_strdup_printf("%s/%u", pointer, i);
    JsonNode *one = convert(m, json_array_get_element(array, i), shape, at);
    good = one != NULL;
    if (good)
      json_array_add_element(all, one);
  }
  if (good)
    return wrap_array(outer, all);
  json_array_unref(all);
  return NULL;
}

static JsonNode *lines(const Match *m, JsonArray *array, const char *pointer) {
  JsonArray *patterns = json_array_new();
  gboolean good = TRUE;

  for (guint i = 0; good && i < json_array_get_length(array); i++) {
    JsonNode *one = json_array_get_element(array, i);
    g_autofree char *text = is_text(one)                 ? g_strdup(json_node_get_string(one))
                            : JSON_NODE_HOLDS_VALUE(one) ? json_to_string(one, FALSE)
                                                         : NULL;
    good = text != NULL;
    if (good && *text && !g_str_equal(text, "/.*/"))
      json_array_add_string_element(patterns, text);
  }
  if (good && json_array_get_length(patterns) > 0)
    return wrap_array("lines", patterns);
  json_array_unref(patterns);
  if (!good)
    return refuse(m, pointer, "among patterns of lines only texts are known");
  *m->empty = TRUE;
  return NULL;
}

static JsonNode *plain_list(const Match *m, JsonArray *array, ChkGossShape shape,
                            const char *pointer) {
  if (json_array_get_length(array) == 0) {
    *m->empty = TRUE;
    return NULL;
  }
  if (shape == CHK_GOSS_LINES)
    return lines(m, array, pointer);
  if (shape == CHK_GOSS_SCALAR)
    return each(m, array, CHK_GOSS_SCALAR, "and", pointer);
  return each(m, array, CHK_GOSS_SCALAR, "has", pointer);
}

/* ---- operators ---- */
static JsonNode *element(const Match *m, JsonNode *node, ChkGossShape shape, const char *pointer) {
  if (shape != CHK_GOSS_LINES)
    return wrap("any", convert(m, node, CHK_GOSS_SCALAR, pointer));
  JsonObject *object = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
  JsonNode *pattern = object ? json_object_get_member(object, "match-regexp") : NULL;
  g_autofree char *line = NULL;
  g_autofree char *plain =
      is_text(node) ? g_regex_escape_string(json_node_get_string(node), -1) : NULL;
  if (pattern && is_text(pattern))
    line = g_strdup_printf("/%s/", json_node_get_string(pattern));
  else if (plain) /* a line that is this text, no pattern */
    line = g_strdup_printf("/^%s$/", plain);
  if (!line)
    return refuse(m, pointer, "of a line only a text or match-regexp is known");
  JsonArray *array = json_array_new();
  json_array_add_string_element(array, line);
  return wrap_array("lines", array);
}

static JsonNode *elements(const Match *m, const char *name, JsonNode *node, ChkGossShape shape,
                          const char *pointer) {
  JsonArray *array = JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;

  if (!array)
    return refuse(m, pointer, "a list is needed");
  if (g_str_equal(name, "consist-of"))
    return each(m, array, CHK_GOSS_SCALAR, "only", pointer);
  return plain_list(m, array, shape == CHK_GOSS_SCALAR ? CHK_GOSS_ANY : shape, pointer);
}

static JsonNode *gjson(const Match *m, JsonNode *node, const char *pointer) {
  JsonObject *given = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
  g_autoptr(JsonObject) paths = json_object_new();
  g_autoptr(GList) names = given ? json_object_get_members(given) : NULL;

  if (!names)
    return refuse(m, pointer, "gjson needs a map of paths");
  for (GList *l = names; l; l = l->next) {
    g_autofree char *where = g_strdup_printf("%s/%s", pointer, (const char *)l->data);
    JsonNode *one = convert(m, json_object_get_member(given, l->data), CHK_GOSS_ANY, where);
    if (!one)
      return NULL;
    json_object_set_member(paths, l->data, one);
  }
  JsonNode *all = json_node_alloc();
  json_node_init_object(all, paths);
  return wrap("gjson", all);
}

/* {key: matcher} of the members of a map, as goss had it before gjson. */
static JsonNode *members(const Match *m, JsonNode *node, const char *pointer) {
  JsonObject *given = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
  g_autoptr(JsonObject) pointers = json_object_new();
  g_autoptr(GList) names = given ? json_object_get_members(given) : NULL;

  if (!names)
    return refuse(m, pointer, "have-key-with-value needs a map of keys");
  for (GList *l = names; l; l = l->next) {
    g_autofree char *at = g_strdup_printf("%s/%s", pointer, (const char *)l->data);
    JsonNode *one = convert(m, json_object_get_member(given, l->data), CHK_GOSS_ANY, at);
    g_autoptr(GString) key = g_string_new(l->data);
    if (!one)
      return NULL;
    g_string_replace(key, "~", "~0", 0);
    g_string_replace(key, "/", "~1", 0);
    g_string_prepend_c(key, '/');
    json_object_set_member(pointers, key->str, one);
  }
  JsonNode *all = json_node_alloc();
  json_node_init_object(all, pointers);
  return wrap("json", all);
}

static const struct {
  const char *goss, *ours;
} simple[] = {{"equal", "equals"},     {"have-prefix", "starts"},
              {"have-suffix", "ends"}, {"contain-substring", "contains"},
              {"gt", "more"},          {"ge", "at-least"},
              {"lt", "less"},          {"le", "at-most"},
              {"have-len", "length"},  {"have-key", "has-key"}};

static JsonNode *combined(const Match *m, const char *name, JsonNode *node, ChkGossShape shape,
                          const char *pointer) {
  if (JSON_NODE_HOLDS_ARRAY(node) && json_array_get_length(json_node_get_array(node)) > 0)
    return each(m, json_node_get_array(node), shape, name, pointer);
  return refuse(m, pointer, "a list of matchers is needed");
}

static JsonNode *operator(const Match *m, const char *name, JsonNode *node, ChkGossShape shape,
                          const char *pointer) {
  for (guint i = 0; i < G_N_ELEMENTS(simple); i++)
    if (g_str_equal(name, simple[i].goss))
      return wrap(simple[i].ours, json_node_copy(node));
  if (g_str_equal(name, "match-regexp"))
    return regex(m, node, pointer);
  if (g_str_equal(name, "not"))
    return wrap("not", convert(m, node, shape, pointer));
  if (g_str_equal(name, "and") || g_str_equal(name, "or"))
    return combined(m, name, node, shape, pointer);
  if (g_str_equal(name, "contain-element"))
    return element(m, node, shape, pointer);
  if (g_str_equal(name, "contain-elements") || g_str_equal(name, "consist-of"))
    return elements(m, name, node, shape, pointer);
  if (g_str_equal(name, "have-patterns") && JSON_NODE_HOLDS_ARRAY(node))
    return lines(m, json_node_get_array(node), pointer);
  if (g_str_equal(name, "gjson"))
    return gjson(m, node, pointer);
  if (g_str_equal(name, "have-key-with-value"))
    return members(m, node, pointer);
  if (g_str_equal(name, "semver-constraint")) {
    JsonNode *range = wrap("semver", json_node_copy(node));
    return shape == CHK_GOSS_LIST ? wrap("all", range) : range;
  }
  g_autofree char *text = g_strdup_printf("there is no matcher \"%s\"", name);
  return refuse(m, pointer, text);
}

static JsonNode *object(const Match *m, JsonObject *given, ChkGossShape shape,
                        const char *pointer) {
  g_autoptr(GList) names = json_object_get_members(given);
  JsonArray *all = json_array_new();

  for (GList *l = names; l; l = l->next) {
    g_autofree char *at = g_strdup_printf("%s/%s", pointer, (const char *)l->data);
    JsonNode *one = operator(m, l->data, json_object_get_member(given, l->data), shape, at);
    if (!one) {
      json_array_unref(all);
      return NULL;
    }
    json_array_add_element(all, one);
  }
  if (json_array_get_length(all) == 0) {
    json_array_unref(all);
    return refuse(m, pointer, "a matcher without anything in it");
  }
  return wrap_array("and", all);
}

/* The output of a command mostly ends with a newline that nobody writes. */
static JsonNode *whole_text(JsonNode *node) {
  g_autofree char *line = g_strconcat(json_node_get_string(node), "\n", NULL);
  JsonArray *array = json_array_new();

  json_array_add_element(array, wrap("equals", json_node_copy(node)));
  json_array_add_element(array, wrap("equals", text_node(line)));
  return wrap_array("or", array);
}

static JsonNode *convert(const Match *m, JsonNode *node, ChkGossShape shape, const char *pointer) {
  if (JSON_NODE_HOLDS_OBJECT(node))
    return object(m, json_node_get_object(node), shape, pointer);
  if (JSON_NODE_HOLDS_ARRAY(node))
    return plain_list(m, json_node_get_array(node), shape, pointer);
  if (JSON_NODE_HOLDS_NULL(node)) {
    *m->empty = TRUE;
    return NULL;
  }
  if (shape == CHK_GOSS_LINES && is_text(node))
    return whole_text(node);
  if (shape == CHK_GOSS_LIST) {
    JsonArray *array = json_array_new();
    json_array_add_element(array, json_node_copy(node));
    return wrap_array("has", array);
  }
  return wrap("equals", json_node_copy(node));
}

JsonNode *chk_goss_match(JsonNode *node, ChkGossShape shape, const char *pointer,
                         WgProblems *problems, gboolean *ret_empty) {
  Match m = {problems, ret_empty};

  *ret_empty = FALSE;
  return convert(&m, node, shape, pointer);
}
