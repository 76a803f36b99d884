/* bus-show.c: Show and Explain: one deployment with everything but secrets (redact.h). */
#include "deployment/bus.h"

#include "deployment/explain.h"
#include "deployment/record-query.h"
#include "deployment/redact.h"

#include "common/error.h"

guint64 dpl_call_id(DplCall *call) {
  g_autoptr(GVariant) id = g_variant_get_child_value(call->args, 0);

  return g_variant_get_uint64(id);
}

/* Values that are hidden in the manifest are masked wherever else they turn up. */
static void redact(JsonObject *shown) {
  g_autoptr(GPtrArray) values = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GList) members = json_object_get_members(shown);
  JsonNode *manifest = json_object_get_member(shown, "manifest");

  if (manifest != NULL && !JSON_NODE_HOLDS_OBJECT(manifest)) {
    /* a damaged one cannot be looked into, so it is not shown */
    json_object_remove_member(shown, "manifest");
    manifest = NULL;
  }
  if (manifest == NULL)
    return;
  dpl_redact(manifest, values);
  for (GList *l = members; l != NULL; l = l->next)
    if (json_object_has_member(shown, l->data))
      dpl_redact_texts(json_object_get_member(shown, l->data), values);
}

/* NULL: the call was failed. */
static JsonObject *shown_of(DplCall *call, JsonNode *node, const GError *error) {
  g_autoptr(GError) none = NULL;

  if (error == NULL && node == NULL)
    none = g_error_new(WG_ERROR, WG_ERROR_UNKNOWN_DEPLOYMENT,
                       "there is no deployment %" G_GUINT64_FORMAT, dpl_call_id(call));
  if (error != NULL || none != NULL) {
    wg_call_fail(call, error != NULL ? error : none);
    return NULL;
  }
  redact(json_node_get_object(node));
  return json_node_get_object(node);
}

static void shown(JsonNode *node, const GError *error, gpointer data) {
  DplCall *call = data;

  if (shown_of(call, node, error) == NULL)
    return;
  g_autofree char *text = json_to_string(node, FALSE);
  wg_call_answer(call, g_variant_new("(s)", text));
}

void dpl_handle_show(DplCall *call) {
  dpl_query_show(dpl_daemon(call)->store, dpl_call_id(call), shown, call);
}

static void explained(JsonNode *node, const GError *error, gpointer data) {
  DplCall *call = data;
  JsonObject *object = shown_of(call, node, error);

  if (object == NULL)
    return;
  g_autofree char *text = dpl_explain(object);
  wg_call_answer(call, g_variant_new("(s)", text));
}

void dpl_handle_explain(DplCall *call) {
  dpl_query_show(dpl_daemon(call)->store, dpl_call_id(call), explained, call);
}
