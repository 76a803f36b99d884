/* gjson.c: what a path of gjson finds; see gjson.h. What is made on the way belongs to one arena,
 * and what is found is copied out of it. */
#include "checks/gjson-private.h"

#include <string.h>

static JsonNode *walk(const ChkGjson *path, guint from, guint to, JsonNode *node, GPtrArray *arena);

static gboolean is_text(JsonNode *node) {
  return JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING;
}

static gboolean is_number(JsonNode *node) {
  GType type = JSON_NODE_HOLDS_VALUE(node) ? json_node_get_value_type(node) : G_TYPE_NONE;

  return type == G_TYPE_INT64 || type == G_TYPE_DOUBLE;
}

static double number(JsonNode *node) {
  return json_node_get_value_type(node) == G_TYPE_INT64 ? (double)json_node_get_int(node)
                                                        : json_node_get_double(node);
}

/* ---- keys ---- */
/* As far as the last star goes back: linear in both but for that. */
static gboolean matches(const char *pattern, const char *text) {
  const char *star = NULL, *mark = NULL;

  while (*text) {
    gboolean plain = *pattern == '\\' && pattern[1];
    const char *c = plain ? pattern + 1 : pattern;
    if (*pattern == '*') {
      star = pattern++;
      mark = text;
    } else if (*pattern == '?') {
      pattern++;
      text = g_utf8_next_char(text);
    } else if (*c && *c == *text) {
      pattern = c + 1;
      text++;
    } else if (star) {
      pattern = star + 1;
      text = ++mark;
    } else {
      return FALSE;
    }
  }
  while (*pattern == '*')
    pattern++;
  return *pattern == 0;
}

static JsonNode *member(JsonObject *object, const GjsonStep *step) {
  g_autoptr(GList) names = json_object_get_members(object);

  for (GList *l = names; l; l = l->next)
    if (matches(step->key, l->data))
      return json_object_get_member(object, l->data);
  return NULL;
}

static JsonNode *at_key(const GjsonStep *step, JsonNode *node) {
  guint64 index;

  if (JSON_NODE_HOLDS_OBJECT(node))
    return member(json_node_get_object(node), step);
  if (JSON_NODE_HOLDS_ARRAY(node) &&
      g_ascii_string_to_unsigned(step->key, 10, 0, G_MAXUINT, &index, NULL) &&
      index < json_array_get_length(json_node_get_array(node)))
    return json_array_get_element(json_node_get_array(node), (guint)index);
  return NULL;
}

/* ---- queries ---- */
/* Of one kind alone; FALSE: they have no order. */
static gboolean order(JsonNode *a, JsonNode *b, int *ret) {
  if (is_number(a) && is_number(b))
    *ret = number(a) < number(b) ? -1 : number(a) > number(b);
  else if (is_text(a) && is_text(b))
    *ret = strcmp(json_node_get_string(a), json_node_get_string(b));
  else if (JSON_NODE_HOLDS_VALUE(a) && JSON_NODE_HOLDS_VALUE(b) &&
           json_node_get_value_type(a) == G_TYPE_BOOLEAN &&
           json_node_get_value_type(b) == G_TYPE_BOOLEAN)
    *ret = json_node_get_boolean(a) - json_node_get_boolean(b);
  else if (JSON_NODE_HOLDS_NULL(a) && JSON_NODE_HOLDS_NULL(b))
    *ret = 0;
  else
    return FALSE;
  return TRUE;
}

/* As strconv.ParseBool(): 0, 1, t, f, true, false; -1: neither. */
static int truth_of(const char *text) {
  static const char *const yes[] = {"1", "t", "true", NULL}, *const no[] = {"0", "f", "false",
                                                                            NULL};
  g_autofree char *small = g_ascii_strdown(text, -1);

  return g_strv_contains(yes, small) ? 1 : g_strv_contains(no, small) ? 0 : -1;
}

/* What is not there is like null, and like false. */
static gboolean is_ish(GjsonIsh ish, JsonNode *node) {
  gboolean none = node == NULL || JSON_NODE_HOLDS_NULL(node);
  int truth = -1;

  if (ish == GJSON_ANY || ish == GJSON_NULL_ISH)
    return ish == GJSON_ANY ? node != NULL : none;
  if (none)
    truth = 0;
  else if (is_text(node))
    truth = truth_of(json_node_get_string(node));
  else if (is_number(node))
    truth = number(node) < 0 || number(node) > 0;
  else if (JSON_NODE_HOLDS_VALUE(node))
    truth = json_node_get_boolean(node);
  return truth == (ish == GJSON_TRUE_ISH);
}

static gboolean fits(const GjsonStep *step, JsonNode *element, GPtrArray *arena) {
  JsonNode *found = gjson_walk(step->path, element, arena);
  int o = 0;

  if (step->ish != GJSON_PLAIN)
    return is_ish(step->ish, found) == (step->op != GJSON_NE);
  if (!found || step->op == GJSON_EXISTS)
    return found != NULL;
  if (step->op == GJSON_LIKE || step->op == GJSON_UNLIKE)
    return is_text(found) && matches(json_node_get_string(step->value),
                                     json_node_get_string(found)) == (step->op == GJSON_LIKE);
  if (!order(found, step->value, &o))
    return step->op == GJSON_NE;
  switch (step->op) {
  case GJSON_EQ:
    return o == 0;
  case GJSON_NE:
    return o != 0;
  case GJSON_LT:
    return o < 0;
  case GJSON_LE:
    return o <= 0;
  case GJSON_GT:
    return o > 0;
  default:
    return o >= 0;
  }
}

/* Of all elements, or of those that fit, what the steps from `from` to `to` find. */
static JsonNode *each(const ChkGjson *path, const GjsonStep *step, guint from, guint to,
                      JsonArray *array, GPtrArray *arena) {
  JsonArray *all = json_array_new();

  for (guint i = 0; i < json_array_get_length(array); i++) {
    JsonNode *element = json_array_get_element(array, i);
    JsonNode *found = step->kind == GJSON_ALL && !fits(step, element, arena)
                          ? NULL
                          : walk(path, from, to, element, arena);
    if (found)
      json_array_add_element(all, json_node_copy(found));
  }
  return gjson_keep_array(arena, all);
}

static JsonNode *first(const GjsonStep *step, JsonArray *array, GPtrArray *arena) {
  for (guint i = 0; i < json_array_get_length(array); i++)
    if (fits(step, json_array_get_element(array, i), arena))
      return json_array_get_element(array, i);
  return NULL;
}

/* ---- multipaths ---- */
/* What is not there is left out. */
static JsonNode *multi(const GjsonStep *step, JsonNode *node, GPtrArray *arena) {
  JsonObject *object = step->object ? json_object_new() : NULL;
  JsonArray *array = step->object ? NULL : json_array_new();

  for (guint i = 0; i < step->parts->len; i++) {
    const GjsonPart *part = step->parts->pdata[i];
    JsonNode *found = gjson_walk(part->path, node, arena);
    if (found && object)
      json_object_set_member(object, part->name, json_node_copy(found));
    else if (found)
      json_array_add_element(array, json_node_copy(found));
  }
  return object ? gjson_keep_object(arena, object) : gjson_keep_array(arena, array);
}

/* ---- the way ---- */
/* Up to the next "|": what "#" does to each element. */
static guint reach(const ChkGjson *path, guint from, guint to) {
  for (guint i = from; i < to; i++)
    if (((GjsonStep *)path->steps->pdata[i])->piped)
      return i;
  return to;
}

static JsonNode *walk(const ChkGjson *path, guint from, guint to, JsonNode *node,
                      GPtrArray *arena) {
  for (guint i = from; node && i < to; i++) {
    const GjsonStep *step = path->steps->pdata[i];
    JsonArray *array = JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
    guint end = reach(path, i + 1, to);
    if (step->kind == GJSON_KEY)
      node = at_key(step, node);
    else if (step->kind == GJSON_MODIFIER)
      node = gjson_modify(step, node, arena);
    else if (step->kind == GJSON_MULTI)
      node = multi(step, node, arena);
    else if (step->kind == GJSON_LITERAL)
      node = step->value;
    else if (!array)
      node = NULL;
    else if (step->kind == GJSON_FIRST)
      node = first(step, array, arena);
    else if (step->kind == GJSON_EACH && end == i + 1)
      node = gjson_keep(arena, json_node_init_int(json_node_alloc(), json_array_get_length(array)));
    else {
      node = each(path, step, i + 1, end, array, arena);
      i = end - 1;
    }
  }
  return node;
}

JsonNode *gjson_walk(const ChkGjson *path, JsonNode *node, GPtrArray *arena) {
  return walk(path, 0, path->steps->len, node, arena);
}

JsonNode *chk_gjson_get(const ChkGjson *path, JsonNode *root) {
  g_autoptr(GPtrArray) arena = g_ptr_array_new_with_free_func((GDestroyNotify)json_node_unref);
  JsonNode *found = root ? gjson_walk(path, root, arena) : NULL;

  return found ? json_node_copy(found) : NULL;
}
