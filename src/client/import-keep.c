/* import-keep.c: a copy of every damaged file that was imported. */
#include "client/import.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>

#define SUM_LENGTH 12

/* A copy with this checksum that is there already. (transfer full) (nullable) */
static char *find_copy(const char *directory, const char *name, const char *sum) {
  g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);
  g_autofree char *start = g_strconcat(name, ".", NULL);
  const char *entry;

  while (dir && (entry = g_dir_read_name(dir)))
    if (g_str_has_prefix(entry, start) && g_str_has_suffix(entry, sum))
      return g_build_filename(directory, entry, NULL);
  return NULL;
}

static gboolean copy(CliImport *import, GBytes *content, GError **error) {
  g_autofree char *directory = g_build_filename(g_get_user_state_dir(), "waggle", "damaged", NULL);
  g_autofree char *name = g_path_get_basename(import->file);
  g_autofree char *whole = g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, content);
  g_autofree char *sum = g_strndup(whole, SUM_LENGTH);
  g_autoptr(GDateTime) now = g_date_time_new_now_utc();
  g_autofree char *stamp = g_date_time_format(now, "%Y%m%dT%H%M%SZ");
  g_autoptr(GError) cause = NULL;
  gsize n;
  const char *data = g_bytes_get_data(content, &n);

  if (g_mkdir_with_parents(directory, 0700) < 0) {
    g_set_error(error, CLI_ERROR, CLI_EXIT_FAILURE, "cannot keep a copy of %s in %s: %s",
                import->file, directory, g_strerror(errno));
    return FALSE;
  }
  import->kept_as = find_copy(directory, name, sum);
  if (import->kept_as)
    return TRUE;
  g_autofree char *file = g_strdup_printf("%s.%s.%s", name, stamp, sum);
  g_autofree char *path = g_build_filename(directory, file, NULL);
  if (!g_file_set_contents_full(path, data ?: "", (gssize)n,
                                G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0600,
                                &cause)) {
    g_set_error(error, CLI_ERROR, CLI_EXIT_FAILURE, "cannot keep a copy of %s: %s", import->file,
                cause->message);
    return FALSE;
  }
  import->kept_as = g_steal_pointer(&path);
  return TRUE;
}

void cli_import_keep(CliImport *import, GBytes *content) {
  g_autoptr(GError) error = NULL;

  if (copy(import, content, &error))
    return;
  fprintf(stderr, "waggle: %s; the file itself is left as it is\n", error->message);
  import->kept_as = g_canonicalize_filename(import->file, NULL);
}
