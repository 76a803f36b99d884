/* inbox-dir.c: the way to an inbox.
 *
 * Whoever can write to a directory on the way could lead the courier somewhere else, so each
 * component is opened by itself, below the one before, and looked at through its descriptor: no
 * path is ever resolved twice, and nothing is followed. It never changes what exists. */
#include "delivery/inbox.h"

#include "common/error.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define WAY (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define PLACE (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* What a component must be: `strict` (the inbox itself and what is in it) belongs to us and only
 * we may write; `own` belongs to us; else root may own it too. */
typedef enum { ANY_TRUSTED, OWN, STRICT } Trust;

gboolean dlv_inbox_errno(GError **error, const DlvInbox *inbox, const char *what) {
  int err = errno;

  switch (err) {
  case ENOSPC:
  case EDQUOT:
    g_set_error(error, WG_ERROR, WG_ERROR_STORE_FULL, "%s: %s (%s): make room there",
                inbox->directory, what, g_strerror(err));
    return FALSE;
  case EROFS:
    g_set_error(error, WG_ERROR, WG_ERROR_STORE_READ_ONLY,
                "%s: %s (%s): mount it so that it can be written", inbox->directory, what,
                g_strerror(err));
    return FALSE;
  default:
    g_set_error(error, WG_ERROR, WG_ERROR_FAILED, "%s: %s: %s", inbox->directory, what,
                g_strerror(err));
    return FALSE;
  }
}

static gboolean refuse(GError **error, const char *path, const char *why) {
  g_set_error(error, WG_ERROR, WG_ERROR_NOT_AUTHORIZED, "\"%s\" %s", path, why);
  return FALSE;
}

static gboolean trusted(int fd, const char *path, Trust trust, GError **error) {
  g_autofree char *why = NULL;
  struct stat st;

  if (fstat(fd, &st) < 0)
    return wg_error_set_errno(error, -errno, "\"%s\" cannot be looked at", path);
  if (st.st_uid != geteuid() && (trust != ANY_TRUSTED || st.st_uid != 0)) {
    why = g_strdup_printf("belongs to uid %u, not to uid %u: mail is not left where another user "
                          "decides",
                          (guint)st.st_uid, (guint)geteuid());
    return refuse(error, path, why);
  }
  if ((st.st_mode & (S_IWGRP | S_IWOTH)) && (trust == STRICT || !(st.st_mode & S_ISVTX))) {
    why = g_strdup_printf("can be written by others (mode %04o): chmod go-w",
                          (guint)st.st_mode & 07777);
    return refuse(error, path, why);
  }
  return TRUE;
}

/* Why an open failed: the plain errno of O_NOFOLLOW | O_DIRECTORY says too little. */
static gboolean tell(int parent, const char *name, const char *path, int err, GError **error) {
  struct stat st;

  if ((err == ENOTDIR || err == ELOOP) && fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
    if (S_ISLNK(st.st_mode))
      return refuse(error, path, "is a symbolic link: name the real directory in the policy");
    return refuse(error, path, "is not a directory");
  }
  return wg_error_set_errno(error, -err, "\"%s\" cannot be opened", path);
}

static gboolean sync_directory(int fd) {
  int real = openat(fd, ".", PLACE); /* one of O_PATH cannot be synced */

  if (real < 0)
    return FALSE;
  gboolean ok = fsync(real) == 0;
  close(real);
  return ok;
}

static int step(const DlvInbox *inbox, int parent, const char *name, const char *path, Trust trust,
                GError **error) {
  int flags = trust == STRICT ? PLACE : WAY;
  int fd = openat(parent, name, flags);

  if (fd < 0 && errno == ENOENT) {
    g_autofree char *what = g_strdup_printf("\"%s\" cannot be made", path);

    if (mkdirat(parent, name, 0700) < 0 && errno != EEXIST) {
      dlv_inbox_errno(error, inbox, what);
      return -1;
    }
    if (!sync_directory(parent)) {
      dlv_inbox_errno(error, inbox, what);
      return -1;
    }
    fd = openat(parent, name, flags);
  }
  if (fd < 0) {
    tell(parent, name, path, errno, error);
    return -1;
  }
  if (!trusted(fd, path, trust, error)) {
    close(fd);
    return -1;
  }
  return fd;
}

/* The inbox's own directory, O_RDONLY. */
static int walk(const DlvInbox *inbox, GError **error) {
  g_autoptr(GString) path = g_string_new(inbox->home);
  int fd = open(inbox->home ? inbox->home : G_DIR_SEPARATOR_S, O_PATH | O_DIRECTORY | O_CLOEXEC);

  if (fd < 0) {
    wg_error_set_errno(error, -errno, "\"%s\" cannot be opened", inbox->home ? inbox->home : "/");
    return -1;
  }
  if (inbox->home && !trusted(fd, inbox->home, OWN, error)) {
    close(fd);
    return -1;
  }
  for (char **name = inbox->components; *name; name++) {
    Trust trust = name[1] == NULL ? STRICT : inbox->home ? OWN : ANY_TRUSTED;
    g_string_append_printf(path, "/%s", *name);
    int next = step(inbox, fd, *name, path->str, trust, error);
    close(fd);
    if (next < 0)
      return -1;
    fd = next;
  }
  return fd;
}

gboolean dlv_inbox_open(const DlvInbox *inbox, DlvInboxDirs *ret, GError **error) {
  static const char *const names[] = {"tmp", "new", "cur"};
  int fds[G_N_ELEMENTS(names)] = {-1, -1, -1};
  int top = walk(inbox, error);
  gboolean ok = top >= 0;

  for (guint i = 0; ok && i < G_N_ELEMENTS(names); i++) {
    g_autofree char *path = g_build_filename(inbox->directory, names[i], NULL);
    fds[i] = step(inbox, top, names[i], path, STRICT, error);
    ok = fds[i] >= 0;
  }
  if (top >= 0)
    close(top);
  *ret = (DlvInboxDirs){.tmp = fds[0], .new = fds[1], .cur = fds[2]};
  if (!ok)
    dlv_inbox_close(ret);
  return ok;
}

void dlv_inbox_close(DlvInboxDirs *dirs) {
  int *fds[] = {&dirs->tmp, &dirs->new, &dirs->cur};

  for (guint i = 0; i < G_N_ELEMENTS(fds); i++) {
    if (*fds[i] >= 0)
      close(*fds[i]);
    *fds[i] = -1;
  }
}
