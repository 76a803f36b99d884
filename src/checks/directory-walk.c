/* directory-walk.c: see directory-walk.h. Directories still to be read wait in a queue as paths
 * from the base; each is opened from the base's descriptor without following links. */
#include "checks/directory-walk.h"

#include "checks/local.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

void chk_walk_clear(ChkWalk *walk) {
  g_clear_pointer(&walk->entries, g_ptr_array_unref);
  g_clear_pointer(&walk->set_id, g_ptr_array_unref);
  g_clear_pointer(&walk->world_writable, g_ptr_array_unref);
}

static int open_below(int base, const char *path) {
  struct open_how how = {
      .flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW,
      .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH,
  };
  int fd = (int)syscall(SYS_openat2, base, path, &how, sizeof how);

  return fd < 0 ? -errno : fd;
}

static void count_file(ChkWalk *walk, const struct stat *st) {
  gint64 changed = (gint64)st->st_mtim.tv_sec * G_USEC_PER_SEC + st->st_mtim.tv_nsec / 1000;

  walk->newest = walk->files == 0 ? changed : MAX(walk->newest, changed);
  walk->oldest = walk->files == 0 ? changed : MIN(walk->oldest, changed);
  walk->files++;
  walk->size += (guint64)st->st_size;
}

static void count(ChkWalk *walk, const char *name, const char *path, const struct stat *st) {
  gboolean file = S_ISREG(st->st_mode), directory = S_ISDIR(st->st_mode);

  if (walk->pattern && fnmatch(walk->pattern, name, 0) != 0)
    return;
  walk->count++;
  if (walk->names)
    g_ptr_array_add(walk->entries, g_strdup(path));
  if (directory)
    walk->directories++;
  if (file)
    count_file(walk, st);
  if (file && (st->st_mode & (S_ISUID | S_ISGID)))
    g_ptr_array_add(walk->set_id, g_build_filename(walk->base, path, NULL));
  if ((st->st_mode & S_IWOTH) && (file || (directory && !(st->st_mode & S_ISVTX))))
    g_ptr_array_add(walk->world_writable, g_build_filename(walk->base, path, NULL));
}

typedef struct {
  const ChkLook *look;
  ChkWalk *walk;
  GQueue waiting; /* of paths */
  dev_t device;
  GError **error;
} Step;

static gboolean stop(Step *step, const char *what, const char *path) {
  g_set_error(step->error, WG_ERROR, WG_ERROR_FAILED, "%s: %s%s%s", step->walk->base, what,
              path ? ": " : "", path ? path : "");
  return FALSE;
}

static gboolean entry(Step *step, DIR *dir, const char *path, const char *name) {
  g_autofree char *full = *path ? g_build_filename(path, name, NULL) : g_strdup(name);
  struct stat st;

  if (++step->walk->seen > step->walk->max)
    return stop(step, "it has more entries than max-entries allows", NULL);
  if (fstatat(dirfd(dir), name, &st, AT_SYMLINK_NOFOLLOW) < 0)
    return errno == ENOENT || stop(step, g_strerror(errno), full);
  count(step->walk, name, full, &st);
  if (step->walk->recursive && S_ISDIR(st.st_mode) && st.st_dev == step->device)
    g_queue_push_tail(&step->waiting, g_steal_pointer(&full));
  return TRUE;
}

static gboolean directory(Step *step, int base, const char *path) {
  int fd = open_below(base, *path ? path : ".");
  gboolean good = TRUE;

  if (fd < 0 && *path && (chk_local_absent(fd) || fd == -ELOOP))
    return TRUE; /* vanished, or became something else */
  if (fd < 0)
    return stop(step, g_strerror(-fd), *path ? path : NULL);
  DIR *dir = fdopendir(fd);
  const struct dirent *each;
  errno = 0;
  while (good && (each = readdir(dir))) {
    if (strcmp(each->d_name, ".") != 0 && strcmp(each->d_name, "..") != 0)
      good = entry(step, dir, path, each->d_name);
    if (good && chk_look_over(step->look))
      good = stop(step, "the time was over before everything in it was looked at", NULL);
    errno = 0;
  }
  if (good && errno != 0)
    good = stop(step, g_strerror(errno), *path ? path : NULL);
  closedir(dir);
  return good;
}

gboolean chk_walk(const ChkLook *look, ChkWalk *walk, GError **error) {
  Step step = {.look = look, .walk = walk, .waiting = G_QUEUE_INIT, .error = error};
  struct stat st;
  int base = chk_local_open(look, walk->base, O_RDONLY | O_DIRECTORY);
  gboolean good = base >= 0 && fstat(base, &st) == 0;

  walk->entries = g_ptr_array_new_with_free_func(g_free);
  walk->set_id = g_ptr_array_new_with_free_func(g_free);
  walk->world_writable = g_ptr_array_new_with_free_func(g_free);
  if (!good)
    stop(&step, g_strerror(base < 0 ? -base : errno), NULL);
  if (good) {
    step.device = st.st_dev;
    g_queue_push_tail(&step.waiting, g_strdup(""));
  }
  while (good && !g_queue_is_empty(&step.waiting)) {
    g_autofree char *path = g_queue_pop_head(&step.waiting);
    good = directory(&step, base, path);
  }
  g_queue_clear_full(&step.waiting, g_free);
  if (base >= 0)
    close(base);
  if (!good)
    chk_walk_clear(walk);
  return good;
}
