/* goss.c: goss files and what they include; see goss.h. */
#include "checks/goss-file.h"
#include "checks/goss-template.h"

#include <glob.h>
#include <string.h>

#define INCLUDE_DEPTH_MAX 16
#define FILE_MAX_BYTES (4 * 1024 * 1024)

static void load(GossFile *g, const char *bytes, gsize size, const char *path);

static void include_file(GossFile *g, const char *path, const char *pointer) {
  g_autofree char *bytes = NULL;
  g_autoptr(GError) error = NULL;
  gsize size;

  if (!g_file_get_contents(path, &bytes, &size, &error))
    wg_problems_add(g->problems, 0, pointer, "%s", error->message);
  else if (size > FILE_MAX_BYTES)
    wg_problems_add(g->problems, 0, pointer, "%s is larger than %d bytes", path, FILE_MAX_BYTES);
  else
    load(g, bytes, size, path);
}

static void include(GossFile *g, const char *key, JsonNode *node, const char *path,
                    const char *pointer) {
  JsonObject *given = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
  const char *file = given ? json_object_get_string_member_with_default(given, "file", key) : key;
  g_autofree char *directory = g_path_get_dirname(path);
  g_autofree char *whole =
      g_path_is_absolute(file) ? g_strdup(file) : g_build_filename(directory, file, NULL);
  glob_t found;

  if (given && json_object_get_boolean_member_with_default(given, "skip", FALSE))
    return;
  if (!strpbrk(file, "*?[")) {
    include_file(g, whole, pointer);
    return;
  }
  int r = glob(whole, 0, NULL, &found);
  for (gsize i = 0; r == 0 && i < found.gl_pathc; i++)
    include_file(g, found.gl_pathv[i], pointer);
  if (r == 0)
    globfree(&found);
  else
    wg_problems_add(g->problems, 0, pointer, "no file matches %s", whole);
}

static void section(GossFile *g, const char *name, JsonNode *node, const char *path) {
  const GossResource *r = goss_resource_find(name);
  gboolean is_include = g_str_equal(name, "gossfile");
  JsonObject *all = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
  g_autofree char *pointer = g_strdup_printf("/%s", name);

  if (JSON_NODE_HOLDS_NULL(node))
    return;
  if ((!r && !is_include) || !all) {
    wg_problems_add(g->problems, 0, pointer,
                    all ? "goss has no such resource" : "a map of resources is needed");
    return;
  }
  g_autoptr(GList) keys = json_object_get_members(all);
  for (GList *l = keys; l; l = l->next) {
    g_autofree char *at = g_strdup_printf("%s/%s", pointer, (const char *)l->data);
    if (is_include)
      include(g, l->data, json_object_get_member(all, l->data), path, at);
    else
      goss_resource(g, r, l->data, json_object_get_member(all, l->data), at);
  }
}

static void load(GossFile *g, const char *bytes, gsize size, const char *path) {
  g_autofree char *text = g_strndup(bytes, size);
  g_autoptr(GError) error = NULL;

  if (++g->depth > INCLUDE_DEPTH_MAX) {
    wg_problems_add(g->problems, 0, "", "%s: more than %d files include each other", path,
                    INCLUDE_DEPTH_MAX);
    g->depth--;
    return;
  }
  g_autofree char *rendered = chk_goss_render(text, g->vars, path, &error);
  g_autoptr(WgDoc) doc =
      rendered ? wg_doc_parse(rendered, strlen(rendered), WG_DOC_AUTO, g->problems) : NULL;
  if (error)
    wg_problems_add(g->problems, 0, "", "%s", error->message);
  if (doc && JSON_NODE_HOLDS_OBJECT(wg_doc_root(doc))) {
    JsonObject *root = json_node_get_object(wg_doc_root(doc));
    g_autoptr(GList) names = json_object_get_members(root);
    for (GList *l = names; l; l = l->next)
      section(g, l->data, json_object_get_member(root, l->data), path);
  } else if (doc && !JSON_NODE_HOLDS_NULL(wg_doc_root(doc))) {
    wg_problems_add(g->problems, 0, "", "%s: a goss file is a map of resources", path);
  }
  g->depth--;
}

/* What a verify file would take for a variable is plain text here. */
static JsonNode *escaped(JsonNode *node) {
  JsonNode *copy = json_node_alloc();

  if (JSON_NODE_HOLDS_OBJECT(node)) {
    g_autoptr(JsonObject) object = json_object_new();
    g_autoptr(GList) names = json_object_get_members(json_node_get_object(node));
    for (GList *l = names; l; l = l->next)
      json_object_set_member(object, l->data,
                             escaped(json_object_get_member(json_node_get_object(node), l->data)));
    return json_node_init_object(copy, object);
  }
  if (JSON_NODE_HOLDS_ARRAY(node)) {
    g_autoptr(JsonArray) array = json_array_new();
    for (guint i = 0; i < json_array_get_length(json_node_get_array(node)); i++)
      json_array_add_element(array, escaped(json_array_get_element(json_node_get_array(node), i)));
    return json_node_init_array(copy, array);
  }
  if (!JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_STRING) {
    json_node_unref(copy);
    return json_node_copy(node);
  }
  GString *text = g_string_new(json_node_get_string(node));
  g_string_replace(text, "${", "$${", 0);
  json_node_init_string(copy, text->str);
  g_string_free(text, TRUE);
  return copy;
}

JsonNode *chk_goss_load(const char *bytes, gsize size, const char *path, JsonNode *vars,
                        WgProblems *problems) {
  GossFile g = {.vars = vars,
                .problems = problems,
                .checks = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                                (GDestroyNotify)json_node_unref),
                .order = g_ptr_array_new_with_free_func(g_free)};
  JsonObject *file = json_object_new();
  JsonArray *checks = json_array_new();
  JsonNode *node = json_node_alloc();
  g_autofree char *name = g_path_get_basename(path);

  load(&g, bytes, size, path);
  for (guint i = 0; i < g.order->len; i++)
    json_array_add_element(checks, escaped(g_hash_table_lookup(g.checks, g.order->pdata[i])));
  json_object_set_string_member(file, "name", name);
  json_object_set_array_member(file, "checks", checks);
  json_node_take_object(node, file);
  g_hash_table_unref(g.checks);
  g_ptr_array_unref(g.order);
  return node;
}
