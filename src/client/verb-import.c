/* verb-import.c: takes over the files of the system that came before, one report a file.
 *
 * The files themselves are only read. A file that cannot be opened does not keep the others from
 * being imported, but makes the exit status a failure; a damaged one does not. */
#include "client/dict.h"
#include "client/import.h"
#include "client/json.h"
#include "client/terminal.h"
#include "client/verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX (G_GUINT64_CONSTANT(1) << 30)

/* NULL with `*ret_reason` (transfer full). */
static GBytes *read_file(const char *path, guint64 *ret_mtime, char **ret_reason) {
  g_autoptr(GError) error = NULL;
  struct stat st;

  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0 || fstat(fd, &st) < 0) {
    *ret_reason = g_strdup(g_strerror(errno));
    if (fd >= 0)
      close(fd);
    return NULL;
  }
  GMappedFile *map = NULL;
  if (!S_ISREG(st.st_mode))
    *ret_reason = g_strdup(S_ISDIR(st.st_mode) ? "it is a directory; name the files in it"
                                               : "it is not a regular file");
  else if ((guint64)st.st_size > FILE_MAX)
    *ret_reason = g_strdup("it is larger than 1 GiB, which no file of the old system was");
  else if (!(map = g_mapped_file_new_from_fd(fd, FALSE, &error)))
    *ret_reason = g_strdup(error->message);
  close(fd);
  if (!map)
    return NULL;
  *ret_mtime = (guint64)st.st_mtim.tv_sec * G_USEC_PER_SEC + (guint64)st.st_mtim.tv_nsec / 1000;
  GBytes *bytes = g_mapped_file_get_bytes(map);
  g_mapped_file_unref(map);
  return bytes;
}

static CliImport *import_file(Cli *cli, const char *path, GError **error) {
  g_autoptr(CliImport) import = g_new0(CliImport, 1);
  g_autofree char *absolute = g_canonicalize_filename(path, NULL);
  g_autofree char *reason = NULL;
  guint64 mtime = 0;

  import->file = g_strdup(path);
  g_autoptr(GBytes) content = read_file(path, &mtime, &reason);
  import->readable = content != NULL;
  if (!content) {
    g_autoptr(GBytes) nothing = g_bytes_new_static("null", 4);
    import->content = cli_legacy_parse(nothing, absolute, 0);
    g_ptr_array_set_size(import->content->skipped, 0);
    cli_legacy_skip(import->content, "file", "cannot be read: %s", reason);
    return g_steal_pointer(&import);
  }
  import->content = cli_legacy_parse(content, absolute, mtime);
  if (import->content->damaged)
    cli_import_keep(import, content);
  if (!cli_import_send(cli, import, error)) {
    g_prefix_error(error, "%s: ", path);
    return NULL;
  }
  return g_steal_pointer(&import);
}

static JsonObject *json_of(const CliImport *import) {
  JsonObject *object = json_object_new();
  JsonArray *skipped = json_array_new();
  g_autofree char *name = g_utf8_make_valid(import->file, -1);

  json_object_set_string_member(object, "file", name);
  json_object_set_int_member(object, "entries", import->content->complete);
  json_object_set_int_member(object, "imported", import->imported);
  json_object_set_int_member(object, "queued", import->queued);
  json_object_set_int_member(object, "history", import->history);
  json_object_set_int_member(object, "dead", import->dead);
  json_object_set_int_member(object, "duplicates", import->duplicates);
  for (guint i = 0; i < import->content->skipped->len; i++) {
    const CliLegacySkip *skip = import->content->skipped->pdata[i];
    JsonObject *row = json_object_new();
    json_object_set_string_member(row, "where", skip->where);
    json_object_set_string_member(row, "reason", skip->reason);
    json_array_add_object_element(skipped, row);
  }
  json_object_set_array_member(object, "skipped", skipped);
  json_object_set_boolean_member(object, "damaged", import->content->damaged);
  if (import->kept_as)
    json_object_set_string_member(object, "kept_as", import->kept_as);
  else
    json_object_set_null_member(object, "kept_as");
  return object;
}

static void print_count(guint n, const char *one, const char *many, const char *end) {
  printf("%u %s%s", n, n == 1 ? one : many, end);
}

static void print_human(const CliImport *import) {
  g_autofree char *name = cli_text_one_line(import->file);

  if (!import->readable) {
    const CliLegacySkip *skip = import->content->skipped->pdata[0];
    printf("%s: %s%s%s\n", name, cli_style(CLI_STYLE_BAD), skip->reason,
           cli_style_end(CLI_STYLE_BAD));
    return;
  }
  printf("%s: ", name);
  print_count(import->content->complete, "entry", "entries", ", ");
  printf("%u imported", import->imported);
  if (import->queued + import->history + import->dead)
    printf(" (%u queued, %u history, %u dead)", import->queued, import->history, import->dead);
  printf(", ");
  print_count(import->duplicates, "duplicate", "duplicates", ", ");
  printf("%u skipped\n", import->content->skipped->len);
  for (guint i = 0; i < import->content->skipped->len; i++) {
    const CliLegacySkip *skip = import->content->skipped->pdata[i];
    g_autofree char *reason = cli_text_one_line(skip->reason);
    printf("  %s%s%s: %s\n", cli_style(CLI_STYLE_WARNING), skip->where,
           cli_style_end(CLI_STYLE_WARNING), reason);
  }
  if (import->kept_as)
    printf("  the file is damaged; it was left as it is, and is kept as %s\n", import->kept_as);
}

static void print_all(const Cli *cli, const GPtrArray *imports) {
  JsonArray *files = json_array_new();
  guint64 total = 0;

  for (guint i = 0; i < imports->len; i++) {
    const CliImport *import = imports->pdata[i];
    total += import->imported;
    if (cli->json != CLI_JSON_OFF)
      json_array_add_object_element(files, json_of(import));
    else
      print_human(import);
  }
  if (cli->json == CLI_JSON_OFF) {
    json_array_unref(files);
    printf("%" G_GUINT64_FORMAT " imported from %u file%s.\n", total, imports->len,
           imports->len == 1 ? "" : "s");
    return;
  }
  JsonObject *object = json_object_new();
  json_object_set_array_member(object, "files", files);
  json_object_set_int_member(object, "imported", (gint64)total);
  cli_json_print_object(cli, object);
}

int cli_verb_import(Cli *cli, CliArgs *args, GError **error) {
  g_autoptr(GPtrArray) imports = g_ptr_array_new_with_free_func((GDestroyNotify)cli_import_free);
  guint unreadable = 0;

  if (!cli_connect(cli, error))
    return CLI_EXIT_UNREACHABLE;
  for (guint i = 0; cli_args_word(args, i); i++) {
    CliImport *import = import_file(cli, cli_args_word(args, i), error);
    if (!import)
      break;
    unreadable += !import->readable;
    g_ptr_array_add(imports, import);
  }
  print_all(cli, imports);
  if (unreadable && error && !*error)
    g_set_error(error, CLI_ERROR, CLI_EXIT_FAILURE, "%u of %u files could not be read", unreadable,
                imports->len);
  return unreadable ? CLI_EXIT_FAILURE : CLI_EXIT_OK;
}
