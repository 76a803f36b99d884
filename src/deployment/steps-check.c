/* steps-check.c: the pre-flight: what stands in the way is found before anything is changed, and
 * told all at once. */
#include "deployment/steps-private.h"

#include "deployment/exposure.h"
#include "deployment/layout.h"
#include "deployment/preflight.h"
#include "deployment/switch.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* A rehearsal may not eat the time of the deployment. */
#define REHEARSAL_SHARE 2

/* What is current tells which manifest the new one has to get along with. */
static gboolean find_current(DplChain *chain, const DplWork *work, GError **error) {
  DplRecord *r = chain->act->record;
  int root = dpl_chain_root(chain, TRUE, error);

  if (root < 0)
    return FALSE;
  g_clear_pointer(&r->from, g_free);
  gboolean ok = dpl_current_read(root, &r->from, error);
  if (ok && r->kind == DPL_KIND_ROLLBACK)
    ok = dpl_release_prove(root, r->to, NULL, DPL_PROOF_QUICK, work, error);
  close(root);
  return ok;
}

void dpl_part_find_current(DplChain *chain) {
  dpl_part_thread(chain, find_current);
}

static gboolean look(DplChain *chain, const DplWork *work, GError **error) {
  const DplRecord *r = chain->act->record;
  int root = dpl_chain_root(chain, FALSE, error);
  DplPreflight preflight = {
      .manifest = chain->manifest,
      .site = chain->site,
      .base = r->base,
      .root = root,
      .current = r->from,
      .previous = chain->old_manifest,
      .credential_directories = chain->real->o.credential_directories,
  };

  if (root < 0)
    return FALSE;
  g_autoptr(GPtrArray) reasons = dpl_preflight(&preflight, work, error);
  close(root);
  return reasons != NULL && dpl_preflight_judge(reasons, error);
}

/* A release that is there already needs none of its sources. */
void dpl_part_check(DplChain *chain) {
  if (chain->act->record->kind == DPL_KIND_ROLLBACK)
    dpl_part_done(chain, NULL);
  else
    dpl_part_thread(chain, look);
}

/* Whether data are migrated or kept as they were, and so whether the units stop for it. */
void dpl_part_contract(DplChain *chain) {
  GError *error = NULL;
  DplStatePlan plan;

  if (dpl_state_contract(chain->old_manifest, chain->manifest, &plan, &error))
    chain->act->record->migrates = plan.migrate || plan.back == DPL_WAY_BACK_SNAPSHOT;
  dpl_part_done(chain, error);
}

/* ---- the release before, rehearsed ---- */
static void rehearsed(DplRehearsed verdict, JsonNode *result, const char *text, gpointer data) {
  DplChain *chain = data;
  GError *error = NULL;

  chain->rehearsal = NULL;
  if (verdict != DPL_REHEARSED_PASS) {
    g_autofree char *json = json_to_string(result, FALSE);
    dpl_chain_evidence(chain, "rehearsal", json);
    g_set_error(&error, WG_ERROR, WG_ERROR_INVALID_STATE,
                "nothing was changed: the release that serves %s: %s",
                verdict == DPL_REHEARSED_FAIL ? "could not be returned to"
                                              : "could not be rehearsed",
                text);
  }
  dpl_part_done(chain, error);
}

void dpl_part_rehearse(DplChain *chain) {
  const DplRecord *r = chain->act->record;
  const DplRealOptions *o = &chain->real->o;
  DplRehearsalOptions options = {
      .units = o->units,
      .user_scope = o->user_scope,
      .directory = o->rehearsal_directory,
      .own_unit = o->own_unit,
      .target = r->target,
      .root = r->root,
      .release = r->from,
      .manifest = chain->old_manifest,
      .isolate = TRUE,
      .limit = dpl_chain_limit(chain) / REHEARSAL_SHARE,
  };

  if (!chain->manifest->strategy.isolate_rehearsal || r->kind == DPL_KIND_ROLLBACK ||
      chain->old_manifest == NULL) {
    dpl_part_done(chain, NULL);
    return;
  }
  dpl_chain_say(chain, "rehearsing a roll-back to %s", r->from);
  chain->rehearsal = dpl_rehearsal_start(&options, rehearsed, chain);
  if (g_cancellable_is_cancelled(chain->act->cancel))
    dpl_rehearsal_cancel(chain->rehearsal);
}

/* ---- the unit files, judged by systemd ---- */
static gboolean add_text(int tree, const char *path, GPtrArray *texts, GError **error) {
  DplUnitText *text = dpl_unit_text_read(tree, path, error);

  if (text == NULL)
    return FALSE;
  g_ptr_array_add(texts, text);
  return TRUE;
}

static void free_text(gpointer data) {
  dpl_unit_text_free(data);
}

static gboolean read_units(DplChain *chain, const DplWork *work, GError **error) {
  const DplUnitsSpec *units = &chain->manifest->units;
  char **lists[] = {units->install, units->link};
  g_autofree char *path = g_build_filename(DPL_DIR_RELEASES, chain->act->record->to, NULL);
  int root = dpl_chain_root(chain, FALSE, error);
  int tree = root >= 0 ? dpl_within_open(root, path, O_RDONLY | O_DIRECTORY, 0) : -1;
  gboolean ok = tree >= 0;

  g_clear_pointer(&chain->unit_texts, g_ptr_array_unref);
  chain->unit_texts = g_ptr_array_new_with_free_func(free_text);
  if (root >= 0 && tree < 0)
    dpl_error_errno(error, errno, "release %s cannot be opened", chain->act->record->to);
  for (guint k = 0; k < G_N_ELEMENTS(lists); k++)
    for (guint i = 0; ok && lists[k][i] != NULL; i++)
      ok = add_text(tree, lists[k][i], chain->unit_texts, error);
  if (tree >= 0)
    close(tree);
  if (root >= 0)
    close(root);
  return ok;
}

void dpl_part_read_units(DplChain *chain) {
  dpl_part_thread(chain, read_units);
}

static void units_judged(const char *remark, const GError *error, gpointer data) {
  DplChain *chain = data;

  chain->unit_verify = NULL;
  if (remark != NULL)
    dpl_chain_say(chain, "the unit files were not judged: %s", remark);
  dpl_part_done(chain, error != NULL ? g_error_copy(error) : NULL);
}

void dpl_part_judge_units(DplChain *chain) {
  const DplRecord *r = chain->act->record;
  g_autofree char *current = g_build_filename(r->root, DPL_LINK_CURRENT, NULL);
  g_autofree char *release = dpl_chain_release(chain, r->to);

  if (chain->unit_texts->len == 0)
    dpl_part_done(chain, NULL);
  else
    chain->unit_verify =
        dpl_unit_verify_start(chain->unit_texts, current, release, chain->real->o.user_scope,
                              dpl_chain_limit(chain), units_judged, chain);
}

/* ---- how exposed they are ---- */
static gboolean judge_exposure(DplChain *chain, int root, GPtrArray *told, GError **error) {
  const DplManifest *m = chain->manifest;
  g_autoptr(GPtrArray) reasons = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GError) local = NULL;
  g_autoptr(JsonNode) exposure =
      dpl_exposure_of_texts(chain->unit_texts, root, chain->old_manifest, chain->act->record->from,
                            chain->real->o.user_scope, chain->act->cancel, &local);

  if (exposure != NULL)
    dpl_exposure_judge(exposure, m, reasons, told);
  else if (m->require.exposure_at_most < DPL_EXPOSURE_MAX)
    g_ptr_array_add(reasons, g_strdup_printf("nobody can tell how exposed its services are: %s",
                                             local->message));
  else
    g_ptr_array_add(
        told, g_strdup_printf("how exposed its services are is not known: %s", local->message));
  return dpl_preflight_judge(reasons, error);
}

static gboolean look_at_exposure(DplChain *chain, const DplWork *work, GError **error) {
  g_autoptr(GPtrArray) told = g_ptr_array_new_with_free_func(g_free);
  int root = dpl_chain_root(chain, FALSE, error);
  gboolean ok = root >= 0 && judge_exposure(chain, root, told, error);

  if (root >= 0)
    close(root);
  g_ptr_array_add(told, NULL);
  g_free(chain->problem);
  chain->problem = told->len > 1 ? g_strjoinv("; ", (char **)told->pdata) : NULL;
  return ok;
}

void dpl_part_exposure(DplChain *chain) {
  if (chain->unit_texts->len == 0)
    dpl_part_done(chain, NULL);
  else
    dpl_part_thread(chain, look_at_exposure);
}
