/* vars.c: "${name}" in texts. A text that is nothing but one variable takes the variable's own
 * type, so that a port stays a number; "$${" is a literal "${". Values are not looked into again.
 */
#include "checks/load-internal.h"
#include "checks/matcher-operators.h"

#include "common/nearest.h"

#include <string.h>

static JsonNode *lookup(const char *name, gsize n, JsonObject *vars, char **why) {
  g_autofree char *key = g_strndup(name, n);
  JsonNode *node = vars ? json_object_get_member(vars, key) : NULL;

  if (node)
    return node;
  g_autoptr(GStrvBuilder) names = g_strv_builder_new();
  g_autoptr(GList) members = vars ? json_object_get_members(vars) : NULL;
  for (GList *l = members; l; l = l->next)
    g_strv_builder_add(names, l->data);
  g_auto(GStrv) known = g_strv_builder_end(names);
  g_autofree char *hint = wg_nearest_hint(key, (const char *const *)known);
  *why = g_strdup_printf("unknown variable \"%s\"%s%s (a literal is written \"$${\")", key,
                         hint ? "; " : "", hint ? hint : "");
  return NULL;
}

static void append_value(GString *s, JsonNode *value) {
  if (JSON_NODE_HOLDS_VALUE(value) && json_node_get_value_type(value) == G_TYPE_STRING) {
    g_string_append(s, json_node_get_string(value));
    return;
  }
  g_autofree char *text = json_to_string(value, FALSE);
  g_string_append(s, text);
}

char *chk_vars_text(const char *text, JsonObject *vars, char **reterr_why) {
  g_autoptr(GString) s = g_string_new(NULL);
  const char *p = text;

  for (const char *at; (at = strstr(p, "${"));) {
    if (at > p && at[-1] == '$') {
      g_string_append_len(s, p, at - 1 - p);
      g_string_append(s, "${");
      p = at + 2;
      continue;
    }
    const char *end = strchr(at, '}');
    if (!end) {
      *reterr_why = g_strdup("\"${\" without \"}\"; a literal is written \"$${\"");
      return NULL;
    }
    JsonNode *value = lookup(at + 2, (gsize)(end - at - 2), vars, reterr_why);
    if (!value)
      return NULL;
    g_string_append_len(s, p, at - p);
    append_value(s, value);
    p = end + 1;
  }
  g_string_append(s, p);
  return g_string_free(g_steal_pointer(&s), FALSE);
}

static JsonNode *expand_text(JsonNode *node, JsonObject *vars, WgDoc *doc, const char *pointer,
                             WgProblems *problems) {
  const char *text = json_node_get_string(node);
  g_autofree char *why = NULL;
  gsize n = strlen(text);

  if (!strstr(text, "${"))
    return json_node_ref(node);
  if (g_str_has_prefix(text, "${") && strchr(text, '}') == text + n - 1) {
    JsonNode *value = lookup(text + 2, n - 3, vars, &why);
    if (value)
      return json_node_ref(value);
  } else {
    g_autofree char *expanded = chk_vars_text(text, vars, &why);
    if (expanded)
      return json_node_init_string(json_node_alloc(), expanded);
  }
  wg_problems_add(problems, doc ? wg_doc_line(doc, pointer) : 0, pointer, "%s", why);
  return json_node_ref(node);
}

JsonNode *chk_vars_expand(JsonNode *node, JsonObject *vars, WgDoc *doc, const char *pointer,
                          WgProblems *problems) {
  if (JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING)
    return expand_text(node, vars, doc, pointer, problems);
  if (JSON_NODE_HOLDS_ARRAY(node)) {
    JsonArray *array = json_node_get_array(node);
    g_autoptr(JsonArray) copy = json_array_new();
    for (guint i = 0; i < json_array_get_length(array); i++) {
      g_autofree char *place = g_strdup_printf("%s/%u", pointer, i);
      json_array_add_element(
          copy, chk_vars_expand(json_array_get_element(array, i), vars, doc, place, problems));
    }
    return json_node_init_array(json_node_alloc(), copy);
  }
  if (!JSON_NODE_HOLDS_OBJECT(node))
    return json_node_ref(node);
  g_autoptr(JsonObject) copy = json_object_new();
  JsonObjectIter iter;
  const char *name;
  JsonNode *member;
  json_object_iter_init_ordered(&iter, json_node_get_object(node));
  while (json_object_iter_next_ordered(&iter, &name, &member)) {
    g_autofree char *place = chk_pointer_join(pointer, name);
    json_object_set_member(copy, name, chk_vars_expand(member, vars, doc, place, problems));
  }
  return json_node_init_object(json_node_alloc(), copy);
}
