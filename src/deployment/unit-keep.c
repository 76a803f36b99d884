/* unit-keep.c: what stood where unit files are written, and putting it back; see unit-files.h.
 *
 *     N       the bytes of a file
 *     list    one line a path, written last: "none PATH", "file MODE N PATH", "link TARGET PATH";
 *             then "end". Texts are escaped. */
#include "deployment/io.h"
#include "deployment/unit-files-private.h"
#include "deployment/within.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIST "list"
#define LIST_MAX (4 * 1024 * 1024)
#define MODES 07777

/* ---- keeping ---- */

static gboolean keep_file(int directory, int keep, guint n, const char *path, GString *list,
                          GError **error) {
  g_autofree char *escaped = dpl_path_escape(path);
  g_autofree char *number = g_strdup_printf("%u", n);
  g_autofree char *text = NULL;
  struct stat st;
  gsize size;
  DPL_AUTO_FD fd = dpl_within_open(directory, path, O_RDONLY | O_NONBLOCK, 0);

  if (fd < 0 || fstat(fd, &st) < 0)
    return dpl_error_errno(error, errno, "the unit file \"%s\" cannot be kept", path);
  if (!dpl_within_read(directory, path, DPL_UNIT_FILE_MAX, &text, &size, error) ||
      !dpl_within_write(keep, number, text, size, 0600, error))
    return FALSE;
  g_string_append_printf(list, "file %04o %u %s\n", st.st_mode & MODES, n, escaped);
  return TRUE;
}

static gboolean keep_one(int directory, int keep, guint n, const char *path, GString *list,
                         GError **error) {
  g_autofree char *escaped = dpl_path_escape(path);
  g_autofree char *link = dpl_within_readlink(directory, path);

  if (link) {
    g_autofree char *target = dpl_path_escape(link);
    g_string_append_printf(list, "link %s %s\n", target, escaped);
    return TRUE;
  }
  if (errno == ENOENT) {
    g_string_append_printf(list, "none %s\n", escaped);
    return TRUE;
  }
  if (errno != EINVAL) /* of readlink(): it is no link */
    return dpl_error_errno(error, errno, "the unit file \"%s\" cannot be kept", path);
  return keep_file(directory, keep, n, path, list, error);
}

/* Lines without the "end"; NULL without error: there is no whole list. */
static char **read_list(int keep, GError **error) {
  g_autofree char *text = NULL;
  gsize size;

  if (faccessat(keep, LIST, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
    return NULL;
  if (!dpl_within_read(keep, LIST, LIST_MAX, &text, &size, error))
    return NULL;
  if (strlen(text) == size && g_str_has_suffix(text, "end\n")) {
    text[size - strlen("end\n")] = '\0';
    return g_strsplit(text, "\n", -1);
  }
  g_set_error_literal(error, WG_ERROR, WG_ERROR_STORE_DAMAGED,
                      "the list of the unit files that were kept is damaged; put the unit files "
                      "right by hand");
  return NULL;
}

/* Every path has its line. */
static gboolean has_all(char **lines, const GPtrArray *files, GError **error) {
  for (guint i = 0; i < files->len; i++) {
    const DplUnitFile *file = files->pdata[i];
    g_autofree char *escaped = dpl_path_escape(file->path);
    g_autofree char *end = g_strconcat(" ", escaped, NULL);
    gboolean found = FALSE;
    for (char **line = lines; *line; line++)
      found = found || g_str_has_suffix(*line, end);
    if (!found) {
      g_set_error(error, WG_ERROR, WG_ERROR_INVALID_STATE,
                  "the unit file \"%s\" was not kept with the others of this deployment",
                  file->path);
      return FALSE;
    }
  }
  return TRUE;
}

gboolean dpl_unit_files_keep(int directory, int keep, const GPtrArray *files, const DplWork *work,
                             GError **error) {
  g_autoptr(GError) damaged = NULL;
  g_auto(GStrv) lines = read_list(keep, &damaged);
  g_autoptr(GString) list = g_string_new(NULL);

  if (damaged) {
    g_propagate_error(error, g_steal_pointer(&damaged));
    return FALSE;
  }
  if (lines)
    return has_all(lines, files, error);
  for (guint i = 0; i < files->len; i++) {
    const DplUnitFile *file = files->pdata[i];
    if (!dpl_work_go_on(work, error) || !keep_one(directory, keep, i, file->path, list, error))
      return FALSE;
  }
  g_string_append(list, "end\n");
  /* the bytes before the list that speaks of them */
  return dpl_within_sync(keep, ".", error) &&
         dpl_within_write(keep, LIST, list->str, list->len, 0600, error) &&
         dpl_within_sync(keep, ".", error);
}

/* ---- putting back ---- */

static gboolean remove_one(int directory, const char *path, guint *changed, GError **error) {
  g_autofree char *parent = g_path_get_dirname(path);
  const char *name;
  DPL_AUTO_FD at = dpl_within_parent(directory, path, FALSE, &name);

  if (at < 0 && errno == ENOENT)
    return TRUE;
  gboolean removed = at >= 0 && unlinkat(at, name, 0) == 0;
  if (!removed && errno != ENOENT)
    return dpl_error_errno(error, errno, "the unit file \"%s\" cannot be removed", path);
  *changed += removed;
  if (strcmp(parent, ".") != 0 && unlinkat(directory, parent, AT_REMOVEDIR) == 0)
    return dpl_within_sync(directory, ".", error); /* a directory for our drop-in alone */
  return dpl_unit_file_sync(directory, path, error);
}

static gboolean put_back(int directory, const DplUnitFile *file, mode_t mode, guint *changed,
                         GError **error) {
  if (dpl_unit_file_is_so(directory, file))
    return dpl_unit_file_sync(directory, file->path, error);
  (*changed)++;
  return dpl_unit_file_put(directory, file, mode, error);
}

static gboolean restore_one(int directory, int keep, char **words, guint *changed, GError **error) {
  guint n = g_strv_length(words);
  DplUnitFile file = {.path = n ? dpl_path_unescape(words[n - 1]) : NULL};
  g_autofree char *path = file.path;
  g_autofree char *link = NULL;
  g_autofree char *text = NULL;
  gsize size;

  if (path && n == 2 && strcmp(words[0], "none") == 0)
    return remove_one(directory, path, changed, error);
  if (path && n == 3 && strcmp(words[0], "link") == 0 && (link = dpl_path_unescape(words[1]))) {
    file.link = link;
    return put_back(directory, &file, 0, changed, error);
  }
  if (path && n == 4 && strcmp(words[0], "file") == 0) {
    if (!dpl_within_read(keep, words[2], DPL_UNIT_FILE_MAX, &text, &size, error))
      return FALSE;
    g_autoptr(GBytes) content = g_bytes_new(text, size);
    file.content = content;
    return put_back(directory, &file, (mode_t)g_ascii_strtoull(words[1], NULL, 8) & MODES, changed,
                    error);
  }
  g_set_error_literal(error, WG_ERROR, WG_ERROR_STORE_DAMAGED,
                      "the list of the unit files that were kept is damaged; put the unit files "
                      "right by hand");
  return FALSE;
}

static gboolean is_left(char **words, gboolean (*leave)(const char *path, gpointer data),
                        gpointer data) {
  guint n = g_strv_length(words);
  g_autofree char *path = n && leave ? dpl_path_unescape(words[n - 1]) : NULL;

  return path != NULL && leave(path, data);
}

gboolean dpl_unit_files_remove(int directory, const char *const *paths, const DplWork *work,
                               GError **error) {
  guint changed = 0;

  for (guint i = 0; paths[i]; i++)
    if (!dpl_work_go_on(work, error) || !remove_one(directory, paths[i], &changed, error))
      return FALSE;
  return TRUE;
}

gboolean dpl_unit_files_restore(int directory, int keep,
                                gboolean (*leave)(const char *path, gpointer data), gpointer data,
                                const DplWork *work, guint *ret_changed, GError **error) {
  g_autoptr(GError) damaged = NULL;
  g_auto(GStrv) lines = read_list(keep, &damaged);
  guint changed = 0;

  if (damaged) {
    g_propagate_error(error, g_steal_pointer(&damaged));
    return FALSE;
  }
  for (char **line = lines; line && *line; line++) {
    g_auto(GStrv) words = g_strsplit(*line, " ", -1);
    if (**line == '\0' || is_left(words, leave, data))
      continue;
    if (!dpl_work_go_on(work, error) || !restore_one(directory, keep, words, &changed, error))
      return FALSE;
  }
  if (ret_changed)
    *ret_changed = changed;
  return TRUE;
}
