/* manifest-verify.c: the part of a manifest that the verification reads: handed to its own loader
 * for a judgement, and made into a verify file. */
#include "checks/plan.h"
#include "deployment/manifest-private.h"

#include <string.h>

static const char *const members[] = {"checks", "presets",  "groups", "waivers",
                                      "settle", "defaults", NULL};

void dpl_manifest_read_verify(DplManifest *m, WgProblems *problems) {
  JsonObject *root = json_node_get_object(m->root);
  JsonObject *verify = json_object_new();

  for (guint i = 0; members[i]; i++)
    if (json_object_has_member(root, members[i]))
      json_object_set_member(verify, members[i],
                             json_node_ref(json_object_get_member(root, members[i])));
  if (json_object_has_member(verify, "checks") || json_object_has_member(verify, "presets") ||
      json_object_has_member(verify, "settle")) {
    m->verify = verify;
    return;
  }
  guint n = json_object_get_size(verify);
  json_object_unref(verify);
  if (n > 0)
    wg_problems_add(problems, 0, "", "'groups', 'waivers' and 'defaults' need 'checks'");
  else if (!m->is_expanded)
    wg_problems_warn(problems, 0, "",
                     "no 'checks': the release counts as good when its units have started");
}

/* Texts for ours, and for the manifest's own the type that they were written with, so that a port
 * stays a number. */
static JsonObject *variables(const DplManifest *m, const DplSite *site, const char *release) {
  g_autoptr(DplVars) vars = dpl_manifest_vars(m, site, release);
  JsonObject *object = dpl_vars_object(vars);
  JsonNode *own = json_object_get_member(json_node_get_object(m->root), "vars");
  JsonObjectIter iter;
  const char *key;
  JsonNode *value;

  if (!own || !JSON_NODE_HOLDS_OBJECT(own))
    return object;
  json_object_iter_init(&iter, json_node_get_object(own));
  while (json_object_iter_next(&iter, &key, &value))
    if (!g_hash_table_contains(site->vars, key) &&
        g_strcmp0(dpl_vars_get(vars, key), g_hash_table_lookup(m->vars, key)) == 0) {
      g_autofree char *name = g_strconcat("vars.", key, NULL);
      json_object_set_member(object, key, json_node_ref(value));
      json_object_set_member(object, name, json_node_ref(value));
    }
  return object;
}

/* Without units the settle window is about the services that the deployment starts. */
static JsonNode *settle_of(const DplManifest *m, JsonNode *given) {
  if (!JSON_NODE_HOLDS_OBJECT(given) ||
      json_object_has_member(json_node_get_object(given), "units"))
    return json_node_ref(given);
  JsonNode *node = json_node_new(JSON_NODE_OBJECT);
  JsonObject *object = json_object_new();
  JsonArray *units = json_array_new();
  g_autoptr(GList) names = json_object_get_members(json_node_get_object(given));

  for (GList *l = names; l; l = l->next)
    json_object_set_member(
        object, l->data,
        json_node_ref(json_object_get_member(json_node_get_object(given), l->data)));
  for (guint i = 0; m->units.start && m->units.start[i]; i++)
    if (g_str_has_suffix(m->units.start[i], ".service"))
      json_array_add_string_element(units, m->units.start[i]);
  if (json_array_get_length(units) > 0)
    json_object_set_array_member(object, "units", units);
  else
    json_array_unref(units);
  json_node_take_object(node, object);
  return node;
}

static JsonNode *verify_node(const DplManifest *m, const DplSite *site, const char *release) {
  JsonNode *node = json_node_new(JSON_NODE_OBJECT);
  JsonObject *object = json_object_new();

  for (guint i = 0; members[i]; i++)
    if (json_object_has_member(m->verify, members[i]))
      json_object_set_member(object, members[i],
                             json_node_ref(json_object_get_member(m->verify, members[i])));
  if (json_object_has_member(object, "settle"))
    json_object_set_member(object, "settle",
                           settle_of(m, json_object_get_member(object, "settle")));
  json_object_set_string_member(object, "name", m->name ?: "verification");
  json_object_set_double_member(object, "deadline", (double)m->budgets.verify / G_USEC_PER_SEC);
  json_object_set_object_member(object, "vars", variables(m, site, release));
  json_node_take_object(node, object);
  return node;
}

char *dpl_manifest_verify_text(const DplManifest *m, const DplSite *site, const char *release) {
  if (!m->verify)
    return NULL;
  g_autoptr(JsonNode) node = verify_node(m, site, release);
  return wg_json_canonical(node);
}

gboolean dpl_verify_is_open(const DplManifest *m) {
  g_autoptr(JsonNode) node = json_node_new(JSON_NODE_OBJECT);

  if (!m->verify)
    return FALSE;
  json_node_set_object(node, m->verify);
  g_autofree char *text = wg_json_canonical(node);
  return dpl_vars_needed(text);
}

void dpl_judge_verify(const DplManifest *m, const DplSite *site, WgProblems *problems) {
  if (!m->verify)
    return;
  g_autoptr(JsonNode) node = verify_node(m, site, "0000000000000000-20000101T000000Z");
  g_autoptr(ChkPlan) plan = chk_plan_load(node, NULL, "", NULL, problems);
}
