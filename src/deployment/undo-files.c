/* undo-files.c: see undo-files.h. */
#include "deployment/undo-files.h"

#include "deployment/backup.h"
#include "deployment/intent.h"
#include "deployment/layout.h"
#include "deployment/switch.h"
#include "deployment/unit-files.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* The link says where it is now; the record says where it has to be. */
static gboolean put_link(int root, const DplRecord *r, GError **error) {
  if (r->from != NULL)
    return dpl_current_set(root, r->from, error);
  return dpl_current_unset(root, error);
}

static gboolean is_anothers(const char *path, gpointer claims) {
  return dpl_claims_owner(claims, path) != NULL;
}

static gboolean put_units(int root, const DplRecord *r, const char *unit_directory,
                          JsonNode *claims, const DplWork *work, GError **error) {
  g_autofree char *name = dpl_intent_units(r);
  g_autofree char *path = g_build_filename(DPL_DIR_BACKUP, name, NULL);
  int keep = dpl_within_open(root, path, O_RDONLY | O_DIRECTORY, 0);

  if (keep < 0 && errno == ENOENT)
    return TRUE; /* the switch had not begun */
  if (keep < 0)
    return dpl_error_errno(error, errno, "%s/%s cannot be opened", r->root, path);
  int directory = dpl_unit_directory_open(unit_directory, error);
  gboolean ok = directory >= 0 &&
                dpl_unit_files_restore(directory, keep, is_anothers, claims, work, NULL, error);
  if (directory >= 0)
    close(directory);
  close(keep);
  return ok;
}

static gboolean put_data(int root, const char *name, const DplWork *work, GError **error) {
  return !dpl_backup_exists(root, name) || dpl_backup_restore(root, name, NULL, work, error);
}

gboolean dpl_undo_files(const DplRecord *r, const char *unit_directory, JsonNode *claims,
                        const DplWork *work, GError **error) {
  g_autofree char *state = dpl_intent_snapshot(r);
  g_autofree char *backup = dpl_intent_backup(r);
  int root = dpl_layout_open(r->root, r->target, FALSE, error);

  if (root < 0)
    return FALSE;
  gboolean ok = put_link(root, r, error) &&
                put_units(root, r, unit_directory, claims, work, error) &&
                put_data(root, state, work, error) && put_data(root, backup, work, error);
  close(root);
  return ok;
}
