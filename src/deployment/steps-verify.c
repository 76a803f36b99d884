/* steps-verify.c: the verdict on the new release, and after an undo on the old one. */
#include "deployment/steps-private.h"

#include "deployment/layout.h"

/* ---- the context ---- */
static const char *invocation_before(const DplChain *chain, const char *unit) {
  for (guint i = 0; chain->intent.active[i] != NULL; i++)
    if (g_str_equal(chain->intent.active[i], unit) && chain->intent.invocations[i] != NULL)
      return chain->intent.invocations[i];
  return NULL;
}

static JsonObject *unit_object(const DplChain *chain, const WgUnitState *state) {
  JsonObject *unit = json_object_new();
  const char *before = invocation_before(chain, state->name);

  json_object_set_string_member(unit, "invocation", state->invocation);
  json_object_set_int_member(unit, "n-restarts", state->n_restarts);
  if (before != NULL)
    json_object_set_string_member(unit, "before", before);
  return unit;
}

static JsonObject *previous_object(DplChain *chain) {
  const DplRecord *r = chain->act->record;
  JsonObject *previous = json_object_new();
  g_autofree char *release = dpl_chain_release(chain, r->from);
  g_autofree char *tree = g_strconcat(release, DPL_SUFFIX_TREE, NULL);

  json_object_set_string_member(previous, "release", release);
  json_object_set_string_member(previous, "tree", tree);
  if (chain->old != NULL && chain->old->digest != NULL)
    json_object_set_string_member(previous, "digest", chain->old->digest);
  return previous;
}

JsonNode *dpl_verify_context(DplChain *chain, const char *release, const GPtrArray *states) {
  const DplRecord *r = chain->act->record;
  JsonNode *node = json_node_new(JSON_NODE_OBJECT);
  JsonObject *context = json_object_new(), *units = json_object_new();
  g_autofree char *path = dpl_chain_release(chain, release);
  g_autofree char *id = g_strdup_printf("%" G_GUINT64_FORMAT, r->id);

  json_node_take_object(node, context);
  json_object_set_string_member(context, "deployment", id);
  json_object_set_string_member(context, "target", r->target);
  json_object_set_string_member(context, "root", r->root);
  json_object_set_string_member(context, "release", path);
  json_object_set_int_member(context, "since", chain->since);
  for (guint i = 0; states != NULL && i < states->len; i++) {
    const WgUnitState *state = states->pdata[i];
    json_object_set_object_member(units, state->name, unit_object(chain, state));
  }
  json_object_set_object_member(context, "units", units);
  if (r->from != NULL && g_strcmp0(r->from, release) != 0)
    json_object_set_object_member(context, "previous", previous_object(chain));
  return node;
}

/* ---- what both have in common ---- */
static GError *not_up(const GPtrArray *states) {
  for (guint i = 0; states != NULL && i < states->len; i++) {
    const WgUnitState *state = states->pdata[i];
    if (wg_unit_state_is_up(state))
      continue;
    g_autofree char *text = wg_unit_state_text(state);
    return g_error_new(WG_ERROR, WG_ERROR_FAILED, "%s is %s", state->name, text);
  }
  return NULL;
}

static void on_result(const char *json, guint n, guint all, gpointer data) {
  DplChain *chain = data;
  g_autofree char *masked = dpl_chain_mask(chain, json);
  g_autofree char *text = g_strdup_printf("%u of %u checks are over", n, all);

  if (all > 0)
    dpl_act_progress(chain->act, (int)((guint64)n * 100 / all), text);
  dpl_act_result(chain->act, masked);
}

void dpl_chain_verify(DplChain *chain, const DplVerifyOptions *how, DplVerifyFunc done) {
  const DplRealOptions *o = &chain->real->o;
  DplVerifyOptions options = *how;

  options.program = o->verify_program;
  options.directory = o->runtime_directory;
  options.user_scope = o->user_scope;
  options.bus = dpl_units_bus(o->units);
  options.how = o->how;
  options.bind_to = o->own_unit;
  options.traceparent = chain->act->record->traceparent;
  chain->verify = dpl_verify_start(&options, done, chain);
  /* it may have been while the units were looked at, when there was nothing to end */
  if (g_cancellable_is_cancelled(chain->act->cancel))
    dpl_verify_cancel(chain->verify);
}

static void start(DplChain *chain, const DplManifest *manifest, const char *release,
                  const GPtrArray *states, guint64 limit, DplVerifyFunc done) {
  const DplRecord *r = chain->act->record;
  g_autofree char *plan = dpl_manifest_verify_text(manifest, chain->site, release);
  g_autofree char *name = g_strdup_printf("%s %" G_GUINT64_FORMAT, r->target, r->id);
  g_autoptr(JsonNode) context = dpl_verify_context(chain, release, states);

  dpl_chain_verify(chain,
                   &(DplVerifyOptions){
                       .name = name,
                       .plan = plan,
                       .context = context,
                       .baseline = chain->baseline,
                       .limit = limit,
                       .result = on_result,
                   },
                   done);
}

/* ---- the new release ---- */
static void verified(const DplVerifyEnd *end, gpointer data) {
  DplChain *chain = data;
  DplAct *act = chain->act;

  chain->verify = NULL;
  dpl_record_set(&act->record->verdict, dpl_verdict_name(end->verdict));
  g_free(act->results);
  act->results = end->results != NULL ? dpl_chain_mask(chain, end->results) : NULL;
  act->poison = end->verdict == DPL_VERDICT_FAIL;
  if (dpl_verdict_is_good(end->verdict))
    dpl_part_done(chain, NULL);
  else
    dpl_chain_fail_verified(chain, g_error_new(WG_ERROR, WG_ERROR_FAILED, "%s: %s",
                                               dpl_verdict_name(end->verdict), end->text));
}

static void watch(DplChain *chain, const GPtrArray *states) {
  g_clear_pointer(&chain->watched, g_ptr_array_unref);
  chain->watched = g_ptr_array_new_with_free_func((GDestroyNotify)wg_unit_state_free);
  for (guint i = 0; states != NULL && i < states->len; i++)
    g_ptr_array_add(chain->watched, wg_unit_state_copy(states->pdata[i]));
}

static void verify(const GPtrArray *states, const GError *error, gpointer data) {
  DplChain *chain = data;
  g_autoptr(GError) down = error != NULL ? g_error_copy(error) : not_up(states);

  watch(chain, states);
  if (down != NULL) {
    dpl_record_set(&chain->act->record->verdict,
                   dpl_verdict_name(error != NULL ? DPL_VERDICT_ERROR : DPL_VERDICT_FAIL));
    chain->act->poison = error == NULL;
    dpl_chain_fail_verified(chain, g_steal_pointer(&down));
  } else if (chain->manifest->verify == NULL) {
    dpl_record_set(&chain->act->record->verdict, dpl_verdict_name(DPL_VERDICT_PASS));
    dpl_part_done(chain, NULL);
  } else
    start(chain, chain->manifest, chain->act->record->to, states, dpl_chain_limit(chain), verified);
}

void dpl_part_verify(DplChain *chain) {
  char **names = chain->manifest->units.start;

  if (names[0] == NULL)
    verify(NULL, NULL, chain);
  else
    dpl_units_look(chain->real->o.units, (const char *const *)names, dpl_chain_limit(chain), verify,
                   chain);
}

/* ---- the old release ---- */
/* Up, and by another invocation than before: it is what was started by the undo. */
static void undo_looked(const GPtrArray *states, const GError *error, gpointer data) {
  DplChain *chain = data;
  g_autoptr(GError) bad = error != NULL ? g_error_copy(error) : not_up(states);

  for (guint i = 0; bad == NULL && i < states->len; i++) {
    const WgUnitState *state = states->pdata[i];
    if (g_strcmp0(invocation_before(chain, state->name), state->invocation) == 0)
      bad = g_error_new(WG_ERROR, WG_ERROR_FAILED, "%s was not started anew", state->name);
  }
  dpl_part_done(chain, g_steal_pointer(&bad));
}

void dpl_part_undo_look(DplChain *chain) {
  if (chain->intent.active[0] == NULL)
    dpl_part_done(chain, NULL);
  else
    dpl_units_look(chain->real->o.units, (const char *const *)chain->intent.active,
                   dpl_chain_limit(chain), undo_looked, chain);
}

static void undo_verified(const DplVerifyEnd *end, gpointer data) {
  DplChain *chain = data;

  chain->verify = NULL;
  dpl_part_done(chain,
                dpl_verdict_is_good(end->verdict)
                    ? NULL
                    : g_error_new(WG_ERROR, WG_ERROR_FAILED,
                                  "the release before does not pass its checks: %s", end->text));
}

static void undo_verify(const GPtrArray *states, const GError *error, gpointer data) {
  DplChain *chain = data;

  if (error != NULL)
    dpl_part_done(chain, g_error_copy(error));
  else
    start(chain, chain->old_manifest, chain->act->record->from, states, dpl_chain_limit(chain),
          undo_verified);
}

void dpl_part_undo_verify(DplChain *chain) {
  const DplManifest *old = chain->old_manifest;

  if (old == NULL || old->verify == NULL)
    dpl_part_done(chain, NULL);
  else if (old->units.start[0] == NULL)
    undo_verify(NULL, NULL, chain);
  else
    dpl_units_look(chain->real->o.units, (const char *const *)old->units.start,
                   dpl_chain_limit(chain), undo_verify, chain);
}
