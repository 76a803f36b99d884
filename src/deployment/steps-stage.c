/* steps-stage.c: the release is made from the manifest's artifacts, on a worker thread. */
#include "deployment/steps-private.h"

#include "deployment/layout.h"
#include "deployment/sources.h"
#include "deployment/stage.h"

#include "common/clock.h"

#include <unistd.h>

static gboolean stage(DplChain *chain, int root, const DplWork *work, GError **error) {
  DplRecord *r = chain->act->record;
  g_autofree char *name = dpl_intent_backup(r);
  g_autoptr(DplSources) sources = dpl_sources_open(chain->manifest, chain->site, r->base, error);
  g_auto(DplStaged) staged = {0};
  DplStageOptions options = {
      .transaction = name,
      .key_directories = chain->real->o.key_directories,
      .seal = chain->real->o.seal,
      .need_signature = chain->real->o.need_signature,
      .realtime = (guint64)wg_time_realtime(),
  };

  if (sources == NULL)
    return FALSE;
  dpl_sources_stage(sources, &options);
  if (!dpl_stage(root, &options, work, &staged, error))
    return FALSE;
  dpl_record_set(&r->to, staged.release);
  dpl_record_set(&r->digest, staged.digest);
  chain->intent.reused = staged.reused;
  return TRUE;
}

static gboolean take_old(DplRecord *r, int root, const DplWork *work, GError **error) {
  g_autofree char *path = g_strconcat(DPL_DIR_RELEASES "/", r->to, DPL_SUFFIX_TREE, NULL);
  g_autoptr(DplTree) tree = dpl_tree_read(root, path, NULL, error);

  if (tree == NULL)
    return FALSE;
  g_free(r->digest);
  r->digest = dpl_tree_digest(tree);
  return dpl_release_prove(root, r->to, r->digest, DPL_PROOF_FULL, work, error);
}

static gboolean run(DplChain *chain, const DplWork *work, GError **error) {
  DplRecord *r = chain->act->record;
  int root = dpl_chain_root(chain, FALSE, error);
  gboolean ok = FALSE;

  if (root < 0)
    return FALSE;
  if (r->kind == DPL_KIND_ROLLBACK) {
    ok = take_old(r, root, work, error);
    chain->intent.reused = TRUE;
  } else
    ok = stage(chain, root, work, error);
  close(root);
  if (!ok)
    return FALSE;
  g_free(r->intent);
  r->intent = dpl_intent_to_text(&chain->intent);
  return TRUE;
}

void dpl_part_stage(DplChain *chain) {
  dpl_part_thread(chain, run);
}
