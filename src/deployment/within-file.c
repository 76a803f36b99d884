/* within-file.c: whole small files and links below a directory, and what makes them last; see
 * within.h. A file that is written gets its name only when its content is on the disk. */
#include "deployment/within.h"

#include "deployment/io.h"

#include "common/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

ssize_t dpl_read_some(int fd, gpointer buffer, gsize size, gint64 offset) {
  ssize_t n;

  do
    n = offset < 0 ? read(fd, buffer, size) : pread(fd, buffer, size, offset);
  while (n < 0 && errno == EINTR);
  return n;
}

void dpl_close(int *fd) {
  int saved = errno;

  if (*fd >= 0)
    close(*fd);
  *fd = -1;
  errno = saved;
}

char *dpl_within_readlink(int dir, const char *path) {
  const char *name;
  DPL_AUTO_FD at = dpl_within_parent(dir, path, FALSE, &name);
  char target[4097];

  if (at < 0)
    return NULL;
  ssize_t n = readlinkat(at, name, target, sizeof target);
  if (n < 0)
    return NULL;
  if ((gsize)n >= sizeof target) {
    errno = ENAMETOOLONG;
    return NULL;
  }
  return g_strndup(target, (gsize)n);
}

static gboolean read_fd(int fd, const char *path, gsize max, GString *s, GError **error) {
  struct stat st;

  if (fstat(fd, &st) < 0)
    return dpl_error_errno(error, errno, "cannot look at %s", path);
  if (!S_ISREG(st.st_mode)) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_STATE,
                "%s is no plain file; remove it if nobody needs it", path);
    return FALSE;
  }
  for (;;) {
    char block[16384];
    ssize_t n = dpl_read_some(fd, block, sizeof block, -1);
    if (n < 0)
      return dpl_error_errno(error, errno, "cannot read %s", path);
    if (n == 0)
      return TRUE;
    if (s->len + (gsize)n > max) {
      g_set_error(error, WG_ERROR, WG_ERROR_LIMITS_EXCEEDED,
                  "%s has more than %" G_GSIZE_FORMAT " bytes, which cannot be ours", path, max);
      return FALSE;
    }
    g_string_append_len(s, block, n);
  }
}

gboolean dpl_within_read(int dir, const char *path, gsize max, char **ret, gsize *ret_size,
                         GError **error) {
  /* O_NONBLOCK: a fifo in its place must not hold us up */
  DPL_AUTO_FD fd = dpl_within_open(dir, path, O_RDONLY | O_NONBLOCK, 0);
  g_autoptr(GString) s = g_string_new(NULL);

  if (fd < 0)
    return dpl_error_errno(error, errno, "cannot open %s", path);
  if (!read_fd(fd, path, max, s, error))
    return FALSE;
  if (ret_size)
    *ret_size = s->len;
  *ret = g_string_free(g_steal_pointer(&s), FALSE);
  return TRUE;
}

static gboolean write_new(int at, const char *name, const char *bytes, gsize size, mode_t mode) {
  DPL_AUTO_FD fd = openat(at, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

  return fd >= 0 && wg_write_all(fd, bytes, size) && fchmod(fd, mode) == 0 && fsync(fd) == 0;
}

gboolean dpl_within_write(int dir, const char *path, const char *bytes, gsize size, mode_t mode,
                          GError **error) {
  const char *name;
  DPL_AUTO_FD at = dpl_within_parent(dir, path, FALSE, &name);

  if (at < 0)
    return dpl_error_errno(error, errno, "cannot open the directory of %s", path);
  g_autofree char *temp = g_strdup_printf(".%.200s.new", name);
  if (unlinkat(at, temp, 0) < 0 && errno != ENOENT)
    return dpl_error_errno(error, errno, "cannot remove a left-over of %s", path);
  if (!write_new(at, temp, bytes, size, mode) || renameat(at, temp, at, name) < 0) {
    dpl_error_errno(error, errno, "cannot write %s", path);
    (void)unlinkat(at, temp, 0);
    return FALSE;
  }
  return TRUE;
}

gboolean dpl_within_sync(int dir, const char *path, GError **error) {
  DPL_AUTO_FD fd = dpl_within_open(dir, path, O_RDONLY | O_DIRECTORY, 0);

  if (fd < 0 || fsync(fd) < 0)
    return dpl_error_errno(error, errno, "cannot bring the directory %s to the disk", path);
  return TRUE;
}

gboolean dpl_sync_all(int fd, const char *what, GError **error) {
  if (syncfs(fd) < 0)
    return dpl_error_errno(error, errno, "cannot bring %s to the disk", what);
  return TRUE;
}
