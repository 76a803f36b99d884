/* plan.c: the whole of a plan; see plan.h. The files are compared in plan-files.c, units and what
 * is run stand in plan-units.c. */
#include "deployment/plan.h"

#include "checks/plan.h"

#include <string.h>

static void add_about(const DplPlanInput *in, JsonObject *into) {
  const DplManifest *m = in->preflight.manifest;

  json_object_set_string_member(into, "name", m->name);
  json_object_set_string_member(into, "version", m->version);
  json_object_set_string_member(into, "manifest-hash", m->hash);
  json_object_set_string_member(into, "target", in->preflight.site->name);
  json_object_set_string_member(into, "root", in->preflight.site->root);
  if (in->preflight.current)
    json_object_set_string_member(into, "current", in->preflight.current);
}

/* ---- artifacts ---- */
static JsonObject *deb_object(const DplDeb *deb) {
  JsonObject *object = json_object_new();
  JsonArray *scripts = json_array_new();

  json_object_set_string_member(object, "package", deb->package);
  json_object_set_string_member(object, "version", deb->version);
  json_object_set_string_member(object, "architecture", deb->architecture);
  if (deb->depends)
    json_object_set_string_member(object, "depends", deb->depends);
  if (deb->pre_depends)
    json_object_set_string_member(object, "pre-depends", deb->pre_depends);
  for (guint i = 0; deb->scripts && deb->scripts[i]; i++)
    json_array_add_string_element(scripts, deb->scripts[i]);
  json_object_set_array_member(object, "scripts-not-run", scripts);
  return object;
}

static void add_artifacts(const DplPlanInput *in, const DplStaged *staged, JsonObject *into) {
  static const char *const kinds[] = {"directory", "tar", "deb"};
  JsonArray *list = json_array_new();

  for (guint i = 0; i < staged->artifacts->len; i++) {
    const DplUnpacked *u = &g_array_index(staged->artifacts, DplUnpacked, i);
    const DplArtifactSpec *spec = in->preflight.manifest->artifacts->pdata[i];
    JsonObject *one = json_object_new();
    json_object_set_string_member(one, "source", spec->source);
    json_object_set_string_member(one, "kind", kinds[u->kind]);
    json_object_set_string_member(one, "sha256", u->sha256);
    json_object_set_int_member(one, "bytes", (gint64)u->bytes);
    json_object_set_int_member(one, "entries", u->entries);
    json_object_set_int_member(one, "links-out", u->links_out);
    if (staged->keys->pdata[i])
      json_object_set_string_member(one, "signed-by", staged->keys->pdata[i]);
    if (u->deb)
      json_object_set_object_member(one, "deb", deb_object(u->deb));
    json_array_add_object_element(list, one);
  }
  json_object_set_array_member(into, "artifacts", list);
}

/* ---- checks ---- */
static void add_checks(const DplPlanInput *in, JsonObject *into) {
  g_autofree char *text =
      dpl_manifest_verify_text(in->preflight.manifest, in->preflight.site, "RELEASE");
  g_autoptr(WgProblems) problems = wg_problems_new();
  g_autoptr(JsonNode) node = text ? json_from_string(text, NULL) : NULL;
  g_autoptr(ChkPlan) plan = node ? chk_plan_load(node, NULL, "", NULL, problems) : NULL;
  JsonArray *list = json_array_new();

  for (guint i = 0; plan && i < plan->checks->len; i++) {
    const ChkCheck *check = plan->checks->pdata[i];
    JsonObject *one = json_object_new();
    json_object_set_string_member(one, "name", check->name);
    json_object_set_string_member(one, "type", check->type->name);
    json_object_set_string_member(one, "subject", check->subject);
    json_object_set_string_member(one, "level",
                                  check->level == CHK_REQUIRED ? "required" : "wanted");
    if (check->waiver)
      json_object_set_string_member(one, "waived-until", check->waiver->expires);
    json_array_add_object_element(list, one);
  }
  json_object_set_array_member(into, "checks", list);
}

/* ---- times ---- */
static void add_budget(JsonObject *into, const char *name, guint64 said, guint64 most) {
  json_object_set_int_member(into, name, (gint64)(most ? MIN(said, most) : said));
}

static void add_times(const DplPlanInput *in, JsonObject *into) {
  const DplManifest *m = in->preflight.manifest;
  JsonObject *budgets = json_object_new(), *expected = json_object_new();

  add_budget(budgets, "deploy", m->budgets.deploy, in->most.deploy);
  add_budget(budgets, "verify", m->budgets.verify, in->most.verify);
  add_budget(budgets, "rollback", m->budgets.rollback, in->most.rollback);
  json_object_set_int_member(budgets, "confirm", (gint64)m->strategy.confirm);
  json_object_set_object_member(into, "budgets", budgets);
  json_object_set_int_member(expected, "samples", in->n_history);
  if (in->n_history > 0) {
    json_object_set_int_member(expected, "deploy", (gint64)in->expect_deploy);
    json_object_set_int_member(expected, "verify", (gint64)in->expect_verify);
    json_object_set_int_member(expected, "downtime", (gint64)in->expect_downtime);
  }
  json_object_set_object_member(into, "expected", expected);
}

/* ---- reasons against it ---- */
static gboolean add_reasons(const DplPlanInput *in, DplSources *sources, const DplWork *work,
                            JsonObject *into, GError **error) {
  g_autoptr(GPtrArray) reasons = dpl_preflight(&in->preflight, work, error);
  JsonArray *list;

  if (!reasons)
    return FALSE;
  dpl_plan_exposure(in, sources, work, into, reasons);
  list = json_array_new();
  for (guint i = 0; i < reasons->len; i++)
    json_array_add_string_element(list, reasons->pdata[i]);
  dpl_plan_conflicts(in, sources, list);
  json_object_set_array_member(into, "reasons-against", list);
  return TRUE;
}

static gboolean stage_dry(const DplPlanInput *in, DplSources *sources, const DplWork *work,
                          DplStaged *ret, GError **error) {
  DplStageOptions options = {.transaction = "plan",
                             .key_directories = in->key_directories,
                             .need_signature = in->need_signature,
                             .dry = TRUE};

  dpl_sources_stage(sources, &options);
  return dpl_stage(in->preflight.root, &options, work, ret, error);
}

JsonNode *dpl_plan(const DplPlanInput *in, const DplWork *work, GError **error) {
  g_auto(DplStaged) staged = {0};
  g_autoptr(DplSources) sources =
      dpl_sources_open(in->preflight.manifest, in->preflight.site, in->preflight.base, error);
  g_autoptr(JsonObject) plan = json_object_new();

  if (!sources || !stage_dry(in, sources, work, &staged, error))
    return NULL;
  add_about(in, plan);
  add_artifacts(in, &staged, plan);
  dpl_plan_files(in, &staged, plan);
  dpl_plan_units(in, sources, plan);
  dpl_plan_commands(in, plan);
  add_checks(in, plan);
  add_times(in, plan);
  if (!add_reasons(in, sources, work, plan, error))
    return NULL;
  JsonNode *node = json_node_new(JSON_NODE_OBJECT);
  json_node_take_object(node, g_steal_pointer(&plan));
  return node;
}
