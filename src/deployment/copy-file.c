/* copy-file.c: one file or directory as it is; see copy-tree.h. A clone shares the bytes on the
 * disk and is read once for its digest; where there is none the data between the holes is copied
 * and digested in one pass. */
#include "deployment/copy-tree.h"
#include "deployment/io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define BLOCK (256 * 1024)
#define NAMES_MAX 65536
#define VALUE_MAX 65536

typedef struct {
  int from, to;
  const char *path;
  DplDigest *digest;
  char *block;
  DplProgress *progress;
} Copy;

static gboolean write_at(int fd, const char *bytes, gsize size, guint64 offset) {
  while (size > 0) {
    ssize_t n = pwrite(fd, bytes, size, (off_t)offset);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return FALSE;
    bytes += n;
    size -= (gsize)n;
    offset += (guint64)n;
  }
  return TRUE;
}

/* From `at` until `end` (or the end of the file); `ret`: how far it came. */
static gboolean copy_data(Copy *c, guint64 at, guint64 end, guint64 *ret, GError **error) {
  while (at < end) {
    ssize_t n = dpl_read_some(c->from, c->block, MIN(BLOCK, end - at), (gint64)at);
    if (n < 0)
      return dpl_error_errno(error, errno, "cannot read %s", c->path);
    if (n == 0)
      break;
    dpl_digest_add(c->digest, c->block, (gsize)n);
    if (!write_at(c->to, c->block, (gsize)n, at))
      return dpl_error_errno(error, errno, "cannot write the copy of %s", c->path);
    at += (guint64)n;
    dpl_progress_add(c->progress, (guint64)n);
    if (c->progress && !dpl_work_go_on(c->progress->work, error))
      return FALSE;
  }
  *ret = at;
  return TRUE;
}

static gboolean copy_sparse(Copy *c, guint64 size, guint64 *ret, GError **error) {
  guint64 at = 0;

  while (at < size) {
    off_t data = lseek(c->from, (off_t)at, SEEK_DATA);
    guint64 start = data >= 0 ? (guint64)data : errno == ENXIO ? size : at;
    off_t hole = data >= 0 ? lseek(c->from, data, SEEK_HOLE) : -1;
    guint64 end = hole > 0 ? (guint64)hole : size;
    start = MIN(start, size);
    dpl_digest_add_zeros(c->digest, start - at);
    at = start;
    if (!copy_data(c, at, MIN(end, size), &at, error))
      return FALSE;
    if (at < MIN(end, size))
      break; /* the file became shorter meanwhile */
  }
  *ret = at;
  return ftruncate(c->to, (off_t)at) == 0 ||
         dpl_error_errno(error, errno, "cannot write the copy of %s", c->path);
}

gboolean dpl_copy_content(int from, int to, const char *path, guint8 *ret_sha256, guint64 *ret_size,
                          DplProgress *progress, GError **error) {
  struct stat st;

  if (fstat(from, &st) < 0)
    return dpl_error_errno(error, errno, "cannot look at %s", path);
  if (st.st_size > 0 && ioctl(to, FICLONE, from) == 0)
    return dpl_digest_fd(to, path, ret_sha256, NULL, ret_size, progress, error);
  g_autoptr(DplDigest) digest = dpl_digest_new(DPL_SHA256);
  g_autofree char *block = g_malloc(BLOCK);
  Copy c = {
      .from = from, .to = to, .path = path, .digest = digest, .block = block, .progress = progress};
  if (!copy_sparse(&c, (guint64)st.st_size, ret_size, error))
    return FALSE;
  dpl_digest_end(digest, ret_sha256);
  return TRUE;
}

/* Labels of a security module and trusted.* are the system's own to give. */
static gboolean may_lack(const char *name, int errnum) {
  gboolean of_system =
      g_str_has_prefix(name, "trusted.") ||
      (g_str_has_prefix(name, "security.") && strcmp(name, "security.capability") != 0);

  return of_system && (errnum == EPERM || errnum == ENOTSUP || errnum == EACCES);
}

static gboolean copy_xattrs(int from, int to, const char *path, GError **error) {
  g_autofree char *names = g_malloc(NAMES_MAX);
  ssize_t n = flistxattr(from, names, NAMES_MAX);

  if (n < 0 && errno != ENOTSUP)
    return dpl_error_errno(error, errno, "cannot read the attributes of %s", path);
  for (char *name = names; n > 0 && name < names + n; name += strlen(name) + 1) {
    g_autofree char *value = g_malloc(VALUE_MAX);
    ssize_t size = fgetxattr(from, name, value, VALUE_MAX);
    if (size >= 0 && fsetxattr(to, name, value, (gsize)size, 0) == 0)
      continue;
    if (!may_lack(name, errno))
      return dpl_error_errno(error, errno, "cannot copy the attribute %s of %s", name, path);
  }
  return TRUE;
}

gboolean dpl_copy_attributes(int from, int to, const char *path, GError **error) {
  struct stat st, is;

  if (fstat(from, &st) < 0 || fstat(to, &is) < 0)
    return dpl_error_errno(error, errno, "cannot look at %s", path);
  if ((st.st_uid != is.st_uid || st.st_gid != is.st_gid) && fchown(to, st.st_uid, st.st_gid) < 0)
    return dpl_error_errno(error, errno, "cannot give the copy of %s its owner", path);
  if (!copy_xattrs(from, to, path, error))
    return FALSE;
  const struct timespec times[2] = {st.st_atim, st.st_mtim};
  if (fchmod(to, st.st_mode & 07777) < 0 || futimens(to, times) < 0)
    return dpl_error_errno(error, errno, "cannot give the copy of %s its mode and time", path);
  return TRUE;
}
