/* steps-prepare.c: the last look before the first change: the tree is proven, the release before is
 * known, how everything is now is recorded, and what undoing needs is written into the record. */
#include "deployment/steps-private.h"

#include "deployment/layout.h"
#include "deployment/record-query.h"
#include "deployment/switch.h"
#include "deployment/tree.h"

#include <string.h>
#include <unistd.h>

/* Observing for a baseline may not eat the time of the deployment. */
#define BASELINE_SHARE 4

/* ---- proof ---- */
static gboolean prove(DplChain *chain, const DplWork *work, GError **error) {
  DplRecord *r = chain->act->record;
  int root = dpl_chain_root(chain, FALSE, error);

  if (root < 0)
    return FALSE;
  g_clear_pointer(&r->from, g_free);
  gboolean ok = dpl_release_prove(root, r->to, r->digest, DPL_PROOF_FULL, work, error) &&
                dpl_current_read(root, &r->from, error);
  close(root);
  if (ok && r->kind == DPL_KIND_ROLLBACK && g_strcmp0(r->from, r->to) == 0) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_STATE, "release %s is current already", r->to);
    return FALSE;
  }
  return ok;
}

void dpl_part_prove(DplChain *chain) {
  dpl_part_thread(chain, prove);
}

/* ---- the release before ---- */
void dpl_chain_set_old(DplChain *chain, const DplRecord *old) {
  g_clear_pointer(&chain->old, dpl_record_free);
  g_clear_pointer(&chain->old_manifest, dpl_manifest_unref);
  /* another one is current than was committed last: nothing is known about it */
  if (old == NULL || g_strcmp0(old->to, chain->act->record->from) != 0)
    return;
  chain->old = dpl_record_copy(old);
  if (old->manifest != NULL)
    chain->old_manifest = dpl_manifest_from_text(old->manifest, old->manifest_hash, NULL);
}

static void old_found(const DplRecord *record, const GError *error, gpointer data) {
  DplChain *chain = data;

  if (error != NULL)
    dpl_chain_say(chain, "the release before is not known: %s", error->message);
  dpl_chain_set_old(chain, record);
  dpl_part_done(chain, NULL);
}

void dpl_part_find_old(DplChain *chain) {
  const DplRecord *r = chain->act->record;

  if (r->before == 0 || r->from == NULL || chain->old != NULL)
    dpl_part_done(chain, NULL);
  else
    dpl_query_record(chain->real->o.store, r->before, old_found, chain);
}

/* ---- how it is now ---- */
static gboolean wants_baseline(const char *plan) {
  static const char *const words[] = {"\"no-new\"", "\"at-most-baseline\"", "\"not-higher\"",
                                      "\"preset"};

  for (guint i = 0; plan != NULL && i < G_N_ELEMENTS(words); i++)
    if (strstr(plan, words[i]) != NULL)
      return TRUE;
  return FALSE;
}

/* What cannot be observed is absent from it, and the check that needs it says so. */
static void recorded(const DplVerifyEnd *end, gpointer data) {
  DplChain *chain = data;

  chain->verify = NULL;
  g_free(chain->baseline);
  chain->baseline = g_strdup(end->baseline);
  if (end->baseline == NULL)
    dpl_chain_say(chain, "no baseline was recorded: %s", end->text);
  dpl_part_done(chain, NULL);
}

void dpl_part_baseline(DplChain *chain) {
  const DplRecord *r = chain->act->record;
  g_autofree char *plan = chain->manifest->verify != NULL
                              ? dpl_manifest_verify_text(chain->manifest, chain->site, r->to)
                              : NULL;
  g_autofree char *name = g_strdup_printf("%s %" G_GUINT64_FORMAT " before", r->target, r->id);
  guint64 left = dpl_chain_limit(chain);

  if (!wants_baseline(plan)) {
    dpl_part_done(chain, NULL);
    return;
  }
  dpl_chain_verify(chain,
                   &(DplVerifyOptions){
                       .name = name, .plan = plan, .record = TRUE, .limit = left / BASELINE_SHARE},
                   recorded);
}

/* ---- the intent ---- */
static gboolean contains(char **names, const char *name) {
  return names != NULL && g_strv_contains((const char *const *)names, name);
}

static void add_names(GPtrArray *names, char **more) {
  for (guint i = 0; more != NULL && more[i] != NULL; i++)
    if (!g_ptr_array_find_with_equal_func(names, more[i], g_str_equal, NULL))
      g_ptr_array_add(names, more[i]);
}

static char **take_names(GPtrArray *names) {
  g_ptr_array_add(names, NULL);
  return (char **)g_ptr_array_free(names, FALSE);
}

static void write_intent(DplChain *chain, const GPtrArray *states) {
  DplRecord *r = chain->act->record;
  DplGone gone;
  const DplManifest *m = chain->manifest;
  gboolean reused = chain->intent.reused;
  GPtrArray *active = g_ptr_array_new(), *invocations = g_ptr_array_new(),
            *enable = g_ptr_array_new();

  dpl_intent_clear(&chain->intent);
  for (guint i = 0; states != NULL && i < states->len; i++) {
    const WgUnitState *state = states->pdata[i];
    if (!wg_unit_state_is_up(state))
      continue;
    g_ptr_array_add(active, g_strdup(state->name));
    g_ptr_array_add(invocations, g_strdup(state->invocation));
  }
  for (guint i = 0; m->units.enable[i] != NULL; i++)
    if (chain->old_manifest == NULL ||
        !contains(chain->old_manifest->units.enable, m->units.enable[i]))
      g_ptr_array_add(enable, g_strdup(m->units.enable[i]));
  dpl_gone_find(chain->old_manifest, m, chain->claims, &gone);
  chain->intent = (DplIntent){
      .stop = gone.stop,
      .disable = gone.disable,
      .remove = gone.remove,
      .reused = reused,
      .backup = m->backup[0] != NULL,
      .snapshot = r->migrates && m->state.snapshot && m->state.directory != NULL,
      .start = g_strdupv(m->units.start),
      .active = take_names(active),
      .invocations = take_names(invocations),
      .enable = take_names(enable),
  };
  g_free(r->intent);
  r->intent = dpl_intent_to_text(&chain->intent);
}

static void tell_dependents(DplChain *chain, const GPtrArray *states) {
  g_autoptr(JsonNode) dependents = dpl_dependents(states);
  JsonArray *list = json_node_get_array(dependents);

  for (guint i = 0; i < json_array_get_length(list); i++) {
    JsonObject *one = json_array_get_object_element(list, i);
    dpl_chain_say(chain, "%s depends on %s and is stopped and restarted with it",
                  json_object_get_string_member(one, "unit"),
                  json_object_get_string_member(one, "of"));
  }
}

static void looked(const GPtrArray *states, const GError *error, gpointer data) {
  DplChain *chain = data;

  if (error == NULL) {
    tell_dependents(chain, states);
    write_intent(chain, states);
  }
  dpl_part_done(chain, error != NULL ? g_error_copy(error) : NULL);
}

void dpl_part_intent(DplChain *chain) {
  g_autoptr(GPtrArray) names = g_ptr_array_new();
  g_auto(DplGone) gone = {0};

  if (chain->problem != NULL)
    dpl_chain_say(chain, "%s", chain->problem);
  g_clear_pointer(&chain->problem, g_free);
  dpl_gone_find(chain->old_manifest, chain->manifest, chain->claims, &gone);
  add_names(names, chain->manifest->units.start);
  if (chain->old_manifest != NULL)
    add_names(names, chain->old_manifest->units.start);
  add_names(names, gone.stop);
  if (names->len == 0) {
    write_intent(chain, NULL);
    dpl_part_done(chain, NULL);
    return;
  }
  g_ptr_array_add(names, NULL);
  dpl_units_look(chain->real->o.units, (const char *const *)names->pdata, dpl_chain_limit(chain),
                 looked, chain);
}
