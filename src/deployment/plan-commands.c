/* plan-commands.c: the commands that a deployment would run, and what would become of data. */
#include "deployment/plan.h"

static JsonArray *texts_array(const char *const *texts) {
  JsonArray *array = json_array_new();

  for (guint i = 0; texts && texts[i]; i++)
    json_array_add_string_element(array, texts[i]);
  return array;
}

static void add_hook(const char *point, const DplHook *hook, JsonArray *list) {
  JsonObject *one = json_object_new();

  json_object_set_string_member(one, "point", point);
  json_object_set_array_member(one, "command", texts_array((const char *const *)hook->command));
  json_object_set_int_member(one, "timeout", (gint64)hook->timeout);
  if (hook->user)
    json_object_set_string_member(one, "user", hook->user);
  json_array_add_object_element(list, one);
}

static void add_state(const DplPlanInput *in, JsonArray *hooks, JsonObject *into) {
  const DplStateSpec *s = &in->preflight.manifest->state;
  JsonObject *state = json_object_new();
  DplStatePlan plan;

  json_object_set_string_member(state, "directory", s->directory);
  json_object_set_int_member(state, "schema", (gint64)s->schema);
  if (in->preflight.previous && in->preflight.previous->state.directory)
    json_object_set_int_member(state, "schema-before",
                               (gint64)in->preflight.previous->state.writes);
  if (dpl_state_contract(in->preflight.previous, in->preflight.manifest, &plan, NULL)) {
    json_object_set_boolean_member(state, "migrate", plan.migrate);
    json_object_set_string_member(state, "way-back", dpl_way_back_name(plan.back));
    if (plan.migrate)
      add_hook("migrate-up", s->up, hooks);
  }
  json_object_set_object_member(into, "state", state);
}

void dpl_plan_commands(const DplPlanInput *in, JsonObject *into) {
  const DplManifest *m = in->preflight.manifest;
  JsonArray *hooks = json_array_new();

  for (guint i = 0; i < DPL_HOOK_POINTS; i++)
    for (guint k = 0; k < m->hooks[i]->len; k++)
      add_hook(dpl_hook_phase_name((DplHookPhase)i), m->hooks[i]->pdata[k], hooks);
  if (m->state.directory)
    add_state(in, hooks, into);
  json_object_set_array_member(into, "hooks", hooks);
  json_object_set_array_member(into, "backup", texts_array((const char *const *)m->backup));
}
