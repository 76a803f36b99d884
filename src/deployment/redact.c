/* redact.c: see redact.h. Hidden is what stands under a key of the table, wherever it stands but in
 * what a check expects: that is compared with what anybody may observe. */
#include "deployment/redact.h"

#include <string.h>

#define VALUE_MIN 6

/* Keys whose values are hidden, however deep they lie below. */
static const char *const secret_keys[] = {"environment", "env",   "headers", "body",
                                          "cookies",     "stdin", "send",    NULL};
/* The same, but below "configuration" alone. */
static const char *const file_keys[] = {"content", NULL};
/* Nothing is hidden below these. */
static const char *const open_keys[] = {"expect", "warn", NULL};

static void note(GPtrArray *values, const char *value) {
  if (values != NULL && strlen(value) >= VALUE_MIN)
    g_ptr_array_add(values, g_strdup(value));
}

/* Each line, and what stands after its first '=' or ':'. */
static void note_lines(GPtrArray *values, const char *text) {
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

  for (guint i = 0; lines[i] != NULL; i++) {
    char *line = g_strstrip(lines[i]);
    gsize name = strcspn(line, "=:");
    note(values, line);
    if (line[name] != '\0')
      note(values, g_strstrip(line + name + 1));
  }
}

/* "NAME=value" keeps its name. */
static void hide_text(JsonNode *node, GPtrArray *values) {
  const char *text = json_node_get_string(node), *value = strchr(text, '=');
  g_autofree char *shown = NULL;

  note_lines(values, text);
  if (value != NULL && value > text && strcspn(text, " \t\n:") > (gsize)(value - text)) {
    shown = g_strdup_printf("%.*s=" DPL_REDACTED, (int)(value - text), text);
  } else {
    shown = g_strdup(DPL_REDACTED);
  }
  json_node_set_string(node, shown);
}

static void hide_all(JsonNode *node, GPtrArray *values);

static void hide_member(JsonObject *object, const char *name, JsonNode *node, gpointer data) {
  hide_all(node, data);
}

static void hide_element(JsonArray *array, guint i, JsonNode *node, gpointer data) {
  hide_all(node, data);
}

static void hide_all(JsonNode *node, GPtrArray *values) {
  if (JSON_NODE_HOLDS_OBJECT(node))
    json_object_foreach_member(json_node_get_object(node), hide_member, values);
  else if (JSON_NODE_HOLDS_ARRAY(node))
    json_array_foreach_element(json_node_get_array(node), hide_element, values);
  else if (JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING)
    hide_text(node, values);
}

static void hide_files(JsonNode *node, GPtrArray *values) {
  JsonArray *files = JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;

  for (guint i = 0; files != NULL && i < json_array_get_length(files); i++) {
    JsonNode *file = json_array_get_element(files, i);
    for (guint k = 0; JSON_NODE_HOLDS_OBJECT(file) && file_keys[k] != NULL; k++)
      if (json_object_has_member(json_node_get_object(file), file_keys[k]))
        hide_all(json_object_get_member(json_node_get_object(file), file_keys[k]), values);
  }
}

static void look_at_member(JsonObject *object, const char *name, JsonNode *node, gpointer data) {
  if (g_strv_contains(secret_keys, name))
    hide_all(node, data);
  else if (g_str_equal(name, "configuration"))
    hide_files(node, data);
  else if (!g_strv_contains(open_keys, name))
    dpl_redact(node, data);
}

static void look_at_element(JsonArray *array, guint i, JsonNode *node, gpointer data) {
  dpl_redact(node, data);
}

void dpl_redact(JsonNode *node, GPtrArray *values) {
  if (JSON_NODE_HOLDS_OBJECT(node))
    json_object_foreach_member(json_node_get_object(node), look_at_member, values);
  else if (JSON_NODE_HOLDS_ARRAY(node))
    json_array_foreach_element(json_node_get_array(node), look_at_element, values);
}

GPtrArray *dpl_redact_values(const char *manifest) {
  GPtrArray *values = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(JsonNode) node = manifest != NULL ? json_from_string(manifest, NULL) : NULL;

  if (node != NULL)
    dpl_redact(node, values);
  return values;
}

char *dpl_redact_text(const char *text, const GPtrArray *values) {
  g_autoptr(GString) masked = g_string_new(text);

  for (guint i = 0; i < values->len; i++)
    g_string_replace(masked, values->pdata[i], DPL_REDACTED, 0);
  return g_string_free(g_steal_pointer(&masked), FALSE);
}

static void mask_member(JsonObject *object, const char *name, JsonNode *node, gpointer data) {
  dpl_redact_texts(node, data);
}

static void mask_element(JsonArray *array, guint i, JsonNode *node, gpointer data) {
  dpl_redact_texts(node, data);
}

void dpl_redact_texts(JsonNode *node, const GPtrArray *values) {
  if (JSON_NODE_HOLDS_OBJECT(node)) {
    json_object_foreach_member(json_node_get_object(node), mask_member, (gpointer)values);
  } else if (JSON_NODE_HOLDS_ARRAY(node)) {
    json_array_foreach_element(json_node_get_array(node), mask_element, (gpointer)values);
  } else if (JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING) {
    g_autofree char *masked = dpl_redact_text(json_node_get_string(node), values);
    json_node_set_string(node, masked);
  }
}
