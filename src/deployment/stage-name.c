/* stage-name.c: see stage-name.h. First of all the name that will be given is noted in staging/, so
 * that a transaction which is ended before its record tells the name can take the release back.
 * Then the tree file comes: a release that has a name can always be proven, and a tree file without
 * a release has no meaning and is removed by the next discard. */
#include "deployment/stage-name.h"

#include "deployment/io.h"
#include "deployment/retention.h"
#include "deployment/stage.h"
#include "deployment/sweep.h"
#include "deployment/switch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ID_DIGITS 16
#define NOTE                                                                                       \
  DPL_DIR_STAGING "/" DPL_PREFIX_NOTE "%s" /* a link that leads nowhere: it is there whole or not  \
                                            */

static int by_name(gconstpointer a, gconstpointer b) {
  return strcmp(*(const char *const *)b, *(const char *const *)a);
}

/* Names in releases/, newest of one digest first; a root that was only marked has none. NULL sets
 * error. */
static GPtrArray *names(int root, GError **error) {
  g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(g_free);
  int fd = dpl_within_open(root, DPL_DIR_RELEASES, O_RDONLY | O_DIRECTORY, 0);
  DIR *dir = fd < 0 ? NULL : fdopendir(fd);

  if (!dir && errno == ENOENT)
    return g_steal_pointer(&list);
  if (!dir) {
    dpl_error_errno(error, errno, "cannot read " DPL_DIR_RELEASES " of the target");
    dpl_close(&fd);
    return NULL;
  }
  for (struct dirent *d; (d = readdir(dir));)
    if (*d->d_name != '.')
      g_ptr_array_add(list, g_strdup(d->d_name));
  closedir(dir);
  g_ptr_array_sort(list, by_name);
  return g_steal_pointer(&list);
}

gboolean dpl_stage_find(int root, const char *digest, const DplWork *work, char **ret_release,
                        char **ret_damaged, GError **error) {
  g_autoptr(GPtrArray) list = root < 0 ? g_ptr_array_new() : names(root, error);

  for (guint i = 0; list && i < list->len; i++) {
    const char *id = list->pdata[i];
    g_autoptr(GError) failure = NULL;
    if (!dpl_release_valid(id) || strncmp(id, digest, ID_DIGITS) != 0)
      continue;
    if (dpl_release_prove(root, id, digest, DPL_PROOF_FULL, work, &failure)) {
      *ret_release = g_strdup(id);
      return TRUE;
    }
    if (failure->domain == G_IO_ERROR) {
      g_propagate_error(error, g_steal_pointer(&failure));
      return FALSE;
    }
    if (!*ret_damaged)
      *ret_damaged = g_strdup(id);
  }
  return list != NULL;
}

static gboolean is_taken(int root, const char *id) {
  static const char *const places[] = {DPL_DIR_RELEASES "/%s", DPL_DIR_FAILED "/%s",
                                       DPL_DIR_RELEASES "/%s" DPL_SUFFIX_TREE};
  for (guint i = 0; i < G_N_ELEMENTS(places); i++) {
    g_autoptr(GString) path = g_string_new(places[i]);
    g_string_replace(path, "%s", id, 1);
    struct stat st;
    if (fstatat(root, path->str, &st, AT_SYMLINK_NOFOLLOW) == 0)
      return TRUE;
  }
  return FALSE;
}

static char *free_id(int root, const char *digest, guint64 realtime) {
  for (;; realtime += G_USEC_PER_SEC) {
    g_autofree char *id = dpl_release_id(digest, realtime);
    if (!is_taken(root, id))
      return g_steal_pointer(&id);
  }
}

/* Durable before anything gets that name. */
static gboolean note_down(int root, const char *transaction, const char *id, GError **error) {
  g_autofree char *note = g_strdup_printf(NOTE, transaction);

  if (symlinkat(id, root, note) < 0)
    return dpl_error_errno(error, errno, "cannot note the name of the release %s", id);
  return dpl_within_sync(root, DPL_DIR_STAGING, error);
}

static gboolean forget_note(int root, const char *transaction, GError **error) {
  g_autofree char *note = g_strdup_printf(NOTE, transaction);

  return unlinkat(root, note, 0) == 0 || errno == ENOENT ||
         dpl_error_errno(error, errno, "cannot remove %s", note);
}

gboolean dpl_stage_name(int root, const char *transaction, const char *digest, const char *text,
                        gsize size, guint64 realtime, char **ret_release, GError **error) {
  g_autofree char *place = g_strdup_printf(DPL_DIR_STAGING "/%s", transaction);
  g_autofree char *id = free_id(root, digest, realtime);
  g_autofree char *path = g_strdup_printf(DPL_DIR_RELEASES "/%s", id);
  g_autofree char *file = g_strdup_printf("%s" DPL_SUFFIX_TREE, path);

  if (!forget_note(root, transaction, error) || !note_down(root, transaction, id, error) ||
      !dpl_within_write(root, file, text, size, 0644, error))
    return FALSE;
  /* The two renames must not reach the disk the other way round. */
  if (!dpl_within_sync(root, DPL_DIR_RELEASES, error))
    return FALSE;
  if (renameat2(root, place, root, path, RENAME_NOREPLACE) < 0) {
    dpl_error_errno(error, errno, "cannot give the release %s its name", id);
    (void)unlinkat(root, file, 0);
    return FALSE;
  }
  if (!dpl_within_sync(root, DPL_DIR_RELEASES, error) ||
      !dpl_within_sync(root, DPL_DIR_STAGING, error))
    return FALSE;
  *ret_release = g_steal_pointer(&id);
  return TRUE;
}

/* What got its name, or was about to. The current one stays: somebody knows it. */
static gboolean take_back(int root, const char *transaction, const DplWork *work, GError **error) {
  g_autofree char *note = g_strdup_printf(NOTE, transaction);
  g_autofree char *id = dpl_within_readlink(root, note);
  g_autofree char *current = NULL;

  if (!id)
    return errno == ENOENT || dpl_error_errno(error, errno, "cannot read %s", note);
  if (!dpl_release_valid(id))
    return TRUE;
  return dpl_current_read(root, &current, error) &&
         (g_strcmp0(current, id) == 0 ||
          dpl_release_remove(root, DPL_DIR_RELEASES, id, work, error));
}

gboolean dpl_stage_discard(int root, const char *transaction, const DplWork *work, GError **error) {
  return take_back(root, transaction, work, error) &&
         dpl_stage_forget(root, transaction, work, error);
}

gboolean dpl_stage_forget(int root, const char *transaction, const DplWork *work, GError **error) {
  g_autofree char *place = g_strdup_printf(DPL_DIR_STAGING "/%s", transaction);

  return dpl_within_remove(root, place, work, error) && forget_note(root, transaction, error) &&
         dpl_sweep_trees(root, DPL_DIR_RELEASES, error);
}
