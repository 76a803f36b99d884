/* vars.c: see vars.h. */
#include "deployment/vars.h"

#include "common/error.h"
#include "common/nearest.h"

#include <string.h>

#define EXPANDED_MAX (1024 * 1024) /* bytes of one text */

struct DplVars {
  GHashTable *values; /* text -> text */
};

DplVars *dpl_vars_new(void) {
  DplVars *vars = g_new0(DplVars, 1);

  vars->values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  return vars;
}

void dpl_vars_free(DplVars *vars) {
  if (!vars)
    return;
  g_hash_table_unref(vars->values);
  g_free(vars);
}

void dpl_vars_set(DplVars *vars, const char *name, const char *value) {
  g_hash_table_replace(vars->values, g_strdup(name), g_strdup(value));
}

const char *dpl_vars_get(const DplVars *vars, const char *name) {
  return g_hash_table_lookup(vars->values, name);
}

JsonObject *dpl_vars_object(const DplVars *vars) {
  JsonObject *object = json_object_new();
  GHashTableIter iter;
  gpointer name, value;

  g_hash_table_iter_init(&iter, vars->values);
  while (g_hash_table_iter_next(&iter, &name, &value))
    json_object_set_string_member(object, name, value);
  return object;
}

gboolean dpl_vars_needed(const char *text) {
  return strstr(text, "${") != NULL;
}

static int compare_names(gconstpointer a, gconstpointer b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static gboolean refuse_unknown(const DplVars *vars, const char *name, GError **error) {
  g_autofree gpointer *names = g_hash_table_get_keys_as_array(vars->values, NULL);
  guint n = g_hash_table_size(vars->values);

  qsort(names, n, sizeof *names, compare_names);
  g_autofree char *hint = wg_nearest_hint(name, (const char *const *)names);
  g_autofree char *all = g_strjoinv(", ", (char **)names);
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
              "unknown variable ${%.80s}; %s%s (a literal ${ is $${)", name,
              hint ? "" : "there are: ", hint ?: (*all ? all : "none"));
  return FALSE;
}

/* At "${": moves `*p` past the "}". */
static gboolean append_value(const DplVars *vars, const char **p, GString *out, GError **error) {
  const char *name = *p + 2, *end = strchr(name, '}');

  if (!end) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                "'${' without '}' (a literal ${ is $${)");
    return FALSE;
  }
  g_autofree char *key = g_strndup(name, (gsize)(end - name));
  const char *value = dpl_vars_get(vars, key);
  if (!value)
    return refuse_unknown(vars, key, error);
  g_string_append(out, value);
  *p = end + 1;
  if (out->len <= EXPANDED_MAX)
    return TRUE;
  g_set_error(error, WG_ERROR, WG_ERROR_LIMITS_EXCEEDED, "longer than %d bytes with its variables",
              EXPANDED_MAX);
  return FALSE;
}

char *dpl_vars_expand(const DplVars *vars, const char *text, GError **error) {
  g_autoptr(GString) out = g_string_new(NULL);

  for (const char *p = text; *p;)
    if (g_str_has_prefix(p, "$${")) {
      g_string_append(out, "${");
      p += 3;
    } else if (!g_str_has_prefix(p, "${"))
      g_string_append_c(out, *p++);
    else if (!append_value(vars, &p, out, error))
      return NULL;
  return g_string_free(g_steal_pointer(&out), FALSE);
}

/* ---- nodes ---- */
static JsonNode *expand_text(const DplVars *vars, JsonNode *node, const char *pointer,
                             WgProblems *problems) {
  g_autoptr(GError) error = NULL;
  g_autofree char *text = dpl_vars_expand(vars, json_node_get_string(node), &error);

  if (text)
    return json_node_init_string(json_node_alloc(), text);
  wg_problems_add(problems, 0, pointer, "%s", error->message);
  return json_node_copy(node);
}

static char *below(const char *pointer, const char *key) {
  g_autoptr(GString) token = g_string_new(key);

  g_string_replace(token, "~", "~0", 0);
  g_string_replace(token, "/", "~1", 0);
  return g_strdup_printf("%s/%s", pointer, token->str);
}

static JsonNode *expand_object(const DplVars *vars, JsonObject *object, const char *pointer,
                               WgProblems *problems) {
  JsonNode *copy = json_node_new(JSON_NODE_OBJECT);
  JsonObject *into = json_object_new();
  JsonObjectIter iter;
  const char *key;
  JsonNode *value;

  json_object_iter_init_ordered(&iter, object);
  while (json_object_iter_next_ordered(&iter, &key, &value)) {
    g_autofree char *place = below(pointer, key);
    json_object_set_member(into, key, dpl_vars_expand_node(vars, value, place, problems));
  }
  json_node_take_object(copy, into);
  return copy;
}

static JsonNode *expand_array(const DplVars *vars, JsonArray *array, const char *pointer,
                              WgProblems *problems) {
  JsonNode *copy = json_node_new(JSON_NODE_ARRAY);
  JsonArray *into = json_array_new();

  for (guint i = 0; i < json_array_get_length(array); i++) {
    g_autofree char *place = g_strdup_printf("%s/%u", pointer, i);
    json_array_add_element(
        into, dpl_vars_expand_node(vars, json_array_get_element(array, i), place, problems));
  }
  json_node_take_array(copy, into);
  return copy;
}

JsonNode *dpl_vars_expand_node(const DplVars *vars, JsonNode *node, const char *pointer,
                               WgProblems *problems) {
  if (JSON_NODE_HOLDS_OBJECT(node))
    return expand_object(vars, json_node_get_object(node), pointer, problems);
  if (JSON_NODE_HOLDS_ARRAY(node))
    return expand_array(vars, json_node_get_array(node), pointer, problems);
  if (JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING)
    return expand_text(vars, node, pointer, problems);
  return json_node_copy(node);
}
