/* tree-scan.c: walking a directory without following anything; see tree-scan.h. Nothing is judged
 * here: what a tree may not have is told, and the caller decides. */
#include "deployment/tree-scan.h"

#include "deployment/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define CAPABILITY "security.capability"
#define ACCESS_LIST "system.posix_acl_access"
#define NAMES_MAX 65536

typedef struct {
  guint64 dev, ino;
} Inode;

typedef struct {
  DplTree *tree;
  GPtrArray *odd;
  GHashTable *inodes; /* Inode -> GPtrArray of paths; of files with several names */
  const DplWork *work;
  uid_t uid;
  gid_t gid;
  guint64 mount;
} Scan;

void dpl_odd_free(gpointer data) {
  DplOdd *odd = data;

  g_free(odd->path);
  g_free(odd);
}

const char *dpl_odd_text(DplOddKind kind) {
  static const char *const texts[] = {
      [DPL_ODD_SPECIAL] = "is a socket or a fifo",
      [DPL_ODD_DEVICE] = "is a device",
      [DPL_ODD_MOUNT] = "is a mount",
      [DPL_ODD_ACL] = "has an access list (setfacl -b removes it)",
  };
  return texts[kind];
}

static guint inode_hash(gconstpointer key) {
  const Inode *inode = key;
  return g_int64_hash(&inode->ino);
}

static gboolean inode_equal(gconstpointer a, gconstpointer b) {
  return memcmp(a, b, sizeof(Inode)) == 0;
}

static void add_odd(Scan *s, DplOddKind kind, const char *path) {
  DplOdd *odd = g_new(DplOdd, 1);

  odd->kind = kind;
  odd->path = g_strdup(path);
  g_ptr_array_add(s->odd, odd);
}

char *dpl_scan_capability(int fd, gboolean *ret_acl) {
  g_autofree char *names = g_malloc(NAMES_MAX);
  ssize_t n = flistxattr(fd, names, NAMES_MAX);
  char *capability = NULL;

  *ret_acl = FALSE;
  for (char *name = names; n > 0 && name < names + n; name += strlen(name) + 1) {
    *ret_acl = *ret_acl || strcmp(name, ACCESS_LIST) == 0;
    if (capability || strcmp(name, CAPABILITY) != 0)
      continue;
    guint8 value[128];
    ssize_t size = fgetxattr(fd, CAPABILITY, value, sizeof value);
    capability = size > 0 ? dpl_hex(value, (gsize)size) : NULL;
  }
  return capability;
}

static void note_inode(Scan *s, const struct statx *sx, const char *path) {
  Inode key = {.dev = ((guint64)sx->stx_dev_major << 32) | sx->stx_dev_minor, .ino = sx->stx_ino};
  GPtrArray *paths = g_hash_table_lookup(s->inodes, &key);

  if (!paths) {
    paths = g_ptr_array_new_with_free_func(g_free);
    g_hash_table_insert(s->inodes, g_memdup2(&key, sizeof key), paths);
  }
  g_ptr_array_add(paths, g_strdup(path));
}

static gboolean scan_inside(Scan *s, int fd, const char *path, guint depth, GError **error);

static gboolean scan_directory(Scan *s, int at, const char *name, const char *path, guint64 mount,
                               guint depth, GError **error) {
  gboolean acl;

  if (mount != s->mount) {
    add_odd(s, DPL_ODD_MOUNT, path);
    return TRUE;
  }
  if (depth > DPL_SCAN_DEPTH_MAX) {
    g_autofree char *escaped = dpl_path_escape(path);
    g_set_error(error, WG_ERROR, WG_ERROR_LIMITS_EXCEEDED,
                "%.200s...: more than %d directories within each other", escaped,
                DPL_SCAN_DEPTH_MAX);
    return FALSE;
  }
  DPL_AUTO_FD fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0)
    return dpl_error_errno(error, errno, "cannot open the directory %s", path);
  g_free(dpl_scan_capability(fd, &acl));
  if (acl)
    add_odd(s, DPL_ODD_ACL, path);
  return scan_inside(s, fd, path, depth, error);
}

static char *read_link(int at, const char *name, const char *path, GError **error) {
  char target[4097];
  ssize_t n = readlinkat(at, name, target, sizeof target);

  if (n < 0 || (gsize)n >= sizeof target) {
    dpl_error_errno(error, n < 0 ? errno : ENAMETOOLONG, "cannot read the link %s", path);
    return NULL;
  }
  return g_strndup(target, (gsize)n);
}

static gboolean scan_entry(Scan *s, int at, const char *name, char *path, guint depth,
                           GError **error) {
  g_autofree char *mine = path;
  struct statx sx;

  if (statx(at, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_MNT_ID, &sx) < 0)
    return dpl_error_errno(error, errno, "cannot look at %s", path);
  DplEntry e = {.mode = sx.stx_mode & 07777,
                .uid = sx.stx_uid == s->uid ? DPL_TREE_OURS : sx.stx_uid,
                .gid = sx.stx_gid == s->gid ? DPL_TREE_OURS : sx.stx_gid};
  switch (sx.stx_mode & S_IFMT) {
  case S_IFDIR:
    e.kind = DPL_ENTRY_DIRECTORY;
    break;
  case S_IFREG:
    e.kind = DPL_ENTRY_FILE;
    e.size = sx.stx_size;
    if (sx.stx_nlink > 1)
      note_inode(s, &sx, path);
    break;
  case S_IFLNK:
    e.kind = DPL_ENTRY_LINK;
    e.target = read_link(at, name, path, error);
    if (!e.target)
      return FALSE;
    break;
  case S_IFSOCK:
  case S_IFIFO:
    add_odd(s, DPL_ODD_SPECIAL, path);
    return TRUE;
  default:
    add_odd(s, DPL_ODD_DEVICE, path);
    return TRUE;
  }
  e.path = g_steal_pointer(&mine);
  (void)dpl_tree_add(s->tree, &e); /* a directory has each name once */
  return e.kind != DPL_ENTRY_DIRECTORY ||
         scan_directory(s, at, name, path, sx.stx_mask & STATX_MNT_ID ? sx.stx_mnt_id : 0,
                        depth + 1, error);
}

static gboolean scan_inside(Scan *s, int fd, const char *path, guint depth, GError **error) {
  int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *dir = copy < 0 ? NULL : fdopendir(copy);
  gboolean ok = TRUE, top = strcmp(path, ".") == 0;

  if (!dir) {
    dpl_error_errno(error, errno, "cannot read the directory %s", path);
    dpl_close(&copy);
    return FALSE;
  }
  for (struct dirent *d; ok && (errno = 0, d = readdir(dir));) {
    if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
      continue;
    ok = dpl_work_go_on(s->work, error) &&
         scan_entry(s, fd, d->d_name,
                    top ? g_strdup(d->d_name) : g_strconcat(path, "/", d->d_name, NULL), depth,
                    error);
    errno = 0;
  }
  if (ok && errno != 0)
    ok = dpl_error_errno(error, errno, "cannot read the directory %s", path);
  closedir(dir);
  return ok;
}

static gboolean scan_top(Scan *s, int dir, GError **error) {
  struct statx sx;
  DplEntry e = {.kind = DPL_ENTRY_DIRECTORY};

  if (statx(dir, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_MNT_ID, &sx) < 0)
    return dpl_error_errno(error, errno, "cannot look at the top of a tree");
  s->mount = sx.stx_mask & STATX_MNT_ID ? sx.stx_mnt_id : 0;
  e.mode = sx.stx_mode & 07777;
  e.uid = sx.stx_uid == s->uid ? DPL_TREE_OURS : sx.stx_uid;
  e.gid = sx.stx_gid == s->gid ? DPL_TREE_OURS : sx.stx_gid;
  e.path = g_strdup(".");
  (void)dpl_tree_add(s->tree, &e);
  return scan_inside(s, dir, ".", 0, error);
}

static int compare_names(gconstpointer a, gconstpointer b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Of the names of one file the first stays a file. */
static void link_names(Scan *s) {
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init(&iter, s->inodes);
  while (g_hash_table_iter_next(&iter, NULL, &value)) {
    GPtrArray *paths = value;
    g_ptr_array_sort(paths, compare_names);
    for (guint i = 1; i < paths->len; i++) {
      DplEntry *e = dpl_tree_find(s->tree, paths->pdata[i]);
      e->kind = DPL_ENTRY_HARD_LINK;
      e->target = g_strdup(paths->pdata[0]);
    }
  }
}

gboolean dpl_scan(int dir, DplTree *tree, GPtrArray *odd, const DplWork *work, GError **error) {
  g_autoptr(GHashTable) inodes =
      g_hash_table_new_full(inode_hash, inode_equal, g_free, (GDestroyNotify)g_ptr_array_unref);
  Scan s = {
      .tree = tree, .odd = odd, .inodes = inodes, .work = work, .uid = geteuid(), .gid = getegid()};

  if (!scan_top(&s, dir, error))
    return FALSE;
  link_names(&s);
  return TRUE;
}
