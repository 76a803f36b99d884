/* intent.c: see intent.h. */
#include "deployment/intent.h"

static const struct {
  const char *name;
  gsize at;
  gboolean is_list;
} fields[] = {
    {"reused", G_STRUCT_OFFSET(DplIntent, reused), FALSE},
    {"backup", G_STRUCT_OFFSET(DplIntent, backup), FALSE},
    {"snapshot", G_STRUCT_OFFSET(DplIntent, snapshot), FALSE},
    {"start", G_STRUCT_OFFSET(DplIntent, start), TRUE},
    {"active", G_STRUCT_OFFSET(DplIntent, active), TRUE},
    {"enable", G_STRUCT_OFFSET(DplIntent, enable), TRUE},
    {"invocations", G_STRUCT_OFFSET(DplIntent, invocations), TRUE},
    {"stop", G_STRUCT_OFFSET(DplIntent, stop), TRUE},
    {"disable", G_STRUCT_OFFSET(DplIntent, disable), TRUE},
    {"remove", G_STRUCT_OFFSET(DplIntent, remove), TRUE},
    {"dependents", G_STRUCT_OFFSET(DplIntent, dependents), TRUE},
    {"orphans", G_STRUCT_OFFSET(DplIntent, orphans), TRUE},
};

static char ***list_at(const DplIntent *intent, guint i) {
  return (char ***)((guint8 *)intent + fields[i].at);
}

static gboolean *flag_at(const DplIntent *intent, guint i) {
  return (gboolean *)((guint8 *)intent + fields[i].at);
}

void dpl_intent_clear(DplIntent *intent) {
  for (guint i = 0; i < G_N_ELEMENTS(fields); i++)
    if (fields[i].is_list)
      g_clear_pointer(list_at(intent, i), g_strfreev);
}

static JsonArray *list_of(char **texts) {
  JsonArray *array = json_array_new();

  for (guint i = 0; texts != NULL && texts[i] != NULL; i++)
    json_array_add_string_element(array, texts[i]);
  return array;
}

char *dpl_intent_to_text(const DplIntent *intent) {
  g_autoptr(JsonNode) node = json_node_new(JSON_NODE_OBJECT);
  JsonObject *object = json_object_new();

  json_node_take_object(node, object);
  for (guint i = 0; i < G_N_ELEMENTS(fields); i++)
    if (fields[i].is_list)
      json_object_set_array_member(object, fields[i].name, list_of(*list_at(intent, i)));
    else
      json_object_set_boolean_member(object, fields[i].name, *flag_at(intent, i));
  return json_to_string(node, FALSE);
}

static char **texts_of(JsonObject *object, const char *name) {
  g_autoptr(GPtrArray) texts = g_ptr_array_new();
  JsonNode *node = object != NULL ? json_object_get_member(object, name) : NULL;
  JsonArray *array = node != NULL && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;

  for (guint i = 0; array != NULL && i < json_array_get_length(array); i++) {
    JsonNode *one = json_array_get_element(array, i);
    if (JSON_NODE_HOLDS_VALUE(one) && json_node_get_value_type(one) == G_TYPE_STRING)
      g_ptr_array_add(texts, json_node_dup_string(one));
  }
  g_ptr_array_add(texts, NULL);
  return (char **)g_ptr_array_free(g_steal_pointer(&texts), FALSE);
}

void dpl_intent_from_text(const char *text, DplIntent *ret) {
  g_autoptr(JsonNode) node = text != NULL ? json_from_string(text, NULL) : NULL;
  JsonObject *object =
      node != NULL && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;

  *ret = (DplIntent){0};
  for (guint i = 0; i < G_N_ELEMENTS(fields); i++)
    if (fields[i].is_list)
      *list_at(ret, i) = texts_of(object, fields[i].name);
    else
      *flag_at(ret, i) = object != NULL &&
                         json_object_get_boolean_member_with_default(object, fields[i].name, FALSE);
}

char *dpl_intent_backup(const DplRecord *record) {
  return g_strdup_printf("%" G_GUINT64_FORMAT, record->id);
}

char *dpl_intent_snapshot(const DplRecord *record) {
  return g_strdup_printf("%" G_GUINT64_FORMAT "-state", record->id);
}

char *dpl_intent_units(const DplRecord *record) {
  return g_strdup_printf("%" G_GUINT64_FORMAT "-units", record->id);
}
