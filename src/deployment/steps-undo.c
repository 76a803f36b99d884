/* steps-undo.c: the way back, apart from units: files, and what is left of a release that failed.
 */
#include "deployment/steps-private.h"

#include "deployment/backup.h"
#include "deployment/layout.h"
#include "deployment/retention.h"
#include "deployment/stage.h"
#include "deployment/switch.h"
#include "deployment/undo-files.h"

#include <unistd.h>

#define MANAGER_MSEC 200

/* ---- somebody to ask ---- */
/* A bus that was just lost comes back, as a rule within a second; a try is not spent on it. */
static gboolean look_for_manager(gpointer data) {
  DplChain *chain = data;

  if (dpl_units_bus(chain->real->o.units) == NULL &&
      !g_cancellable_is_cancelled(chain->act->cancel))
    return G_SOURCE_CONTINUE;
  chain->timer = 0;
  dpl_part_done(chain, NULL);
  return G_SOURCE_REMOVE;
}

void dpl_part_wait_manager(DplChain *chain) {
  if (dpl_units_bus(chain->real->o.units) != NULL || !dpl_chain_concerns_manager(chain))
    dpl_part_done(chain, NULL);
  else
    chain->timer = g_timeout_add(MANAGER_MSEC, look_for_manager, chain);
}

static gboolean undo_files(DplChain *chain, const DplWork *work, GError **error) {
  return dpl_undo_files(chain->act->record, chain->real->o.unit_directory, chain->claims, work,
                        error);
}

void dpl_part_undo_files(DplChain *chain) {
  dpl_part_thread(chain, undo_files);
}

/* A release that failed is kept for a look, apart from the good ones. One that was there before is
 * left where it was. */
static gboolean leave(DplChain *chain, const DplWork *work, GError **error) {
  const DplRecord *r = chain->act->record;
  g_autofree char *id = dpl_intent_backup(r);
  g_autofree char *state = dpl_intent_snapshot(r);
  g_autofree char *units = dpl_intent_units(r);
  int root = dpl_chain_root(chain, FALSE, error);

  if (root < 0)
    return FALSE;
  gboolean ok = r->to == NULL || chain->intent.reused || g_strcmp0(r->to, r->from) == 0 ||
                dpl_release_fail(root, r->to, error);
  ok = ok && dpl_stage_forget(root, id, work, error) && dpl_backup_drop(root, id, work, error) &&
       dpl_backup_drop(root, state, work, error) && dpl_backup_drop(root, units, work, error);
  g_autoptr(GError) ignored = NULL;
  /* whoever fails again and again must not fill the disk; what cannot be removed is no reason to
   * undo once more */
  g_clear_pointer(&chain->problem, g_free);
  if (ok &&
      !dpl_retention_failed(root, &chain->retention, (guint64)wg_time_realtime(), work, &ignored))
    chain->problem = g_strdup_printf("old failed releases stay: %s", ignored->message);
  close(root);
  return ok;
}

void dpl_part_undo_tell(DplChain *chain) {
  if (chain->problem != NULL)
    dpl_chain_say(chain, "%s", chain->problem);
  g_clear_pointer(&chain->problem, g_free);
  dpl_part_done(chain, NULL);
}

void dpl_part_undo_leave(DplChain *chain) {
  dpl_chain_retention(chain);
  dpl_part_thread(chain, leave);
}
