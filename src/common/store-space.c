/* store-space.c: the reserve file and the low water mark; see store.h.
 *
 * The reserve is a file beside the store whose blocks are allocated for real. Giving it up when
 * the disk is full is what lets acknowledgements go on: they need a little space, too. Making it
 * again is also the proof that there is room. Nothing here touches SQLite. */
#include "common/store-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static char *reserve_path(WgStore *store) {
  return g_strconcat(store->path, WG_STORE_SUFFIX_RESERVE, NULL);
}

gboolean wg_store_release_reserve(WgStore *store) {
  g_autofree char *path = reserve_path(store);
  return g_unlink(path) == 0;
}

/* Zeroes, not posix_fallocate() alone: where the file system cannot allocate ahead, glibc would
 * write one byte a block, and where it compresses or copies on write nothing is promised anyway. */
static gboolean allocate(int fd, guint64 bytes) {
  int r = fallocate(fd, 0, 0, (off_t)bytes);
  if (r == 0)
    return TRUE;
  if (errno != EOPNOTSUPP && errno != ENOSYS)
    return FALSE;
  static const char zero[64 * 1024];
  for (guint64 done = 0; done < bytes;) {
    ssize_t n = write(fd, zero, MIN(sizeof zero, bytes - done));
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return FALSE;
    done += n;
  }
  return TRUE;
}

gboolean wg_store_restore_reserve(WgStore *store) {
  if (store->reserve_bytes == 0)
    return TRUE;
  g_autofree char *path = reserve_path(store);
  struct stat st;
  if (stat(path, &st) == 0 && (guint64)st.st_size >= store->reserve_bytes &&
      (guint64)st.st_blocks * 512 >= store->reserve_bytes)
    return TRUE;
  int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0)
    return FALSE;
  gboolean ok = allocate(fd, store->reserve_bytes) && fsync(fd) == 0;
  close(fd);
  if (!ok)
    g_unlink(path); /* half a reserve would only take away what others need */
  return ok;
}

gboolean wg_store_low_on_space(WgStore *store) {
  struct statvfs st;
  if (store->low_water_bytes == 0 || statvfs(store->dir, &st) < 0)
    return FALSE;
  return (guint64)st.f_bavail * st.f_frsize < store->low_water_bytes;
}
