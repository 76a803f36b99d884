/* unit-walk.c: units found by their control groups, where no manager can be asked: a directory that
 * is called like a slice, a service, a scope, a socket, a mount or a swap is one. Worker thread. */
#include "monitoring/unit-metrics-private.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define DEPTH_MAX 16
#define UNITS_MAX 20000

static gboolean is_unit(const char *name) {
  static const char *const types[] = {".service", ".scope", ".slice", ".socket", ".mount", ".swap"};

  for (guint i = 0; i < G_N_ELEMENTS(types); i++)
    if (g_str_has_suffix(name, types[i]))
      return TRUE;
  return FALSE;
}

/* Below a service there are groups of its own making. */
static gboolean is_slice(const char *name) {
  return g_str_has_suffix(name, ".slice");
}

static void walk(int parent, const char *path, guint depth, GHashTable *found) {
  int fd = openat(parent, *path ? path : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
  const struct dirent *one;

  if (!dir) {
    if (fd >= 0)
      close(fd);
    return;
  }
  while ((one = readdir(dir)) && g_hash_table_size(found) < UNITS_MAX) {
    if (one->d_type != DT_DIR || !is_unit(one->d_name))
      continue;
    g_autofree char *inner =
        *path ? g_build_filename(path, one->d_name, NULL) : g_strdup(one->d_name);
    if (is_slice(one->d_name) && depth < DEPTH_MAX)
      walk(parent, inner, depth + 1, found);
    g_hash_table_replace(found, g_strdup(one->d_name), g_steal_pointer(&inner));
  }
  closedir(dir);
}

GHashTable *mon_unit_walk(int root) {
  GHashTable *found = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);

  walk(root, "", 0, found);
  return found;
}
