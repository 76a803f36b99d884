/* steps-files.c: backup, clean-up: parts with files alone. Each runs on a worker thread
 * and can be repeated after a crash. */
#include "deployment/steps-private.h"

#include "deployment/backup.h"
#include "deployment/layout.h"
#include "deployment/retention.h"
#include "deployment/stage.h"
#include "deployment/switch.h"

#include "common/clock.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

typedef int Fd;
static void fd_clear(Fd *fd) {
  if (*fd >= 0)
    close(*fd);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Fd, fd_clear)

/* ---- backup ---- */
static gboolean back_up(DplChain *chain, const DplWork *work, GError **error) {
  g_autofree char *name = dpl_intent_backup(chain->act->record);
  g_auto(Fd) root = dpl_chain_root(chain, FALSE, error);
  DplBackupInfo info;

  return root >= 0 &&
         dpl_backup(root, name, (const char *const *)chain->manifest->backup, work, &info, error);
}

void dpl_part_backup(DplChain *chain) {
  if (chain->manifest->backup[0] == NULL)
    dpl_part_done(chain, NULL);
  else
    dpl_part_thread(chain, back_up);
}

static gboolean snapshot(DplChain *chain, const DplWork *work, GError **error) {
  g_autofree char *name = dpl_intent_snapshot(chain->act->record);
  const char *paths[] = {chain->manifest->state.directory, NULL};
  g_auto(Fd) root = dpl_chain_root(chain, FALSE, error);
  DplBackupInfo info;

  /* one that is whole is of before the first try: what is there now may be migrated already */
  return root >= 0 &&
         (dpl_backup_exists(root, name) || dpl_backup(root, name, paths, work, &info, error));
}

void dpl_part_snapshot(DplChain *chain) {
  if (!chain->intent.snapshot)
    dpl_part_done(chain, NULL);
  else
    dpl_part_thread(chain, snapshot);
}

/* ---- the end of what was not changed ---- */
static gboolean drop_backups(int root, const DplRecord *r, const DplWork *work, GError **error) {
  g_autofree char *id = dpl_intent_backup(r);
  g_autofree char *state = dpl_intent_snapshot(r);
  g_autofree char *units = dpl_intent_units(r);

  return dpl_backup_drop(root, id, work, error) && dpl_backup_drop(root, state, work, error) &&
         dpl_backup_drop(root, units, work, error);
}

static gboolean discard(DplChain *chain, const DplWork *work, GError **error) {
  const DplRecord *r = chain->act->record;
  g_autoptr(GError) none = NULL;
  g_auto(Fd) root = dpl_chain_root(chain, FALSE, &none);

  if (root < 0) /* it never was a target: nothing of ours is there */
    return TRUE;
  g_autofree char *id = dpl_intent_backup(r), *current = NULL;
  if (!dpl_stage_discard(root, id, work, error) || !drop_backups(root, r, work, error) ||
      !dpl_current_read(root, &current, error))
    return FALSE;
  return r->kind != DPL_KIND_DEPLOY || r->to == NULL || chain->intent.reused ||
         g_strcmp0(current, r->to) == 0 ||
         dpl_release_remove(root, DPL_DIR_RELEASES, r->to, work, error);
}

void dpl_part_discard(DplChain *chain) {
  dpl_part_thread(chain, discard);
}

void dpl_chain_retention(DplChain *chain) {
  const DplRealOptions *o = &chain->real->o;
  const DplManifest *m = chain->manifest;
  DplRetentionSpec spec = {0}; /* nothing is known: nothing goes */

  if (o->retention != NULL)
    spec = o->retention(o->user_data);
  else if (m != NULL)
    spec = m->retention;
  if (m != NULL)
    spec = dpl_manifest_retention(m, &spec);
  chain->retention = (DplRetention){
      .count = (guint)MIN(spec.count, G_MAXUINT),
      .bytes = spec.size,
      .age = spec.age,
      .no_failed = spec.failed == 0 && (m != NULL || o->retention != NULL),
      .failed_count = (guint)MIN(spec.failed, G_MAXUINT),
      .failed_bytes = spec.failed_size,
      .failed_age = spec.failed_age,
  };
}

static gboolean clean(DplChain *chain, const DplWork *work, GError **error) {
  const DplRecord *r = chain->act->record;
  const char *keep[] = {r->to, r->from, NULL};
  g_autofree char *id = dpl_intent_backup(r);
  g_auto(Fd) root = dpl_chain_root(chain, FALSE, error);

  return root >= 0 && dpl_stage_forget(root, id, work, error) &&
         drop_backups(root, r, work, error) &&
         dpl_retention_apply(root, &chain->retention, keep, (guint64)wg_time_realtime(), work, NULL,
                             error);
}

void dpl_part_clean(DplChain *chain) {
  dpl_chain_retention(chain);
  dpl_part_thread(chain, clean);
}
