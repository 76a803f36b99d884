/* inbox-nest.c: where the files of a large batch are made.
 *
 * ext4 looks for an inode beside the directory in which a file is made; without a journal it steps
 * over those that were freed in the last minutes, one by one, so an inbox that has been emptied is
 * filled ten times more slowly. A batch is therefore made in a directory of its own in tmp/, and
 * moved from there: tmp/ has the attribute T (chattr(1)), by which ext4 puts each directory in it
 * somewhere else on the disk. It goes with the batch; what a crash leaves goes with the next start.
 *
 * Elsewhere, for few files, and when anything fails, files are made in tmp/ itself. */
#include "delivery/inbox.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define MANY 8 /* files that are worth a directory */
#define PREFIX "batch-"
#define DIGITS 16
#define PLACE (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

static gboolean is_ext4(int fd) {
  struct statfs fs;

  return fstatfs(fd, &fs) == 0 && fs.f_type == EXT4_SUPER_MAGIC;
}

static gboolean spread_directories(int fd) {
  int flags;

  if (ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0)
    return FALSE;
  if (flags & FS_TOPDIR_FL)
    return TRUE;
  flags |= FS_TOPDIR_FL;
  return ioctl(fd, FS_IOC_SETFLAGS, &flags) == 0;
}

/* PREFIX, 16 digits, a dot, the agent. */
static gboolean is_nest(const DlvInbox *inbox, const char *name) {
  gsize n = strlen(PREFIX);

  return strncmp(name, PREFIX, n) == 0 && strspn(name + n, "0123456789abcdef") == DIGITS &&
         name[n + DIGITS] == '.' && g_str_equal(name + n + DIGITS + 1, inbox->agent);
}

void dlv_inbox_nest_begin(const DlvInbox *inbox, const DlvInboxDirs *dirs, guint n,
                          DlvInboxNest *ret) {
  *ret = (DlvInboxNest){.fd = dirs->tmp};
  if (n < MANY || !is_ext4(dirs->tmp) || !spread_directories(dirs->tmp))
    return;
  g_autofree char *name =
      g_strdup_printf(PREFIX "%08x%08x.%s", g_random_int(), g_random_int(), inbox->agent);
  if (mkdirat(dirs->tmp, name, 0700) < 0)
    return;
  int fd = openat(dirs->tmp, name, PLACE);
  if (fd < 0)
    unlinkat(dirs->tmp, name, AT_REMOVEDIR);
  else
    *ret = (DlvInboxNest){fd, g_steal_pointer(&name)};
}

void dlv_inbox_nest_end(const DlvInboxDirs *dirs, DlvInboxNest *nest) {
  if (nest->name == NULL)
    return;
  close(nest->fd);
  unlinkat(dirs->tmp, nest->name, AT_REMOVEDIR);
  g_free(nest->name);
  *nest = (DlvInboxNest){.fd = dirs->tmp};
}

static void clear_nest(DlvInbox *inbox, int tmp, const char *name) {
  int fd = openat(tmp, name, PLACE);

  if (fd < 0)
    return;
  dlv_inbox_clear(inbox, fd, NULL);
  close(fd);
  unlinkat(tmp, name, AT_REMOVEDIR); /* not if somebody else has something there */
}

gboolean dlv_inbox_clear_tmp(DlvInbox *inbox, const DlvInboxDirs *dirs, GError **error) {
  int own = openat(dirs->tmp, ".", PLACE); /* an offset of its own */
  DIR *dir = own < 0 ? NULL : fdopendir(own);
  const struct dirent *entry;

  if (dir == NULL) {
    dlv_inbox_errno(error, inbox, "tmp cannot be read");
    if (own >= 0)
      close(own);
    return FALSE;
  }
  while ((entry = readdir(dir)) != NULL)
    if (is_nest(inbox, entry->d_name))
      clear_nest(inbox, dirs->tmp, entry->d_name);
  closedir(dir);
  return dlv_inbox_clear(inbox, dirs->tmp, error);
}
