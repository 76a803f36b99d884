/* config-files.c: which configuration files count, and their text.
 *
 * Directories are given from the weakest to the strongest. NAME.conf is taken from the
 * strongest that has it; of NAME.conf.d every file counts, in the order of the file
 * names, and a file hides those of the same name in weaker directories. An empty file or
 * a link to /dev/null masks what it hides. A file that cannot be read, is no regular file, is
 * larger than a configuration can be or is not UTF-8 is an error, never skipped. */
#include "common/config-private.h"
#include "common/error.h"
#include "common/names.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define FILE_MAX (1024 * 1024)

static void config_file_free(gpointer data) {
  WgConfigFile *file = data;

  g_free(file->path);
  g_free(file->data);
  g_free(file);
}

static gboolean refuse_errno(GError **error, const char *what, const char *path) {
  g_set_error(error, WG_ERROR, WG_ERROR_CONFIGURATION, "%s: cannot %s: %s", path, what,
              g_strerror(errno));
  return FALSE;
}

static gboolean read_all(int fd, const char *path, char **ret, GError **error) {
  g_autoptr(GString) text = g_string_new(NULL);
  char buffer[4096];

  for (;;) {
    ssize_t n = read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return refuse_errno(error, "read", path);
    if (n == 0)
      break;
    g_string_append_len(text, buffer, n);
    if (text->len > FILE_MAX) {
      g_set_error(error, WG_ERROR, WG_ERROR_CONFIGURATION,
                  "%s: larger than %i bytes, which no configuration is", path, FILE_MAX);
      return FALSE;
    }
  }
  /* Refuses NUL bytes too. */
  if (!g_utf8_validate_len(text->str, text->len, NULL)) {
    g_set_error(error, WG_ERROR, WG_ERROR_CONFIGURATION,
                "%s: not a text in UTF-8, so it is not a configuration file", path);
    return FALSE;
  }
  *ret = g_string_free(g_steal_pointer(&text), FALSE);
  return TRUE;
}

/* `*ret` stays NULL for a masked file. */
static gboolean read_file(const char *path, char **ret, GError **error) {
  /* Not blocking: somebody may have put a FIFO there. */
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  struct stat st;
  gboolean ok = TRUE;

  if (fd < 0)
    return refuse_errno(error, "open", path);
  if (fstat(fd, &st) < 0)
    ok = refuse_errno(error, "look at", path);
  else if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3))
    *ret = NULL;
  else if (!S_ISREG(st.st_mode)) {
    g_set_error(error, WG_ERROR, WG_ERROR_CONFIGURATION, "%s: not a regular file", path);
    ok = FALSE;
  } else if (st.st_size > 0)
    ok = read_all(fd, path, ret, error);
  close(fd);
  return ok;
}

static gboolean add_file(GPtrArray *files, const char *path, GError **error) {
  char *data = NULL;

  if (!read_file(path, &data, error))
    return FALSE;
  if (data) {
    WgConfigFile *file = g_new0(WgConfigFile, 1);
    file->path = g_strdup(path);
    file->data = data;
    g_ptr_array_add(files, file);
  }
  return TRUE;
}

static gboolean add_main_file(GPtrArray *files, const char *const *dirs, const char *name,
                              GError **error) {
  g_autofree char *found = NULL;

  for (guint i = 0; dirs[i]; i++) {
    g_autofree char *path = g_strconcat(dirs[i], "/", name, ".conf", NULL);
    struct stat st;

    if (lstat(path, &st) == 0) {
      g_free(found);
      found = g_steal_pointer(&path);
    } else if (errno != ENOENT && errno != ENOTDIR) {
      return refuse_errno(error, "look at", path);
    }
  }
  return !found || add_file(files, found, error);
}

/* Puts basename -> path of each drop-in of `dir` into `found`, over what is there. */
static gboolean find_dropins(GHashTable *found, const char *dir, GError **error) {
  g_autoptr(GError) local = NULL;
  g_autoptr(GDir) d = g_dir_open(dir, 0, &local);
  const char *entry;

  if (!d) {
    if (g_error_matches(local, G_FILE_ERROR, G_FILE_ERROR_NOENT) ||
        g_error_matches(local, G_FILE_ERROR, G_FILE_ERROR_NOTDIR))
      return TRUE;
    g_set_error(error, WG_ERROR, WG_ERROR_CONFIGURATION, "%s", local->message);
    return FALSE;
  }
  while ((entry = g_dir_read_name(d)))
    if (entry[0] != '.' && g_str_has_suffix(entry, ".conf"))
      g_hash_table_replace(found, g_strdup(entry), g_build_filename(dir, entry, NULL));
  return TRUE;
}

static int compare_names(gconstpointer a, gconstpointer b) {
  return strcmp(a, b);
}

static gboolean add_dropins(GPtrArray *files, const char *const *dirs, const char *name,
                            GError **error) {
  g_autoptr(GHashTable) found = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);

  for (guint i = 0; dirs[i]; i++) {
    g_autofree char *dir = g_strconcat(dirs[i], "/", name, ".conf.d", NULL);
    if (!find_dropins(found, dir, error))
      return FALSE;
  }
  g_autoptr(GList) names = g_list_sort(g_hash_table_get_keys(found), compare_names);
  for (GList *l = names; l; l = l->next)
    if (!add_file(files, g_hash_table_lookup(found, l->data), error))
      return FALSE;
  return TRUE;
}

GPtrArray *wg_config_files_read(const char *const *dirs, const char *name, GError **error) {
  g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func(config_file_free);

  if (!add_main_file(files, dirs, name, error) || !add_dropins(files, dirs, name, error))
    return NULL;
  return g_steal_pointer(&files);
}

char **wg_config_dirs(gboolean user) {
  const char *path = g_getenv(WG_ENV_CONFIG_PATH);
  g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

  if (path) {
    g_auto(GStrv) parts = g_strsplit(path, ":", -1);
    for (guint i = 0; parts[i]; i++)
      if (*parts[i])
        g_strv_builder_add(builder, parts[i]);
    return g_strv_builder_end(builder);
  }
  g_strv_builder_add(builder, WG_CONFIG_VENDOR_DIR);
  g_strv_builder_add(builder, WG_CONFIG_ETC_DIR);
  if (user) {
    g_autofree char *own = g_build_filename(g_get_user_config_dir(), WG_CONFIG_DIR, NULL);
    g_strv_builder_add(builder, own);
  }
  return g_strv_builder_end(builder);
}
