/* unit-files.c: unit files as a release brings them, and writing them; see unit-files.h. Each file
 * is a rename and is synced before the directory is; one that is so already is not touched. */
#include "deployment/unit-files.h"

#include "deployment/io.h"
#include "deployment/unit-files-private.h"
#include "deployment/within.h"

#include "common/names.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_LENGTH_MAX 255
#define FILE_MODE 0644

void dpl_unit_file_free(DplUnitFile *file) {
  if (file == NULL)
    return;
  g_free(file->path);
  g_free(file->link);
  g_clear_pointer(&file->content, g_bytes_unref);
  g_free(file);
}

/* ---- names ---- */

gboolean dpl_unit_name_valid(const char *name) {
  static const char *const kinds[] = {"service", "socket",    "target", "timer", "path",
                                      "mount",   "automount", "swap",   NULL};
  const char *dot = strrchr(name, '.');
  const char *at = strchr(name, '@');

  if (dot == NULL || dot == name || at == name || strlen(name) > NAME_LENGTH_MAX ||
      !g_strv_contains(kinds, dot + 1) || (at && strchr(at + 1, '@')))
    return FALSE;
  for (const char *p = name; p < dot; p++)
    if (!g_ascii_isalnum(*p) && strchr(":-_.\\@", *p) == NULL)
      return FALSE;
  return *name != '.';
}

char *dpl_unit_template(const char *name) {
  const char *at = strchr(name, '@');
  const char *dot = strrchr(name, '.');

  if (at == NULL || dot == NULL || dot <= at + 1)
    return NULL;
  g_autofree char *prefix = g_strndup(name, (gsize)(at + 1 - name));
  return g_strconcat(prefix, dot, NULL);
}

/* The directories from `path` up to the one that was there before know their new members. */
static gboolean sync_up(const char *path, const char *existing, GError **error) {
  g_autofree char *at = g_strdup(path);

  while (strlen(at) > strlen(existing)) {
    g_autofree char *up = g_path_get_dirname(at);
    DPL_AUTO_FD fd = open(up, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0)
      return dpl_error_errno(error, errno, "cannot bring the directory %s to the disk", up);
    g_free(at);
    at = g_steal_pointer(&up);
  }
  return TRUE;
}

int dpl_unit_directory_open(const char *given, GError **error) {
  g_autofree char *path = g_canonicalize_filename(given, "/");
  g_autofree char *existing = g_strdup(path);

  while (access(existing, F_OK) < 0 && strcmp(existing, "/") != 0) {
    char *up = g_path_get_dirname(existing);
    g_free(existing);
    existing = up;
  }
  if (g_mkdir_with_parents(path, 0755) == 0) {
    DPL_AUTO_FD fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
      return sync_up(path, existing, error) ? g_steal_fd(&fd) : -1;
  }
  dpl_error_errno(error, errno, "the directory for units \"%s\" cannot be had", path);
  return -1;
}

/* ---- from a release ---- */

static gboolean invalid(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
static gboolean invalid(GError **error, const char *format, ...) {
  va_list args;

  va_start(args, format);
  g_autofree char *text = g_strdup_vprintf(format, args);
  va_end(args);
  g_set_error_literal(error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT, text);
  return FALSE;
}

static gboolean add(GPtrArray *files, DplUnitFile *file, GError **error) {
  g_autoptr(DplUnitFile) own = file;

  for (guint i = 0; i < files->len; i++)
    if (strcmp(((DplUnitFile *)files->pdata[i])->path, file->path) == 0)
      return invalid(error, "the unit file \"%s\" is named twice", file->path);
  g_ptr_array_add(files, g_steal_pointer(&own));
  return TRUE;
}

static gboolean read_file(int tree, const char *path, GBytes **ret, GError **error) {
  g_autofree char *text = NULL;
  gsize size;

  if (!dpl_within_read(tree, path, DPL_UNIT_FILE_MAX, &text, &size, error))
    return FALSE;
  if (memchr(text, '\0', size))
    return invalid(error, "the unit file \"%s\" has a NUL in it", path);
  *ret = g_bytes_new_take(g_steal_pointer(&text), size);
  return TRUE;
}

static gboolean add_file(GPtrArray *files, int tree, const char *given, const char *link_base,
                         GError **error) {
  g_autofree char *path = dpl_path_clean(given);
  g_autofree char *name = path ? g_path_get_basename(path) : NULL;
  g_autoptr(GBytes) content = NULL;

  if (name == NULL || !dpl_unit_name_valid(name))
    return invalid(error, "\"%s\" is no name of a unit file that can be installed", given);
  if (!read_file(tree, path, &content, error)) {
    g_prefix_error(error, "the unit file \"%s\": ", path);
    return FALSE;
  }
  DplUnitFile *file = g_new0(DplUnitFile, 1);
  file->path = g_steal_pointer(&name);
  if (link_base)
    file->link = g_build_filename(link_base, path, NULL);
  else
    file->content = g_steal_pointer(&content);
  return add(files, file, error);
}

/* Without it a unit that is enabled would start at boot beside a deployment that is half undone. */
static gboolean add_order(GPtrArray *files, const char *unit, GError **error) {
  static const char text[] = "# Written by waggle-deployd: a deployment that a power cut\n"
                             "# interrupted is finished or undone before this starts.\n"
                             "[Unit]\nAfter=" WG_UNIT_DEPLOY_RECOVER "\n";

  if (!dpl_unit_name_valid(unit))
    return invalid(error, "\"%s\" is no name of a unit", unit);
  DplUnitFile *file = g_new0(DplUnitFile, 1);
  file->path = g_strdup_printf("%s.d/" WG_UNIT_DROP_IN, unit);
  file->content = g_bytes_new_static(text, strlen(text));
  return add(files, file, error);
}

GPtrArray *dpl_unit_files_read(int tree, const char *const *install, const char *const *link,
                               const char *link_base, const char *const *ordered, GError **error) {
  g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func((GDestroyNotify)dpl_unit_file_free);

  for (; install && *install; install++)
    if (!add_file(files, tree, *install, NULL, error))
      return NULL;
  for (; link && *link; link++)
    if (!add_file(files, tree, *link, link_base, error))
      return NULL;
  for (; ordered && *ordered; ordered++)
    if (!add_order(files, *ordered, error))
      return NULL;
  return g_steal_pointer(&files);
}

/* ---- on the disk ---- */

/* A link is never read through. */
gboolean dpl_unit_file_is_so(int directory, const DplUnitFile *file) {
  g_autofree char *link = dpl_within_readlink(directory, file->path);
  g_autofree char *text = NULL;
  gsize size;

  if (file->link || link)
    return g_strcmp0(file->link, link) == 0;
  if (!dpl_within_read(directory, file->path, DPL_UNIT_FILE_MAX, &text, &size, NULL))
    return FALSE;
  g_autoptr(GBytes) found = g_bytes_new_take(g_steal_pointer(&text), size);
  return g_bytes_equal(found, file->content);
}

gboolean dpl_unit_file_sync(int directory, const char *path, GError **error) {
  g_autofree char *parent = g_path_get_dirname(path);

  return dpl_within_sync(directory, parent, error) &&
         (strcmp(parent, ".") == 0 || dpl_within_sync(directory, ".", error));
}

/* A link under another name first, so that there is never none. */
static gboolean write_link(int parent, const char *name, const DplUnitFile *file, GError **error) {
  g_autofree char *other = g_strdup_printf(".%.200s.new", name);

  if ((unlinkat(parent, other, 0) == 0 || errno == ENOENT) &&
      symlinkat(file->link, parent, other) == 0 && renameat(parent, other, parent, name) == 0)
    return TRUE;
  return dpl_error_errno(error, errno, "the unit \"%s\" cannot be linked", file->path);
}

gboolean dpl_unit_file_put(int directory, const DplUnitFile *file, mode_t mode, GError **error) {
  const char *name;
  DPL_AUTO_FD parent = dpl_within_parent(directory, file->path, TRUE, &name);
  gsize size = 0;

  if (parent < 0)
    return dpl_error_errno(error, errno, "the unit \"%s\" cannot be installed", file->path);
  const char *bytes = file->content ? g_bytes_get_data(file->content, &size) : NULL;
  if (file->link ? !write_link(parent, name, file, error)
                 : !dpl_within_write(parent, name, bytes ? bytes : "", size, mode, error))
    return FALSE;
  return dpl_unit_file_sync(directory, file->path, error);
}

gboolean dpl_unit_files_write(int directory, const GPtrArray *files, const DplWork *work,
                              guint *ret_changed, GError **error) {
  guint n = 0;

  for (guint i = 0; i < files->len; i++) {
    const DplUnitFile *file = files->pdata[i];
    if (!dpl_work_go_on(work, error))
      return FALSE;
    if (dpl_unit_file_is_so(directory,
                            file)) { /* an earlier try may have been cut off before the sync */
      if (!dpl_unit_file_sync(directory, file->path, error))
        return FALSE;
      continue;
    }
    if (!dpl_unit_file_put(directory, file, FILE_MODE, error))
      return FALSE;
    n++;
  }
  if (ret_changed)
    *ret_changed = n;
  return TRUE;
}

char **dpl_unit_files_differ(int directory, const GPtrArray *files, GError **error) {
  g_autoptr(GStrvBuilder) paths = g_strv_builder_new();

  for (guint i = 0; i < files->len; i++) {
    const DplUnitFile *file = files->pdata[i];
    if (!dpl_unit_file_is_so(directory, file))
      g_strv_builder_add(paths, file->path);
  }
  return g_strv_builder_end(paths);
}
