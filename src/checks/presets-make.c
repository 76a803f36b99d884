/* presets-make.c: how a preset makes its checks and its group. What it makes is plain JSON, which
 * the loader reads like any other check, so a preset can do nothing that a file cannot. */
#include "checks/presets.h"

#include <string.h>

JsonObject *chk_preset_check(const char *type, const char *subject) {
  JsonObject *check = json_object_new();

  json_object_set_string_member(check, type, subject);
  return check;
}

void chk_preset_expect(JsonObject *check, const char *member, const char *json_format, ...) {
  va_list args;
  g_autoptr(GError) error = NULL;

  va_start(args, json_format);
  g_autofree char *json = g_strdup_vprintf(json_format, args);
  va_end(args);
  JsonNode *node = json_from_string(json, &error);
  g_assert_no_error(error);
  json_object_set_member(check, member, node);
}

void chk_preset_add(ChkPreset *preset, JsonObject *check, const char *name) {
  g_autofree char *whole = g_strdup_printf("%s: %s", preset->title, name);
  JsonObjectIter iter;
  const char *option;
  JsonNode *node;

  json_object_set_string_member(check, "name", whole);
  json_object_iter_init_ordered(&iter, preset->shared);
  while (json_object_iter_next_ordered(&iter, &option, &node))
    if (!json_object_has_member(check, option))
      json_object_set_member(check, option, json_node_ref(node));
  json_array_add_string_element(preset->members, whole);
  g_autoptr(JsonNode) made = json_node_init_object(json_node_alloc(), check);
  json_object_unref(check);
  chk_load_check(preset->load, made, preset->pointer);
}

void chk_preset_group(ChkPreset *preset, const char *fallback) {
  g_autoptr(JsonObject) group = json_object_new();
  JsonNode *share = wg_reader_node(preset->reader, "at-least");
  JsonNode *level = json_object_get_member(preset->shared, "level");
  JsonNode *hint = json_object_get_member(preset->shared, "hint");

  if (json_array_get_length(preset->members) == 0)
    return;
  json_object_set_string_member(group, "name", preset->title);
  json_object_set_array_member(group, "checks", json_array_ref(preset->members));
  if (share)
    json_object_set_member(group, "at-least", json_node_ref(share));
  else
    json_object_set_string_member(group, "at-least", fallback);
  if (level)
    json_object_set_member(group, "level", json_node_ref(level));
  if (hint)
    json_object_set_member(group, "hint", json_node_ref(hint));
  g_ptr_array_add(preset->load->groups, json_node_init_object(json_node_alloc(), group));
  g_ptr_array_add(preset->load->group_pointers, g_strdup(preset->pointer));
}

JsonNode **chk_preset_elements(ChkPreset *preset, const char *option) {
  g_autoptr(GPtrArray) list = g_ptr_array_new();
  JsonNode *node = wg_reader_node(preset->reader, option);

  if (node && JSON_NODE_HOLDS_ARRAY(node)) {
    JsonArray *array = json_node_get_array(node);
    for (guint i = 0; i < json_array_get_length(array); i++)
      g_ptr_array_add(list, json_array_get_element(array, i));
  } else if (node) {
    g_ptr_array_add(list, node);
  }
  for (guint i = 0; i < list->len; i++) {
    JsonNode *element = g_ptr_array_index(list, i);
    gboolean text =
        JSON_NODE_HOLDS_VALUE(element) && json_node_get_value_type(element) == G_TYPE_STRING;
    if (!text && !JSON_NODE_HOLDS_OBJECT(element)) {
      wg_reader_problem(preset->reader, option, "each element is a text or an object");
      g_ptr_array_set_size(list, 0);
      g_ptr_array_add(list, NULL);
      return (JsonNode **)g_ptr_array_free(g_steal_pointer(&list), FALSE);
    }
  }
  if (list->len == 0)
    wg_reader_problem(preset->reader, option, "the preset needs \"%s\"", option);
  g_ptr_array_add(list, NULL);
  return (JsonNode **)g_ptr_array_free(g_steal_pointer(&list), FALSE);
}

void chk_preset_copy(JsonObject *from, JsonObject *check, const char *const *names) {
  for (; *names; names++)
    if (json_object_has_member(from, *names))
      json_object_set_member(check, *names, json_node_ref(json_object_get_member(from, *names)));
}
