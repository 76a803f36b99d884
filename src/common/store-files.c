/* store-files.c: names, renames and syncs of the store's files.
 *
 * A file that was made or renamed is only there after a power cut when its directory was synced;
 * every rename of the store goes through here. */
#include "common/error.h"
#include "common/store-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

void wg_store_unlink(const char *path) {
  static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
  for (guint i = 0; i < G_N_ELEMENTS(suffixes); i++) {
    g_autofree char *name = g_strconcat(path, suffixes[i], NULL);
    g_unlink(name);
  }
}

static gboolean sync_with(const char *path, int flags, GError **error) {
  int fd = open(path, flags | O_CLOEXEC);
  if (fd < 0)
    return wg_error_set_errno(error, errno, "Store: cannot open %s to sync it", path);
  int r = fsync(fd), e = errno;
  close(fd);
  return r == 0 || wg_error_set_errno(error, e, "Store: cannot sync %s", path);
}

gboolean wg_store_sync_dir(const char *dir, GError **error) {
  return sync_with(dir, O_RDONLY | O_DIRECTORY, error);
}

gboolean wg_store_fsync_path(const char *path, GError **error) {
  return sync_with(path, O_RDONLY, error);
}

gboolean wg_store_rename(const char *from, const char *to, GError **error) {
  g_autofree char *dir = g_path_get_dirname(to);
  if (g_rename(from, to) < 0)
    return wg_error_set_errno(error, errno, "Store: cannot rename %s to %s", from, to);
  return wg_store_sync_dir(dir, error);
}
