/* layout.c: the directories of a target, whose they are, and the names in them; see layout.h. A
 * root is taken only when it is empty or marked as this target's, so that a slip in targets.d never
 * turns a system directory into a target. */
#include "deployment/layout.h"

#include "deployment/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ID_DIGITS 16
#define ID_LENGTH (ID_DIGITS + 1 + 16)
#define MARK_MAX 300

gboolean dpl_release_valid(const char *id) {
  if (!id || strlen(id) != ID_LENGTH || strspn(id, "0123456789abcdef") < ID_DIGITS)
    return FALSE;
  return dpl_release_time(id) > 0;
}

char *dpl_release_id(const char *digest, guint64 realtime) {
  g_autoptr(GDateTime) t = g_date_time_new_from_unix_utc((gint64)(realtime / G_USEC_PER_SEC));
  g_autofree char *stamp = t ? g_date_time_format(t, "%Y%m%dT%H%M%SZ") : NULL;

  g_return_val_if_fail(stamp && strlen(digest) >= ID_DIGITS, NULL);
  return g_strdup_printf("%.*s-%s", ID_DIGITS, digest, stamp);
}

guint64 dpl_release_time(const char *id) {
  static const char form[] = "-dddddddd"
                             "T"
                             "dddddd"
                             "Z";
  const char *p = id + ID_DIGITS;

  if (strlen(id) != ID_LENGTH)
    return 0;
  for (guint i = 0; i < sizeof form - 1; i++)
    if (form[i] == 'd' ? !g_ascii_isdigit(p[i]) : p[i] != form[i])
      return 0;
  g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
  g_autoptr(GDateTime) t = g_date_time_new_from_iso8601(p + 1, utc);
  return t && g_date_time_to_unix(t) > 0 ? (guint64)g_date_time_to_unix(t) * G_USEC_PER_SEC : 0;
}

gboolean dpl_transaction_valid(const char *txn) {
  static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

  return txn && *txn && *txn != '.' && strlen(txn) <= 128 && txn[strspn(txn, letters)] == '\0';
}

/* Who can write into the root decides what serves: that must be us or root alone. */
static gboolean check_owner(int fd, const char *root, GError **error) {
  struct stat st;

  if (fstat(fd, &st) < 0)
    return dpl_error_errno(error, errno, "cannot look at %s", root);
  gboolean group = (st.st_mode & 0020) && (geteuid() == 0 || st.st_gid != getegid());
  if ((st.st_uid == 0 || st.st_uid == geteuid()) && !(st.st_mode & 0002) && !group)
    return TRUE;
  g_set_error(
      error, WG_ERROR, WG_ERROR_NOT_AUTHORIZED,
      "others can change the target's root %s (owner %u, mode %04o): it has to be uid %u's, "
      "writable for nobody else (chown, chmod go-w)",
      root, st.st_uid, st.st_mode & 07777, geteuid());
  return FALSE;
}

static gboolean is_empty(int root) {
  int copy = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *dir = copy < 0 ? NULL : fdopendir(copy);
  gboolean empty = TRUE;

  if (!dir) {
    dpl_close(&copy);
    return FALSE;
  }
  for (struct dirent *d; empty && (d = readdir(dir));)
    empty = strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0 ||
            strcmp(d->d_name, "lost+found") == 0 || g_str_has_suffix(d->d_name, ".new");
  closedir(dir);
  return empty;
}

typedef enum { LOOK, WOULD_MAKE, MAKE } Purpose;

static gboolean check_mark(int root, const char *path, const char *name, Purpose purpose,
                           GError **error) {
  g_autofree char *mark = NULL;
  DPL_AUTO_FD fd = dpl_within_open(root, DPL_FILE_TARGET, O_PATH, 0);

  if (fd >= 0) {
    if (!dpl_within_read(root, DPL_FILE_TARGET, MARK_MAX, &mark, NULL, error))
      return FALSE;
    if (strcmp(g_strchomp(mark), name) == 0)
      return TRUE;
    g_set_error(
        error, WG_ERROR, WG_ERROR_INVALID_STATE,
        "%s is the root of the target \"%s\", not of \"%s\": give each target a root of its "
        "own in targets.d",
        path, mark, name);
    return FALSE;
  }
  if (purpose == WOULD_MAKE && is_empty(root))
    return TRUE;
  if (purpose == MAKE && is_empty(root)) {
    g_autofree char *line = g_strdup_printf("%s\n", name);
    return dpl_within_write(root, DPL_FILE_TARGET, line, strlen(line), 0644, error);
  }
  if (purpose == LOOK)
    g_set_error(error, WG_ERROR, is_empty(root) ? WG_ERROR_NOT_FOUND : WG_ERROR_INVALID_STATE,
                "%s is no target's root yet: nothing was deployed to \"%s\"", path, name);
  else
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_STATE,
                "%s is not empty and was never the root of \"%s\": name an empty directory in "
                "targets.d, or write \"%s\" into its " DPL_FILE_TARGET " if it is really meant",
                path, name, name);
  return FALSE;
}

static gboolean make_directories(int root, const char *path, GError **error) {
  static const struct {
    const char *name;
    mode_t mode;
  } dirs[] = {{DPL_DIR_RELEASES, 0755},
              {DPL_DIR_SHARED, 0755},
              {DPL_DIR_STAGING, 0700},
              {DPL_DIR_FAILED, 0755},
              {DPL_DIR_BACKUP, 0700}};

  gboolean any = FALSE;
  for (guint i = 0; i < G_N_ELEMENTS(dirs); i++) {
    gboolean made = mkdirat(root, dirs[i].name, 0700) == 0;
    any = any || made;
    if (!made && errno != EEXIST)
      return dpl_error_errno(error, errno, "cannot make %s/%s", path, dirs[i].name);
    DPL_AUTO_FD fd = dpl_within_open(root, dirs[i].name, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0 || (made && fchmod(fd, dirs[i].mode) < 0))
      return dpl_error_errno(error, errno, "cannot use %s/%s", path, dirs[i].name);
    if (strcmp(dirs[i].name, DPL_DIR_SHARED) != 0 && !check_owner(fd, dirs[i].name, error))
      return FALSE;
  }
  /* the root itself may be new, and directories above it: all of them have to last */
  return !any || dpl_sync_all(root, path, error);
}

int dpl_layout_open(const char *root, const char *name, gboolean make, GError **error) {
  if (!g_path_is_absolute(root)) {
    g_set_error(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
                "the root \"%s\" of the target \"%s\" is no absolute path", root, name);
    return -1;
  }
  if (make && g_mkdir_with_parents(root, 0755) < 0) {
    dpl_error_errno(error, errno, "cannot make the target's root %s", root);
    return -1;
  }
  DPL_AUTO_FD fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) {
    dpl_error_errno(error, errno, "cannot open the target's root %s", root);
    return -1;
  }
  if (!check_owner(fd, root, error) || !check_mark(fd, root, name, make ? MAKE : LOOK, error) ||
      (make && !make_directories(fd, root, error)))
    return -1;
  return g_steal_fd(&fd);
}

gboolean dpl_layout_usable(const char *root, const char *name, GError **error) {
  DPL_AUTO_FD fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (fd < 0)
    return errno == ENOENT ||
           dpl_error_errno(error, errno, "cannot open the target's root %s", root);
  return check_owner(fd, root, error) && check_mark(fd, root, name, WOULD_MAKE, error);
}
