/* backup-index.c: see backup-index.h. The index is written last, so a backup that has one is whole;
 * it says of each tree file what its digest is, so that no proof can be exchanged. */
#include "deployment/backup-index.h"

#include "deployment/io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define HEAD "waggle-backup 1\n"

static void item_free(gpointer data) {
  DplBackupItem *item = data;

  g_free(item->path);
  g_free(item->digest);
  g_free(item);
}

GPtrArray *dpl_backup_items_new(void) {
  return g_ptr_array_new_with_free_func(item_free);
}

void dpl_backup_items_add(GPtrArray *items, const char *path, const char *digest) {
  DplBackupItem *item = g_new0(DplBackupItem, 1);

  item->path = g_strdup(path);
  item->digest = g_strdup(digest);
  item->absent = digest == NULL;
  g_ptr_array_add(items, item);
}

char *dpl_backup_index_text(GPtrArray *items) {
  GString *s = g_string_new(HEAD);

  for (guint i = 0; i < items->len; i++) {
    const DplBackupItem *item = items->pdata[i];
    g_autofree char *path = dpl_path_escape(item->path);
    g_string_append_printf(s, "%u %s %s %s\n", i, item->absent ? "absent" : "copy", path,
                           item->absent ? "-" : item->digest);
  }
  return g_string_free(s, FALSE);
}

static gboolean parse_line(GPtrArray *items, const char *line) {
  g_auto(GStrv) fields = g_strsplit(line, " ", 5);
  g_autofree char *number = g_strdup_printf("%u", items->len);
  guint8 sha256[DPL_SHA256_SIZE];

  if (g_strv_length(fields) != 4 || strcmp(fields[0], number) != 0)
    return FALSE;
  gboolean absent = strcmp(fields[1], "absent") == 0;
  g_autofree char *path = dpl_path_unescape(fields[2]);
  if (!path || *path != '/' || (!absent && strcmp(fields[1], "copy") != 0) ||
      (absent ? strcmp(fields[3], "-") != 0 : !dpl_hex_parse_sha256(fields[3], sha256)))
    return FALSE;
  dpl_backup_items_add(items, path, absent ? NULL : fields[3]);
  return TRUE;
}

GPtrArray *dpl_backup_index_parse(const char *text, GError **error) {
  g_autoptr(GPtrArray) items = dpl_backup_items_new();
  gboolean good = g_str_has_prefix(text, HEAD) && g_str_has_suffix(text, "\n");
  g_auto(GStrv) lines = g_strsplit(good ? text + sizeof HEAD - 1 : "", "\n", -1);

  for (guint i = 0; good && lines[i] && lines[i + 1]; i++)
    good = items->len < DPL_BACKUP_PATHS_MAX && parse_line(items, lines[i]);
  if (good)
    return g_steal_pointer(&items);
  g_set_error(
      error, WG_ERROR, WG_ERROR_STORE_DAMAGED,
      "the index of the backup is damaged; the copies beside it may still be good, and have "
      "to be put back by hand");
  return NULL;
}

int dpl_backup_reach(const char *path, const char **ret_name, gboolean *ret_absent,
                     GError **error) {
  g_autofree char *clean = *path == '/' ? dpl_path_clean(path + 1) : NULL;

  *ret_absent = FALSE;
  if (!clean || strcmp(clean, ".") == 0 || strcmp(clean, path + 1) != 0) {
    g_set_error(
        error, WG_ERROR, WG_ERROR_INVALID_ARGUMENT,
        "\"%s\" cannot be backed up: name an absolute path without \"..\", \"//\" or a slash "
        "at its end",
        path);
    return -1;
  }
  DPL_AUTO_FD top = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int at = top < 0 ? -1 : dpl_within_parent(top, path + 1, FALSE, ret_name);
  if (at < 0 && errno == ENOENT)
    *ret_absent = TRUE;
  else if (at < 0)
    dpl_error_errno(error, errno, "cannot reach %s (name it by its real path: readlink -f)", path);
  return at;
}
