/* switch.c: see switch.h. The new link is made beside the old one and renamed over it, which is one
 * step for everybody who looks; then the directory is synced. What a killed switch leaves is the
 * link with the temporary name, which the next one takes away. */
#include "deployment/switch.h"

#include "deployment/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEMPORARY ".current.new"
#define PREFIX DPL_DIR_RELEASES "/"

gboolean dpl_current_read(int root, char **ret, GError **error) {
  g_autofree char *target = dpl_within_readlink(root, DPL_LINK_CURRENT);

  if (!target && errno == ENOENT) {
    *ret = NULL;
    return TRUE;
  }
  if (!target && errno == EINVAL) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_STATE,
                "\"" DPL_LINK_CURRENT "\" of the target is no link: move it away, what serves has "
                "to be a link to a release");
    return FALSE;
  }
  if (!target)
    return dpl_error_errno(error, errno, "cannot read the link \"" DPL_LINK_CURRENT "\"");
  if (g_str_has_prefix(target, PREFIX) && dpl_release_valid(target + sizeof PREFIX - 1)) {
    *ret = g_strdup(target + sizeof PREFIX - 1);
    return TRUE;
  }
  g_autofree char *escaped = dpl_path_escape(target);
  g_set_error(error, WG_ERROR, WG_ERROR_INVALID_STATE,
              "\"" DPL_LINK_CURRENT "\" of the target leads to \"%.200s\", which is none of its "
              "releases: remove the link, or set it to " PREFIX "ID by hand",
              escaped);
  return FALSE;
}

static gboolean is_there(int root, const char *release, GError **error) {
  g_autofree char *path = g_strconcat(PREFIX, release, NULL);
  DPL_AUTO_FD fd = dpl_within_open(root, path, O_PATH | O_DIRECTORY, 0);

  return fd >= 0 || dpl_error_errno(error, errno, "cannot switch to the release %s", release);
}

gboolean dpl_current_set(int root, const char *release, GError **error) {
  g_autofree char *target = g_strconcat(PREFIX, release, NULL);
  g_autofree char *now = NULL;

  if (!dpl_release_valid(release)) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, "\"%s\" is no release's name", release);
    return FALSE;
  }
  if (!dpl_current_read(root, &now, error) || !is_there(root, release, error))
    return FALSE;
  if (g_strcmp0(now, release) == 0)
    return dpl_within_sync(root, ".", error);
  if (unlinkat(root, TEMPORARY, 0) < 0 && errno != ENOENT)
    return dpl_error_errno(error, errno, "cannot remove a left-over link of a switch");
  if (symlinkat(target, root, TEMPORARY) < 0 ||
      renameat(root, TEMPORARY, root, DPL_LINK_CURRENT) < 0)
    return dpl_error_errno(error, errno, "cannot switch to the release %s", release);
  return dpl_within_sync(root, ".", error);
}

gboolean dpl_current_unset(int root, GError **error) {
  g_autofree char *now = NULL;

  if (!dpl_current_read(root, &now, error))
    return FALSE;
  if (now && unlinkat(root, DPL_LINK_CURRENT, 0) < 0 && errno != ENOENT)
    return dpl_error_errno(error, errno, "cannot remove the link \"" DPL_LINK_CURRENT "\"");
  return dpl_within_sync(root, ".", error);
}
