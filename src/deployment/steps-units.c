/* steps-units.c: units and their files, and the switch of the link that belongs to them. */
#include "deployment/steps-private.h"

#include "deployment/layout.h"
#include "deployment/switch.h"
#include "deployment/unit-files.h"

#include "common/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* ---- parts of the manager ---- */
static void manager_done(const GError *error, gpointer data) {
  dpl_part_done(data, error != NULL ? g_error_copy(error) : NULL);
}

static gboolean has_units(const DplManifest *m) {
  char **const lists[] = {m->units.install, m->units.link, m->units.enable, m->units.start,
                          m->units.reload};

  for (guint i = 0; i < G_N_ELEMENTS(lists); i++)
    if (lists[i] != NULL && lists[i][0] != NULL)
      return TRUE;
  return FALSE;
}

gboolean dpl_chain_concerns_manager(const DplChain *chain) {
  if (chain->manifest == NULL || has_units(chain->manifest))
    return TRUE;
  if (chain->old_manifest != NULL)
    return has_units(chain->old_manifest);
  return chain->act->record->from != NULL && *chain->act->record->from != '\0';
}

void dpl_part_reload(DplChain *chain) {
  if (!dpl_chain_concerns_manager(chain)) {
    dpl_part_done(chain, NULL);
    return;
  }
  dpl_units_reload(chain->real->o.units, dpl_chain_limit(chain), manager_done, chain);
}

static void set_files(DplChain *chain, DplUnitFilesVerb verb, char **names) {
  if (names == NULL || names[0] == NULL) {
    dpl_part_done(chain, NULL);
    return;
  }
  dpl_units_set_files(chain->real->o.units, verb, (const char *const *)names,
                      dpl_chain_limit(chain), manager_done, chain);
}

void dpl_part_enable(DplChain *chain) {
  set_files(chain, DPL_UNIT_FILES_ENABLE, chain->manifest->units.enable);
}

void dpl_part_undo_disable(DplChain *chain) {
  set_files(chain, DPL_UNIT_FILES_DISABLE, chain->intent.enable);
}

/* Both releases' units: nobody writes while data is copied or put back. */
static char **all_units(DplChain *chain) {
  g_autoptr(GPtrArray) names = g_ptr_array_new();

  for (guint i = 0; chain->intent.start[i] != NULL; i++)
    g_ptr_array_add(names, g_strdup(chain->intent.start[i]));
  for (guint i = 0; chain->intent.active[i] != NULL; i++)
    if (!g_strv_contains((const char *const *)chain->intent.start, chain->intent.active[i]))
      g_ptr_array_add(names, g_strdup(chain->intent.active[i]));
  g_ptr_array_add(names, NULL);
  return (char **)g_ptr_array_free(g_steal_pointer(&names), FALSE);
}

void dpl_part_stop_all(DplChain *chain) {
  g_auto(GStrv) names = all_units(chain);

  dpl_part_run_units(chain, DPL_UNITS_STOP, names);
}

void dpl_part_stop_first(DplChain *chain) {
  const DplManifest *m = chain->manifest;

  if (m->units.stop_first || m->strategy.restart == DPL_STOP_START)
    dpl_part_stop_all(chain);
  else
    dpl_part_done(chain, NULL);
}

void dpl_part_migrate(DplChain *chain) {
  DplStatePlan plan;
  gboolean up =
      dpl_state_contract(chain->old_manifest, chain->manifest, &plan, NULL) && plan.migrate;

  dpl_part_hook(chain, DPL_HOOK_MIGRATE_UP, up ? chain->manifest->state.up : NULL);
}

void dpl_part_start(DplChain *chain) {
  static const DplUnitsVerb verbs[] = {
      [DPL_RESTART] = DPL_UNITS_RESTART,
      [DPL_RELOAD_OR_RESTART] = DPL_UNITS_RELOAD_OR_RESTART,
      [DPL_STOP_START] = DPL_UNITS_RESTART, /* what somebody started meanwhile is an old one */
  };

  chain->since = wg_time_realtime();
  dpl_part_run_units(chain, verbs[chain->manifest->strategy.restart], chain->manifest->units.start);
}

void dpl_part_reload_units(DplChain *chain) {
  dpl_part_run_units(chain, DPL_UNITS_RELOAD_OR_RESTART, chain->manifest->units.reload);
}

/* ---- the switch ---- */
static int keep_open(int root, const DplRecord *r, GError **error) {
  g_autofree char *name = dpl_intent_units(r);
  g_autofree char *path = g_build_filename(DPL_DIR_BACKUP, name, NULL);

  if (dpl_within_make(root, path) < 0 || !dpl_within_sync(root, DPL_DIR_BACKUP, error)) {
    if (error != NULL && *error == NULL)
      dpl_error_errno(error, errno, "%s/%s cannot be made", r->root, path);
    return -1;
  }
  int fd = dpl_within_open(root, path, O_RDONLY | O_DIRECTORY, 0);
  if (fd < 0)
    dpl_error_errno(error, errno, "%s/%s cannot be opened", r->root, path);
  return fd;
}

static GPtrArray *read_files(DplChain *chain, int root, GError **error) {
  const DplRecord *r = chain->act->record;
  const DplUnitsSpec *units = &chain->manifest->units;
  g_autofree char *path = g_build_filename(DPL_DIR_RELEASES, r->to, NULL);
  g_autofree char *current = g_build_filename(r->root, DPL_LINK_CURRENT, NULL);
  int tree = dpl_within_open(root, path, O_RDONLY | O_DIRECTORY, 0);

  if (tree < 0) {
    dpl_error_errno(error, errno, "release %s cannot be opened", r->to);
    return NULL;
  }
  GPtrArray *files = dpl_unit_files_read(
      tree, (const char *const *)units->install, (const char *const *)units->link, current,
      chain->real->o.user_scope ? NULL : (const char *const *)units->start, error);
  close(tree);
  return files;
}

/* Keeps what is there first; then the link, then the unit files: a unit that systemd would start by
 * itself in between finds a whole release either way. */
static gboolean change(DplChain *chain, int root, int directory, int keep, const DplWork *work,
                       GError **error) {
  g_autoptr(GPtrArray) files = read_files(chain, root, error);

  return files != NULL && dpl_unit_files_keep(directory, keep, files, work, error) &&
         dpl_current_set(root, chain->act->record->to, error) &&
         dpl_unit_files_write(directory, files, work, NULL, error);
}

static gboolean run_switch(DplChain *chain, const DplWork *work, GError **error) {
  int root = dpl_chain_root(chain, FALSE, error);
  int directory = root >= 0 ? dpl_unit_directory_open(chain->real->o.unit_directory, error) : -1;
  int keep = directory >= 0 ? keep_open(root, chain->act->record, error) : -1;
  gboolean ok = keep >= 0 && change(chain, root, directory, keep, work, error);

  if (keep >= 0)
    close(keep);
  if (directory >= 0)
    close(directory);
  if (root >= 0)
    close(root);
  return ok;
}

void dpl_part_switch(DplChain *chain) {
  dpl_part_thread(chain, run_switch);
}

/* ---- the way back ---- */
void dpl_part_undo_stop(DplChain *chain) {
  g_autoptr(GPtrArray) names = g_ptr_array_new();

  if (chain->intent.snapshot || chain->intent.backup || chain->act->record->migrates) {
    dpl_part_stop_all(chain);
    return;
  }
  for (guint i = 0; chain->intent.start[i] != NULL; i++)
    if (!g_strv_contains((const char *const *)chain->intent.active, chain->intent.start[i]))
      g_ptr_array_add(names, chain->intent.start[i]);
  g_ptr_array_add(names, NULL);
  dpl_part_run_units(chain, DPL_UNITS_STOP, (char **)names->pdata);
}

/* Only where there is no snapshot, which is what was there. */
void dpl_part_undo_migrate(DplChain *chain) {
  DplStatePlan plan;
  gboolean down = chain->manifest != NULL && chain->act->record->migrates &&
                  !chain->intent.snapshot &&
                  dpl_state_contract(chain->old_manifest, chain->manifest, &plan, NULL) &&
                  plan.back == DPL_WAY_BACK_DOWN;

  dpl_part_hook(chain, DPL_HOOK_MIGRATE_DOWN, down ? chain->manifest->state.down : NULL);
}

void dpl_part_undo_start(DplChain *chain) {
  chain->since = wg_time_realtime();
  dpl_part_run_units(chain, DPL_UNITS_RESTART, chain->intent.active);
}
