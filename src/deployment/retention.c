/* retention.c: choosing which releases go; see retention.h. Pure but for the listing. */
#include "deployment/retention.h"

#include "deployment/io.h"
#include "deployment/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

void dpl_release_free(DplRelease *release) {
  g_free(release->id);
  g_free(release);
}

static int newest_first(gconstpointer a, gconstpointer b) {
  const DplRelease *const *x = a, *const *y = b;

  if ((*x)->time != (*y)->time)
    return (*x)->time < (*y)->time ? 1 : -1;
  if ((*x)->put != (*y)->put)
    return (*x)->put < (*y)->put ? 1 : -1;
  return strcmp((*x)->id, (*y)->id);
}

/* By its tree file alone; a release without a readable one has no size to speak of. */
static guint64 bytes_of(int root, const char *directory, const char *id) {
  g_autofree char *file = g_strdup_printf("%s/%s" DPL_SUFFIX_TREE, directory, id);
  g_autoptr(DplTree) tree = dpl_tree_read(root, file, NULL, NULL);

  return tree ? dpl_tree_bytes(tree) : 0;
}

/* NULL sets error; close with closedir(). */
static DIR *open_list(int root, const char *directory, GError **error) {
  int fd = dpl_within_open(root, directory, O_RDONLY | O_DIRECTORY, 0);
  DIR *dir = fd < 0 ? NULL : fdopendir(fd);

  if (dir)
    return dir;
  dpl_error_errno(error, errno, "cannot read %s of the target", directory);
  dpl_close(&fd);
  return NULL;
}

/* A directory with a release's name; NULL: the end. */
static const char *next_release(DIR *dir, struct stat *ret) {
  for (struct dirent *d; (d = readdir(dir));)
    if (dpl_release_valid(d->d_name) &&
        fstatat(dirfd(dir), d->d_name, ret, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(ret->st_mode))
      return d->d_name;
  return NULL;
}

char **dpl_release_ids(int root, const char *directory, GError **error) {
  g_autoptr(GStrvBuilder) ids = g_strv_builder_new();
  DIR *dir = open_list(root, directory, error);
  struct stat st;

  if (!dir)
    return NULL;
  for (const char *id; (id = next_release(dir, &st));)
    g_strv_builder_add(ids, id);
  closedir(dir);
  return g_strv_builder_end(ids);
}

GPtrArray *dpl_releases(int root, const char *directory, GError **error) {
  g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func((GDestroyNotify)dpl_release_free);
  gboolean failed = strcmp(directory, DPL_DIR_FAILED) == 0;
  DIR *dir = open_list(root, directory, error);
  struct stat st;

  if (!dir)
    return NULL;
  for (const char *id; (id = next_release(dir, &st));) {
    DplRelease *r = g_new0(DplRelease, 1);
    r->id = g_strdup(id);
    r->bytes = bytes_of(root, directory, r->id);
    /* the rename into failed/ is the last change of the inode */
    r->put = (guint64)st.st_ctim.tv_sec * G_USEC_PER_SEC + (guint64)st.st_ctim.tv_nsec / 1000;
    r->time = failed ? (guint64)st.st_ctim.tv_sec * G_USEC_PER_SEC : dpl_release_time(r->id);
    g_ptr_array_add(list, r);
  }
  closedir(dir);
  g_ptr_array_sort(list, newest_first);
  return g_steal_pointer(&list);
}

GPtrArray *dpl_retention_choose(GPtrArray *releases, guint count, guint64 bytes, guint64 age,
                                guint64 now, const char *const *keep) {
  GPtrArray *go = g_ptr_array_new();
  g_autofree gboolean *kept = g_new0(gboolean, releases->len + 1);
  guint n = 0;
  guint64 sum = 0;

  /* what is kept anyhow counts first, so that the others share what is left */
  for (guint i = 0; i < releases->len; i++) {
    const DplRelease *r = releases->pdata[i];
    kept[i] = keep && g_strv_contains(keep, r->id);
    n += kept[i] ? 1 : 0;
    sum += kept[i] ? r->bytes : 0;
  }
  for (guint i = 0; i < releases->len; i++) {
    DplRelease *r = releases->pdata[i];
    if (kept[i])
      continue;
    gboolean old = age && now > r->time && now - r->time > age;
    gboolean many = count && n >= count;
    gboolean large = bytes && sum + r->bytes > bytes;
    if (old || many || large) {
      g_ptr_array_insert(go, 0, r->id);
      continue;
    }
    n++;
    sum += r->bytes;
  }
  return go;
}
