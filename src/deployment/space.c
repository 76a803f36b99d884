/* space.c: what a file system has left; see space.h. btrfs and others tell no number of inodes:
 * that is no limit, not none left. */
#include "deployment/space.h"

#include <errno.h>
#include <sys/statvfs.h>
#include <unistd.h>

gboolean dpl_space(int fd, DplSpace *ret, GError **error) {
  struct statvfs v;

  if (fstatvfs(fd, &v) < 0)
    return dpl_error_errno(error, errno, "cannot ask the file system for its free space");
  gboolean root = geteuid() == 0;
  ret->bytes = (guint64)v.f_frsize * (root ? v.f_bfree : v.f_bavail);
  ret->bytes_total = (guint64)v.f_frsize * v.f_blocks;
  ret->inodes = v.f_files == 0 ? G_MAXUINT64 : root ? v.f_ffree : v.f_favail;
  ret->inodes_total = v.f_files == 0 ? G_MAXUINT64 : v.f_files;
  return TRUE;
}

gboolean dpl_space_need(int fd, const char *name, guint64 bytes, guint64 inodes, GError **error) {
  DplSpace s;

  if (!dpl_space(fd, &s, error))
    return FALSE;
  if (s.bytes < bytes) {
    g_autofree char *need = g_format_size_full(bytes, G_FORMAT_SIZE_IEC_UNITS);
    g_autofree char *have = g_format_size_full(s.bytes, G_FORMAT_SIZE_IEC_UNITS);
    g_set_error(error, WG_ERROR, WG_ERROR_STORE_FULL,
                "%s needs %s and has %s free: remove something, or let retention keep less", name,
                need, have);
    return FALSE;
  }
  if (s.inodes < inodes) {
    g_set_error(error, WG_ERROR, WG_ERROR_STORE_FULL,
                "%s needs %" G_GUINT64_FORMAT " inodes and has %" G_GUINT64_FORMAT
                " free: remove files, or let retention keep fewer releases",
                name, inodes, s.inodes);
    return FALSE;
  }
  return TRUE;
}
