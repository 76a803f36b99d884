/* within-remove.c: a whole tree goes, whatever is in it; see within.h.
 *
 * One descriptor a level. A tree may be deeper than there are descriptors or stack, so what lies
 * deeper than DEPTH_MAX is moved to the top first and removed from there. Never leaves the mount it
 * began in. */
#include "deployment/io.h"
#include "deployment/within.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 48

typedef struct {
  const DplWork *work;
  const char *path; /* as the caller named it, for errors */
  int top;
  guint64 mount;
  guint n_moved;
  gboolean again; /* something was moved to the top, where it may not have been seen */
} Removal;

/* A number that tells mounts apart; of the device where the kernel has no such number. */
static guint64 mount_of(int fd) {
  struct statx sx;

  if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &sx) < 0)
    return 0;
  if (sx.stx_mask & STATX_MNT_ID)
    return sx.stx_mnt_id;
  return ((guint64)sx.stx_dev_major << 32) | sx.stx_dev_minor;
}

static int open_directory(int at, const char *name) {
  int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

  if (fd >= 0 || errno != EACCES)
    return fd;
  /* A directory of ours that forbids us to read it: its mode goes with it. */
  DPL_AUTO_FD bare = openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (bare < 0)
    return -1;
  g_autofree char *proc = g_strdup_printf("/proc/self/fd/%d", bare);
  if (chmod(proc, 0700) < 0)
    return -1;
  return openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static gboolean remove_inside(Removal *r, int fd, guint depth, GError **error);

static gboolean remove_directory(Removal *r, int at, const char *name, guint depth,
                                 GError **error) {
  if (depth > DEPTH_MAX) {
    g_autofree char *moved = g_strdup_printf(".deep-%u", r->n_moved++);
    /* who is not root can only move a directory that he may write to */
    DPL_AUTO_FD deep = open_directory(at, name);
    if (deep >= 0)
      (void)fchmod(deep, 0700);
    if (renameat(at, name, r->top, moved) < 0)
      return dpl_error_errno(error, errno, "cannot remove %s: a directory deep in it", r->path);
    r->again = TRUE;
    return TRUE;
  }
  DPL_AUTO_FD fd = open_directory(at, name);
  if (fd < 0)
    return dpl_error_errno(error, errno, "cannot remove %s: the directory %s in it", r->path, name);
  if (mount_of(fd) != r->mount)
    return dpl_error_errno(error, EBUSY, "cannot remove %s: %s in it is a mount", r->path, name);
  if (!remove_inside(r, fd, depth, error))
    return FALSE;
  if (unlinkat(at, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
    return dpl_error_errno(error, errno, "cannot remove %s: the directory %s in it", r->path, name);
  return TRUE;
}

static gboolean remove_entry(Removal *r, int at, const struct dirent *d, guint depth,
                             GError **error) {
  if (!dpl_work_go_on(r->work, error))
    return FALSE;
  if (d->d_type != DT_DIR) {
    if (unlinkat(at, d->d_name, 0) == 0 || errno == ENOENT)
      return TRUE;
    if (errno != EISDIR)
      return dpl_error_errno(error, errno, "cannot remove %s: %s in it", r->path, d->d_name);
  }
  return remove_directory(r, at, d->d_name, depth + 1, error);
}

static gboolean remove_inside(Removal *r, int fd, guint depth, GError **error) {
  struct stat st;
  gboolean ok = TRUE;

  if (fstat(fd, &st) == 0 && (st.st_mode & 0700) != 0700)
    (void)fchmod(fd, 0700);
  int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* with an offset of its own */
  DIR *dir = copy < 0 ? NULL : fdopendir(copy);
  if (!dir) {
    dpl_error_errno(error, errno, "cannot read a directory in %s", r->path);
    dpl_close(&copy);
    return FALSE;
  }
  for (struct dirent *d; ok && (errno = 0, d = readdir(dir));)
    if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
      ok = remove_entry(r, fd, d, depth, error);
  if (ok && errno != 0)
    ok = dpl_error_errno(error, errno, "cannot read a directory in %s", r->path);
  closedir(dir);
  return ok;
}

static gboolean remove_tree(Removal *r, int at, const char *name, GError **error) {
  DPL_AUTO_FD fd = open_directory(at, name);

  if (fd < 0)
    return dpl_error_errno(error, errno, "cannot remove %s", r->path);
  r->top = fd;
  r->mount = mount_of(fd);
  if (r->mount != mount_of(at))
    return dpl_error_errno(error, EBUSY, "cannot remove %s", r->path);
  do {
    r->again = FALSE;
    if (!remove_inside(r, fd, 0, error))
      return FALSE;
  } while (r->again);
  if (unlinkat(at, name, AT_REMOVEDIR) < 0)
    return dpl_error_errno(error, errno, "cannot remove %s", r->path);
  return TRUE;
}

gboolean dpl_within_remove(int dir, const char *path, const DplWork *work, GError **error) {
  Removal r = {.work = work, .path = path};
  const char *name;
  DPL_AUTO_FD at = dpl_within_parent(dir, path, FALSE, &name);

  if (at < 0 && errno == ENOENT)
    return TRUE;
  if (at < 0)
    return dpl_error_errno(error, errno, "cannot remove %s", path);
  if (unlinkat(at, name, 0) == 0 || errno == ENOENT)
    return TRUE;
  if (errno != EISDIR)
    return dpl_error_errno(error, errno, "cannot remove %s", path);
  return remove_tree(&r, at, name, error);
}

int dpl_within_begin(int dir, const char *path, const DplWork *work, GError **error) {
  if (!dpl_within_remove(dir, path, work, error))
    return -1;
  if (mkdirat(dir, path, 0700) < 0) {
    dpl_error_errno(error, errno, "cannot make %s of the target", path);
    return -1;
  }
  DPL_AUTO_FD made = dpl_within_open(dir, path, O_RDONLY | O_DIRECTORY, 0);
  if (made < 0 || fchown(made, (uid_t)-1, getegid()) < 0 || fchmod(made, 0700) < 0) {
    dpl_error_errno(error, errno, "cannot use %s of the target", path);
    return -1;
  }
  return g_steal_fd(&made);
}
