/* baseline.c: see baseline.h. */
#include "checks/baseline.h"

#include "checks/text.h"

static JsonObject *object_member(JsonObject *object, const char *name) {
  JsonNode *node = object ? json_object_get_member(object, name) : NULL;

  return node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

JsonNode *chk_baseline_parse(const char *bytes, gsize size, GError **error) {
  g_autoptr(WgProblems) problems = wg_problems_new();
  g_autoptr(WgDoc) doc = wg_doc_parse(bytes, size, WG_DOC_JSON, problems);
  JsonNode *root = doc && !wg_problems_refuse(problems) ? wg_doc_root(doc) : NULL;
  JsonNode *schema = NULL;

  if (root && JSON_NODE_HOLDS_OBJECT(root) && object_member(json_node_get_object(root), "checks"))
    schema = json_object_get_member(json_node_get_object(root), "schema");
  if (schema && g_strcmp0(json_node_get_string(schema), CHK_SCHEMA_BASELINE) == 0)
    return json_node_copy(root);
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
              "it is no baseline; \"waggle-verify --record\" writes one");
  return NULL;
}

ChkBefore chk_baseline_before(JsonNode *baseline, const char *check, const char *key) {
  JsonObject *checks = baseline ? object_member(json_node_get_object(baseline), "checks") : NULL;
  JsonObject *entry = checks ? object_member(checks, check) : NULL;
  JsonObject *values = entry ? object_member(entry, "values") : NULL;

  JsonNode *value = values ? json_object_get_member(values, key) : NULL;

  return (ChkBefore){value != NULL, value};
}

/* What was asked for and was not there is written down as null: that is another thing than a value
 * that nobody asked for. */
static JsonObject *values_of(const ChkResult *r) {
  JsonObject *values = json_object_new();
  JsonObject *const from[] = {r->check->wanted, r->values};

  for (guint i = 0; i < G_N_ELEMENTS(from); i++) {
    JsonObjectIter iter;
    const char *name;
    JsonNode *node;
    json_object_iter_init_ordered(&iter, from[i]);
    while (json_object_iter_next_ordered(&iter, &name, &node))
      if (i == 0)
        json_object_set_null_member(values, name);
      else
        json_object_set_member(values, name, json_node_ref(node));
  }
  return values;
}

char *chk_baseline_text(const ChkReport *report) {
  g_autoptr(JsonObject) root = json_object_new();
  JsonObject *checks = json_object_new();
  g_autofree char *recorded = chk_time_text(report->started);

  json_object_set_string_member(root, "schema", CHK_SCHEMA_BASELINE);
  json_object_set_string_member(root, "name", report->plan->name);
  json_object_set_string_member(root, "recorded", recorded);
  json_object_set_object_member(root, "checks", checks);
  for (guint i = 0; i < report->results->len; i++) {
    const ChkResult *r = g_ptr_array_index(report->results, i);
    if (!r->values || r->check->secret)
      continue;
    JsonObject *entry = json_object_new();
    json_object_set_string_member(entry, "type", r->check->type->name);
    json_object_set_string_member(entry, "subject", r->check->subject);
    json_object_set_object_member(entry, "values", values_of(r));
    json_object_set_object_member(checks, r->check->name, entry);
  }
  g_autoptr(JsonNode) node = json_node_init_object(json_node_alloc(), root);
  g_autofree char *text = json_to_string(node, TRUE);
  return g_strconcat(text, "\n", NULL);
}
